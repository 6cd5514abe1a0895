"""Taking the directory from whoever holds it, be its disk as it may."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rpcserver.journal.lock import LOCK_NAME
from rpcserver.panic.takeover import holding, take_over

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Processes end in their own time."""
    return "asyncio"


_HOLD = """
import sys, time
from pathlib import Path
from rpcserver.journal.lock import hold_directory
with hold_directory(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def held_by_another(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", _HOLD, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


def take_no_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open the lock as a disk does that was mounted anew for reading alone."""
    opened = os.open

    def refusing(path: Path, flags: int, mode: int = 0o777) -> int:
        if Path(path).name == LOCK_NAME and flags & os.O_RDWR:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, flags, mode)

    monkeypatch.setattr(os, "open", refusing)


async def test_law_26_whoever_holds_it_is_ended(tmp_path: Path) -> None:
    with held_by_another(tmp_path) as process:
        takeover = await take_over(tmp_path)

        assert (takeover.deposed, takeover.ended) == (process.pid, True)
        assert process.wait(5) < 0


async def test_a_disk_that_takes_no_writes_saves_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_by_another(tmp_path) as process:
        take_no_writes(monkeypatch)
        takeover = await take_over(tmp_path)

        assert takeover.deposed == process.pid
        assert "let no server start" in takeover.detail
        assert process.wait(5) < 0
        with holding(tmp_path) as is_ours:
            assert not is_ours


async def test_a_disk_that_takes_no_writes_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_no_writes(monkeypatch)
    takeover = await take_over(tmp_path)

    assert takeover.deposed is None
    assert not takeover.ended, "a server may start at any moment"
