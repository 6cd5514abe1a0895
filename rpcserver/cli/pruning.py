"""`rpcserver audit prune`: move what is old out of a stopped server's journal."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from rpcserver.app import JOURNAL_FILE
from rpcserver.cli import options
from rpcserver.cli.connection import directory_of
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output
from rpcserver.core.pruning import Pruned
from rpcserver.domain.errors import JournalBroken, NotPrunable
from rpcserver.domain.ids import PrincipalId
from rpcserver.domain.policy import RETENTION_DAYS_MIN
from rpcserver.journal.archive import prune_to_archive
from rpcserver.journal.errors import JournalUnusable
from rpcserver.journal.sqlite import open_journal

_PERSON = PrincipalId("console")  # whoever sits at the machine


def prune(
    before: Annotated[
        datetime,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="What is older than this day (UTC) goes, at least a week ago.",
        ),
    ],
    reason: Annotated[str, typer.Option(help="Kept in the audit.")] = "",
    archive_dir: Annotated[
        Path | None, typer.Option(help="Where the archive is kept; by default the data directory.")
    ] = None,
    as_json: options.AsJson = False,
    data_dir: options.DataDir = None,
) -> None:
    """
    Move old entries into an archive, while no server runs.

    What an unfinished operation needs stays. The chain says what went and where it is;
    `rpcserver audit verify --offline --export ARCHIVE` proves archives and journal in one walk.
    """
    output = Output(is_json=as_json)
    now = datetime.now(UTC)
    since = before.replace(tzinfo=UTC)
    if since > now - timedelta(days=RETENTION_DAYS_MIN):
        raise typer.BadParameter(
            f"--before {before:%Y-%m-%d}: expected a day at least {RETENTION_DAYS_MIN} days ago: "
            "idempotency keys of what goes are forgotten"
        )
    directory = directory_of(data_dir)
    if not (directory / JOURNAL_FILE).is_file():
        output.complain("journal_unusable", f"{directory / JOURNAL_FILE}: there is no journal")
        raise typer.Exit(Exit.UNHEALTHY)
    try:
        pruned = asyncio.run(_prune(directory, archive_dir or directory, since, now, reason))
    except (JournalUnusable, JournalBroken, NotPrunable, OSError) as exc:
        output.complain("cannot_prune", str(exc))
        raise typer.Exit(Exit.UNHEALTHY) from exc
    if pruned is None:
        output.line({"data": {"pruned": 0}})
        output.remark("nothing that old can go")
    else:
        output.line({"data": {"pruned": pruned.records, "archive": pruned.archive}})
        output.remark(pruned.detail)


async def _prune(
    directory: Path, archives: Path, before: datetime, now: datetime, reason: str
) -> Pruned | None:
    async with open_journal(directory / JOURNAL_FILE) as journal:
        return await prune_to_archive(
            journal, archives, before, now=now, principal=_PERSON, reason=reason or "asked for"
        )
