"""Which journals are opened, and which are refused: damaged, too new, not ours, or in use."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import aiosqlite
import pytest
from msgspec.structs import replace

from rpcserver.core.entries import Head
from rpcserver.domain.ids import AccountRef, VenueId
from rpcserver.journal.errors import (
    DirectoryHeld,
    JournalDamaged,
    JournalTooNew,
    JournalUnusable,
)
from rpcserver.journal.lock import depose, hold_directory, holder_of
from rpcserver.journal.migrations import SCRIPTS, migrate
from rpcserver.journal.reader import open_reader
from rpcserver.journal.sqlite import open_journal
from rpcserver.journal.tokens import open_tokens
from tests.journal.stories import PAPER, Story, noted, token_hash
from tests.journal.tampering import tampering

pytestmark = pytest.mark.anyio


# --- at the door ----------------------------------------------------------------------------------


async def refused(path: Path) -> JournalUnusable:
    with pytest.raises(JournalUnusable) as raised:
        async with open_journal(path, ballast_bytes=1):
            pass
    return raised.value


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE records SET body = body || ' ' WHERE audit_seq = 10", "entry 10 is not what"),
        ("UPDATE records SET body = body || ' ' WHERE audit_seq = 9", "entry 9 is not what"),
        ("DELETE FROM records WHERE audit_seq = 9", "entry 9 is missing"),
        ("DELETE FROM records WHERE audit_seq > 5", "entry 6 was once there"),
    ],
)
async def test_a_damaged_end_is_refused(path: Path, damage: str, told: str) -> None:
    with tampering(path) as db:
        db.execute(damage)

    error = await refused(path)

    assert isinstance(error, JournalDamaged)
    assert told in str(error)


async def test_a_torn_log_loses_its_last_batch_and_nothing_else(fresh: Path) -> None:
    """Bytes missing at the log's end: SQLite cuts the half-written transaction off."""
    log = fresh.with_name("journal.db-wal")
    async with open_journal(fresh, ballast_bytes=1) as journal:
        await journal.append([noted("whole")])
        before = log.stat().st_size
        await journal.append([noted("torn"), noted("torn too")])
        crashed, torn_log = (
            fresh.read_bytes(),
            log.read_bytes()[: -(log.stat().st_size - before) // 2],
        )
    fresh.write_bytes(crashed)
    log.write_bytes(torn_log)

    async with open_journal(fresh, ballast_bytes=1) as journal:
        assert journal.head.audit_seq == 1
        assert (await journal.verify()).intact
        await journal.append([noted("goes on")])


async def test_a_file_that_is_no_database_is_refused(fresh: Path) -> None:
    fresh.write_bytes(b"precious notes, and no database at all" * 100)

    assert isinstance(await refused(fresh), JournalDamaged)
    assert fresh.read_bytes().startswith(b"precious notes")


async def test_a_truncated_database_is_refused(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)

    assert isinstance(await refused(path), JournalDamaged)


async def test_another_programs_database_is_refused_and_left_alone(fresh: Path) -> None:
    with tampering(fresh) as db:
        db.execute("CREATE TABLE theirs (x)")

    assert "not a journal" in str(await refused(fresh))
    with tampering(fresh) as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]


async def test_a_newer_journal_is_refused(path: Path) -> None:
    with tampering(path) as db:
        db.execute(f"PRAGMA user_version = {len(SCRIPTS) + 1}")

    error = await refused(path)

    assert isinstance(error, JournalTooNew)
    assert f"version {len(SCRIPTS) + 1}" in str(error)


async def test_only_an_existing_journal_can_be_read(fresh: Path) -> None:
    with pytest.raises(JournalUnusable, match="there is no journal"):
        async with open_reader(fresh):
            pass
    with pytest.raises(JournalUnusable, match="there is no journal"):
        async with open_tokens(fresh):
            pass
    assert not fresh.exists()


async def test_an_empty_file_must_be_opened_by_a_server_first(fresh: Path) -> None:
    fresh.touch()

    with pytest.raises(JournalUnusable, match="start the server once"):
        async with open_reader(fresh):
            pass


# --- migrations -----------------------------------------------------------------------------------


async def test_an_older_journal_is_brought_up_one_version_after_the_other(fresh: Path) -> None:
    first = "CREATE TABLE words (word TEXT) STRICT; INSERT INTO words VALUES ('kept');"
    second = "ALTER TABLE words ADD COLUMN length INTEGER; UPDATE words SET length = length(word);"
    async with aiosqlite.connect(fresh) as db:
        await migrate(db, fresh, [first])
        await migrate(db, fresh, [first, second])
        await migrate(db, fresh, [first, second])
        rows = await db.execute_fetchall("SELECT word, length FROM words")

    assert [tuple(row) for row in rows] == [("kept", 4)]


async def test_tokens_of_version_1_are_still_good_in_version_2(fresh: Path) -> None:
    async with aiosqlite.connect(fresh) as db:
        await migrate(db, fresh, SCRIPTS[:1])
        await db.execute(
            "INSERT INTO tokens VALUES (?, 'tok-1', 'alice', ?, ?, ?, NULL)",
            (token_hash("secret"), '["trader"]', '["Sim101"]', "2026-03-03T12:00:00.000000+00:00"),
        )
        await db.commit()
    async with open_journal(fresh, ballast_bytes=1) as journal:
        old = await journal.token_of(token_hash("secret"))

    assert old is not None
    assert (old.principal, old.accounts) == ("alice", ("Sim101",))
    assert (old.expires_at, old.created_by) == (None, None)
    assert old.is_good(datetime.now(UTC))


async def test_lists_of_version_5_say_what_was_known_of_their_venues(fresh: Path) -> None:
    other = AccountRef(VenueId("live"), PAPER.account)
    known = Story("op-1").opened()
    scope = replace(known.request.scope, accounts=(PAPER, other, PAPER))
    request = replace(known.request, scope=scope, sandboxes=(PAPER.venue,))
    async with open_journal(fresh, ballast_bytes=1) as journal:
        await journal.append([replace(known, request=request), Story("op-2").opened()])
        rows = await journal.operations()
    with tampering(fresh) as db:
        db.execute("ALTER TABLE operations DROP COLUMN venues")
        db.execute("ALTER TABLE operations DROP COLUMN sandboxes")
        db.execute("PRAGMA user_version = 5")
    async with open_journal(fresh, ballast_bytes=1) as journal:
        assert await journal.operations() == rows

    assert [(row.venues, row.sandboxes) for row in rows] == [
        (("paper",), None),
        (("live", "paper"), ("paper",)),
    ]


async def test_a_migration_that_fails_changes_nothing(fresh: Path) -> None:
    first = "CREATE TABLE words (word TEXT) STRICT;"
    second = "DROP TABLE words; SELECT no_such_function();"
    async with aiosqlite.connect(fresh) as db:
        await migrate(db, fresh, [first])
        with pytest.raises(sqlite3.OperationalError, match="no_such_function"):
            await migrate(db, fresh, [first, second])
        await db.rollback()
        [version] = await db.execute_fetchall("PRAGMA user_version")
        tables = await db.execute_fetchall("SELECT name FROM sqlite_schema")

    assert (tuple(version), [tuple(row) for row in tables]) == ((1,), [("words",)])


async def test_people_can_read_the_audit_with_sqlite_alone(path: Path, head: Head) -> None:
    with tampering(path) as db:
        [row] = db.execute("SELECT audit_seq, at, hash FROM audit WHERE kind = 'leg_ended' LIMIT 1")
        [(last,)] = db.execute("SELECT hash FROM audit WHERE audit_seq = 10")

    assert row[:2] == (4, "2026-03-03T12:00:00Z")
    assert last == head.audit_hash


# --- the lock -------------------------------------------------------------------------------------


async def test_the_second_opener_is_told_who_was_first(fresh: Path) -> None:
    async with open_journal(fresh, ballast_bytes=1):
        error = await refused(fresh)

    assert isinstance(error, DirectoryHeld)
    assert error.holder is not None
    assert error.holder.pid == os.getpid()
    assert str(error).startswith(f"{fresh.parent}: is held by process {os.getpid()} since 20")


def pid_of_holder(directory: Path) -> int | None:
    holder = holder_of(directory)
    return holder.pid if holder is not None else None


def test_the_holder_is_known_while_it_holds(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    with hold_directory(tmp_path):
        assert pid_of_holder(tmp_path) == os.getpid()
    assert holder_of(tmp_path) is None


def test_a_dead_holder_holds_nobody_up(tmp_path: Path) -> None:
    holding = (
        "import sys, pathlib; from rpcserver.journal.lock import hold_directory\n"
        "with hold_directory(pathlib.Path(sys.argv[1])): print('held', flush=True); input()"
    )
    command = [sys.executable, "-c", holding, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert pid_of_holder(tmp_path) == holder.pid
        with pytest.raises(DirectoryHeld), hold_directory(tmp_path):
            pass
        holder.kill()
        holder.wait()

    with hold_directory(tmp_path):
        assert pid_of_holder(tmp_path) == os.getpid()


def test_a_holder_that_has_not_written_its_name_is_no_free_directory(tmp_path: Path) -> None:
    with hold_directory(tmp_path):
        os.truncate(tmp_path / "lock", 0)
        with pytest.raises(DirectoryHeld, match="another process"):
            holder_of(tmp_path)


def test_law_26_who_is_deposed_knows_it_and_keeps_the_lock_until_it_ends(tmp_path: Path) -> None:
    with hold_directory(tmp_path) as tenure:
        assert tenure.lasts()

        deposed = depose(tmp_path)

        assert deposed is not None
        assert deposed.pid == os.getpid()
        assert not tenure.lasts()
        with pytest.raises(DirectoryHeld), hold_directory(tmp_path):
            pass
    with hold_directory(tmp_path) as next_tenure:
        assert next_tenure.lasts()
        assert not tenure.lasts()


def test_law_26_nobody_is_in_charge_by_a_lock_that_was_deleted(tmp_path: Path) -> None:
    """Another process could lock a new file of that name."""
    with hold_directory(tmp_path) as tenure:
        (tmp_path / "lock").unlink()

        assert not tenure.lasts()


def test_there_is_nobody_to_depose_in_a_free_directory(tmp_path: Path) -> None:
    with hold_directory(tmp_path):
        pass

    assert depose(tmp_path) is None


def test_a_lock_of_an_older_version_names_its_process_no_more(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("4711\n")

    with hold_directory(tmp_path):
        assert pid_of_holder(tmp_path) == os.getpid()


async def test_law_26_a_journal_knows_when_it_is_in_charge_no_more(fresh: Path) -> None:
    async with open_journal(fresh, ballast_bytes=1) as journal:
        assert journal.is_in_charge

        depose(fresh.parent)

        assert not journal.is_in_charge
