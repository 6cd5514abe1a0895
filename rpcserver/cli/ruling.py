"""The rules that act by themselves: set, list, remove."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from rpcclient import RpcClient
from rpcserver.cli import options
from rpcserver.cli.answers import Shape, read
from rpcserver.cli.exits import Exit
from rpcserver.cli.halting import Why
from rpcserver.cli.output import moment, plain, table
from rpcserver.cli.served import Server, served

commands = typer.Typer(
    help="Set, list and remove rules that act by themselves.", no_args_is_help=True
)


class MarkLine(Shape, frozen=True, kw_only=True):
    """What a limit remembers of one account."""

    account: str
    day_start_equity: Decimal | None = None
    highest_equity: Decimal | None = None
    beyond: bool = False


class RuleLine(Shape, frozen=True, kw_only=True):
    """A rule that stands."""

    rule_id: str
    kind: str
    accounts: tuple[str, ...] = ()
    principal: str = ""
    reason: str = ""
    at: str | None = None
    until: str | None = None
    time_zone: str | None = None
    calendar: str | None = None
    next_at: datetime | None = None
    last_day: date | None = None
    amount: Decimal | None = None
    action: str | None = None
    instrument: str | None = None
    times: int | None = None
    every_ms: int | None = None
    for_ms: int | None = None
    marks: tuple[MarkLine, ...] = ()

    @property
    def says(self) -> str:
        if self.kind == "flatten_at":
            days = f" on days of {self.calendar}" if self.calendar else ""
            return f"{self.at} to {self.until} {self.time_zone}{days}"
        if self.kind == "retry":
            return f"{self.times} times, every {self.every_ms} ms, for {self.for_ms} ms"
        of = f" of {self.instrument}" if self.instrument else ""
        return f"{self.action} at {plain(self.amount)}{of}"

    @property
    def stands(self) -> str:
        if self.next_at is not None:
            return f"next {moment(self.next_at)}"
        beyond = [mark.account for mark in self.marks if mark.beyond]
        return f"BEYOND in {', '.join(beyond)}" if beyond else ""


class Rules(Shape, frozen=True, kw_only=True):
    rules: tuple[RuleLine, ...] = ()


class SetAnswer(Shape, frozen=True, kw_only=True):
    rule: RuleLine


@commands.command("set")
@served
def set_rule(
    server: Server,
    kind: Annotated[
        str,
        typer.Argument(
            help="`flatten_at`, `daily_loss`, `drawdown`, `exposure`, `position` or `retry`."
        ),
    ],
    settings: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...",
            help="What the kind takes (protocol.md, `SetRule`): at=15:50 "
            "timeZone=America/Chicago accounts=Sim101,Sim102 ruleId=close.",
        ),
    ],
    reason: Why,
) -> None:
    """Let a rule stand, in the place of one of the same ruleId."""
    args = {"kind": kind, "reason": reason, **options.settings_given(settings)}

    async def work(client: RpcClient) -> Exit:
        data = await client.call("SetRule", args)
        server.output.line({"data": data})
        line = read(data, SetAnswer).rule
        server.output.show(Text(f"{line.rule_id}: {line.kind} {line.says}", style="bold"))
        return Exit.OK

    server.talk(work)


@commands.command("list")
@served
def list_rules(server: Server) -> None:
    """Show every rule, and how it stands."""
    server.ask("ListRules", {}, lambda data: _table(read(data, Rules).rules))


@commands.command()
@served
def remove(
    server: Server,
    rule_id: Annotated[str, typer.Argument(help="The rule.")],
    reason: Why,
) -> None:
    """Take a rule back; what it has begun goes on."""
    server.ask(
        "RemoveRule",
        {"ruleId": rule_id, "reason": reason},
        lambda _: Text(f"{rule_id} is taken back"),
    )


def _table(rules: Iterable[RuleLine]) -> Table | Text:
    rows = list(rules)
    if not rows:
        return Text("no rules")
    drawn = table("rule", "kind", "says", "accounts", "stands", "by", "why")
    for line in rows:
        accounts = ", ".join(line.accounts)
        who = (line.principal, line.reason)
        drawn.add_row(line.rule_id, line.kind, line.says, accounts, line.stands, *who)
    return drawn
