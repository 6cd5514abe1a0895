"""What only the journal on disk must stand: full disks, busy files, crashes between two calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

import anyio
import pytest

from rpcserver.domain.errors import JournalBroken
from rpcserver.journal.ballast import Ballast
from rpcserver.journal.checkpoint import CHECKPOINT, Checkpointer
from rpcserver.journal.reader import open_reader
from rpcserver.journal.sqlite import SqliteJournal, open_journal
from rpcserver.journal.tokens import open_tokens
from rpcserver.journal.writer import BatchConnection
from tests.journal.stories import Story, noted, token, token_hash

pytestmark = pytest.mark.anyio

BALLAST_BYTES = 4096


def opened(
    path: Path, kind: type[BatchConnection] = BatchConnection
) -> AbstractAsyncContextManager[SqliteJournal]:
    return open_journal(path, ballast_bytes=BALLAST_BYTES, low_water_bytes=0, connection=kind)


async def details(path: Path) -> list[str]:
    """What the next process finds."""
    async with opened(path) as journal:
        assert (await journal.verify()).intact
        return [getattr(entry.record, "detail", "") for entry in await journal.entries()]


def error(code: int) -> sqlite3.OperationalError:
    raised = sqlite3.OperationalError("the disk said so")
    raised.sqlite_errorcode = code
    return raised


def committing(
    before: Callable[[int], None], after: Callable[[int], None]
) -> type[BatchConnection]:
    """A connection that calls *before* and *after* each commit with its number, from 1."""

    class Connection(BatchConnection):
        commits = 0

        def commit(self) -> None:
            self.commits += 1
            before(self.commits)
            super().commit()
            after(self.commits)

    return Connection


def nothing(_: int) -> None:
    pass


def raising(code: int, *, at: int) -> Callable[[int], None]:
    def fault(commit: int) -> None:
        if commit == at:
            raise error(code)

    return fault


# --- commits that raise ---------------------------------------------------------------------------


async def test_commits_are_synced(fresh: Path) -> None:
    settings: dict[str, int | str] = {}

    class Curious(BatchConnection):
        def commit(self) -> None:
            super().commit()
            for name in ("synchronous", "journal_mode", "wal_autocheckpoint"):
                [settings[name]] = self.execute(f"PRAGMA {name}").fetchone()

    async with opened(fresh, Curious) as journal:
        await journal.append([noted()])

    assert settings == {"synchronous": 2, "journal_mode": "wal", "wal_autocheckpoint": 0}


async def test_a_commit_that_raises_ends_the_journal(fresh: Path) -> None:
    kind = committing(raising(sqlite3.SQLITE_IOERR_FSYNC, at=2), nothing)
    async with opened(fresh, kind) as journal:
        await journal.append([noted("told")])
        head = journal.head

        for _ in range(2):  # and it stays so, although the disk would take the second one
            with pytest.raises(JournalBroken, match="may be durable or not"):
                await journal.append([noted("unknown")])
        assert journal.head == head

    assert await details(fresh) == ["told"]


async def test_what_a_raising_commit_covered_may_be_there_after_a_restart(fresh: Path) -> None:
    kind = committing(nothing, raising(sqlite3.SQLITE_IOERR_FSYNC, at=1))
    async with opened(fresh, kind) as journal:
        with pytest.raises(JournalBroken):
            await journal.append([noted("unknown")])
        assert journal.head.audit_seq == 0

    assert await details(fresh) == ["unknown"]


async def test_a_batch_that_fails_half_way_leaves_nothing(fresh: Path) -> None:
    story = Story()
    async with opened(fresh) as journal:
        await journal.append([story.opened()])
        with pytest.raises(JournalBroken):  # the second opening of one operation: a fault of ours
            await journal.append([noted("before"), story.opened()])

    assert len(await details(fresh)) == 1


async def test_a_reader_sees_nothing_that_is_not_durable(fresh: Path) -> None:
    written, go_on = Event(), Event()

    class Slow(BatchConnection):
        def commit(self) -> None:
            for sql, rows in self._waiting:
                self.executemany(sql, rows)
            self.defer(())
            written.set()
            go_on.wait()
            super().commit()

    async with opened(fresh, Slow) as journal, anyio.create_task_group() as tasks:
        tasks.start_soon(journal.append, Story().whole())
        await anyio.to_thread.run_sync(written.wait)
        assert await journal.entries() == []
        assert list(await journal.unfinished()) == []
        assert list(await journal.operations()) == []
        assert (await journal.verify()).records == 0
        go_on.set()

    assert len(await details(fresh)) == 5


async def test_who_is_cancelled_in_a_commit_finds_it_whole(fresh: Path) -> None:
    async with opened(fresh) as journal:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await journal.append(Story().whole())
        await journal.append([noted()])
        assert journal.head.audit_seq == 6

    assert len(await details(fresh)) == 6


# --- a busy database ------------------------------------------------------------------------------


async def test_a_busy_database_is_waited_for(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpcserver.journal.writer.BUSY_TIMEOUT", 0.001)
    async with opened(fresh) as journal:
        other = sqlite3.connect(fresh, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(journal.append, [noted("patient")])
            await anyio.sleep(0.03)
            assert journal.head.audit_seq == 0
            other.execute("ROLLBACK")
        other.close()
        assert journal.head.audit_seq == 1

    assert await details(fresh) == ["patient"]


async def test_who_gives_up_on_a_busy_database_has_written_nothing(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpcserver.journal.writer.BUSY_TIMEOUT", 0.001)
    async with opened(fresh) as journal:
        other = sqlite3.connect(fresh, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with anyio.move_on_after(0.02) as scope:
            await journal.append([noted("given up")])
        other.close()
        assert scope.cancelled_caught

        await journal.append([noted("later")])

    assert await details(fresh) == ["later"]


# --- a full disk ----------------------------------------------------------------------------------


async def test_a_full_disk_is_given_the_ballast(fresh: Path) -> None:
    ballast = fresh.with_name("journal.db.ballast")

    def full(commit: int) -> None:
        if commit > 1 and ballast.exists():
            raise error(sqlite3.SQLITE_FULL)

    async with opened(fresh, committing(full, nothing)) as journal:
        await journal.append([noted("room")])
        low_before = journal.low
        await journal.append([noted("an exit")])
        await journal.append([noted("another")])
        low_after = journal.low

    assert (low_before, low_after) == (False, True)
    assert await details(fresh) == ["room", "an exit", "another"]


async def test_what_a_full_disk_took_of_a_batch_is_not_written_twice(fresh: Path) -> None:
    ballast = fresh.with_name("journal.db.ballast")

    class Full(BatchConnection):
        def commit(self) -> None:
            if ballast.exists():
                for sql, rows in self._waiting:
                    self.executemany(sql, rows)
                raise error(sqlite3.SQLITE_FULL)
            super().commit()

    async with opened(fresh, Full) as journal:
        await journal.append([noted("an exit")])

    assert await details(fresh) == ["an exit"]


async def test_a_disk_that_stays_full_ends_the_journal(fresh: Path) -> None:
    """Not a pretence: SQLite itself runs out of pages in the middle of the transaction."""

    class Small(BatchConnection):
        def commit(self) -> None:
            self.execute("PRAGMA max_page_count = 1")  # as many as there are
            super().commit()

    async with opened(fresh, Small) as journal:
        with pytest.raises(JournalBroken, match="full"):
            await journal.append([noted("x" * 100_000)])
        assert journal.low

    assert await details(fresh) == []


async def test_a_disk_without_room_for_the_ballast_is_low_from_the_start(fresh: Path) -> None:
    fresh.with_name("journal.db.ballast").mkdir()  # nothing can be written there
    ballast = Ballast(fresh.with_name("journal.db.ballast") / "no" / "such", BALLAST_BYTES)

    assert not ballast.reserve()
    assert ballast.is_low(0)
    assert not ballast.free()


async def test_the_low_water_mark_counts_what_the_disk_has_left(fresh: Path) -> None:
    async with open_journal(fresh, ballast_bytes=1, low_water_bytes=2**62) as journal:
        assert journal.low


async def test_the_ballast_is_reserved_again_at_the_next_start(fresh: Path) -> None:
    ballast = fresh.with_name("journal.db.ballast")
    async with opened(fresh):
        assert ballast.stat().st_size == BALLAST_BYTES
        ballast.unlink()
    async with opened(fresh) as journal:
        assert ballast.stat().st_size == BALLAST_BYTES
        assert not journal.low


# --- beside a running server ----------------------------------------------------------------------


async def test_a_journal_is_read_while_a_server_writes_it(fresh: Path) -> None:
    async with opened(fresh) as journal, open_reader(fresh) as reader:
        await journal.append(Story().whole())

        report = await reader.verify(witness=journal.head)

        assert (report.intact, report.head) == (True, journal.head)
        assert list(await reader.entries()) == list(await journal.entries())


async def test_a_token_is_given_while_a_server_runs(fresh: Path) -> None:
    async with opened(fresh) as journal, open_tokens(fresh) as tokens:
        await tokens.add_token(token("tok-1"), token_hash("secret"))

        known = await journal.token_of(token_hash("secret"))

    assert known == token("tok-1")


async def test_a_new_data_directory_is_synced_into_those_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut could take the directory, with everything that was synced in it."""
    synced: list[Path] = []
    monkeypatch.setattr("rpcserver.journal.directory.sync_directory", synced.append)
    path = tmp_path / "some" / "data" / "journal.db"
    for _ in range(2):
        async with opened(path):
            pass

    assert synced == [tmp_path, tmp_path / "some"]


async def test_nobody_else_can_read_the_files(tmp_path: Path) -> None:
    path = tmp_path / "data" / "journal.db"
    async with opened(path) as journal:
        await journal.append([noted()])
        files = {file.name: file.stat().st_mode & 0o077 for file in path.parent.iterdir()}

    assert path.parent.stat().st_mode & 0o077 == 0
    del files["journal.db.ballast"]  # noise
    assert files == {"lock": 0, "journal.db": 0, "journal.db-wal": 0, "journal.db-shm": 0}


# --- checkpoints ----------------------------------------------------------------------------------


async def test_checkpoints_move_the_log_into_the_database(fresh: Path) -> None:
    async with opened(fresh) as journal:
        for _ in range(3):
            await journal.append([noted("x" * 200_000)])
        before = fresh.stat().st_size
        with Checkpointer(fresh) as checkpointer:
            checkpointer.committed(2**30)
            with anyio.fail_after(5):
                while fresh.stat().st_size <= before + 400_000:
                    await anyio.sleep(0.005)
        assert checkpointer.failure is None


def failing_checkpoints(code: int, attempts: Semaphore) -> Callable[[Checkpointer], object]:
    """What a checkpointer connects to instead: each attempt is counted, and fails."""

    class Failing(sqlite3.Connection):
        def execute(self, *_: object) -> sqlite3.Cursor:
            attempts.release()
            raise error(code)

    return lambda _: sqlite3.connect(":memory:", factory=Failing)


async def test_after_a_failed_checkpoint_nothing_more_is_committed(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = failing_checkpoints(sqlite3.SQLITE_IOERR_FSYNC, Semaphore(0))
    monkeypatch.setattr(Checkpointer, "_connect", failing)
    monkeypatch.setattr("rpcserver.journal.checkpoint.CHECKPOINT_PAGES", 1)
    async with opened(fresh) as journal:
        await journal.append([noted("told")])
        with anyio.fail_after(5):
            while journal._checkpointer.failure is None:
                await anyio.sleep(0.005)
        with pytest.raises(JournalBroken, match="a checkpoint failed: the disk said so"):
            await journal.append([noted("refused")])

    assert await details(fresh) == ["told"]


async def test_a_log_that_grows_too_long_is_moved_by_the_writer_itself(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And by name: SQLite's own last resort says nothing when its sync fails."""
    monkeypatch.setattr("rpcserver.journal.checkpoint.CHECKPOINT_PAGES", 1)
    monkeypatch.setattr("rpcserver.journal.checkpoint.LAST_RESORT_PAGES", 1)
    asked = Semaphore(0)

    class Failing(BatchConnection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            if sql == CHECKPOINT and self.isolation_level == "IMMEDIATE":
                asked.release()
                raise error(sqlite3.SQLITE_IOERR_FSYNC)
            return super().execute(sql, parameters)

    async with opened(fresh, Failing) as journal:
        told = 0

        async def append_on() -> None:
            nonlocal told
            while True:
                await journal.append([noted(str(told))])
                told += 1

        with anyio.fail_after(10), pytest.raises(JournalBroken, match="the disk said so"):
            await append_on()
        with pytest.raises(JournalBroken):
            await journal.append([noted()])
    assert asked.acquire(blocking=False)
    assert fresh.with_name("journal.db-wal").exists()  # the only whole copy: nobody deleted it
    assert (await details(fresh))[:told] == [str(number) for number in range(told)]


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_FULL])
def test_a_checkpoint_that_took_nothing_off_the_log_is_tried_again(
    code: int, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = Semaphore(0)
    monkeypatch.setattr(Checkpointer, "_connect", failing_checkpoints(code, attempts))
    with Checkpointer(fresh) as checkpointer:
        for _ in range(2):
            checkpointer.committed(2**30)
            assert attempts.acquire(timeout=5)

    assert checkpointer.failure is None
