"""Only one process may act on a data directory (law 26): the kernel's lock says which."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rpcserver.journal.errors import DirectoryHeld

LOCK_NAME = "lock"
_PID_DIGITS_MAX = 20


@contextmanager
def hold_directory(directory: Path) -> Iterator[None]:
    """
    Own *directory* until the context ends or the process dies, however it dies.

    The lock belongs to the open file, not to the pid written into it: a leftover file of a dead
    process holds nobody up.

    Raises:
        DirectoryHeld: Somebody else owns it. Stop that process, or use another directory.
    """
    file = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _is_free(file):
            raise DirectoryHeld(directory, _read_pid(file))
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)  # lets go of the lock


def holder_of(directory: Path) -> int | None:
    """
    The process that owns *directory*, or None if nobody does.

    Raises:
        DirectoryHeld: Somebody does, and has not written down who.
    """
    try:
        file = os.open(directory / LOCK_NAME, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        if _is_free(file):
            return None
        if (pid := _read_pid(file)) is None:
            raise DirectoryHeld(directory, None)
        return pid
    finally:
        os.close(file)


def _is_free(file: int) -> bool:
    """Whether the lock could be taken; then it is held as long as *file* is open."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_pid(file: int) -> int | None:
    text = os.pread(file, _PID_DIGITS_MAX, 0).strip()
    return int(text) if text.isdigit() else None
