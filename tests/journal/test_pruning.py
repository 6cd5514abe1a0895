"""A front that was pruned is told from one that was stolen, and its archives from forgeries."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import anyio
import pytest

from rpcserver.core.entries import ChainReport, Head
from rpcserver.core.pruning import Pruned
from rpcserver.domain.errors import NotPrunable
from rpcserver.journal.archive import prune_to_archive
from rpcserver.journal.chain import Walk
from rpcserver.journal.export import read_export, verify_export
from rpcserver.journal.reader import open_reader
from rpcserver.journal.sqlite import SqliteJournal, open_journal
from tests.journal.stories import Story, moment, noted
from tests.journal.tampering import tampering

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
LATER = moment(1000)


async def prune(journal: SqliteJournal, directory: Path, before: datetime = LATER) -> Pruned | None:
    return await prune_to_archive(journal, directory, before, now=LATER, reason="old")


async def verify(path: Path, witness: Head | None = None) -> ChainReport:
    async with open_reader(path) as reader:
        return await reader.verify(witness=witness)


@pytest.fixture
async def pruned(path: Path, head: Head, tmp_path: Path) -> Path:
    """A journal whose first ten entries went, up to *head*."""
    async with open_journal(path, ballast_bytes=1) as journal:
        await journal.append([Story("op-3", at=2000).opened(), noted()])
        record = await prune(journal, tmp_path / "archive")
        assert record is not None
        assert record.audit_hash == head.audit_hash
    return path


async def test_the_archive_is_the_front_and_the_journal_goes_on_where_it_ends(
    pruned: Path, tmp_path: Path, head: Head
) -> None:
    [archive] = (tmp_path / "archive").iterdir()

    assert archive.name == "audit-1-10.jsonl"
    assert archive.stat().st_mode & 0o777 == 0o600
    lines = archive.read_text().splitlines()
    report = verify_export(lines, witness=head)
    assert (report.intact, report.records) == (True, 10)
    walk = Walk()
    walk.follow(read_export(lines))
    async with open_reader(pruned) as reader:
        walk.follow(await reader.links())
    assert walk.finish().intact
    assert walk.head.audit_seq == 13


async def test_archives_follow_each_other(fresh: Path, tmp_path: Path) -> None:
    async with open_journal(fresh, ballast_bytes=1) as journal:
        for _ in range(3):
            await journal.append([noted(str(number)) for number in range(700)])
            assert await prune(journal, tmp_path / "archive", moment(1001)) is not None
        assert await prune(journal, tmp_path / "archive", moment(0)) is None
    names = sorted((tmp_path / "archive").iterdir(), key=lambda path: int(path.stem.split("-")[1]))

    assert [name.name for name in names] == [
        "audit-1-700.jsonl",
        "audit-701-1401.jsonl",
        "audit-1402-2102.jsonl",
    ]
    lines = [line for name in names for line in name.read_text().splitlines()]
    assert verify_export(lines).records == 2102
    assert verify_export([*lines[:700], *lines[1401:]]).first_broken == 701


async def test_a_front_that_was_stolen_shows(pruned: Path) -> None:
    with tampering(pruned) as db:
        db.execute("DELETE FROM records WHERE audit_seq <= 11")
        [(seal,)] = db.execute("SELECT audit_hash FROM pruned")
    assert (await verify(pruned)).first_broken == 11

    with tampering(pruned) as db:
        db.execute("UPDATE pruned SET audit_seq = 11, audit_hash = ?", (seal,))
    assert not (await verify(pruned)).intact


async def test_it_shows_though_the_anchor_was_moved_with_it(path: Path) -> None:
    async with open_journal(path, ballast_bytes=1) as journal:
        await journal.append([noted()])
    with tampering(path) as db:
        [(digest,)] = db.execute("SELECT audit_hash FROM records WHERE audit_seq = 10")
        for table in ("records", "places"):
            db.execute(f"DELETE FROM {table} WHERE audit_seq <= 10")
        db.execute("UPDATE pruned SET audit_seq = 10, audit_hash = ?, through = 10", (digest,))

    report = await verify(path)

    assert (report.intact, report.first_broken) == (False, 1)
    assert report.detail == "no entry says why entries up to 10 are gone"


async def test_an_anchor_of_another_chain_shows(pruned: Path) -> None:
    with tampering(pruned) as db:
        db.execute("UPDATE pruned SET audit_hash = zeroblob(32)")

    assert (await verify(pruned)).first_broken == 11


async def test_a_witness_of_the_anchor_is_held_to_it(pruned: Path, head: Head) -> None:
    assert (await verify(pruned, head)).intact
    forged = Head(audit_seq=head.audit_seq, audit_hash="00" * 32)
    assert (await verify(pruned, forged)).first_broken == head.audit_seq


async def test_a_broken_chain_is_not_pruned(path: Path, tmp_path: Path) -> None:
    """What was tampered with is evidence."""
    async with open_journal(path, ballast_bytes=1) as journal:
        with tampering(path) as db:
            db.execute("UPDATE records SET body = replace(body, 'drill', '') WHERE audit_seq = 1")
        with pytest.raises(NotPrunable, match="entry 1 is not what was sealed"):
            await prune(journal, tmp_path / "archive")

        assert len(await journal.links()) == 10


async def test_an_archive_that_cannot_be_written_loses_nothing(path: Path, tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file")
    async with open_journal(path, ballast_bytes=1) as journal:
        with pytest.raises(OSError, match="archive"):
            await prune(journal, tmp_path / "archive")
        assert len(await journal.links()) == 10


async def prune_and_tell(path: Path) -> None:
    """What the process that is killed does: it says when the deleting has begun."""
    async with open_journal(path, ballast_bytes=1) as journal, anyio.create_task_group() as tasks:
        tasks.start_soon(prune, journal, path.parent / "archive")
        while (await journal.anchor()).audit_seq == 0:
            await anyio.sleep(0)
        print("deleting", flush=True)  # noqa: T201


async def test_a_kill_in_the_middle_of_a_pruning_is_finished_later(
    fresh: Path, tmp_path: Path
) -> None:
    running = Story("op-9", at=2000)
    async with open_journal(fresh, ballast_bytes=1) as journal:
        for number in range(20):
            await journal.append([noted(f"{number}.{each}") for each in range(1000)])
        await journal.append([running.opened(), running.intended()])
        unfinished = await journal.unfinished()
    command = [sys.executable, "-m", "tests.journal.test_pruning", str(fresh)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "deleting\n"
        process.kill()
        assert process.wait() == -signal.SIGKILL

    async with open_journal(fresh, ballast_bytes=1) as journal:
        anchor = await journal.anchor()
        assert 0 < anchor.audit_seq < 20_000
        report = await journal.verify()
        assert report.intact, report.detail
        assert await journal.unfinished() == unfinished
        await journal.append([noted("meanwhile")])
        assert await prune(journal, tmp_path / "archive", moment(0)) is None
        assert (await journal.anchor()).audit_seq == 20_000
        assert (await journal.verify()).records == 4
    archived = (tmp_path / "archive" / "audit-1-20000.jsonl").read_text().splitlines()
    assert verify_export(archived).records == 20_000


if __name__ == "__main__":
    anyio.run(prune_and_tell, Path(sys.argv[1]))
