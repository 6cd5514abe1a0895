"""`rpcserver panic`: the independent path, for when the server itself cannot be trusted."""

from __future__ import annotations

import getpass
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, assert_never

import anyio
import typer
from rich.table import Table
from rich.text import Text

from rpcserver import app
from rpcserver.cli import options
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output, clock, is_interactive, moment, plain, table
from rpcserver.cli.serving import Config, leaves, load
from rpcserver.cli.voices import acting
from rpcserver.domain.errors import RpcServerError
from rpcserver.panic import Diary, Entry, Pressed, Verdict, press, take_over
from rpcserver.panic.diary import (
    AccountEnded,
    Answered,
    Began,
    Canceling,
    Ended,
    Remarked,
    Sending,
    WasRead,
)
from rpcserver.panic.takeover import Takeover, holding
from rpcserver.settings import Settings, VenueKind

_WORD = "panic"


@acting()
def panic(
    reason: Annotated[str, typer.Option("--reason", help="Why: for the audit of the next server.")],
    account: Annotated[
        list[str] | None,
        typer.Option("--account", help="Only this account, may be repeated; by default all."),
    ] = None,
    deadline: Annotated[
        float, typer.Option(min=1.0, help="Seconds after which what is left is told.")
    ] = 120.0,
    data_dir: options.DataDir = None,
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, close at once.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """
    End the server on this machine and close everything straight at the venues.

    For when the server, its journal or its machine cannot be trusted: it uses neither, only the
    settings. It ends the process that holds the data directory, cancels every working order,
    closes every position, and reads until two readings in a row show nothing. What it does is
    written to a file in the data directory; the next server takes it into its audit and refuses
    new risk until a person releases that.
    """
    output = Output(is_json=as_json)
    settings = load(config, {"data_dir": data_dir}, output)
    if not yes and not _is_meant(settings, account or [], output):
        output.complain("declined", "nothing was done")
        raise typer.Exit(Exit.DECLINED)
    try:
        code = anyio.run(_panic, settings, reason, frozenset(account or ()), deadline, output)
    except* (RpcServerError, OSError, sqlite3.Error) as errors:
        for error in leaves(errors):
            output.complain("cannot_reach_the_venue", error)
        code = Exit.UNKNOWN
    raise typer.Exit(code)


def _is_meant(settings: Settings, accounts: list[str], output: Output) -> bool:
    if not is_interactive():
        output.remark("there is nobody to ask: say --yes")
        return False
    what = f"everything in {', '.join(accounts)}" if accounts else "everything in every account"
    output.remark(f"This ends the server on {settings.data_dir} and closes {what}.")
    return bool(typer.prompt(f'Type "{_WORD}" to go on', default="", err=True) == _WORD)


async def _panic(
    settings: Settings, reason: str, accounts: frozenset[str], deadline: float, output: Output
) -> Exit:
    directory = settings.data_dir
    if settings.venue.kind is VenueKind.EMBEDDED and not (directory / app.VENUE_FILE).is_file():
        # A venue made anew would be flattened, and called flat, in the place of the one that is
        # meant.
        output.complain("no_venue", f"{directory}: no paper venue is there. Mind --data-dir")
        return Exit.REFUSED
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    takeover = await take_over(directory)
    _tell_takeover(takeover, output)
    run = f"panic-{secrets.token_hex(4)}"
    with holding(directory), _diary_file(directory, run, output) as file:
        async with app.open_venue(settings) as venue:
            diary = Diary(file, lambda entry: _tell(entry, output))
            verdict = await press(
                Pressed(
                    run=run,
                    who=getpass.getuser(),
                    reason=reason,
                    accounts=accounts,
                    deadline=deadline,
                    deposed=takeover.deposed,
                ),
                {venue.venue_id: venue},
                diary,
            )
    if diary.is_broken:
        output.complain("not_written_down", "the disk took no more: keep what you see here")
    return _conclude(verdict, output)


@contextmanager
def _diary_file(directory: Path, run: str, output: Output) -> Iterator[IO[bytes] | None]:
    """None: the disk does not let us. Closing goes on without it."""
    path = directory / f"panic-{datetime.now(UTC):%Y%m%dT%H%M%S}-{run.removeprefix('panic-')}.jsonl"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as exc:
        output.complain("not_written_down", f"{path}: {exc.strerror}")
        yield None
        return
    with os.fdopen(descriptor, "wb") as file:
        output.remark(f"written down in {path}")
        yield file


# --- what is told ------------------------------------------------------------------------------


def _tell_takeover(takeover: Takeover, output: Output) -> None:
    if takeover.deposed is None and takeover.ended:
        output.remark("no server held the data directory")
    elif takeover.ended:
        output.show(Text(f"process {takeover.deposed}, the server, was ended", style="bold"))
    else:
        output.complain("not_ended", takeover.detail)


def _tell(entry: Entry, output: Output) -> None:
    output.line(entry)
    match entry:
        case WasRead(positions=positions, orders=orders):
            what = f"read: {len(positions)} positions, {len(orders)} working orders"
        case Canceling(venue_order_id=order):
            what = f"cancel {order}"
        case Sending(order=order):
            what = f"{order.side.value} {plain(order.quantity)} {order.instrument}"
        case Answered(status=None, detail=detail):
            what = detail
        case Answered(status=status, filled=filled, average_price=price):
            assert status is not None
            what = f"{status.value}: {plain(filled)} filled at {plain(price)}"
        case AccountEnded(flat=flat):
            what = "FLAT" if flat else "NOT FLAT"
        case Remarked(detail=detail):
            what = detail
        case Began() | Ended():
            return
        case _:
            assert_never(entry)
    where = (
        str(entry.account if entry.account is not None else entry.venue)
        if isinstance(entry, Remarked)
        else str(entry.account)
    )
    output.show(Text.assemble((clock(entry.at), "dim"), f"  {where}  {what}"))


def _conclude(verdict: Verdict, output: Output) -> Exit:
    code = _exit(verdict)
    output.line(
        {
            "type": "verdict",
            "flat": verdict.flat,
            "accounts": verdict.accounts,
            "unread": verdict.unread,
            "missed": verdict.missed,
            "exit": int(code),
        }
    )
    for venue in verdict.unread:
        output.complain("unread", f"{venue}: its accounts could not be listed: nothing was closed")
    for name in verdict.missed:
        output.complain("no_account", f"no account is called {name}: nothing was closed for it")
    if not verdict.accounts:
        return code
    output.show(_table(verdict), _words(code))
    return code


def _exit(verdict: Verdict) -> Exit:
    if verdict.unknown:
        return Exit.UNKNOWN
    if verdict.flat:
        return Exit.OK
    left = [held for end in verdict.accounts for held in end.left]
    if left and all(held.why.startswith("the market is") for held in left):
        return Exit.MARKET_CLOSED
    return Exit.NOT_FLAT


def _table(verdict: Verdict) -> Table:
    drawn = table("account", "verdict", "left", "why")
    for end in verdict.accounts:
        proof = (
            Text(f"FLAT, proven at {moment(end.proven_at)}", style="green")
            if end.flat
            else Text("NOT FLAT", style="bold red")
        )
        if end.flat or not (end.left or end.orders or end.doubtful):
            drawn.add_row(str(end.account), proof, "", end.detail)
        for held in end.left:
            drawn.add_row(
                str(end.account),
                proof,
                f"{plain(held.signed_quantity)} {held.key.instrument}",
                held.why,
            )
        for order in end.orders:
            drawn.add_row(str(end.account), proof, f"order {order}", "still works")
        for name in end.doubtful:
            drawn.add_row(str(end.account), proof, f"order {name}", "sent, and not answered for")
    return drawn


def _words(code: Exit) -> Text:
    if code is Exit.OK:
        proof = "  two readings of each account, apart by the venue's settle time, show nothing"
        return Text.assemble((" FLAT ", "bold white on green"), proof)
    return Text.assemble(
        (f" {code.name.replace('_', ' ')} ", "bold white on red"), f"  {code.meaning}"
    )
