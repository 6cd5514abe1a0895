"""How far a webhook has read the journal: the journal is its outbox, and outlives a restart."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from anyio import to_thread

FOLDER = "webhooks"


class Cursor:
    """A place in the journal, kept in a file of the data directory."""

    def __init__(self, directory: Path, name: str) -> None:
        self._path = directory / FOLDER / name

    async def read(self) -> int | None:
        """The newest entry that was handed over; None: it never was asked, or cannot be told."""
        try:
            return int(await to_thread.run_sync(self._path.read_text))
        except (FileNotFoundError, ValueError):
            return None

    async def write(self, audit_seq: int) -> None:
        """Everything up to *audit_seq* was handed over. A crash before: it is handed over again."""
        await to_thread.run_sync(partial(self._write, audit_seq))

    def _write(self, audit_seq: int) -> None:
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        draft = self._path.with_name(f".{self._path.name}.new")
        with draft.open("w", encoding="ascii") as stream:
            stream.write(f"{audit_seq}\n")
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._path)
