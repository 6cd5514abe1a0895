"""
Only one process may act on a data directory (law 26): the kernel's lock says which.

The lock file names its holder and its **epoch**, which every new holder raises. Somebody who must
act without the holder (`rpcserver panic`) raises the epoch first: a process that was frozen at
that moment finds it gone when it thaws, before its next message to a venue.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from rpcserver.journal.errors import DirectoryHeld, Holder

LOCK_NAME = "lock"
_BYTES_MAX = 200


class Tenure:
    """One process's time in charge of a directory."""

    def __init__(self, file: int, mine: bytes) -> None:
        self._file = file
        self._mine = mine

    def lasts(self) -> bool:
        """
        Whether nobody has taken over: asked right before every message to a venue.

        A lock file that was deleted ends it as well: another process could hold a new one.
        """
        try:
            return (
                os.pread(self._file, _BYTES_MAX, 0) == self._mine
                and os.fstat(self._file).st_nlink > 0
            )
        except OSError:
            return False


@contextmanager
def hold_directory(directory: Path, name: str = LOCK_NAME) -> Iterator[Tenure]:
    """
    Own *directory* until the context ends or the process dies, however it dies.

    Another *name* is another lock: what it owns of the directory is its callers' to agree upon.

    The lock belongs to the open file, not to the pid written into it: a leftover file of a dead
    process holds nobody up.

    Raises:
        DirectoryHeld: Somebody else owns it. Stop that process, or use another directory.
    """
    file = os.open(directory / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _is_free(file):
            raise DirectoryHeld(directory, _read(file))
        yield Tenure(file, _write(file, os.getpid()))
    finally:
        os.close(file)  # lets go of the lock


def holder_of(directory: Path) -> Holder | None:
    """
    The process that owns *directory*, or None if nobody does.

    Raises:
        DirectoryHeld: Somebody does, and has not written down who.
    """
    try:
        file = _open_to_look(directory / LOCK_NAME)
    except FileNotFoundError:
        return None
    try:
        if _is_free(file):
            return None
        if (holder := _read(file)) is None:
            raise DirectoryHeld(directory, None)
        return holder
    finally:
        os.close(file)


def depose(directory: Path) -> Holder | None:
    """
    Raise the epoch of *directory* over its holder's head, and answer who that is, if anybody.

    The holder keeps its lock, and sends nothing more: end it, then wait for the lock.
    """
    file = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        holder = _read(file)
        is_held = not _is_free(file)
        _write(file, holder.pid if holder is not None else 0)
        return holder if is_held else None
    finally:
        os.close(file)


def _open_to_look(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR)
    except FileNotFoundError:
        raise
    except OSError:
        return os.open(path, os.O_RDONLY)  # a disk that takes no more writes still tells


def _is_free(file: int) -> bool:
    """Whether the lock could be taken; then it is held as long as *file* is open."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(file, _BYTES_MAX, 0), type=Holder)
    except msgspec.MsgspecError:
        return None  # not written yet


def _write(file: int, pid: int) -> bytes:
    """Name the holder under a new epoch. In place: it works on a full disk, too."""
    before = _read(file)
    epoch = before.epoch + 1 if before is not None else 1
    text = msgspec.json.encode(Holder(pid=pid, epoch=epoch, since=datetime.now(UTC))) + b"\n"
    os.pwrite(file, text, 0)
    os.ftruncate(file, len(text))
    return text
