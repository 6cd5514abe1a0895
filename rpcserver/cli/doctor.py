"""The doctor: looks at everything a server needs, changes nothing, and says what is wrong."""

from __future__ import annotations

import asyncio
import enum
import os
import shutil
import socket
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from rpcclient import ClientError, RpcClient
from rpcserver.app import JOURNAL_FILE
from rpcserver.cli import options
from rpcserver.cli.connection import TOKEN_FILE_NAME, Connection, directory_of
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output, moment
from rpcserver.core.entries import ChainReport, OperationRow
from rpcserver.driver.recounting import Recount, recount
from rpcserver.journal.ballast import LOW_WATER_BYTES
from rpcserver.journal.errors import DirectoryHeld, JournalUnusable
from rpcserver.journal.lock import holder_of
from rpcserver.journal.reader import open_reader

CLOCK_TOLERANCE = 2.0  # seconds
CONNECT_TIMEOUT = 2.0  # seconds
OPERATIONS_READ = 500


class Health(enum.Enum):
    """How a finding is to be taken."""

    GOOD = "good"
    NOTE = "note"  # worth knowing, nothing to repair
    BAD = "bad"


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing the doctor looked at."""

    what: str
    health: Health
    detail: str
    recount: Recount | None = None  # of an operation that a stop left unfinished


def doctor(
    as_json: options.AsJson = False,
    url: options.Url = options.URL,
    token_file: options.TokenFile = None,
    data_dir: options.DataDir = None,
) -> None:
    """Look at the data directory, the journal, the token, the disk, the clock and the port."""
    directory = directory_of(data_dir)
    output = Output(is_json=as_json)
    connection = Connection(url=url, token_file=token_file, data_dir=directory)
    findings = list(examine(directory, connection))
    for finding in findings:
        output.line(finding)
    output.show(table(findings))
    is_ill = any(finding.health is Health.BAD for finding in findings)
    raise typer.Exit(Exit.UNHEALTHY if is_ill else Exit.OK)


def examine(directory: Path, connection: Connection) -> Iterator[Finding]:
    """Every finding, from the ground up."""
    if not directory.is_dir():
        yield Finding("data directory", Health.NOTE, f"{directory} is not there yet")
    else:
        yield _directory(directory)
        yield _disk(directory)
        yield _holder(directory)
        yield _token(connection.token_file or directory / TOKEN_FILE_NAME)
        yield from asyncio.run(_journal(directory / JOURNAL_FILE))
    yield from asyncio.run(_server(connection))


def table(findings: list[Finding]) -> Table:
    """The findings, for people."""
    marks = {
        Health.GOOD: Text("good", style="green"),
        Health.NOTE: Text("note", style="yellow"),
        Health.BAD: Text(" BAD ", style="bold white on red"),
    }
    drawn = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        drawn.add_row(marks[finding.health], finding.what, finding.detail)
    return drawn


# --- on this machine -----------------------------------------------------------------------------


def _directory(directory: Path) -> Finding:
    if not os.access(directory, os.W_OK | os.X_OK):
        return Finding("data directory", Health.BAD, f"{directory} is not writable")
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & 0o022:
        return Finding(
            "data directory", Health.BAD, f"{directory} is writable by others ({mode:o})"
        )
    return Finding("data directory", Health.GOOD, str(directory))


def _disk(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free
    told = f"{free / 2**30:.1f} GiB free"
    if free < LOW_WATER_BYTES:
        return Finding("disk", Health.BAD, f"{told}: so low that only closing calls are admitted")
    return Finding("disk", Health.GOOD, told)


def _holder(directory: Path) -> Finding:
    try:
        holder = holder_of(directory)
    except DirectoryHeld as exc:
        return Finding("lock", Health.NOTE, str(exc))
    except OSError as exc:
        return Finding("lock", Health.BAD, f"cannot be read: {exc.strerror}")
    if holder is None:
        return Finding("lock", Health.GOOD, "free: no server runs on this directory")
    return Finding("lock", Health.GOOD, f"held by process {holder.pid}, a running server")


def _token(path: Path) -> Finding:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as exc:
        return Finding("token file", Health.NOTE, f"{path}: {exc.strerror}")
    if mode & 0o077:
        return Finding("token file", Health.BAD, f"{path} is readable by others: chmod 600 it")
    return Finding("token file", Health.GOOD, str(path))


async def _journal(path: Path) -> list[Finding]:
    """Open the journal to read it, walk its whole chain, and list what is unfinished."""
    try:
        async with open_reader(path) as reader:
            report = await reader.verify()
            rows = await reader.operations(limit=OPERATIONS_READ)
            recounts = await recount(reader) if report.intact else []
    except JournalUnusable as exc:
        is_new = not path.exists()
        return [Finding("journal", Health.NOTE if is_new else Health.BAD, str(exc))]
    return [_chain(report), _unfinished(rows), *map(_recounted, recounts), _clock(rows)]


def _chain(report: ChainReport) -> Finding:
    if report.intact:
        told = f"intact: {report.records} records, head {report.head.audit_hash[:16]}"
        return Finding("journal", Health.GOOD, told)
    return Finding("journal", Health.BAD, f"broken at {report.first_broken}: {report.detail}")


def _unfinished(rows: Sequence[OperationRow]) -> Finding:
    running = [row for row in rows if row.finished_at is None]
    if not running:
        return Finding("operations", Health.GOOD, "none is unfinished")
    told = ", ".join(f"{row.operation_id} ({row.api})" for row in running[:5])
    more = f" and {len(running) - 5} more" if len(running) > 5 else ""
    return Finding("operations", Health.NOTE, f"{len(running)} unfinished: {told}{more}")


def _recounted(told: Recount) -> Finding:
    """What became of an operation that the last stop left unfinished, and what is to be done."""
    health = Health.GOOD if told.success else Health.NOTE
    return Finding(
        told.operation_id, Health.BAD if told.to_do else health, told.sentence, recount=told
    )


def _clock(rows: Sequence[OperationRow]) -> Finding:
    """The journal's newest time must not lie ahead of the clock: then one of them is wrong."""
    now = datetime.now(UTC)
    newest = max((row.finished_at or row.opened_at for row in rows), default=None)
    if newest is not None and (newest - now).total_seconds() > CLOCK_TOLERANCE:
        told = f"{moment(now)} is before the journal's newest entry, {moment(newest)}"
        return Finding("clock", Health.BAD, told)
    return Finding("clock", Health.GOOD, moment(now))


# --- the server ----------------------------------------------------------------------------------


async def _server(connection: Connection) -> list[Finding]:
    address = urlsplit(connection.url)
    host, port = address.hostname or "127.0.0.1", address.port or 8787
    try:
        with socket.create_connection((host, port), timeout=CONNECT_TIMEOUT):
            pass
    except OSError as exc:
        return [Finding("server", Health.NOTE, f"nobody answers at {host}:{port} ({exc.strerror})")]
    try:
        async with (
            asyncio.timeout(CONNECT_TIMEOUT * 5),
            RpcClient(connection.url, connection.token(), tls=connection.tls) as client,
        ):
            data = await client.call("Ping")
    except ClientError as exc:
        return [Finding("server", Health.BAD, f"{host}:{port} answers, but: {exc}")]
    except TimeoutError:
        return [Finding("server", Health.BAD, f"{host}:{port} accepts, but does not answer")]
    return [
        Finding("server", Health.GOOD, f"answers at {connection.url}"),
        _offset(data.get("epoch")),
    ]


def _offset(epoch: object) -> Finding:
    if not isinstance(epoch, int):
        return Finding("server clock", Health.BAD, "the server does not tell its time")
    offset = epoch / 1000 - datetime.now(UTC).timestamp()
    health = Health.GOOD if abs(offset) <= CLOCK_TOLERANCE else Health.BAD
    return Finding("server clock", health, f"{offset:+.3f} s beside ours")
