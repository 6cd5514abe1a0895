"""The halting commands: forbid new risk, allow it again, and see what is forbidden."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from rpcclient import Data
from rpcserver.cli import options
from rpcserver.cli.answers import Shape, read
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output, is_interactive, moment, table
from rpcserver.cli.served import Server, served

Why = Annotated[str, typer.Option("--reason", help="Why, for everybody who meets it.")]


class HaltLine(Shape, frozen=True, kw_only=True):
    """A halt that stands."""

    halt_id: str
    level: str
    account: str | None = None
    venue: str | None = None
    instrument: str | None = None
    strategy_tag: str | None = None
    user: str | None = None
    reason: str = ""
    principal: str = ""
    at: datetime | None = None

    @property
    def scope(self) -> str:
        told = {
            "account": self.account,
            "venue": self.venue if self.account is None else None,
            "instrument": self.instrument,
            "tag": self.strategy_tag,
            "user": self.user,
        }
        return ", ".join(f"{key} {value}" for key, value in told.items() if value) or "everything"


class Halts(Shape, frozen=True, kw_only=True):
    halts: tuple[HaltLine, ...] = ()


class HaltedAnswer(Shape, frozen=True, kw_only=True):
    """What `Halt` answers."""

    halt: HaltLine
    complete: bool
    canceled_order_ids: tuple[str, ...] = ()
    pending_order_ids: tuple[str, ...] = ()
    working_order_ids: tuple[str, ...] = ()
    unread_accounts: tuple[str, ...] = ()
    operation_id: str | None = None


@served
def halt(
    server: Server,
    reason: Why,
    account: Annotated[str | None, typer.Option(help="Only this account.")] = None,
    venue: Annotated[str | None, typer.Option(help="Only at this venue.")] = None,
    instrument: Annotated[
        str | None, typer.Option(help="Only this instrument; a root means every expiry.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Only this strategy.")] = None,
    user: Annotated[str | None, typer.Option(help="Only what this user orders.")] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="All that your token may touch.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Cancel working orders that could open risk, too.")
    ] = False,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Cancel them, close what is held, and lock.")
    ] = False,
    yes: options.Yes = False,
) -> None:
    """Forbid new risk until it is released. Exits are never forbidden."""
    if flatten and not yes:
        _confirm(server.output)
    level = "flatten_and_lock" if flatten else "cancel" if cancel else "no_new_risk"
    given = {
        "account": account,
        "venue": venue,
        "instrument": instrument,
        "strategyTag": tag,
        "user": user,
    }
    args: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    args |= {"level": level, "reason": reason}
    if everything:
        args["everything"] = True

    server.ask("Halt", args, lambda data: _halted(read(data, HaltedAnswer)))


@served
def release(
    server: Server,
    halt_id: Annotated[str, typer.Argument(help="The halt, such as halt-….")],
    reason: Why,
) -> None:
    """Allow new risk again where one halt forbade it (risk or admin role)."""
    server.ask(
        "Release", {"haltId": halt_id, "reason": reason}, lambda _: Text(f"{halt_id} is released")
    )


@served
def halts(server: Server) -> None:
    """Show what is halted, since when, by whom and why."""
    server.ask("ListHalts", {}, lambda data: _table(data))


def _confirm(output: Output) -> None:
    if output.is_json or not is_interactive():
        output.complain(
            "confirmation_needed", "nobody can be asked here: add --yes to flatten and lock"
        )
        raise typer.Exit(Exit.DECLINED)
    typer.confirm("Close everything in scope and lock it?", abort=True, err=True)


def _halted(told: HaltedAnswer) -> Text:
    lines = [f"{told.halt.halt_id}: {told.halt.level} of {told.halt.scope}"]
    counts = {
        "canceled": told.canceled_order_ids,
        "not proven canceled yet": told.pending_order_ids,
        "left working": told.working_order_ids,
    }
    lines += [f"  {len(ids)} orders {what}" for what, ids in counts.items() if ids]
    if told.unread_accounts:
        lines.append(f"  NOT READ: {', '.join(told.unread_accounts)}; swept when they are back")
    if told.operation_id is not None:
        lines.append(f"  closing: rpcserver attach {told.operation_id}")
    return Text("\n".join(lines), style="bold" if told.complete else "yellow")


def _table(data: Data) -> Table | Text:
    standing = read(data, Halts).halts
    if not standing:
        return Text("nothing is halted")
    drawn = table("halt", "level", "scope", "since", "by", "why")
    for line in standing:
        drawn.add_row(
            line.halt_id, line.level, line.scope, moment(line.at), line.principal, line.reason
        )
    return drawn
