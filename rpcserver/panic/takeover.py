"""Taking a data directory away from the process that holds it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import anyio
import msgspec

from rpcserver.journal.errors import DirectoryHeld
from rpcserver.journal.lock import LOCK_NAME, depose, hold_directory

PATIENCE = 5.0  # seconds a killed process may take to let go of its lock
_POLL = 0.05


class Takeover(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the process that held the directory."""

    deposed: int | None = None  # its process id; None: nobody held it
    ended: bool = True  # whether it is gone for certain
    detail: str = ""


async def take_over(directory: Path) -> Takeover:
    """
    Depose whoever holds *directory*, then end it.

    First its epoch goes: from then on it sends nothing, frozen or not. Then it is killed, frozen
    or not, if it is certain that the process of that number holds the lock: the number alone may
    belong to another container.
    """
    holder = depose(directory)
    if holder is None:
        return Takeover()
    if not _has_open(holder.pid, directory / LOCK_NAME):
        return Takeover(
            deposed=holder.pid,
            ended=False,
            detail=f"process {holder.pid} cannot be seen from here: it is deposed, not ended",
        )
    try:
        os.kill(holder.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has just ended by itself
    except PermissionError:
        return Takeover(
            deposed=holder.pid,
            ended=False,
            detail=f"process {holder.pid} is another user's: it is deposed, not ended",
        )
    with anyio.move_on_after(PATIENCE):
        while not _is_free(directory):
            await anyio.sleep(_POLL)
        return Takeover(deposed=holder.pid)
    return Takeover(
        deposed=holder.pid, ended=False, detail=f"process {holder.pid} was killed and still holds"
    )


@contextmanager
def holding(directory: Path) -> Iterator[bool]:
    """Keep servers from starting in *directory* meanwhile; False: somebody deposed holds it yet."""
    with ExitStack() as stack:
        try:
            stack.enter_context(hold_directory(directory))
            is_ours = True
        except DirectoryHeld:
            is_ours = False
        yield is_ours


def _is_free(directory: Path) -> bool:
    with holding(directory) as is_ours:
        return is_ours


def _has_open(pid: int, path: Path) -> bool:
    """Whether process *pid* has the file at *path* open, as far as this process can see."""
    try:
        target = path.stat()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                found = link.stat()
            except OSError:
                continue  # a file that was closed meanwhile, or a pipe
            if os.path.samestat(found, target):
                return True
    except OSError:
        return False
    return False
