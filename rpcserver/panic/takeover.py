"""Taking a data directory away from the process that holds it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import anyio
import msgspec

from rpcserver.journal.errors import DirectoryHeld, Holder
from rpcserver.journal.lock import LOCK_NAME, depose, hold_directory, holder_of

PATIENCE = 5.0  # seconds a killed process may take to let go of its lock
_POLL = 0.05


class Takeover(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the process that held the directory."""

    deposed: int | None = None  # its process id; None: nobody held it
    ended: bool = True  # whether it is gone for certain, and none can come in its place
    detail: str = ""


async def take_over(directory: Path) -> Takeover:
    """
    Depose whoever holds *directory*, then end it.

    First its epoch goes: from then on it sends nothing, frozen or not. Then it is killed, frozen
    or not, if it is certain that the process of that number holds the lock: the number alone may
    belong to another container. A disk that takes no writes holds up neither the end nor the
    closing: it is told.
    """
    unwritten = ""
    try:
        holder = depose(directory)
    except OSError as error:
        unwritten = f"the lock cannot be taken ({error.strerror}): let no server start meanwhile"
        try:
            holder = holder_of(directory)
        except (DirectoryHeld, OSError) as also:
            return Takeover(ended=False, detail=f"{unwritten}; {also}")
    if holder is None:
        return Takeover(ended=not unwritten, detail=unwritten)
    return await _ended(holder, directory, unwritten)


async def _ended(holder: Holder, directory: Path, unwritten: str) -> Takeover:
    """End *holder*; *unwritten*: why its epoch still stands, if it does."""
    what = unwritten or "it is deposed, not ended"
    if not _has_open(holder.pid, directory / LOCK_NAME):
        return Takeover(
            deposed=holder.pid,
            ended=False,
            detail=f"process {holder.pid} cannot be seen from here: {what}",
        )
    try:
        os.kill(holder.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has just ended by itself
    except PermissionError:
        return Takeover(
            deposed=holder.pid,
            ended=False,
            detail=f"process {holder.pid} is another user's: {what}",
        )
    with anyio.move_on_after(PATIENCE):
        while not _is_free(directory):
            await anyio.sleep(_POLL)
        return Takeover(deposed=holder.pid, ended=not unwritten, detail=unwritten)
    return Takeover(
        deposed=holder.pid, ended=False, detail=f"process {holder.pid} was killed and still holds"
    )


@contextmanager
def holding(directory: Path) -> Iterator[bool]:
    """
    Keep servers from starting in *directory* meanwhile; False: somebody deposed holds it yet, or
    its disk takes no writes.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(hold_directory(directory))
            is_ours = True
        except (DirectoryHeld, OSError):
            is_ours = False
        yield is_ours


def _is_free(directory: Path) -> bool:
    try:
        return holder_of(directory) is None
    except (DirectoryHeld, OSError):
        return False


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
