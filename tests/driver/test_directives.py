"""What people lay down through the engine: durable when it says so, and there in the next life."""

from __future__ import annotations

import pytest

from rpcserver.core.decision import Admitted
from rpcserver.core.entries import Entry
from rpcserver.core.standing import DirectiveLifted, DirectiveSet, Word
from rpcserver.domain.directive import Halt, HaltLevel, HaltScope
from rpcserver.domain.errors import InvalidRequest, JournalBroken
from rpcserver.domain.ids import AccountRef
from tests.driver.world import (
    ALICE,
    PAPER,
    SIM,
    WatchedJournal,
    dying,
    flatten,
    held,
    open_venue,
    positions,
    running,
)

pytestmark = pytest.mark.anyio

WORD = Word(principal=ALICE, reason="enough for today", remote="127.0.0.1")
HALT = Halt(halt_id="halt-1", scope=HaltScope(account=AccountRef(PAPER, SIM)))
LOCK = Halt(halt_id="halt-2", scope=HALT.scope, level=HaltLevel.FLATTEN_AND_LOCK)


async def test_what_is_laid_down_is_durable_and_stands_in_the_next_life() -> None:
    journal = WatchedJournal()
    async with open_venue() as venue:
        async with running(journal, venue) as engine:
            await engine.lay_down(HALT, WORD)
            assert any(
                isinstance(record, DirectiveSet) for commit in journal.commits for record in commit
            )
        async with running(journal.reopened(), venue) as engine:
            assert list(engine.directives) == [HALT.name]
            assert engine.directives[HALT.name].reason == "enough for today"


async def test_what_is_taken_back_stands_no_more_and_everybody_hears_of_both() -> None:
    journal = WatchedJournal()
    heard: list[Entry] = []
    async with open_venue() as venue:
        async with running(journal, venue) as engine:
            engine.subscribe(heard.extend)
            await engine.lay_down(HALT, WORD)
            await engine.lift(HALT.name, WORD)
            with pytest.raises(InvalidRequest, match="unknown_directive"):
                await engine.lift(HALT.name, WORD)
        async with running(journal.reopened(), venue) as engine:
            assert not engine.directives

    told = [type(entry.record) for entry in heard]
    assert [kind for kind in told if kind in (DirectiveSet, DirectiveLifted)] == [
        DirectiveSet,
        DirectiveLifted,
    ]


async def test_what_it_closes_is_flat_and_it_stands() -> None:
    async with open_venue(held(3)) as venue, running(WatchedJournal(), venue) as engine:
        admitted = await engine.lay_down(LOCK, WORD, closing=flatten(key="halt-2"))
        assert isinstance(admitted, Admitted)
        report = await engine.finished(admitted.operation_id)

        assert report.flat
        assert not positions(venue)
        assert list(engine.directives) == [LOCK.name]


async def test_law_27_a_commit_that_raises_is_not_told_as_standing() -> None:
    journal = WatchedJournal()
    async with open_venue() as venue:
        with dying():
            async with running(journal, venue) as engine:
                with journal.lying_commits(), pytest.raises(JournalBroken):
                    await engine.lay_down(HALT, WORD)
        async with running(journal.reopened(), venue) as engine:
            assert list(engine.directives) == [HALT.name], "and is found, if it is there"


async def test_while_it_stops_the_engine_halts_but_opens_no_close() -> None:
    async with open_venue(held(3)) as venue, running(WatchedJournal(), venue) as engine:
        engine.stop_admitting()
        with pytest.raises(InvalidRequest, match="shutting_down"):
            await engine.lay_down(LOCK, WORD, closing=flatten(key="halt-2"))
        await engine.lay_down(HALT, WORD)

        assert list(engine.directives) == [HALT.name]
