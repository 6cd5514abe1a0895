"""Targets are absolute: two halves are not a whole, and whoever joins adds nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rpcserver.core.commands import SubmitOrder
from rpcserver.core.report import Outcome
from rpcserver.core.requests import LadderStep
from rpcserver.domain.order import OrderSide, OrderType
from tests.core.asks import flatten
from tests.core.faults import LOSE_ANSWER
from tests.core.venue import ToyVenue, instrument
from tests.core.world import World


def test_law_38_two_halves_are_not_a_whole() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.resting_markets = True
    world = World(venue)

    first = world.ask(flatten(fraction="0.5", request_id="one"))
    world.run(0.1)
    second = world.ask(flatten(fraction="0.5", request_id="two", principal="bob"))
    world.run(0.1)
    for order in venue.working(key):
        venue.fill(order.venue_order_id, 10, world.time)
    world.pass_on_news()

    world.finish(first, second)
    assert venue.position(key) == 5
    assert {report.legs[0].outcome for report in world.reports.values()} == {Outcome.REDUCED}
    assert sum(order.quantity for order in world.submitted()) == 5


def test_law_38_the_target_nearest_zero_is_worked_towards() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.resting_markets = True
    world = World(venue)

    half = world.ask(flatten(fraction="0.5"))
    world.run(0.1)
    whole = world.ask(flatten(principal="bob"))
    world.run(0.1)

    assert [order.quantity for order in world.submitted()] == [5, 5]
    for order in venue.working(key):
        venue.fill(order.venue_order_id, 10, world.time)
    world.pass_on_news()
    world.finish(half, whole)

    assert venue.position(key) == 0
    assert world.reports[whole].legs[0].outcome is Outcome.FLAT
    assert world.reports[whole].legs[0].joined
    # The half's target was left behind on the way to zero: it is told as what it is.
    assert world.reports[half].legs[0].outcome is Outcome.FLAT


def test_law_26_a_second_flatten_joins_and_doubles_nothing() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_ANSWER)

    first = world.ask(flatten())
    world.run(0.05)
    second = world.ask(flatten(principal="bob"))
    report = world.finish(first, second)

    assert report.flat
    assert world.reports[first].flat
    assert len(world.submitted()) == 1
    assert venue.position(key) == 0


def test_law_26_a_market_close_that_joins_a_resting_limit_takes_over() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)

    patient = world.ask(flatten(limits={"ES": "110"}))
    world.run(1)
    assert [order.type for order in venue.working(key)] == [OrderType.LIMIT]
    urgent = world.ask(flatten(principal="bob"))
    world.finish(patient, urgent)

    assert venue.position(key) == 0
    assert [order.type for order in world.submitted()] == [OrderType.LIMIT, OrderType.MARKET]
    assert world.reports[patient].flat
    assert world.reports[urgent].flat


def test_law_38_a_partial_that_joins_a_whole_close_leaves_nothing() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.resting_markets = True
    world = World(venue)

    whole = world.ask(flatten())
    world.run(0.1)
    half = world.ask(flatten(fraction="0.5", principal="bob"))
    world.run(0.1)
    venue.fill(venue.working(key)[0].venue_order_id, 10, world.time)
    world.pass_on_news()
    world.finish(whole, half)

    assert venue.position(key) == 0
    assert world.reports[half].legs[0].outcome is Outcome.FLAT
    assert sum(order.quantity for order in world.submitted()) == 10


def test_law_38_whoever_stops_leaves_the_other_at_its_own_target() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.depth.extend([Decimal(0)] * 3)
    world = World(venue)

    half = world.ask(flatten(fraction="0.5"))
    whole = world.ask(flatten(principal="bob"))
    world.run(0.03)
    world.cancel(whole)
    world.finish(half, whole)

    assert venue.position(key) == 5
    assert world.reports[half].legs[0].outcome is Outcome.REDUCED
    assert world.reports[whole].cancelled


def test_a_quantity_is_capped_at_the_position() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)

    report = world.close(flatten(quantity=25))

    assert report.legs[0].outcome is Outcome.FLAT
    assert venue.position(key) == 0


def test_quantities_are_for_their_own_instruments() -> None:
    venue = ToyVenue("toy", instrument("ES"), instrument("NQ"))
    es, nq = venue.hold(10, "ES"), venue.hold(-10, "NQ")
    world = World(venue)

    report = world.close(flatten(quantities={"ES": 3, "NQ": 4}))

    assert (venue.position(es), venue.position(nq)) == (Decimal(7), Decimal(-6))
    assert [leg.outcome for leg in report.legs] == [Outcome.REDUCED, Outcome.REDUCED]
    assert report.success


@pytest.mark.parametrize(("fraction", "left"), [("0.5", 2), ("0.34", 2), ("0.33", 3), ("1", 0)])
def test_law_11_a_fraction_rounds_down_to_the_lot(fraction: str, left: int) -> None:
    venue = ToyVenue()
    key = venue.hold(3 if fraction != "0.5" else 4)
    world = World(venue)

    world.close(flatten(fraction=fraction))

    assert venue.position(key) == left
    assert {str(order.quantity) for order in venue.orders.values()} <= {"1", "2", "3"}, (
        "whole lots, and written so"
    )


def test_a_fraction_of_less_than_a_lot_is_below_the_minimum_and_touches_nothing() -> None:
    venue = ToyVenue()
    key = venue.hold(1)
    world = World(venue)

    report = world.close(flatten(fraction="0.5"))

    assert report.legs[0].outcome is Outcome.REJECTED
    assert report.legs[0].reason == "below_minimum"
    assert venue.position(key) == 1
    assert not world.submitted()


def test_law_38_a_tag_closes_at_most_what_it_claims() -> None:
    venue = ToyVenue()
    key = venue.hold(10, tags={"mean": 4, "trend": 6})
    world = World(venue)

    report = world.close(flatten(tag="mean"))

    assert venue.position(key) == 6
    assert report.legs[0].outcome is Outcome.REDUCED


def test_law_38_a_tag_that_claims_more_than_there_is_closes_what_there_is() -> None:
    venue = ToyVenue()
    key = venue.hold(3, tags={"mean": 5, "hedge": -2})
    world = World(venue)

    world.close(flatten(tag="mean"))

    assert venue.position(key) == 0
    assert sum(order.quantity for order in world.submitted()) == 3


def test_law_12_a_ladder_that_is_joined_at_market_is_left_at_once() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    slow = world.ask(flatten(ladder=[LadderStep(offset_ticks=-40), LadderStep(after=30)]))
    world.run(1)
    fast = world.ask(flatten(principal="bob"))

    world.finish(slow, fast)

    assert venue.position(key) == 0
    assert world.time < 5


def test_law_39_a_cancelled_operation_sends_nothing_more_and_tells_what_was_done() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.resting_markets = True
    world = World(venue)
    operation = world.ask(flatten())
    world.run(0.1)
    venue.fill(venue.working(key)[0].venue_order_id, 4, world.time)
    world.pass_on_news()
    world.run(0.1)

    world.cancel(operation)
    report = world.finish(operation)

    assert report.cancelled
    assert report.legs[0].closed == 4
    assert report.legs[0].remaining == 6
    assert report.legs[0].outcome is Outcome.PARTIAL
    assert not venue.working(key)
    assert len(world.submitted()) == 1


def test_law_39_a_cancel_before_anything_was_sent_ends_the_legs_as_cancelled() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    operation = world.ask(flatten())
    world.cancel(operation)

    report = world.finish(operation)

    assert not world.submitted()
    assert venue.position(key) == 10
    assert not report.success


def test_law_39_the_deadline_ends_it_and_what_rests_is_canceled() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)

    report = world.close(flatten(limits={"ES": "110"}, deadline=10))

    assert 10 <= world.time < 12
    assert report.legs[0].outcome is Outcome.PARTIAL
    assert report.legs[0].reason == "deadline_passed"
    assert report.legs[0].remaining == 10
    assert report.legs[0].proven_at is not None
    assert not venue.working(key)


def test_law_39_what_cannot_be_canceled_at_the_deadline_is_followed_after_the_end() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.stuck_cancels = True
    world = World(venue)

    operation = world.ask(flatten(limits={"ES": "110"}, deadline=10))
    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.UNKNOWN
    assert report.legs[0].reason == "order_alive"
    venue.fill(venue.working(key)[0].venue_order_id, 10, world.time)
    world.pass_on_news()
    world.run(10)
    assert "order_settled" in {alert.code for alert in world.alerts}
    assert world.refusal_of_an_order(key) is None
    assert len(world.submitted()) == 1
