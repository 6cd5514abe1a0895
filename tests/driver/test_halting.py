"""Halts at the venues: what they cancel, what they close, and what a crash does not undo."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import anyio
import msgspec
import pytest

from rpcserver.core.records import CancelIntended, ChangeWithdrawn, OrderEnd, OrderEnded
from rpcserver.core.requests import ChangeRequest
from rpcserver.core.standing import Word
from rpcserver.domain.directive import Halt, HaltLevel, HaltScope
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef, PrincipalId
from rpcserver.domain.order import OrderSide
from rpcserver.driver.engine import Engine
from rpcserver.driver.halting import keep_halts, lay_halt
from rpcserver.driver.ports import Venue
from rpcserver.venues.paper import Control
from rpcserver.venues.paper.faults import ClearFaults, CutLink
from tests.driver.world import (
    ALICE,
    MES,
    NQ,
    PAPER,
    SIM,
    SIM2,
    Call,
    WatchedJournal,
    WatchedVenue,
    held,
    open_venue,
    order,
    placing,
    positions,
    running,
)

pytestmark = pytest.mark.anyio

RISK = Word(principal=PrincipalId("risk"), reason="enough", remote="10.0.0.7")
SELL = OrderSide.SELL


def halt(level: HaltLevel, **scope: object) -> Halt:
    return Halt(halt_id="halt-1", scope=HaltScope(**scope), level=level)  # type: ignore[arg-type]


NO_RISK = halt(HaltLevel.NO_NEW_RISK)
CANCEL = halt(HaltLevel.CANCEL)
LOCK = halt(HaltLevel.FLATTEN_AND_LOCK)


@asynccontextmanager
async def keeping(journal: WatchedJournal, *venues: Venue) -> AsyncIterator[Engine]:
    """An engine whose halts are kept."""
    async with running(journal, *venues) as engine, anyio.create_task_group() as tasks:
        tasks.start_soon(keep_halts, engine)
        yield engine
        tasks.cancel_scope.cancel()


async def working(venue: Venue) -> set[str]:
    return {str(o.client_order_id) for o in (await venue.snapshot(SIM)).orders}


async def test_a_halted_order_is_refused_and_an_exit_is_not() -> None:
    async with open_venue(held(3)) as venue, running(WatchedJournal(), venue) as engine:
        await anyio.sleep(5)
        await lay_halt(engine, NO_RISK, RISK)

        with pytest.raises(InvalidRequest, match="halted"):
            await engine.place(placing(order("more")))
        await engine.place(placing(order("less", SELL, 2)))

        assert positions(venue) == {(SIM, MES): 1}


async def test_an_account_that_does_not_answer_cannot_vouch_for_an_order() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)
        async with running(WatchedJournal(), venue) as engine:
            await lay_halt(engine, NO_RISK, RISK)

            async def hang(call: Call) -> None:
                if call.kind == "snapshot":
                    await anyio.sleep_forever()

            venue.before = hang
            with pytest.raises(InvalidRequest, match="was not read"):
                await engine.place(placing(order("less", SELL, 2)))


async def test_what_is_not_halted_is_not_read_either() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)
        async with running(WatchedJournal(), venue) as engine:
            await lay_halt(
                engine, halt(HaltLevel.NO_NEW_RISK, account=AccountRef(PAPER, SIM2)), RISK
            )
            venue.calls.clear()
            await engine.place(placing(order("more")))

            assert not venue.called("snapshot")


async def test_no_new_risk_leaves_what_works_and_says_so() -> None:
    async with open_venue() as venue, running(WatchedJournal(), venue) as engine:
        await engine.place(placing(order("resting", limit="90")))
        halted = await lay_halt(engine, NO_RISK, RISK)

        assert len(halted.swept.left) == 1
        assert not halted.swept.canceled
        assert await working(venue) == {"resting"}


async def test_cancel_takes_what_could_open_and_leaves_what_protects() -> None:
    journal = WatchedJournal()
    async with open_venue(held(2)) as venue, running(journal, venue) as engine:
        await engine.place(placing(order("adds", limit="90")))
        await engine.place(placing(order("opens", SELL, limit="99999", instrument=NQ)))
        await engine.place(placing(order("protects", SELL, 2, limit="99999")))

        halted = await lay_halt(engine, CANCEL, RISK)

        assert len(halted.swept.canceled) == 2
        assert await working(venue) == {"protects"}
    canceled = [r for commit in journal.commits for r in commit if isinstance(r, CancelIntended)]
    assert {(r.principal, r.remote, r.why) for r in canceled} == {("risk", "10.0.0.7", "halt-1")}


async def test_law_09_an_order_on_its_way_is_found_by_the_sweep() -> None:
    async with open_venue() as paper:
        venue = WatchedVenue(paper)

        async def dawdle(call: Call) -> None:
            if call.kind == "submit":
                await anyio.sleep(1.0)

        venue.before = dawdle
        async with running(WatchedJournal(), venue) as engine, anyio.create_task_group() as tasks:
            tasks.start_soon(engine.place, placing(order("late", limit="90")))
            await anyio.sleep(0.5)
            halted = await lay_halt(engine, CANCEL, RISK)

            assert len(halted.swept.canceled) == 1
            assert not await working(paper)


async def test_flatten_and_lock_closes_and_stays_and_opens_again_when_released() -> None:
    async with (
        open_venue(held(2), held(-1, NQ)) as venue,
        running(WatchedJournal(), venue) as engine,
    ):
        await engine.place(placing(order("resting", limit="90")))
        halted = await lay_halt(engine, LOCK, RISK)
        assert halted.closing is not None
        report = await engine.finished(halted.closing.operation_id)

        assert report.flat
        assert not positions(venue)
        assert not await working(venue)
        with pytest.raises(InvalidRequest, match="halted"):
            await engine.place(placing(order("more")))
        await engine.lift(LOCK.name, RISK)
        await engine.place(placing(order("again")))
        assert positions(venue) == {(SIM, MES): 1}


async def test_law_25_a_crash_right_after_it_is_durable_flattens_once() -> None:
    journal = WatchedJournal()
    async with open_venue(held(2)) as paper:
        venue = WatchedVenue(paper)

        async def hang(call: Call) -> None:
            if call.kind in ("submit", "snapshot", "cancel"):
                await anyio.sleep_forever()

        venue.before = hang
        async with running(journal, venue) as engine:
            with anyio.move_on_after(1.0):
                await lay_halt(engine, LOCK, RISK)
            [operation] = engine.unfinished
        async with keeping(journal.reopened(), paper) as engine:
            report = await engine.finished(operation)
            await anyio.sleep(60)

            assert report.flat
            assert not positions(paper)
            assert len(await engine.journal.operations()) == 1
            assert list(engine.directives) == [LOCK.name]


async def test_what_a_crash_kept_from_being_canceled_is_canceled_by_the_next_life() -> None:
    journal = WatchedJournal()
    async with open_venue() as paper:
        venue = WatchedVenue(paper)
        async with running(journal, venue) as engine:
            await engine.place(placing(order("resting", limit="90")))

            async def hang(call: Call) -> None:
                if call.kind == "cancel":
                    await anyio.sleep_forever()

            venue.before = hang
            with anyio.move_on_after(1.0):
                await lay_halt(engine, CANCEL, RISK)
        assert await working(paper)
        async with keeping(journal.reopened(), paper):
            await anyio.sleep(30)
            assert not await working(paper)


async def test_a_venue_that_was_away_is_swept_when_it_is_back() -> None:
    async with open_venue() as venue, keeping(WatchedJournal(), venue) as engine:
        await engine.place(placing(order("resting", limit="90")))
        await venue.control(CutLink())
        halted = await lay_halt(engine, CANCEL, RISK)
        assert halted.swept.unread == (AccountRef(PAPER, SIM),)

        await venue.control(ClearFaults())
        await anyio.sleep(30)

        assert not await working(venue)
        alerts = [e.record for e in await engine.journal.entries() if "halt_swept" in str(e.record)]
        assert len(alerts) == 1


async def test_a_narrow_halt_cancels_only_what_it_covers() -> None:
    async with (
        open_venue(accounts=(SIM, SIM2)) as venue,
        running(WatchedJournal(), venue) as engine,
    ):
        await engine.place(placing(order("here", limit="90")))
        other = order("there", limit="90", account=SIM2)
        await engine.place(placing(other))
        mine = msgspec.structs.replace(other, client_order_id="tagged", tag="mine")
        await engine.place(placing(msgspec.structs.replace(mine, quantity=Decimal(1))))

        await lay_halt(engine, halt(HaltLevel.CANCEL, tag="mine"), RISK)

        assert await working(venue) == {"here"}
        left = await venue.snapshot(SIM2)
        assert [o.client_order_id for o in left.orders] == ["there"]


# --- what waits to leave when a halt comes -------------------------------------------------------


@asynccontextmanager
async def budgeted(
    journal: WatchedJournal, *scene: Control
) -> AsyncIterator[tuple[WatchedVenue, Engine]]:
    """An engine at a venue that bears one message a second, whose first has just gone."""
    async with open_venue(*scene) as paper:
        told = await paper.capabilities()
        venue = WatchedVenue(paper, msgspec.structs.replace(told, message_budget=1.0))
        async with running(journal, venue) as engine:
            await anyio.sleep(5)
            await engine.place(placing(order("first", limit="90")))
            yield venue, engine


async def _halt_while(engine: Engine, ask: Callable[[], Awaitable[object]]) -> list[str]:
    """Halt new risk while what is asked waits to leave; the codes with which it was refused."""
    codes: list[str] = []

    async def asking() -> None:
        try:
            await ask()
        except InvalidRequest as refused:
            codes.append(refused.code)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(asking)
        await anyio.sleep(0.2)
        await lay_halt(engine, NO_RISK, RISK)
    return codes


async def test_law_09_what_waits_for_the_budget_does_not_leave_into_a_halt() -> None:
    journal = WatchedJournal()
    async with budgeted(journal, held(3)) as (venue, engine):
        codes = await _halt_while(engine, lambda: engine.place(placing(order("second"))))

        assert codes == ["halted"]
        await anyio.sleep(5)
        assert [call.name for call in venue.called("submit")] == ["first"]
        assert not [name for name in engine.own_orders if name == "second"]
    [end] = [r for commit in journal.commits for r in commit if isinstance(r, OrderEnded)]
    assert (end.client_order_id, end.end) == ("second", OrderEnd.UNSENT)
    assert "halt-1" in end.detail


async def test_law_10_a_reducing_order_that_waits_leaves_into_a_halt() -> None:
    async with budgeted(WatchedJournal(), held(3)) as (venue, engine):
        reducing = msgspec.structs.replace(order("less", SELL), reduce_only=True)
        codes = await _halt_while(engine, lambda: engine.place(placing(reducing)))

        assert codes == []
        assert [call.name for call in venue.called("submit")] == ["first", "less"]


@pytest.mark.parametrize("only_smaller", [False, True])
async def test_a_change_that_waits_leaves_into_a_halt_only_to_make_it_smaller(
    only_smaller: bool,
) -> None:
    journal = WatchedJournal()
    async with budgeted(journal) as (venue, engine):
        changed = order("first", quantity=2, limit="91")
        [working] = (await venue.venue.snapshot(SIM)).orders
        request = ChangeRequest(
            principal=ALICE,
            account=AccountRef(PAPER, SIM),
            venue_order_id=working.venue_order_id,
            changed=changed,
            quantity=changed.quantity,
            only_smaller=only_smaller,
        )
        codes = await _halt_while(engine, lambda: engine.change_order(request))

        assert codes == ([] if only_smaller else ["halted"])
        assert len(venue.called("change")) == only_smaller
    withdrawn = [r for commit in journal.commits for r in commit if isinstance(r, ChangeWithdrawn)]
    assert len(withdrawn) == (not only_smaller)
