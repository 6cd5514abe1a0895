"""
Archives: what is pruned, as lines of JSON, whole and synced before the first entry is deleted.

`audit-FROM-TO.jsonl`, in the form of an export: in sequence they are the chain's front, which
anybody can verify, and the journal goes on where the last of them ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

from anyio import to_thread
from loguru import logger

from rpcserver.core.entries import Entry, Head
from rpcserver.core.pruning import Pruned
from rpcserver.domain.errors import NotPrunable
from rpcserver.domain.ids import PrincipalId
from rpcserver.journal.chain import Link, Walk
from rpcserver.journal.directory import make_directory, sync_directory
from rpcserver.journal.export import export_line

_SYNC_BYTES = 4 * 1024 * 1024  # synced at once: one sync of it all would hold commits up
_PAGE = 500  # entries at a time: writing them keeps the event loop for some milliseconds


class Prunable(Protocol):
    """What is pruned: any journal of this package."""

    async def anchor(self) -> Head: ...
    async def links(self, *, after: int = 0, limit: int = _PAGE) -> Sequence[Link]: ...
    async def prunable(self, before: datetime) -> int: ...
    async def prune(
        self, record: Pruned, tell: Callable[[Sequence[Entry]], None] = ...
    ) -> None: ...
    async def finish_pruning(self) -> None: ...


async def prune_to_archive(
    journal: Prunable,
    directory: Path,
    before: datetime,
    *,
    now: datetime,
    principal: PrincipalId | None = None,
    reason: str = "",
    tell: Callable[[Sequence[Entry]], None] = lambda _entries: None,
) -> Pruned | None:
    """
    Move what is older than *before*, and needed by nothing, into an archive; None: there is none.

    What a crash left of an earlier pruning is finished first. *tell* takes what the chain says.

    Raises:
        NotPrunable: The chain is broken there. Nothing was deleted: look into it.
        OSError: The archive cannot be written. Nothing was deleted.
        JournalBroken: As the journal's `append`.
    """
    await journal.finish_pruning()
    anchor = await journal.anchor()
    through = await journal.prunable(before)
    if through <= anchor.audit_seq:
        return None
    make_directory(directory)
    path = directory / f"audit-{anchor.audit_seq + 1}-{through}.jsonl"
    head = await _archive(journal, path, anchor, through)
    record = Pruned(
        at=now,
        mono=0.0,
        through=through,
        audit_hash=head.audit_hash,
        records=through - anchor.audit_seq,
        archive=path.name,
        principal=principal,
        reason=reason,
    )
    await journal.prune(record, tell)
    logger.info("audit pruned", through=through, records=record.records, archive=str(path))
    return record


async def _archive(journal: Prunable, path: Path, anchor: Head, through: int) -> Head:
    """Write what follows *anchor* up to *through*, under its name only once it is durable."""
    partial = path.with_name(f"{path.name}.partial")
    walk = Walk(anchor)
    unsynced = 0
    with partial.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        while (after := walk.head.audit_seq) < through:
            links = await journal.links(after=after, limit=min(_PAGE, through - after))
            walk.follow(links)
            if not (walk.is_intact and links):
                raise NotPrunable(walk.finish().detail or f"entry {after + 1} is not there")
            unsynced += file.write("".join(map(export_line, links)).encode())
            if unsynced >= _SYNC_BYTES:
                await to_thread.run_sync(_sync, file)
                unsynced = 0
        await to_thread.run_sync(_sync, file)
    partial.rename(path)
    sync_directory(path.parent)
    return walk.head


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
