"""How a close is priced: at market, at the caller's limit, or along a bounded ladder."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from rpcserver.core.commands import ReadMarket, SubmitOrder
from rpcserver.core.records import OrderIntended
from rpcserver.core.report import Outcome
from rpcserver.core.requests import LadderStep
from rpcserver.domain.order import OrderType, RejectReason
from tests.core.asks import flatten
from tests.core.faults import LOSE_ANSWER
from tests.core.venue import ToyVenue, instrument
from tests.core.world import World

LADDER = (
    LadderStep(offset_ticks=0),
    LadderStep(offset_ticks=4, after=5.0),
    LadderStep(type=OrderType.MARKET, after=10.0),
)


def prices(world: World) -> list[tuple[OrderType, Decimal | None]]:
    return [(order.type, order.limit_price) for order in world.submitted()]


def test_law_12_a_ladder_climbs_from_passive_to_market_and_every_rung_is_intended_first() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.depth.extend([Decimal(0)])  # the crossing limit meets nobody
    world = World(venue)

    report = world.close(flatten(ladder=LADDER))

    assert report.flat
    assert venue.position(key) == 0
    assert prices(world) == [
        (OrderType.LIMIT, Decimal("100.25")),  # the own side's best price: joins the offer
        (OrderType.LIMIT, Decimal("99.00")),  # four ticks through the bid
        (OrderType.MARKET, None),
    ]
    steps = [
        record.step for record in world.told(OrderIntended) if isinstance(record, OrderIntended)
    ]
    assert steps == [0, 1, 2]
    assert 10 <= world.time < 12


def test_law_12_what_fills_on_a_rung_is_not_sold_on_the_next() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    operation = world.ask(flatten(ladder=LADDER))
    world.run(2)
    venue.fill(venue.working(key)[0].venue_order_id, 7, world.time)
    world.pass_on_news()

    report = world.finish(operation)

    assert report.flat
    assert [order.quantity for order in world.submitted()] == [10, 3]


def test_law_12_a_ladder_that_fills_at_once_goes_no_further() -> None:
    venue = ToyVenue()
    key = venue.hold(-10)
    world = World(venue)
    operation = world.ask(flatten(ladder=LADDER))
    world.run(1)
    assert prices(world) == [(OrderType.LIMIT, Decimal("100"))], "joins the bid"
    venue.fill(venue.working(key)[0].venue_order_id, 10, world.time)
    world.pass_on_news()

    assert world.finish(operation).flat
    assert len(world.submitted()) == 1


def test_law_12_a_limit_is_the_callers_and_is_never_moved() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    operation = world.ask(flatten(limits={"ES": "105.5"}))
    world.run(30)
    venue.fill(venue.working(key)[0].venue_order_id, 10, world.time)
    world.pass_on_news()

    assert world.finish(operation).flat
    assert prices(world) == [(OrderType.LIMIT, Decimal("105.5"))]


def test_a_limit_close_needs_a_price_for_every_instrument_it_meets() -> None:
    venue = ToyVenue("toy", instrument("ES"), instrument("NQ"))
    es, nq = venue.hold(10, "ES"), venue.hold(10, "NQ")
    world = World(venue)

    report = world.close(flatten(limits={"ES": "90"}))

    assert [leg.outcome for leg in report.legs] == [Outcome.FLAT, Outcome.REJECTED]
    assert report.legs[1].reason == "limit_price_missing"
    assert (venue.position(es), venue.position(nq)) == (Decimal(0), Decimal(10))


def test_a_limit_out_of_the_band_is_refused_for_good() -> None:
    venue = ToyVenue()
    venue.hold(10)
    venue.rules.append(lambda _: RejectReason.PRICE_OUT_OF_BAND)
    world = World(venue)

    report = world.close(flatten(limits={"ES": "500"}))

    assert report.legs[0].outcome is Outcome.REJECTED
    assert report.legs[0].reason == "price_out_of_band"
    assert len(world.submitted()) == 1


def test_law_34_a_market_close_needs_no_price_at_all() -> None:
    venue = ToyVenue()
    venue.hold(10)
    [name] = venue.instruments
    venue.markets[name] = replace(venue.markets[name], bid=None, ask=None)
    world = World(venue)
    world.script(ReadMarket, *[LOSE_ANSWER] * 50)

    assert world.close(flatten()).flat


def test_law_12_a_ladder_without_a_sight_of_the_market_waits_for_one() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.script(ReadMarket, *[LOSE_ANSWER] * 2)
    operation = world.ask(flatten(ladder=LADDER))
    world.run(0.02)
    world.finish(operation)

    assert venue.position(key) == 0


def test_law_07_a_rung_whose_submit_was_lost_is_asked_about_before_the_next_is_sent() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_ANSWER)

    report = world.close(flatten(ladder=LADDER))

    assert report.flat
    assert venue.position(key) == 0


@pytest.mark.parametrize("tick", ["0.25", "0.05"])
def test_law_12_prices_are_whole_ticks_within_the_bands(tick: str) -> None:
    venue = ToyVenue("toy", instrument("ES", tick=tick))
    venue.hold(10)
    [name] = venue.instruments
    venue.markets[name] = replace(venue.markets[name], lower_band=Decimal("99.9"))
    world = World(venue)

    world.close(flatten(ladder=[LadderStep(offset_ticks=30)]))

    [order] = world.submitted()
    assert order.limit_price is not None
    assert order.limit_price >= Decimal("99.9")
    assert order.limit_price % Decimal(tick) == 0
