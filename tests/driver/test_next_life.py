"""The life after a crash: it asks first, holds nobody up, and keeps what was promised."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import msgspec
import pytest

from rpcserver.core.report import OperationReport, Outcome
from rpcserver.core.requests import CloseRequest
from rpcserver.domain.capabilities import Capabilities, IdMemory
from rpcserver.domain.errors import OutcomeUnknown
from rpcserver.domain.ids import AccountRef, OperationId
from rpcserver.driver.engine import Engine
from rpcserver.driver.ports import Venue
from rpcserver.venues.paper.faults import ArriveLate, ClearFaults, CutLink, LoseEvents, LoseRequests
from tests.driver.world import (
    ALICE,
    MES,
    NQ,
    OTHER,
    PAPER,
    SIM,
    Call,
    WatchedJournal,
    WatchedVenue,
    fills,
    flatten,
    held,
    open_venue,
    order,
    placing,
    positions,
    running,
)

pytestmark = pytest.mark.anyio


async def crash_when(
    moment: Callable[[], bool], journal: WatchedJournal, *venues: Venue, request: CloseRequest
) -> tuple[WatchedJournal, OperationId]:
    """Begin an operation, and die when *moment* has come; what the next life finds."""
    async with running(journal, *venues) as engine:
        admitted = await engine.close(request)
        while not moment():
            await anyio.sleep(0.001)
    return journal.reopened(), admitted.operation_id


def _hanging(*kinds: str) -> Callable[[Call], Awaitable[None]]:
    async def hang(call: Call) -> None:
        if call.kind in kinds:
            await anyio.sleep_forever()

    return hang


async def test_law_24_nothing_is_sent_before_what_was_sent_is_known() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)
        venue.after = _hanging("submit")  # it is filled, and nobody hears the answer
        journal, name = await crash_when(
            lambda: not positions(paper), WatchedJournal(), venue, request=flatten()
        )
        venue = WatchedVenue(paper)

        async def hold_up(call: Call) -> None:
            if call.kind == "query":
                await anyio.sleep(3)

        venue.before = hold_up
        async with running(journal, venue) as engine:
            report = await engine.finished(name)

    assert report.flat
    assert not venue.called("submit"), "it was filled in the first life"
    assert venue.called("query", "snapshot")[0].kind == "query"
    assert len(fills(paper)) == 1


async def test_law_24_an_order_that_arrives_after_the_restart_is_not_sent_twice() -> None:
    """What was on the wire when we died lands while the next life asks about it."""
    async with open_venue(held(3)) as paper:
        await paper.control(ArriveLate(seconds=2.0, count=1))
        venue = WatchedVenue(paper)
        journal, name = await crash_when(
            lambda: bool(venue.called("submit")), WatchedJournal(), venue, request=flatten()
        )
        async with running(journal, venue) as engine:
            report = await engine.finished(name)

        assert report.flat
        assert not positions(paper)
        assert len(fills(paper)) == 1


async def test_each_leg_waits_for_its_own_orders_alone() -> None:
    """Law 30: another position, and another venue, are not held up by what is not known yet."""
    async with (
        open_venue(held(3), held(-2, NQ)) as paper,
        open_venue(held(5), venue=OTHER) as other,
    ):
        near, far = WatchedVenue(paper), WatchedVenue(other)
        everybody = flatten(SIM, AccountRef(OTHER, SIM))
        near.before = far.before = _hanging("submit")
        journal, name = await crash_when(
            lambda: len(near.called("submit")) + len(far.called("submit")) == 3,
            WatchedJournal(),
            near,
            far,
            request=everybody,
        )
        lost = next(call.name for call in near.called("submit"))
        near, far = WatchedVenue(paper), WatchedVenue(other)

        async def hold_up(call: Call) -> None:
            if call.kind == "query" and call.name == lost:
                await anyio.sleep(9)

        near.before = hold_up
        async with running(journal, near, far) as engine:
            began = anyio.current_time()
            while len(positions(paper)) + len(positions(other)) > 1:
                await anyio.sleep(0.01)
            assert anyio.current_time() - began < 5
            report = await engine.finished(name)

    assert report.flat
    assert not positions(paper)


@pytest.mark.parametrize("expires", [True, False])
async def test_a_venue_that_is_dead_after_the_restart_holds_up_no_other(expires: bool) -> None:
    async with (
        open_venue(held(3)) as paper,
        open_venue(held(5), venue=OTHER) as other,
    ):
        near, far = WatchedVenue(paper), WatchedVenue(other)
        near.before = far.before = _hanging("submit")
        journal, name = await crash_when(
            lambda: bool(near.called("submit") and far.called("submit")),
            WatchedJournal(),
            near,
            far,
            request=flatten(SIM, AccountRef(OTHER, SIM), deadline=40),
        )
        told = await other.capabilities()
        if not expires:
            told = msgspec.structs.replace(told, request_expiry=None)
        await other.control(CutLink())
        venues = WatchedVenue(paper), WatchedVenue(other, told)
        async with running(journal, *venues, known=False) as engine:
            began = anyio.current_time()
            while positions(paper):
                await anyio.sleep(0.01)
            assert anyio.current_time() - began < 3
            report = await engine.finished(name)
            assert anyio.current_time() - began < 50
            outcomes = {leg.position.venue: leg.outcome for leg in report.legs}
            assert outcomes == {PAPER: Outcome.FLAT, OTHER: Outcome.UNKNOWN}

            await other.control(ClearFaults())
            await anyio.sleep(20)
            # What it was sent may still arrive, unless it expires.
            assert bool(await engine.journal.unfinished()) is not expires
            again = await engine.close(flatten(AccountRef(OTHER, SIM)))
            assert (await engine.finished(again.operation_id)).flat
            assert not await engine.journal.unfinished(), "the next close has found it out"


async def test_a_deadline_is_not_prolonged_by_a_restart() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)
        await paper.control(LoseRequests())
        journal, name = await crash_when(
            lambda: anyio.current_time() > 10,
            WatchedJournal(),
            venue,
            request=flatten(deadline=20.0),
        )
        await anyio.sleep(5)  # nobody runs
        async with running(journal, venue) as engine:
            report = await engine.finished(name)

            assert 20 <= anyio.current_time() < 20 + 6, "the proof takes a moment"
            assert [leg.outcome for leg in report.legs] == [Outcome.UNKNOWN]
            assert positions(paper) == {(SIM, MES): 3}


async def test_a_deadline_that_passed_while_nobody_ran_sends_nothing_new() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)
        venue.before = _hanging("snapshot")
        journal, name = await crash_when(
            lambda: bool(venue.called("snapshot")),
            WatchedJournal(),
            venue,
            request=flatten(deadline=20.0),
        )
        await anyio.sleep(60)
        venue = WatchedVenue(paper)
        async with running(journal, venue) as engine:
            report = await engine.finished(name)

    assert not report.success
    assert not venue.called("submit")
    assert positions(paper) == {(SIM, MES): 3}


async def test_law_39_what_was_cancelled_before_a_crash_sends_nothing_after() -> None:
    async with open_venue(held(3)) as paper:
        journal, venue = WatchedJournal(), WatchedVenue(paper)
        venue.before = _hanging("submit")
        async with running(journal, venue) as engine:
            admitted = await engine.close(flatten())
            while not venue.called("submit"):
                await anyio.sleep(0.01)
            assert await engine.cancel(admitted.operation_id, ALICE)
        venue = WatchedVenue(paper)
        async with running(journal.reopened(), venue) as engine:
            report = await engine.finished(admitted.operation_id)

    assert report.cancelled
    assert not report.flat
    assert not venue.called("submit")
    assert positions(paper) == {(SIM, MES): 3}


async def test_followers_and_callers_of_the_next_life_hear_of_the_end() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)
        venue.before = _hanging("submit")
        journal, name = await crash_when(
            lambda: bool(venue.called("submit")),
            WatchedJournal(),
            venue,
            request=flatten(key="k"),
        )
        told: list[OperationReport] = []

        async def wait(engine: Engine) -> None:
            told.append(await engine.finished(name))

        async with running(journal, paper, known=False) as engine:
            assert engine.unfinished == (name,)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait, engine)
                again = await engine.close(flatten(key="k"))
            await wait(engine)

    assert (again.operation_id, again.duplicate) == (name, True)
    assert told[0] == told[1]
    assert told[0].flat


async def test_an_end_with_an_unknown_order_is_told_the_same_after_a_restart() -> None:
    """The operation has ended, and its order is still asked about: the report stays sealed."""
    forgetful = Capabilities(position_settle=0.2, not_found_settle=0.5, id_memory=IdMemory.NEVER)
    async with open_venue(held(3)) as paper:
        journal, venue = WatchedJournal(), WatchedVenue(paper, forgetful)
        await paper.control(LoseRequests(count=1))
        async with running(journal, venue) as engine:
            admitted = await engine.close(flatten(deadline=10))
            told = await engine.finished(admitted.operation_id)
        async with running(journal.reopened(), venue) as engine:
            again = await engine.finished(admitted.operation_id)
            assert await engine.load_report(admitted.operation_id) == told
            assert not engine.unfinished

    assert [leg.outcome for leg in told.legs] == [Outcome.UNKNOWN]
    assert told.audit_head
    assert again == told


async def test_an_order_of_a_client_is_asked_about_after_a_crash() -> None:
    async with open_venue() as paper:
        journal, venue = WatchedJournal(), WatchedVenue(paper)
        venue.after = _hanging("submit")
        await paper.control(LoseEvents())
        async with running(journal, venue) as engine:
            with anyio.move_on_after(1):
                await engine.place(placing(order("own")))
        journal = journal.reopened()
        assert await journal.unfinished()
        venue = WatchedVenue(paper)
        async with running(journal, venue):
            await anyio.sleep(3)

            assert not await journal.unfinished()
        assert not venue.called("submit")
        assert positions(paper) == {(SIM, MES): 1}


async def test_an_order_of_a_client_that_never_left_is_known_to_have_not() -> None:
    async with open_venue() as paper:
        journal, venue = WatchedJournal(), WatchedVenue(paper)
        venue.before = _hanging("submit")
        async with running(journal, venue) as engine, anyio.create_task_group() as tasks:
            tasks.start_soon(_place_in_vain, engine)
            await anyio.sleep(1)
            tasks.cancel_scope.cancel()
        journal = journal.reopened()
        async with running(journal, paper):
            await anyio.sleep(3)
            assert await journal.unfinished(), "it may still be taken"

            await anyio.sleep(15)
            assert not await journal.unfinished(), "a request of that age is refused"
        assert not positions(paper)


async def _place_in_vain(engine: Engine) -> None:
    with pytest.raises(OutcomeUnknown):
        await engine.place(placing(order("own")))
