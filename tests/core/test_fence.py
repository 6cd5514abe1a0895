"""Working orders are canceled or shrunk first, and waited for; what they filled counts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rpcserver.core.commands import CancelOrder, ChangeOrder, QueryOrder, SubmitOrder
from rpcserver.core.records import FencePassed, FenceRaised
from rpcserver.core.report import Outcome
from rpcserver.core.requests import OnFence
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.order import OrderSide, OrderType
from tests.core.asks import exactly, flatten
from tests.core.faults import LOSE_ANSWER, LOSE_REQUEST, TWICE, Fault, late, slow
from tests.core.venue import ToyVenue, instrument
from tests.core.world import World


def times(world: World, kind: type) -> list[float]:
    return [time for time, command in world.performed if isinstance(command, kind)]


def ways(world: World) -> list[str]:
    """How each fence was passed."""
    return [record.how for record in world.book.records if isinstance(record, FencePassed)]


def test_law_03_nothing_is_sent_before_every_cancel_is_proven() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    stop = venue.rest(key, OrderSide.SELL, 10)
    target = venue.rest(key, OrderSide.SELL, 10, OrderType.LIMIT)
    world = World(venue)
    world.script(CancelOrder, Fault(arrives=0.3), Fault(arrives=0.6))

    report = world.close(flatten())

    assert report.flat
    assert set(report.legs[0].canceled) == {stop, target}
    assert times(world, SubmitOrder)[0] >= times(world, CancelOrder)[1] + 0.6
    assert not report.legs[0].unprotected


def test_law_03_the_news_of_a_cancel_is_as_good_as_its_answer() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    world.script(CancelOrder, LOSE_ANSWER)

    report = world.close(flatten())

    assert report.flat
    assert times(world, SubmitOrder)[0] < 0.2


def test_law_03_a_lost_cancel_is_asked_about() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    world.streams = False
    world.script(CancelOrder, LOSE_ANSWER)

    report = world.close(flatten())

    assert report.flat
    assert world.sent(QueryOrder)
    assert times(world, SubmitOrder)[0] < 2.0


def test_law_28_a_cancel_that_never_arrived_is_sent_again() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    world.script(CancelOrder, LOSE_REQUEST)

    report = world.close(flatten())

    assert report.flat
    assert not venue.working(key)
    assert len(world.sent(CancelOrder)) == 2


@pytest.mark.parametrize("filled", [3, 10])
def test_law_04_a_fill_during_the_cancel_lowers_what_is_closed(filled: int) -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    stop = venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    world.script(CancelOrder, slow(0.2))
    operation = world.ask(flatten())
    world.later(0.025, lambda: venue.fill(stop, filled, world.time))  # before the cancel lands

    report = world.finish(operation)

    assert report.flat
    assert sum(order.quantity for order in world.submitted()) == 10 - filled
    assert venue.position(key) == 0


def test_law_04_a_cancel_that_is_refused_as_too_late_is_a_fill_to_be_fetched() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    stop = venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    world.streams = False
    operation = world.ask(flatten())
    world.later(0.025, lambda: venue.fill(stop, 10, world.time))

    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.FLAT
    assert not world.submitted()
    assert report.legs[0].closed == 0, "it was not ours to count"


def test_uncontested_closes_what_the_stuck_order_cannot_touch_and_goes_on_watching() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 4)
    venue.stuck_cancels = True
    world = World(venue)

    operation = world.ask(flatten(on_fence=OnFence.UNCONTESTED))
    world.run(10.0)

    assert ways(world) == ["uncontested"]
    assert [order.quantity for order in world.submitted()] == [6]
    assert venue.position(key) == 4

    venue.unstick(world.time)
    world.pass_on_news()
    report = world.finish(operation)

    assert report.flat
    assert [order.quantity for order in world.submitted()] == [6, 4]


def test_uncontested_ends_partial_when_the_stuck_order_stays() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 4)
    venue.stuck_cancels = True
    world = World(venue)

    report = world.close(flatten())

    assert report.legs[0].outcome is Outcome.PARTIAL
    assert report.legs[0].remaining == 4
    assert not report.success
    assert venue.position(key) == 4


def test_wait_waits_to_the_deadline_and_sends_nothing() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 4)
    venue.stuck_cancels = True
    world = World(venue)

    report = world.close(flatten(on_fence=OnFence.WAIT, deadline=30))

    assert not world.submitted()
    assert ways(world) == []
    assert report.legs[0].outcome is Outcome.PARTIAL
    assert report.legs[0].remaining == 10
    assert 30 <= world.time < 40


def test_wait_goes_on_when_the_cancel_comes_through_at_last() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 4)
    venue.stuck_cancels = True
    world = World(venue)
    operation = world.ask(flatten(on_fence=OnFence.WAIT))
    world.run(20)
    venue.unstick(world.time)

    report = world.finish(operation)

    assert report.flat
    assert ways(world) == ["clear"]


def test_override_closes_all_of_it_once_the_fence_has_waited() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 4)
    venue.stuck_cancels = True
    world = World(venue)

    operation = world.ask(flatten(on_fence=OnFence.OVERRIDE))
    world.run(10)

    assert ways(world) == ["override"]
    assert [order.quantity for order in world.submitted()] == [10]
    assert times(world, SubmitOrder)[0] >= 5
    assert venue.position(key) == 0
    report = world.finish(operation)
    assert report.legs[0].outcome is Outcome.PARTIAL, "a stuck sell order could still open a short"
    assert report.legs[0].reason == "orders_remain"


def test_a_partial_close_shrinks_the_stop_before_anything_is_sold() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    stop = venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)

    report = world.close(flatten(fraction="0.5"))

    assert report.legs[0].outcome is Outcome.REDUCED
    assert report.success
    assert not report.flat
    assert venue.position(key) == 5
    assert venue.orders[stop].remaining == 5
    assert times(world, ChangeOrder)[0] < times(world, SubmitOrder)[0]
    assert not report.legs[0].unprotected


def test_a_lost_answer_to_a_change_is_asked_about() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    stop = venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    world.streams = False
    world.script(ChangeOrder, LOSE_ANSWER)

    report = world.close(flatten(fraction="0.5"))

    assert report.legs[0].outcome is Outcome.REDUCED
    assert venue.orders[stop].quantity == 5


def test_a_change_that_never_arrived_is_sent_again() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    stop = venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    world.script(ChangeOrder, LOSE_REQUEST)

    report = world.close(flatten(fraction="0.5"))

    assert report.legs[0].outcome is Outcome.REDUCED
    assert venue.orders[stop].quantity == 5
    assert venue.position(key) == 5


def test_law_16_a_stop_that_cannot_be_shrunk_is_canceled_and_the_leg_says_unprotected() -> None:
    venue = ToyVenue(capabilities=Capabilities())
    key = venue.hold(10)
    stop = venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)

    report = world.close(flatten(fraction="0.5"))

    assert report.legs[0].outcome is Outcome.REDUCED
    assert report.legs[0].unprotected
    assert report.legs[0].canceled == (stop,)
    assert "unprotected" in {alert.code for alert in world.alerts}


def test_law_16_a_close_that_fails_after_its_stop_was_canceled_says_so() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 10)
    venue.depth.extend([Decimal(0)] * 500)
    world = World(venue)

    report = world.close(flatten())

    assert report.legs[0].outcome is Outcome.PARTIAL
    assert report.legs[0].unprotected
    assert "unprotected" in {alert.code for alert in world.alerts}


def test_law_13_orders_of_other_instruments_and_accounts_are_left_alone() -> None:
    venue = ToyVenue("toy", instrument("ES"), instrument("NQ"))
    key = venue.hold(10, "ES")
    other, elsewhere = venue.hold(10, "NQ"), venue.hold(10, "ES", "B")
    venue.rest(key, OrderSide.SELL, 10)
    kept = [venue.rest(other, OrderSide.SELL, 10), venue.rest(elsewhere, OrderSide.SELL, 10)]
    world = World(venue)

    report = world.close(flatten(instruments=[exactly("ES")]))

    assert report.flat
    assert all(not venue.orders[name].status.is_terminal for name in kept)
    assert venue.position(other) == venue.position(elsewhere) == 10


def test_an_order_that_appears_while_the_close_is_at_work_is_swept_too() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.resting_markets = True
    world = World(venue)
    operation = world.ask(flatten())
    world.run(1.0)
    stray = venue.rest(key, OrderSide.BUY, 5, OrderType.LIMIT, time=world.time)
    venue.fill(next(iter(venue.working(key))).venue_order_id, 10, world.time)
    world.pass_on_news()

    report = world.finish(operation)

    assert report.flat
    assert venue.orders[stray].status.value == "canceled"


def test_a_cancel_that_lands_late_and_is_repeated_is_no_trouble() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    world.script(CancelOrder, late(3.0), TWICE)

    report = world.close(flatten())

    assert report.flat
    assert [record for record in world.book.records if isinstance(record, FenceRaised)]
