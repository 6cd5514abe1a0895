"""Alerts: what the server told people, as it tells it, and saying that somebody looks at one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from rpcclient import RpcClient
from rpcserver.cli.answers import Shape, read
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output, moment, table
from rpcserver.cli.served import Server, served

WORD = "alert_acknowledged"


class AlertLine(Shape, frozen=True, kw_only=True):
    """An alert, or the word that somebody looks at one."""

    code: str
    detail: str
    venue: str | None = None
    account: str | None = None
    instrument: str | None = None
    principal: str | None = None
    acknowledges: int | None = None
    acknowledged_by: str | None = None
    acknowledge_reason: str = ""
    audit_seq: int
    at: datetime

    @property
    def where(self) -> str:
        return " ".join(part for part in (self.account or self.venue, self.instrument) if part)

    @property
    def word(self) -> str:
        """Who looks at it, and why."""
        if self.acknowledged_by is None:
            return ""
        return f"{self.acknowledged_by}: {self.acknowledge_reason}"


class _Listed(Shape, frozen=True, kw_only=True):
    alerts: tuple[AlertLine, ...] = ()
    next: int | None = None


class _Snapshot(Shape, frozen=True, kw_only=True):
    alerts: tuple[AlertLine, ...] = ()


class _Subscribed(Shape, frozen=True, kw_only=True):
    snapshot: _Snapshot = _Snapshot()


class _Told(Shape, frozen=True, kw_only=True):
    items: tuple[AlertLine, ...] = ()


class _Acknowledged(Shape, frozen=True, kw_only=True):
    alert: AlertLine


@served
def alerts(
    server: Server,
    code: Annotated[str | None, typer.Option("--code", help="One code: exit_failed, …")] = None,
    account: Annotated[
        str | None, typer.Option("--account", help='"Sim101" or "paper:Sim101".')
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="From then on, UTC."
        ),
    ] = None,
    only_open: Annotated[
        bool, typer.Option("--open", help="Only those nobody has acknowledged.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Show the latest, and go on with what comes until Ctrl-C."),
    ] = False,
) -> None:
    """Show what people were told, the newest first; with --follow also what comes."""
    given = {
        "code": code,
        "account": account,
        "since": None if since is None else since.replace(tzinfo=UTC).isoformat(),
        "open": only_open or None,
    }
    filters = {name: value for name, value in given.items() if value is not None}
    if follow and filters:
        raise typer.BadParameter("--follow shows everything: leave the filters out")

    async def work(client: RpcClient) -> Exit:
        if follow:
            await _follow(client, server.output)
        data = await client.call("ListAlerts", {**filters, "limit": limit})
        server.output.line({"data": data})
        listed = read(data, _Listed)
        server.output.show(_table(listed.alerts) if listed.alerts else Text("no alerts"))
        if listed.next is not None:
            server.output.remark("there may be more: --limit, or --since and a filter")
        return Exit.OK

    server.talk(work)


@served
def acknowledge(
    server: Server,
    alert: Annotated[int, typer.Argument(min=1, help="The alert's number, as `alerts` shows it.")],
    reason: Annotated[str, typer.Option("--reason", help="What you do about it.")],
) -> None:
    """Say that you look at an alert, so that a desk knows that somebody does. It stops nothing."""
    server.ask(
        "AcknowledgeAlert",
        {"auditSeq": alert, "reason": reason},
        lambda data: _table((read(data, _Acknowledged).alert,)),
    )


async def _follow(client: RpcClient, output: Output) -> None:
    """Say what comes, until the connection ends for good; after a reconnect nothing twice."""
    newest = 0
    async with await client.subscribe(["alerts"]) as frames:
        async for frame in frames:
            if frame.type == "subscribed":
                lines = read(frame.data, _Subscribed).snapshot.alerts
            elif frame.type == "event":
                lines = read(frame.data, _Told).items
            else:
                continue
            for line in lines:
                if line.audit_seq > newest:
                    newest = line.audit_seq
                    _say(line, output)


def _say(line: AlertLine, output: Output) -> None:
    output.line(msgspec.to_builtins(line))
    number = line.audit_seq if line.acknowledges is None else line.acknowledges
    style = "green" if line.code == WORD else "bold red"
    by = f"  {line.principal}" if line.principal else ""
    where = f"  {line.where}" if line.where else ""
    output.show(
        Text.assemble(
            (f"{moment(line.at)}  {number}  ", "dim"),
            (line.code, style),
            f"{where}{by}  {line.detail}",
            (f"  ({line.word})" if line.word else "", "green"),
        )
    )


def _table(lines: tuple[AlertLine, ...]) -> Table:
    drawn = table(">number", "at", "code", "where", "what", "who looks at it")
    for line in lines:
        drawn.add_row(
            str(line.audit_seq), moment(line.at), line.code, line.where, line.detail, line.word
        )
    return drawn
