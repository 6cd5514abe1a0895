"""What waited for its turn at a venue is looked at once more before it leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import anyio
import msgspec
import pytest

from rpcserver.core.records import OrderIntended, Record
from rpcserver.core.report import Outcome
from rpcserver.core.requests import CancelRequest
from rpcserver.domain.ids import AccountRef, InstrumentId
from rpcserver.domain.order import OrderReport, OrderRequest, OrderSide, OrderType
from rpcserver.venues.paper.commands import TradeAsOther
from tests.driver.world import (
    ALICE,
    CL,
    MES,
    NQ,
    PAPER,
    SIM,
    Call,
    WatchedJournal,
    WatchedVenue,
    flatten,
    held,
    open_venue,
    order,
    placing,
    positions,
    running,
)

pytestmark = pytest.mark.anyio


async def test_law_39_an_order_still_in_the_queue_is_not_sent_after_the_end() -> None:
    async with open_venue(held(3), held(-2, NQ)) as paper:
        capabilities = msgspec.structs.replace(await paper.capabilities(), concurrency=1)
        venue = WatchedVenue(paper, capabilities)
        hung: list[str] = []

        async def hang_once(call: Call) -> None:
            if call.kind == "submit" and not hung:
                hung.append(call.name)
                await anyio.sleep_forever()

        venue.before = hang_once
        async with running(WatchedJournal(), venue) as engine:
            admitted = await engine.close(flatten(everything=True, deadline=2.0))
            report = await engine.finished(admitted.operation_id)
            await anyio.sleep(30)

    assert not report.flat
    assert [call.name for call in venue.called("submit")] == hung
    assert len(positions(paper)) == 2


async def test_law_02_an_order_still_in_the_queue_is_not_sent_over_what_others_closed() -> None:
    async with open_venue(held(3), held(-5, NQ)) as paper:
        capabilities = msgspec.structs.replace(await paper.capabilities(), concurrency=1)
        venue = WatchedVenue(paper, capabilities)
        sizes: dict[str, Decimal] = {}

        async def others_trade(call: Call) -> None:
            if call.kind != "submit":
                return
            if len(venue.called("submit")) == 1:
                [second] = {MES, NQ} - {intended[call.name]}
                left = {MES: OrderSide.SELL, NQ: OrderSide.BUY}
                await paper.control(
                    TradeAsOther(
                        account=SIM, instrument=second, side=left[second], quantity=Decimal(2)
                    )
                )
                await anyio.sleep(1)
            else:
                held_now = positions(paper).get((SIM, intended[call.name]), Decimal(0))
                sizes[call.name] = abs(held_now)

        intended: dict[str, InstrumentId] = {}
        quantities: dict[str, Decimal] = {}
        journal = WatchedJournal()

        async def note(records: Sequence[Record]) -> None:
            for record in records:
                if isinstance(record, OrderIntended):
                    intended[record.order.client_order_id] = record.order.instrument
                    quantities[record.order.client_order_id] = record.order.quantity

        journal.before = note
        venue.before = others_trade
        async with running(journal, venue) as engine:
            admitted = await engine.close(flatten(everything=True))
            report = await engine.finished(admitted.operation_id)

    assert report.flat
    assert sizes
    assert all(quantities[name] <= there for name, there in sizes.items())


async def test_law_20_what_the_budget_held_up_until_the_deadline_is_proven_unsent() -> None:
    """Nothing is unknown about what never left us: the call ends with a proof of what is held."""
    instruments = (MES, NQ, CL)
    async with open_venue(*(held(3, name) for name in instruments)) as paper:
        told = await paper.capabilities()
        venue = WatchedVenue(paper, msgspec.structs.replace(told, message_budget=0.1))
        async with running(WatchedJournal(), venue) as engine:
            admitted = await engine.close(flatten(everything=True, deadline=2.0))
            report = await engine.finished(admitted.operation_id)
            at = anyio.current_time()

    assert at < 5.0
    assert Counter(leg.outcome for leg in report.legs) == {Outcome.FLAT: 1, Outcome.PARTIAL: 2}
    assert all(leg.proven_at is not None for leg in report.legs)


async def test_law_16_a_stop_whose_cancel_still_waits_is_left_when_its_call_is_cancelled() -> None:
    async with open_venue(held(3)) as paper:
        told = await paper.capabilities()
        venue = WatchedVenue(paper, msgspec.structs.replace(told, message_budget=0.5))
        async with running(WatchedJournal(), venue) as engine:
            for number in range(2):  # the budget is spent
                await engine.place(placing(_stop(f"stop-{number}", 1)))
            admitted = await engine.close(flatten(everything=True))
            await anyio.sleep(0.5)
            await engine.cancel(admitted.operation_id, ALICE)
            report = await engine.finished(admitted.operation_id)
            await anyio.sleep(30)

            assert len((await paper.snapshot(SIM)).orders) == 2
            assert venue.called("cancel") == []
            assert not report.legs[0].unprotected
            assert not report.legs[0].canceled
            await engine.cancel_order(_cancel_of((await paper.snapshot(SIM)).orders[0]))
            assert (await engine.finished((await engine.close(flatten())).operation_id)).flat
            assert (await paper.snapshot(SIM)).orders == ()


async def test_law_28_cancels_that_wait_for_long_at_the_door_leave_all_the_same() -> None:
    """However often they looked lost meanwhile: without them there is nothing to close freely."""
    async with open_venue(held(30)) as paper:
        told = await paper.capabilities()
        venue = WatchedVenue(paper, msgspec.structs.replace(told, message_budget=2))
        async with running(WatchedJournal(), venue) as engine:
            for number in range(30):
                await engine.place(placing(_stop(f"stop-{number}", 1)))
            admitted = await engine.close(flatten(everything=True))
            report = await engine.finished(admitted.operation_id)

    assert report.flat
    assert Counter(call.name for call in venue.called("cancel")).most_common(1)[0][1] == 1


async def test_law_16_of_two_that_shrink_a_stop_only_the_one_still_at_work_does() -> None:
    async with open_venue(held(10)) as paper:
        told = await paper.capabilities()
        venue = WatchedVenue(paper, msgspec.structs.replace(told, message_budget=0.5))
        async with running(WatchedJournal(), venue) as engine:
            await engine.place(placing(_stop("stop", 10)))
            more = await engine.close(flatten(quantity=8, request_id="r1"))
            less = await engine.close(flatten(quantity=5, request_id="r2"))
            await anyio.sleep(0.5)
            await engine.cancel(more.operation_id, ALICE)
            report = await engine.finished(less.operation_id)
            [stop] = (await paper.snapshot(SIM)).orders

    assert report.legs[0].outcome is Outcome.REDUCED
    assert stop.quantity == 5
    assert [call.kind for call in venue.called("change", "submit")] == [
        "submit",
        "change",
        "submit",
    ]
    assert venue.called("submit")[-1].at == pytest.approx(4.02, abs=0.02)  # no turn was wasted


def _stop(name: str, quantity: int) -> OrderRequest:
    return msgspec.structs.replace(
        order(name, OrderSide.SELL, quantity),
        type=OrderType.STOP_MARKET,
        stop_price=Decimal(50),
    )


def _cancel_of(report: OrderReport) -> CancelRequest:
    return CancelRequest(
        principal=ALICE, account=AccountRef(PAPER, SIM), venue_order_id=report.venue_order_id
    )
