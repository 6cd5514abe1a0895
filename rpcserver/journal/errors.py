"""
Why a journal cannot be opened. The process says so and exits; a person does the rest.

* JournalUnusable
    * DirectoryHeld     another process owns the data directory: two servers would close twice
    * JournalTooNew     a newer version wrote it: run that one
    * JournalDamaged    it is not what was written: nothing may be decided on it

`JournalBroken`, raised by a commit, is the driver's business and stands in `domain/errors.py`.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from rpcserver.domain.errors import RpcServerError


class JournalUnusable(RpcServerError):
    """The journal cannot be opened."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.path}: {self.detail}"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """What the lock of a data directory says: who holds it, or held it last."""

    pid: int
    epoch: int  # each holder's is higher than the one's before
    since: datetime  # UTC


class DirectoryHeld(JournalUnusable):
    """Another process owns the data directory; `holder` is None if it has not said so yet."""

    def __init__(self, directory: Path, holder: Holder | None) -> None:
        who = "another process"
        if holder is not None:
            who = f"process {holder.pid} since {holder.since:%Y-%m-%d %H:%M:%S}Z"
        super().__init__(directory, f"is held by {who}")
        self.holder = holder


class JournalTooNew(JournalUnusable):
    """A newer version of this program wrote the journal."""

    def __init__(self, path: Path, version: int, known: int) -> None:
        super().__init__(path, f"has schema version {version}; this program knows up to {known}")
        self.version = version
        self.known = known


class JournalDamaged(JournalUnusable):
    """What is in the file is not what was written to it."""

    def __str__(self) -> str:
        return (
            f"{super().__str__()}. The journal is damaged; nothing was changed or sent. Look at "
            "positions and working orders at the venue itself; copy the data directory away; "
            "`rpcserver audit verify --offline` names the first broken record. Then put a good "
            "copy back, or start with another --data-dir: the venue is read anew, but what was "
            "unfinished here is not known there."
        )
