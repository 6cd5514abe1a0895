"""The exit log: what became of every position somebody closed, for people, programs and CSV."""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import msgspec
import typer
from msgspec import UNSET
from rich.table import Table

from rpcclient import RpcClient
from rpcserver.apis.audit import ExitAnswer, InstrumentSummary, exit_answer
from rpcserver.app import JOURNAL_FILE
from rpcserver.cli import options
from rpcserver.cli.answers import Shape, read
from rpcserver.cli.board import outcome_text
from rpcserver.cli.connection import directory_of
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output, moment, table
from rpcserver.cli.served import Server, served
from rpcserver.core.entries import ExitFilter
from rpcserver.journal.errors import JournalUnusable
from rpcserver.journal.reader import open_reader

_PAGE = 500
_FREE = frozenset({"user", "strategy", "reason", "why"})  # what people and programs wrote


class _Log(Shape, frozen=True, kw_only=True):
    exits: tuple[ExitAnswer, ...]
    summary: tuple[InstrumentSummary, ...] = ()
    summary_omitted: int = 0


User = Annotated[str | None, typer.Option("--user", help="Who called.")]
Strategy = Annotated[str | None, typer.Option("--strategy", help="The strategy tag asked for.")]
Named = Annotated[
    str | None, typer.Option("--instrument", help="An instrument, or a root: every expiry of it.")
]
InAccount = Annotated[str | None, typer.Option("--account", help='"Sim101" or "paper:Sim101".')]
Outcome = Annotated[str | None, typer.Option("--outcome", help="flat, partial, unknown, …")]
Since = Annotated[
    datetime | None,
    typer.Option("--since", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="From then on, UTC."),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Before then, UTC."),
]


@served
def query(
    server: Server,
    user: User = None,
    strategy: Strategy = None,
    instrument: Named = None,
    account: InAccount = None,
    outcome: Outcome = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=_PAGE, help="How many at most.")] = 50,
) -> None:
    """Show the exit log, the newest first, and what it comes to by instrument."""
    filters = {
        "user": user,
        "strategy": strategy,
        "instrument": instrument,
        "account": account,
        "outcome": outcome,
        "since": _utc(since),
        "until": _utc(until),
    }
    args = {key: value for key, value in filters.items() if value is not None}

    async def work(client: RpcClient) -> Exit:
        answer = await client.call("QueryAudit", {**args, "summary": True, "limit": limit})
        server.output.line({"data": answer})
        found = read(answer, _Log)
        server.output.show(_lines(found.exits), _summaries(found.summary))
        if found.summary_omitted:
            server.output.remark(f"and {found.summary_omitted} instruments more: ask for less")
        return Exit.OK

    server.talk(work)


def export_csv(
    out: Annotated[
        Path | None, typer.Argument(help="Where to write it; without it to stdout.")
    ] = None,
    data_dir: options.DataDir = None,
) -> None:
    """
    Write the whole exit log as CSV, the newest first, read from the journal itself.

    One line a leg, with a header; times are UTC, numbers plain decimals.
    """
    output = Output(is_json=False)
    path = directory_of(data_dir) / JOURNAL_FILE
    try:
        with (
            out.open("w", encoding="utf-8", newline="") if out else nullcontext(sys.stdout) as file
        ):
            lines = asyncio.run(_write(path, file))
            file.flush()
    except (JournalUnusable, OSError) as exc:
        output.complain("cannot_export", str(exc))
        raise typer.Exit(Exit.ERROR) from exc
    output.remark(f"{lines} exits")


async def _write(path: Path, file: TextIO) -> int:
    writer = csv.writer(file)
    writer.writerow(ExitAnswer.__struct_encode_fields__)
    lines, before = 0, None
    async with open_reader(path) as reader:
        while page := await reader.exits(ExitFilter(), before=before, limit=_PAGE):
            writer.writerows(_row(exit_answer(each)) for each in page)
            lines, before = lines + len(page), page[-1].audit_seq
    return lines


def _row(line: ExitAnswer) -> list[object]:
    cells = zip(line.__struct_fields__, msgspec.structs.astuple(line), strict=True)
    return [_cell(value, is_free=name in _FREE) for name, value in cells]


def _cell(value: object, *, is_free: bool) -> object:
    if value is UNSET:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S.%fZ}"
    if is_free and isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"  # somebody else's words are no formula of whoever opens the file
    return value


# --- for people --------------------------------------------------------------------------------


def _lines(exits: Sequence[ExitAnswer]) -> Table:
    amounts = (">held", ">closed", ">average")
    drawn = table(
        *("at (UTC)", "user", "account", "instrument", "side", *amounts),
        *("outcome", "call", "reason"),
    )
    for each in exits:
        drawn.add_row(
            moment(each.at),
            each.user,
            each.account,
            each.instrument,
            each.side or "–",
            each.quantity,
            each.closed,
            each.average_price or "–",
            outcome_text(each.outcome),
            each.api,
            each.reason,
        )
    return drawn


def _summaries(summaries: Sequence[InstrumentSummary]) -> Table:
    drawn = table(
        *("instrument", ">exits", ">closed", ">average exit price", "outcomes"),
        title="by instrument",
    )
    for each in summaries:
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in each.outcomes.items())
        drawn.add_row(
            each.instrument, str(each.exits), each.closed, each.average_price or "–", outcomes
        )
    return drawn


def _utc(value: datetime | None) -> str | None:
    return None if value is None else value.replace(tzinfo=UTC).isoformat()
