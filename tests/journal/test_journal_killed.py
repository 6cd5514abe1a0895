"""kill -9 while records are appended: everything that was acknowledged is there, batches whole."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from rpcserver.core.entries import Head
from rpcserver.journal.sqlite import open_journal
from tests.journal.stories import noted

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
KILLS = 4
BATCH = 5  # records a commit: a torn one would leave another number


async def append_and_tell(path: Path) -> None:
    """What the process that is killed does: a line for each head that was acknowledged."""
    async with open_journal(path, ballast_bytes=1) as journal:
        while True:
            await journal.append([noted(str(number)) for number in range(BATCH)])
            print(journal.head.audit_seq, journal.head.audit_hash, flush=True)  # noqa: T201


def killed_after(lines: int, path: Path) -> list[Head]:
    """The heads that a process told before it was killed, *lines* of them or some more."""
    command = [sys.executable, "-m", "tests.journal.test_journal_killed", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        told += process.stdout.readlines()
        assert process.wait() == -signal.SIGKILL
    heads = [line.split() for line in told if line.endswith("\n")]
    return [Head(audit_seq=int(seq), audit_hash=audit_hash) for seq, audit_hash in heads]


async def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    lengths = random.Random(9)
    last = 0
    for _ in range(KILLS):
        heads = killed_after(lengths.randint(1, 200), path)
        async with open_journal(path, ballast_bytes=1) as journal:
            for witness in (heads[0], heads[-1]):
                report = await journal.verify(witness=witness)
                assert report.intact, report.detail
            assert heads[0].audit_seq > last
            assert journal.head.audit_seq >= heads[-1].audit_seq
            assert journal.head.audit_seq % BATCH == 0
            last = journal.head.audit_seq


if __name__ == "__main__":
    anyio.run(append_and_tell, Path(sys.argv[1]))
