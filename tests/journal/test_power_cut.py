"""
The power fails, at any moment: what was acknowledged is there, and nothing else is there by half.

`kill -9` cannot tell a journal that syncs from one that does not; a disk that forgets can. How the
shim works, and what it takes on trust, says `shim.py`. `make powercut` cuts many times more.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcserver.core.events import Now
from rpcserver.core.machine import apply, recover
from rpcserver.core.pruning import Pruned
from rpcserver.core.records import Record
from rpcserver.core.state import State
from rpcserver.domain.errors import JournalBroken
from rpcserver.domain.order import OrderSide
from rpcserver.journal.errors import JournalUnusable
from rpcserver.journal.memory import MemoryJournal
from rpcserver.journal.sqlite import open_journal
from tests.driver import virtual_time
from tests.driver.world import (
    CL,
    MES,
    NQ,
    WatchedJournal,
    flatten,
    open_venue,
    order,
    placing,
    running,
)
from tests.driver.world import held as hold
from tests.journal.disk import Disk, Told
from tests.journal.shim import Faults, over
from tests.journal.stories import NOON, Story, halted, moment, noted, token, token_hash
from tests.luck import seed_of

CUTS = int(os.environ.get("POWER_CUTS", "150"))
CUTS_A_RUN = 25
SEED = seed_of("POWER_SEED")

Recorder = Callable[[str, object], None]
Batches = Sequence[Sequence[Record]]


class Lives:
    """What some lives of a server journaled, batch by batch, and what the disk saw of it."""

    def __init__(self, lives: Sequence[Batches]) -> None:
        self.lives = lives
        self.batches = [batch for life in lives for batch in life]
        self.ends = [0, *accumulate(len(batch) for batch in self.batches)]
        self.disk = Disk()
        self.faults = Faults()
        self.broken: list[JournalBroken | JournalUnusable] = []

    async def live(self, directory: Path) -> None:
        """Live them all, or until a commit raises."""
        with over(self.disk, self.faults) as connection:
            for number, batches in enumerate(self.lives):
                try:
                    await self._one(directory / "journal.db", connection, number, batches)
                except (JournalBroken, JournalUnusable) as exc:
                    self.broken.append(exc)
                    return

    async def _one(self, path: Path, connection: type, number: int, batches: Batches) -> None:
        async with open_journal(path, ballast_bytes=1, connection=connection) as journal:
            for batch in batches:
                self.disk.do(Told("asked", journal.head.audit_seq + len(batch)))
                await journal.append(batch)
                self.disk.do(Told("records", journal.head.audit_seq))
            name = f"tok-{number}"
            await journal.add_token(token(name, at=number), token_hash(name))
            self.disk.do(Told("tokens", number + 1))
            await journal.revoke_token(token(name).token_id, moment(number))
            self.disk.do(Told("revocations", number + 1))


async def found_after(lives: Lives, at: int, seed: int) -> None:
    """Start the server's own journal on what a cut left, and hold it to what was told."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        for file, content in lives.disk.after_a_cut(at, seed).items():
            (directory / file).write_bytes(content)
        async with open_journal(directory / "journal.db", ballast_bytes=1) as journal:
            report = await journal.verify()
            assert report.intact, report
            count = report.records

            assert lives.disk.told_before(at, "records") <= count, "an acknowledged record is lost"
            assert count <= lives.disk.told_before(at, "asked")
            assert count in lives.ends, "a batch is there by half"

            remembered = MemoryJournal()
            for batch, end in zip(lives.batches, lives.ends[1:], strict=True):
                if end <= count:
                    await remembered.append(batch)
            assert journal.head == remembered.head, "not byte for byte what was acknowledged"
            assert await journal.entries() == list(await remembered.entries())
            assert list(await journal.operations()) == list(await remembered.operations())
            unfinished = await journal.unfinished()
            assert list(unfinished) == list(await remembered.unfinished())

            tokens = await journal.tokens()
            assert lives.disk.told_before(at, "tokens") <= len(tokens)
            revoked = sum(row.revoked_at is not None for row in tokens)
            assert lives.disk.told_before(at, "revocations") <= revoked

            state = State()
            for record in unfinished:
                apply(state, record)
            decision = recover(state, Now(mono=0.0, wall=NOON))
            await journal.append([r for r in decision.changes if isinstance(r, Record)])
            assert (await journal.verify()).records == count + 1


@cache
def journaled(seed: int) -> Batches:
    """What an engine really journals, commit by commit, while several things happen at once."""
    chance = random.Random(seed)

    async def work() -> Batches:
        journal = WatchedJournal()
        held = [hold(chance.randint(-9, 9) or 1, name) for name in (MES, NQ, CL)]
        async with open_venue(*held) as venue, running(journal, venue) as engine:
            await engine.place(placing(order("resting", OrderSide.SELL, limit="99999")))
            async with anyio.create_task_group() as tasks:
                for name in (MES, NQ, CL):
                    part = chance.choice((None, 1))
                    request = flatten(instruments=(name,), quantity=part, request_id=name)
                    tasks.start_soon(engine.close, request)
                    await anyio.sleep(chance.choice((0, 0.01, 0.1)))
            await anyio.sleep(chance.choice((0.01, 0.1, 10)))
            return journal.commits

    return virtual_time.run(work, seed)


def history(seed: int) -> Lives:
    """Some batches, a few large ones among them, over some lives of the server."""
    chance = random.Random(seed)
    lives: list[list[Sequence[Record]]] = [[]]
    for batch in journaled(seed % 20):
        lives[-1].append(batch)
        if chance.random() < 0.2:
            lives[-1].append([noted("x" * chance.choice((10, 5_000, 20_000)))])
        if chance.random() < 0.1:
            lives.append([])
    return Lives(lives)


@contextmanager
def busy_checkpoints(pages: int) -> Iterator[None]:
    """Checkpoints after every few pages: in these short lives there would be none otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rpcserver.journal.checkpoint.CHECKPOINT_PAGES", pages)
        patch.setattr("rpcserver.journal.checkpoint.LAST_RESORT_PAGES", 2 * pages)
        yield


def lived(lives: Lives) -> Lives:
    """*lives*, once they are over."""
    with TemporaryDirectory() as directory:
        anyio.run(lives.live, Path(directory))
    return lives


def cut_often(seed: int, cuts: int) -> list[str]:
    """Cut the power *cuts* times, each run at several moments: what was lost, and where."""
    wrong: list[str] = []
    for first in range(0, cuts, CUTS_A_RUN):
        lives = lived(history(seed + first))
        assert not lives.broken
        chance = random.Random(seed + first)
        for cut in range(first, min(first + CUTS_A_RUN, cuts)):
            at = chance.randint(0, len(lives.disk.steps))
            try:
                anyio.run(found_after, lives, at, cut)
            except (AssertionError, JournalUnusable, sqlite3.Error) as exc:
                wrong.append(f"history {seed + first}, step {at}, cut {cut}: {exc}")
    return wrong


@given(seed=st.integers(0, 2**32), at=st.floats(0, 1), cut=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_law_22_what_was_acknowledged_outlives_a_power_cut(seed: int, at: float, cut: int) -> None:
    with busy_checkpoints(pages=20):
        lives = lived(history(seed))
    assert not lives.broken
    anyio.run(found_after, lives, round(at * len(lives.disk.steps)), cut)


def test_law_22_it_does_so_at_many_moments_of_many_histories() -> None:
    """POWER_CUTS says how often it cuts; POWER_SEED repeats what it found."""
    with busy_checkpoints(pages=20):
        wrong = cut_often(SEED, CUTS)
    assert not wrong, f"POWER_SEED={SEED}, {len(wrong)} of {CUTS} cuts: {wrong[:3]}"


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_the_shim_catches_a_journal_that_does_not_sync(
    synchronous: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault that nothing else can see: so the shim is alive."""
    plant_pragmas(monkeypatch, synchronous, "connection", "checkpoint", "writer")
    with busy_checkpoints(pages=20):
        wrong = cut_often(1, 100)

    assert len(wrong) > 10, "hardly a loss was seen"
    assert any("an acknowledged record is lost" in loss for loss in wrong)


def test_the_shim_catches_a_revoked_token_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens are written on a connection of their own, which must sync by itself."""
    plant_pragmas(monkeypatch, "NORMAL", "connection")
    lives = lived(Lives([[[noted()]]]))
    at = lives.disk.steps.index(Told("revocations", 1)) + 1

    losses = []
    for cut in range(20):
        try:
            anyio.run(found_after, lives, at, cut)
        except AssertionError as exc:
            losses.append(str(exc))
    assert any("revocations" in loss for loss in losses)


def plant_pragmas(monkeypatch: pytest.MonkeyPatch, synchronous: str, *modules: str) -> None:
    """Let connections that *modules* open sync less than they should."""
    for module in modules:
        planted = (f"PRAGMA synchronous = {synchronous}",)
        monkeypatch.setattr(f"rpcserver.journal.{module}.DURABLE", planted)


# --- a pruning ------------------------------------------------------------------------------------


class Pruning(Lives):
    """A life in which the front of what was journaled is pruned."""

    async def _one(self, path: Path, connection: type, number: int, batches: Batches) -> None:
        await super()._one(path, connection, number, batches)
        async with open_journal(path, ballast_bytes=1, connection=connection) as journal:
            through = await journal.prunable(moment(10))
            [last] = await journal.links(after=through - 1, limit=1)
            record = Pruned(
                at=moment(10),
                mono=0.0,
                through=through,
                audit_hash=last.head.audit_hash,
                records=through,
                archive="audit.jsonl",
            )
            self.disk.do(Told("asked", journal.head.audit_seq + 1))
            self.disk.do(Told("pruning", through))
            await journal.prune(record)
            self.disk.do(Told("pruned", through))


async def found_pruned(lives: Lives, at: int, seed: int) -> None:
    """Whatever a cut left of a pruning is whole, recovers, and comes to its end."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        for file, content in lives.disk.after_a_cut(at, seed).items():
            (directory / file).write_bytes(content)
        async with open_journal(directory / "journal.db", ballast_bytes=1) as journal:
            report, anchor = await journal.verify(), await journal.anchor()
            assert report.intact, report
            assert anchor.audit_seq <= lives.disk.told_before(at, "pruning")
            assert lives.disk.told_before(at, "pruned") <= anchor.audit_seq
            assert report.records == journal.head.audit_seq - anchor.audit_seq
            unfinished = list(await journal.unfinished())

            await journal.finish_pruning()
            assert (await journal.verify()).intact
            assert list(await journal.unfinished()) == unfinished
            assert (await journal.anchor()).audit_seq in (0, lives.disk.told_before(at, "pruning"))
            await journal.append([noted()])


def test_law_27_a_pruning_that_a_power_cut_ends_leaves_a_chain_that_is_whole() -> None:
    """At many moments of it: what is gone is spoken of, and nothing is gone by half."""
    story = Story("op-9", at=100)
    batches: Batches = [
        [noted("x" * 200) for _ in range(300)],
        Story("op-1").whole(),
        [story.opened(), story.intended(), halted("one")],
    ]
    with busy_checkpoints(pages=20):
        lives = lived(Pruning([batches]))
    assert not lives.broken
    begun = lives.disk.steps.index(Told("pruning", 305))
    chance = random.Random(SEED)
    for cut in range(40):
        at = chance.randint(begun + 1, len(lives.disk.steps))
        anyio.run(found_pruned, lives, at, cut)


# --- a disk that says no -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC],
    ids=["full", "write", "sync"],
)
def test_law_27_whichever_call_the_disk_refuses_nothing_is_lost_or_half_there(code: int) -> None:
    """
    The N-th write or sync fails, for every N; then the power is cut, too.

    The journal has said that it is broken, or has all it acknowledged.
    """
    broken = 0
    for at in range(1, 500):
        lives = Lives([[[noted("x" * 6_000)], *journaled(1)[:6]]])
        lives.faults.plan(at, code)
        with busy_checkpoints(pages=5):
            lived(lives)
        if not lives.faults.happened:
            break
        broken += bool(lives.broken)
        anyio.run(found_after, lives, len(lives.disk.steps), at)
    assert not lives.faults.happened, "the history never came to its end"
    assert broken > 5
