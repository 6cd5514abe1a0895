"""
Files that lost their end, or whose bits turned: SQLite cuts what was half-written, or we refuse.

Never a silent gap (law 27): a server that starts knows every operation its chain tells of.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest

from rpcserver.core.records import Record
from rpcserver.journal.errors import JournalDamaged, JournalUnusable
from rpcserver.journal.memory import MemoryJournal
from rpcserver.journal.reader import open_reader
from rpcserver.journal.sqlite import open_journal
from tests.journal.stories import Story
from tests.journal.tampering import tampering

BATCHES: list[list[Record]] = [
    Story(f"op-{number}").whole()[: 5 if number % 3 else 2] for number in range(12)
]
TRIALS = 30
DATABASE, LOG = "journal.db", "journal.db-wal"

Files = dict[str, bytes]
Harm = Callable[[Files, random.Random], None]


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A database, and a log with half of what was journaled, as `kill -9` would leave them."""
    path = tmp_path_factory.mktemp("crashed") / "journal.db"

    async def live() -> Files:
        async with open_journal(path, ballast_bytes=1) as journal:
            for batch in BATCHES[:6]:
                await journal.append(batch)
        async with open_journal(path, ballast_bytes=1) as journal:
            for batch in BATCHES[6:]:
                await journal.append(batch)
            return {name: (path.parent / name).read_bytes() for name in (DATABASE, LOG)}

    return anyio.run(live)


def log_truncated(files: Files, chance: random.Random) -> None:
    files[LOG] = files[LOG][: chance.randrange(len(files[LOG]))]


def log_garbled(files: Files, chance: random.Random) -> None:
    """From some byte on, noise."""
    start = chance.randrange(len(files[LOG]))
    files[LOG] = files[LOG][:start] + chance.randbytes(len(files[LOG]) - start)


def log_flipped(files: Files, chance: random.Random) -> None:
    files[LOG] = flipped(files[LOG], chance.randrange(len(files[LOG])), chance)


def log_lost(files: Files, chance: random.Random) -> None:
    del files[LOG]
    del chance


def database_truncated(files: Files, chance: random.Random) -> None:
    files[DATABASE] = files[DATABASE][: chance.randrange(len(files[DATABASE]))]


def database_flipped(files: Files, chance: random.Random) -> None:
    files[DATABASE] = flipped(files[DATABASE], chance.randrange(len(files[DATABASE])), chance)


def last_page_flipped(files: Files, chance: random.Random) -> None:
    size = len(files[DATABASE])
    files[DATABASE] = flipped(files[DATABASE], chance.randrange(size - 4096, size), chance)


def flipped(content: bytes, at: int, chance: random.Random) -> bytes:
    turned = content[at] ^ 1 << chance.randrange(8)
    return content[:at] + bytes([turned]) + content[at + 1 :]


@pytest.mark.parametrize(
    "harm",
    [
        log_truncated,
        log_garbled,
        log_flipped,
        log_lost,
        database_truncated,
        database_flipped,
        last_page_flipped,
    ],
    ids=lambda harm: harm.__name__,
)
def test_law_27_a_torn_tail_is_cut_off_or_refused(crashed: Files, harm: Harm) -> None:
    chance = random.Random(harm.__name__)

    async def start() -> None:
        files = dict(crashed)
        harm(files, chance)
        with TemporaryDirectory() as name:
            for file, content in files.items():
                (Path(name) / file).write_bytes(content)
            with suppress(JournalUnusable):
                await whole_up_to_its_end(Path(name) / DATABASE)

    for _ in range(1 if harm is log_lost else TRIALS):
        anyio.run(start)


async def whole_up_to_its_end(path: Path) -> None:
    """Start there: what is left are whole batches, and everything the chain tells of is known."""
    async with open_journal(path, ballast_bytes=1) as journal:
        head = journal.head
        remembered = MemoryJournal()
        for batch in BATCHES:
            if remembered.head.audit_seq < head.audit_seq:
                await remembered.append(batch)
        assert remembered.head == head
        assert list(await journal.unfinished()) == list(await remembered.unfinished())
        await journal.append(Story("op-next").whole())
        assert (await journal.verify()).intact


def test_what_is_refused_says_what_is_broken_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    async def break_it() -> None:
        async with open_journal(path, ballast_bytes=1) as journal:
            for batch in BATCHES:
                await journal.append(batch)
        with tampering(path) as db:
            db.execute("UPDATE records SET body = replace(body, 'Sim101', 'Sim666') WHERE rowid=1")
        async with open_journal(path, ballast_bytes=1):
            pytest.fail("it started")

    with pytest.raises(JournalDamaged) as refused:
        anyio.run(break_it)

    said = str(refused.value)
    assert "entry 1 is not what was sealed" in said
    assert "audit verify --offline" in said
    assert "at the venue itself" in said


async def an_index_that_lies(path: Path, sql: str) -> None:
    async with open_journal(path, ballast_bytes=1) as journal:
        for batch in BATCHES:
            await journal.append(batch)
    with tampering(path) as db:
        db.execute(sql)
    async with open_journal(path, ballast_bytes=1):
        pytest.fail("it started")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM open_subjects WHERE subject = 'op-9'", "op-9 is said to be over"),
        ("INSERT INTO open_subjects VALUES ('op-1', 1)", "op-1 is said to be over"),
        ("DELETE FROM places WHERE subject = 'op-9' AND seq = 2", "not indexed"),
        ("UPDATE places SET subject = 'op-0' WHERE subject = 'op-9' AND seq = 2", "not indexed"),
    ],
)
def test_law_27_an_operation_that_the_index_forgot_is_missed(
    tmp_path: Path, sql: str, said: str
) -> None:
    """It would never be taken up again, with whatever it has sent."""
    with pytest.raises(JournalDamaged, match=said):
        anyio.run(an_index_that_lies, tmp_path / "journal.db", sql)


def test_the_first_broken_record_is_named_where_pages_are_unreadable(crashed: Files) -> None:
    """`audit verify` walks as far as it can, and never answers "intact" for what it cannot read."""
    chance = random.Random(3)
    named = 0

    async def verify(files: Files) -> int:
        with TemporaryDirectory() as name:
            for file, content in files.items():
                (Path(name) / file).write_bytes(content)
            try:
                async with open_reader(Path(name) / DATABASE) as reader:
                    report = await reader.verify()
                    found = [entry.record for entry in await reader.entries(limit=report.records)]
            except (JournalUnusable, sqlite3.DatabaseError, UnicodeDecodeError):
                return 0
            if report.intact:
                return 0
            assert report.first_broken == report.records + 1
            told = [record for batch in BATCHES for record in batch]
            assert found[: report.records] == told[: report.records]
            return 1

    for _ in range(4 * TRIALS):
        files = dict(crashed)
        database_flipped(files, chance)
        named += anyio.run(verify, files)
    assert named > 3
