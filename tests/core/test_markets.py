"""Closed markets are waited out or told, auctions take limits, nothing is stormed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rpcserver.core.commands import ReadMarket, SubmitOrder
from rpcserver.core.report import Outcome
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import OrderSide, OrderType, RejectReason
from tests.core.asks import flatten
from tests.core.faults import LOSE_REQUEST, refused
from tests.core.venue import ToyVenue, instrument
from tests.core.world import World


def test_law_31_a_closed_market_is_told_and_nothing_is_sent() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    stop = venue.rest(key, OrderSide.SELL, 10)
    venue.turn("ES", MarketPhase.CLOSED)
    world = World(venue)

    report = world.close(flatten())

    assert report.legs[0].outcome is Outcome.WAITING_MARKET
    assert report.legs[0].reason == "market_closed"
    assert not world.submitted()
    assert not venue.orders[stop].status.is_terminal, "the guard stays where nothing can be closed"
    assert not report.success
    assert world.time < 2


def test_law_31_wait_for_open_waits_and_closes_when_it_opens() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.turn("ES", MarketPhase.CLOSED)
    world = World(venue)
    operation = world.ask(flatten(wait_for_open=True, deadline=3600))
    world.run(1000)

    assert not world.submitted()
    assert operation not in world.ends
    venue.turn("ES", MarketPhase.OPEN)
    world.pass_on_news()
    report = world.finish(operation)

    assert report.flat
    assert venue.position(key) == 0
    assert world.time < 1005
    assert len(world.sent(ReadMarket)) <= 1100, "looked at, not stormed"


@pytest.mark.parametrize("streams", [True, False])
def test_law_31_a_lost_order_is_not_sent_again_into_a_closed_market(streams: bool) -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = streams
    world.script(SubmitOrder, LOSE_REQUEST)
    operation = world.ask(flatten(deadline=3600))
    world.run(0.1)
    venue.turn("ES", MarketPhase.CLOSED)
    world.pass_on_news()
    world.run(100)

    assert len(world.submitted()) <= 2
    assert len(world.sent(ReadMarket)) <= 110, "looked at, not stormed"
    venue.turn("ES", MarketPhase.OPEN)
    world.pass_on_news()
    report = world.finish(operation)
    assert report.flat
    assert len({order.client_order_id for order in world.submitted()}) == 1
    assert venue.position(key) == 0


def test_law_31_wait_for_open_does_not_depend_on_the_stream() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.turn("ES", MarketPhase.CLOSED)
    venue.news.clear()
    world = World(venue)
    world.streams = False
    operation = world.ask(flatten(wait_for_open=True))
    world.run(10)
    venue.turn("ES", MarketPhase.OPEN)

    assert world.finish(operation).flat
    assert venue.position(key) == 0


def test_law_31_a_market_that_never_opens_ends_at_the_deadline() -> None:
    venue = ToyVenue()
    venue.hold(10)
    venue.turn("ES", MarketPhase.CLOSED)
    world = World(venue)

    report = world.close(flatten(wait_for_open=True, deadline=20))

    assert report.legs[0].outcome in (Outcome.WAITING_MARKET, Outcome.PARTIAL)
    assert not report.success
    assert not world.submitted()


@pytest.mark.parametrize("phase", [MarketPhase.AUCTION, MarketPhase.RESERVED])
def test_law_31_an_auction_takes_a_bounded_limit(phase: MarketPhase) -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.turn("ES", phase)
    world = World(venue)

    report = world.close(flatten())

    assert report.flat
    assert venue.position(key) == 0
    [order] = world.submitted()
    assert order.type is OrderType.LIMIT
    assert order.limit_price == Decimal("95.00"), "twenty ticks through the bid"


def test_law_31_an_auction_found_out_by_a_refusal_takes_a_limit_next() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, refused(RejectReason.MARKET_ORDERS_BANNED))

    report = world.close(flatten())

    assert report.flat
    assert venue.position(key) == 0
    assert [order.type for order in world.submitted()] == [OrderType.MARKET, OrderType.LIMIT]


def test_law_31_a_market_that_closes_before_the_order_arrives_is_told_as_such() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    operation = world.ask(flatten())
    world.run(0.015)
    venue.turn("ES", MarketPhase.CLOSED)

    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.WAITING_MARKET
    assert venue.position(key) == 10
    assert len(world.submitted()) == 1


def test_law_31_a_market_that_closes_halfway_leaves_a_partial() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.depth.extend([Decimal(4)])
    world = World(venue)
    operation = world.ask(flatten())
    world.run(0.035)
    venue.turn("ES", MarketPhase.CLOSED)
    world.pass_on_news()

    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.PARTIAL
    assert report.legs[0].reason == "market_closed"
    assert report.legs[0].remaining == venue.position(key) == 6


def test_law_31_one_closed_market_holds_up_no_other() -> None:
    venue = ToyVenue("toy", instrument("ES"), instrument("NQ"))
    venue.hold(10, "ES")
    nq = venue.hold(10, "NQ")
    venue.turn("ES", MarketPhase.CLOSED)
    world = World(venue)
    operation = world.ask(flatten(wait_for_open=True, deadline=30))
    world.run(1)

    assert venue.position(nq) == 0
    report = world.finish(operation)
    assert report.legs[1].outcome is Outcome.FLAT


def test_law_28_a_market_without_buyers_ends_in_bounded_attempts() -> None:
    venue = ToyVenue()
    venue.hold(10)
    venue.depth.extend([Decimal(0)] * 500)
    world = World(venue)

    report = world.close(flatten())

    assert report.legs[0].outcome is Outcome.PARTIAL
    assert report.legs[0].reason == "attempts_exhausted"
    assert len(world.submitted()) <= 10
    assert world.time < 60


def test_law_28_a_thin_market_is_sold_into_as_long_as_it_takes_something() -> None:
    venue = ToyVenue()
    key = venue.hold(30)
    venue.depth.extend([Decimal(1)] * 30)
    world = World(venue)

    report = world.close(flatten())

    assert report.flat
    assert venue.position(key) == 0
    assert len(world.submitted()) == 30
