"""Flat is what the venue confirms, once, by a reading that can be believed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from rpcserver.core.commands import CancelOrder, QueryTrades, ReadAccount
from rpcserver.core.events import PositionChanged
from rpcserver.core.records import LegEnded, Noted, PositionAdopted, SnapshotTaken
from rpcserver.core.report import Outcome
from rpcserver.domain.order import OrderReport, OrderSide, OrderType, RejectReason
from tests.core.asks import account, exactly, flatten
from tests.core.faults import HEALTH, LOSE_ANSWER, slow, stale
from tests.core.venue import ToyVenue, instrument
from tests.core.world import World


def test_law_18_flat_is_read_at_the_venue_after_the_last_fill() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)

    report = world.close(flatten())

    [leg] = report.legs
    assert leg.proven_at is not None
    assert leg.proven_at > venue.trades[-1].fill.at
    assert report.proven_at == leg.proven_at
    before, after = world.told(SnapshotTaken)
    assert isinstance(before, SnapshotTaken)
    assert isinstance(after, SnapshotTaken)
    assert [position.signed_quantity for position in before.positions] == [10]
    assert after.after
    assert not after.positions


def test_law_18_a_failed_read_is_never_flat() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.script(ReadAccount, *[LOSE_ANSWER] * 500)

    report = world.close(flatten())

    assert venue.position(key) == 10
    assert not report.legs
    assert [failure.account for failure in report.failures] == ["A"]
    assert not report.success
    assert not report.flat


def test_law_18_an_unreadable_account_after_the_close_is_unknown_not_flat() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    operation = world.ask(flatten(deadline=10))
    world.run(0.02)
    world.script(ReadAccount, *[LOSE_ANSWER] * 500)

    report = world.finish(operation)

    assert venue.position(key) == 0
    assert report.legs[0].outcome is Outcome.UNKNOWN
    assert report.legs[0].reason == "position_unproven"
    assert not report.flat


def test_law_18_nothing_held_and_nothing_working_is_flat_and_says_since_when() -> None:
    world = World(ToyVenue())

    report = world.close(flatten())

    assert report.flat
    assert report.success
    assert report.legs == ()
    assert report.proven_at is not None


def test_law_18_orders_where_nothing_is_held_are_swept_by_everything() -> None:
    venue = ToyVenue("toy", instrument("ES"), instrument("NQ"))
    venue.hold(10, "ES")
    alone = venue.rest(venue.key("NQ"), OrderSide.BUY, 3, OrderType.LIMIT)
    world = World(venue)

    report = world.close(flatten(everything=True))

    assert report.flat
    assert venue.orders[alone].status.value == "canceled"
    assert [(leg.position.instrument, leg.outcome) for leg in report.legs] == [
        ("ES", Outcome.FLAT),
        ("NQ", Outcome.FLAT),
    ]


def test_law_18_an_order_alone_that_fills_during_its_cancel_is_closed_too() -> None:
    venue = ToyVenue()
    alone = venue.rest(venue.key(), OrderSide.BUY, 3, OrderType.LIMIT)
    world = World(venue)
    operation = world.ask(flatten(everything=True))
    world.later(0.025, lambda: venue.fill(alone, 2, world.time))

    report = world.finish(operation)

    assert report.flat
    assert [(order.side, order.quantity) for order in world.submitted()] == [
        (OrderSide.SELL, Decimal(2))
    ]


def test_law_19_every_leg_ends_in_exactly_one_class() -> None:
    venue = ToyVenue("toy", instrument("ES"), instrument("NQ"), instrument("CL"))
    venue.hold(10, "ES")
    venue.hold(5, "NQ")
    venue.hold(3, "CL")
    venue.rules.append(lambda order: RejectReason.OTHER if order.instrument == "NQ" else None)
    world = World(venue)

    report = world.close(flatten(exclude=[exactly("CL")]))

    assert [leg.outcome for leg in report.legs] == [
        Outcome.FLAT,
        Outcome.REJECTED,
        Outcome.EXCLUDED,
    ]
    [end] = world.ends.values()
    assert dict(end.counts) == {Outcome.FLAT: 1, Outcome.REJECTED: 1, Outcome.EXCLUDED: 1}
    assert not report.success


def test_law_40_a_read_that_lags_its_fills_does_not_cause_a_second_close() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    operation = world.ask(flatten())
    world.run(0.02)
    venue.lag = 0.4

    report = world.finish(operation)

    assert report.flat
    assert len(world.submitted()) == 1
    assert venue.position(key) == 0


def test_law_40_a_read_that_lags_is_doubted_after_a_restart_too() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.ask(flatten())
    world.run(0.035)
    assert venue.position(key) == 0
    venue.lag = 0.4
    world.crash()

    world.finish(*world.state.operations)

    assert len(world.submitted()) == 1
    assert venue.position(key) == 0


def test_law_40_a_larger_position_is_believed_when_it_repeats_after_the_settle_time() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    operation = world.ask(flatten())
    world.run(0.035)
    venue.move(key, 4, world.time)  # somebody buys four more elsewhere

    report = world.finish(operation)

    assert report.flat
    assert venue.position(key) == 0
    assert [order.quantity for order in world.submitted()] == [10, 4]
    [adopted] = world.told(PositionAdopted)
    assert isinstance(adopted, PositionAdopted)
    assert (adopted.expected, adopted.quantity) == (Decimal(0), Decimal(4))
    assert world.sent(QueryTrades)


def test_law_29_all_that_doubt_in_an_account_ask_for_its_trades_once() -> None:
    """A restart makes every position doubtful; a hundred questions for one answer are a storm."""
    names = [f"N{number}" for number in range(20)]
    venue = ToyVenue("toy", *map(instrument, names))
    for name in names:
        venue.hold(3, name)
    world = World(venue)
    operation = world.ask(flatten(everything=True))
    world.run(0.022)  # read and planned, and nothing has been filled yet
    world.crash()
    for name in names:
        venue.move(venue.key(name), -1, world.time)
    world.script(QueryTrades, LOSE_ANSWER)

    report = world.finish(operation)

    assert report.flat
    assert len(world.sent(QueryTrades)) == 2, "the first one is lost"


def test_law_14_a_position_that_others_closed_is_not_closed_again() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    operation = world.ask(flatten())
    world.later(0.03, lambda: venue.move(key, -10, world.time))
    world.later(0.031, world.pass_on_news)

    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.FLAT
    assert venue.position(key) == 0
    assert not world.submitted()
    assert any(
        isinstance(note, Noted) and note.code == "foreign_change" for note in world.told(Noted)
    )


def test_law_14_what_the_stream_says_lowers_what_is_sent_and_no_lagging_read_raises_it() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.depth.extend([Decimal(0)])  # the first attempt fills nothing
    world = World(venue)
    operation = world.ask(flatten())
    world.run(0.035)
    venue.move(key, -6, world.time)
    world.pass_on_news()
    world.script(ReadAccount, stale(0.4), stale(0.4))

    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.FLAT
    assert venue.position(key) == 0
    assert sum(trade.fill.quantity for trade in venue.trades) == 4


def test_law_14_our_own_fills_lower_what_the_stream_allowed() -> None:
    """Ten were held, others closed six, we closed three: one is left, not three."""
    venue = ToyVenue()
    key = venue.hold(10)
    venue.depth.extend([Decimal(0), Decimal(3)])
    world = World(venue)
    operation = world.ask(flatten())
    world.run(0.035)
    venue.move(key, -6, world.time)
    world.pass_on_news()

    world.finish(operation)

    assert venue.position(key) == 0
    assert sum(trade.fill.quantity for trade in venue.trades) == 4


def test_law_14_a_position_that_others_flipped_is_left_alone_and_told() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.depth.extend([Decimal(0)])
    world = World(venue)
    operation = world.ask(flatten(quantity=5))
    world.run(0.035)
    venue.move(key, -13, world.time)
    world.pass_on_news()

    report = world.finish(operation)

    assert venue.position(key) == -3
    assert (report.legs[0].outcome, report.legs[0].reason) == (Outcome.PARTIAL, "position_flipped")


def test_law_14_a_flip_behind_a_whole_close_is_closed_from_the_other_side() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.depth.extend([Decimal(0)])
    world = World(venue)
    operation = world.ask(flatten())
    world.run(0.035)
    venue.move(key, -13, world.time)
    world.pass_on_news()

    report = world.finish(operation)

    assert venue.position(key) == 0
    assert report.legs[0].outcome is Outcome.FLAT
    assert [order.side for order in world.submitted()] == [OrderSide.SELL, OrderSide.BUY]


def test_law_20_a_dry_run_is_a_success_that_is_not_flat() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)

    report = world.close(flatten(dry_run=True))

    [end] = world.ends.values()
    assert end.success
    assert not end.flat
    assert not world.submitted()
    assert venue.position(key) == 10
    assert report.legs[0].planned_quantity == 10


@pytest.mark.parametrize("quantity", [0, 4])
def test_law_40_news_of_a_position_that_is_larger_raises_nothing(quantity: int) -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.resting_markets = True
    world = World(venue)
    operation = world.ask(flatten(fraction="0.5"))
    world.run(0.5)
    larger = venue.snapshot(account().account, world.time, markets=False).positions[0]
    world.feed(PositionChanged(position=replace(larger, signed_quantity=Decimal(10 + quantity))))
    venue.fill(venue.working(key)[0].venue_order_id, 5, world.time)
    world.pass_on_news()

    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.REDUCED
    assert venue.position(key) == 5


@pytest.mark.parametrize("told", [0, 3])
def test_law_02_a_reading_asked_for_before_the_position_was_told_raises_nothing(told: int) -> None:
    """Somebody buys five, and sells some again while the reading that repeats them is awaited."""
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    operation = world.ask(flatten())
    world.run(0.035)
    assert venue.position(key) == 0
    venue.move(key, 5, world.time)
    world.script(ReadAccount, HEALTH, slow(2.0))
    world.run(1.5)
    assert len(world.sent(ReadAccount)) == 3  # the plan's, the doubt's, and the one under way
    world.streams, venue.news = True, []
    venue.move(key, told - 5, world.time)
    world.pass_on_news()

    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.FLAT
    assert [order.quantity for order in world.submitted()] == [10] + [told] * (told > 0)
    assert venue.position(key) == 0


def test_law_09_what_was_told_while_other_accounts_were_read_is_not_sold() -> None:
    """A plan of the whole waits for a slow account; meanwhile the first one's position is gone."""
    venue = ToyVenue()
    gone, other = venue.hold(10), venue.hold(3, "ES", "B")
    world = World(venue)
    world.script(ReadAccount, HEALTH, slow(4.0))
    request = flatten(account("A"), account("B"))
    operation = world.ask(replace(request, check_hours=True))
    world.run(0.5)
    venue.move(gone, -10, world.time)
    world.pass_on_news()

    world.finish(operation)

    assert [order.quantity for order in world.submitted()] == [3]
    assert venue.position(gone) == 0
    assert venue.position(other) == 0


def test_law_16_alerts_name_the_operation() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 10)
    venue.depth.extend([Decimal(0)] * 500)
    world = World(venue)

    operation = world.ask(flatten())
    world.finish(operation)

    assert [(alert.code, alert.operation_id) for alert in world.alerts] == [
        ("unprotected", operation),
        ("exit_failed", operation),
    ]
    assert [
        record.unprotected for record in world.told(LegEnded) if isinstance(record, LegEnded)
    ] == [True]


def test_law_14_a_limit_that_rests_over_a_position_closed_by_hand_is_taken_back() -> None:
    """Without reduce-only it would open a short as soon as somebody meets it."""
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    operation = world.ask(flatten(limits={"ES": "105"}))
    world.run(1.0)
    venue.move(key, -7, world.time)
    world.pass_on_news()
    world.run(2.0)

    assert [order.quantity for order in venue.working(key)] == [3]
    venue.fill(venue.working(key)[0].venue_order_id, 3, world.time)
    world.pass_on_news()
    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.FLAT
    assert report.legs[0].closed == 3
    assert venue.position(key) == 0


def test_law_04_news_of_a_position_that_our_own_fill_explains_takes_nothing_back() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    operation = world.ask(flatten(limits={"ES": "105"}))
    world.run(1.0)
    [limit] = venue.working(key)
    venue.fill(limit.venue_order_id, 4, world.time)
    venue.news.reverse()  # the position is told before the fill that moved it
    world.pass_on_news()
    world.run(3.0)

    assert [order.remaining for order in venue.working(key)] == [6]
    assert not world.sent(CancelOrder)
    world.cancel(operation)
    assert world.finish(operation).legs[0].closed == 4


def test_law_14_a_fill_of_what_was_sent_later_does_not_explain_what_was_told_before() -> None:
    venue = ToyVenue("toy", instrument("ES", maximum=3))
    key = venue.hold(9)
    world = World(venue)
    world.ask(flatten(limits={"ES": "105"}))
    world.run(1)
    venue.move(key, Decimal(-3), world.time)
    world.pass_on_news()
    world.run(1)
    assert sum(order.remaining for order in venue.working(key)) == 6
    world.script(ReadAccount, *[LOSE_ANSWER] * 9)

    venue.fill(venue.working(key)[0].venue_order_id, 3, world.time)
    venue.news = [told for told in venue.news if isinstance(told, OrderReport)]
    world.pass_on_news()
    world.run(0.1)

    assert sum(order.remaining for order in venue.working(key)) <= venue.position(key) == 3
