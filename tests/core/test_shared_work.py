"""Operations that share a lane: what one of them did there outlives it, through any restart."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from rpcserver.core.commands import ChangeOrder, Command, QueryOrder, ReadAccount, SubmitOrder
from rpcserver.core.machine import apply
from rpcserver.core.records import FillCounted, OperationPlanned
from rpcserver.core.report import Outcome
from rpcserver.core.requests import LadderStep
from rpcserver.core.state import State
from rpcserver.domain.ids import ClientOrderId
from rpcserver.domain.order import OrderRequest, OrderSide, OrderType, RejectReason
from tests.core.asks import flatten
from tests.core.faults import LOSE_REQUEST, UNSENT, Fault, late
from tests.core.venue import ToyVenue, instrument
from tests.core.world import World


def test_law_16_a_guard_that_an_ended_operation_took_away_is_missed_after_a_restart() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    first = world.ask(flatten(limits={"ES": "105"}, request_id="a"))
    world.run(1)
    second = world.ask(flatten(limits={"ES": "104"}, request_id="b"))
    world.run(1)
    world.cancel(first)
    assert world.finish(first).legs[0].unprotected
    world.crash()
    world.run(1)

    world.cancel(second)
    report = world.finish(second)

    assert report.legs[0].unprotected, "the position is bare, whoever took its guard away"
    assert not world.state.operations


def test_law_38_what_targets_are_counted_from_outlives_a_restart() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    first = world.ask(flatten(limits={"ES": "105"}, request_id="a"))
    world.run(1)
    [order] = venue.working(key)
    venue.fill(order.venue_order_id, 4, world.time)
    world.pass_on_news()
    world.run(1)
    second = world.ask(flatten(limits={"ES": "105"}, request_id="b"))
    world.run(1)
    world.cancel(first)
    world.finish(first)
    world.crash()
    world.run(1)

    third = world.ask(flatten(fraction="0.5", request_id="c"))
    world.run(1)

    [plan] = [
        record
        for record in world.told(OperationPlanned)
        if isinstance(record, OperationPlanned) and record.operation_id == third
    ]
    assert plan.legs[0].target == 5, "half of what there was when the work on it began"
    assert second in world.state.operations


def test_law_06_an_overfill_stops_the_lane_after_a_restart_too() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.ask(flatten(quantity=4, limits={"ES": "105"}))
    world.run(1)
    [order] = venue.working(key)
    venue.fill(order.venue_order_id, 3, world.time)
    venue.overfill(order.venue_order_id, 2, world.time)
    world.pass_on_news()
    world.script(ReadAccount, *[LOSE_REQUEST] * 3)
    world.run(0.1)
    assert "overfill" in {alert.code for alert in world.alerts}

    world.crash()

    assert world.state.lanes[key].overfilled


def test_law_23_a_lane_that_was_let_go_does_not_rise_again() -> None:
    """Who left a lane early knows an order of whoever stayed: not that it has ended since."""
    good, bad = ToyVenue("good"), ToyVenue("bad")
    here, there = good.hold(10), bad.hold(10)
    world = World(good, bad)
    rungs = [LadderStep(offset_ticks=-9), LadderStep(offset_ticks=-7, after=2.0)]
    narrow = world.ask(flatten(here.account_ref, ladder=rungs, request_id="b"))
    world.run(1)
    accounts = (here.account_ref, there.account_ref)
    wide = world.ask(flatten(*accounts, fraction="0.5", limits={"ES": "105"}, request_id="a"))
    world.run(2)
    bad.stuck_cancels = True
    world.cancel(wide)
    world.run(1)
    [order] = good.working(here)
    good.fill(order.venue_order_id, 10, world.time)
    world.pass_on_news()
    world.run(1)
    assert narrow in world.ends
    assert wide not in world.ends

    world.crash()

    assert here not in world.state.lanes
    assert there in world.state.lanes


def test_law_06_what_filled_for_another_is_not_counted_anew_after_a_restart() -> None:
    good, bad = ToyVenue("good"), ToyVenue("bad")
    here, there = good.hold(10), bad.hold(10)
    world = World(good, bad)

    def is_here(command: Command) -> bool:
        return getattr(command, "account", None) == here.account_ref

    world.script(SubmitOrder, late(12.0), when=is_here)
    world.script(QueryOrder, *[LOSE_REQUEST] * 9, when=is_here)
    world.script(SubmitOrder, *[LOSE_REQUEST] * 9)
    wide = world.ask(flatten(here.account_ref, there.account_ref, deadline=3, request_id="a"))
    world.run(0.025)
    world.silence(bad, Fault(arrives=None, answered=False, timeout=1.0))
    narrow = world.ask(flatten(here.account_ref, limits={"ES": "99"}, request_id="b"))
    world.finish(wide)
    assert wide in world.state.operations, "its order there is unknown"
    assert world.finish(narrow).flat

    world.crash()
    world.run(3)

    assert here not in world.state.lanes
    counted = [each for each in world.told(FillCounted) if getattr(each, "lane", None) == here]
    assert len(counted) == 1


def test_law_37_what_a_later_operation_found_there_is_told_by_the_earlier_one_too() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    first = world.ask(flatten(fraction="0.5", limits={"ES": "105"}, deadline=20, request_id="a"))
    world.run(1)
    venue.rest(key, OrderSide.SELL, 1)
    second = world.ask(flatten(limits={"ES": "104"}, deadline=20, request_id="b"))

    world.finish(first, second)

    alone = State()
    for record in world.book.operation(first):
        apply(alone, record)
    assert alone.reports[first] == world.reports[first]
    assert len(world.reports[first].legs[0].canceled) == 1


def test_law_37_a_clients_own_order_that_was_swept_is_told_by_the_operation_alone() -> None:
    """No reading showed it, and its own records are closed when it ends."""
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    stop = OrderRequest(
        client_order_id=ClientOrderId("guard"),
        account=key.account,
        instrument=key.instrument,
        side=OrderSide.SELL,
        quantity=Decimal(10),
        type=OrderType.STOP_MARKET,
    )
    world.place(key.account_ref, stop)
    world.run(1)
    [order] = venue.working(key)
    venue.cancel(order.venue_order_id, world.time)
    operation = world.ask(flatten(limits={"ES": "105"}, deadline=10))

    world.finish(operation)

    alone = State()
    for record in world.book.operation(operation):
        apply(alone, record)
    assert alone.reports[operation] == world.reports[operation]
    assert world.reports[operation].legs[0].canceled == ("guard",)
    assert world.reports[operation].legs[0].unprotected


def test_law_16_a_guard_whose_cancel_was_under_way_already_is_missed_too() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    guard = venue.rest(key, OrderSide.SELL, 10)
    venue.stuck_cancels = True
    venue.cancel(guard, 0.0)
    world = World(venue)
    operation = world.ask(flatten(limits={"ES": "105"}))
    world.run(1)
    venue.unstick(world.time)
    world.pass_on_news()
    world.run(1)

    world.cancel(operation)

    assert world.finish(operation).legs[0].unprotected


def test_law_16_a_guard_that_was_to_be_shrunk_and_goes_altogether_is_missed() -> None:
    venue = ToyVenue()
    venue.capabilities = msgspec.structs.replace(
        venue.capabilities, change_orders=True, reduce_only_counts_resting=True
    )
    key = venue.hold(10)
    guard = venue.rest(key, OrderSide.SELL, 10)
    venue.stuck_cancels = True
    venue.cancel(guard, 0.0)
    world = World(venue)
    operation = world.ask(flatten(fraction="0.5"))
    world.run(1)
    venue.unstick(world.time)
    world.pass_on_news()

    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.REDUCED
    assert report.legs[0].unprotected


def test_law_16_a_guard_that_is_canceled_while_it_is_being_shrunk_is_missed() -> None:
    """The cancel of a call that has ended may land after the next one found the guard at work."""
    venue = ToyVenue()
    venue.capabilities = msgspec.structs.replace(
        venue.capabilities, change_orders=True, reduce_only_counts_resting=True
    )
    key = venue.hold(10)
    guard = venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    world.script(ChangeOrder, LOSE_REQUEST)

    def cancel_lands() -> None:
        venue.cancel(guard, world.time)
        world.pass_on_news()

    world.later(0.2, cancel_lands)
    operation = world.ask(flatten(fraction="0.5"))

    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.REDUCED
    assert report.legs[0].unprotected


def test_law_28_slices_that_are_refused_together_are_one_attempt() -> None:
    venue = ToyVenue("toy", instrument("ES", maximum=Decimal(1)))
    key = venue.hold(15)
    world = World(venue)
    world.script(SubmitOrder, *[Fault(unsent=True, retry_after=2.0)] * 15)

    assert world.close(flatten()).flat
    assert venue.position(key) == 0


def test_law_29_where_slices_were_refused_one_alone_is_tried_next() -> None:
    venue = ToyVenue("toy", instrument("ES", maximum=Decimal(1)))
    venue.hold(15)
    world = World(venue)
    world.script(SubmitOrder, *[Fault(refused=RejectReason.INSUFFICIENT_MARGIN)] * 40)

    report = world.close(flatten())

    assert report.legs[0].outcome is Outcome.REJECTED
    assert len(world.submitted()) < 15 + 8


def test_law_28_what_was_called_off_for_one_is_no_attempt_of_the_others() -> None:
    """Slices that waited at the venue's door when their call was cancelled have tried nothing."""
    venue = ToyVenue("toy", instrument("ES", maximum=Decimal(1)))
    key = venue.hold(15)
    world = World(venue)
    world.script(SubmitOrder, *[UNSENT] * 15)
    first = world.ask(flatten(request_id="one"))
    second = world.ask(flatten(request_id="two", principal="bob"))
    world.run(0.025)
    assert {order.operation_id for order in world.state.lane(key).orders.values()} == {first}
    world.cancel(first)

    assert world.finish(second).flat
    assert venue.position(key) == 0
