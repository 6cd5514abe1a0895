"""What may be sent: never more than the position, less everything that could still reduce it."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from rpcserver.core.commands import ChangeOrder, SubmitOrder
from rpcserver.core.events import OrderUpdated, PositionChanged
from rpcserver.core.records import Noted, OperationPlanned
from rpcserver.core.report import Outcome
from rpcserver.core.requests import Dust
from rpcserver.domain.capabilities import Capabilities, IdMemory, ReduceOnly
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, client_order_id
from rpcserver.domain.order import (
    Holding,
    OrderRequest,
    OrderSide,
    OrderType,
    RejectReason,
)
from rpcserver.domain.position import PositionSide
from tests.core.asks import account, exactly, flatten
from tests.core.faults import LOSE_ANSWER, LOSE_REQUEST, TWICE, Fault, late
from tests.core.venue import PRICE, ToyVenue, at, instrument
from tests.core.world import World


def test_law_01_a_long_and_a_short_end_at_zero_and_nowhere_else() -> None:
    venue = ToyVenue("toy", instrument("ES"), instrument("NQ"))
    long, short = venue.hold(5, "ES"), venue.hold(-3, "NQ")
    world = World(venue)

    report = world.close(flatten())

    assert report.flat
    assert venue.position(long) == venue.position(short) == 0
    assert [order.quantity for order in world.submitted()] == [5, 3]


def test_law_01_partial_fills_are_followed_by_the_rest_only() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.depth.extend([Decimal(4), Decimal(3)])
    world = World(venue)

    report = world.close(flatten())

    assert report.flat
    assert [order.quantity for order in world.submitted()] == [10, 6, 3]
    assert report.legs[0].closed == 10
    assert venue.position(key) == 0


def test_law_02_a_resting_order_that_is_left_alone_counts_in_full() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 6)
    world = World(venue)
    world.script(ChangeOrder, LOSE_ANSWER)  # the stop of 6 is to become one of 4

    report = world.close(flatten(fraction="0.6"))

    assert report.legs[0].outcome is Outcome.REDUCED
    assert venue.position(key) == 4
    assert [order.remaining for order in venue.working(key)] == [4]


def test_law_02_an_order_that_appeared_unheard_counts_for_a_partial_close_too() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    venue.resting_markets = True
    operation = world.ask(flatten(quantity=4))
    world.run(0.1)
    world.crash()
    venue.rest(key, OrderSide.SELL, 9)
    [ours] = [order for order in venue.working(key) if order.client_order_id is not None]
    venue.cancel(ours.venue_order_id, world.time)

    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.PARTIAL
    assert sum(order.quantity for order in world.submitted()[1:]) <= 1


def test_law_02_an_oco_group_counts_its_largest_member() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 5, OrderType.STOP_MARKET, oco_id="guard")
    venue.rest(key, OrderSide.SELL, 5, OrderType.LIMIT, oco_id="guard")
    world = World(venue)

    report = world.close(flatten(quantity=5))

    assert report.legs[0].outcome is Outcome.REDUCED
    assert len(venue.working(key)) == 2, "both fit what is left, for only one of them can fill"


def test_law_02_reduce_only_orders_do_not_count_where_every_fill_is_checked() -> None:
    venue = ToyVenue(
        capabilities=Capabilities(
            id_memory=IdMemory.FOR_EVER,
            reduce_only=ReduceOnly.AT_FILL,
            reduce_only_counts_resting=False,
        )
    )
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 10, reduce_only=True)
    venue.stuck_cancels = True
    world = World(venue)

    operation = world.ask(flatten())
    world.run(1.0)

    assert venue.position(key) == 0, "closed although the stop's cancel is stuck"
    assert world.submitted()[0].reduce_only
    assert world.finish(operation).legs[0].outcome is Outcome.FLAT


def test_law_05_what_an_expired_attempt_filled_is_not_closed_again() -> None:
    venue = ToyVenue()
    venue.hold(10)
    venue.depth.extend([Decimal(7)])
    world = World(venue)
    world.streams = False

    report = world.close(flatten())

    assert [order.quantity for order in world.submitted()] == [10, 3]
    assert [(line.filled, line.status) for line in report.legs[0].orders] == [
        (Decimal(7), "expired"),
        (Decimal(3), "filled"),
    ]


def test_law_06_each_fill_counts_once_whatever_is_repeated() -> None:
    venue = ToyVenue()
    venue.hold(10)
    venue.depth.extend([Decimal(4)])
    world = World(venue)
    world.script(SubmitOrder, TWICE, TWICE)

    report = world.close(flatten())

    assert report.flat
    assert report.legs[0].closed == 10


def test_law_06_an_overfill_is_recorded_and_told_and_ends_the_leg() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    operation = world.ask(flatten())
    while not venue.trades:
        world.step()
    venue.overfill(venue.trades[-1].order.venue_order_id, 2, world.time)
    world.pass_on_news()

    report = world.finish(operation)

    assert (report.legs[0].outcome, report.legs[0].reason) == (Outcome.PARTIAL, "overfilled")
    assert report.legs[0].remaining == venue.position(key) == -2
    assert len(world.submitted()) == 1, "it is told, not traded back"
    assert "overfill" in {alert.code for alert in world.alerts}
    assert world.told(Noted)


def test_law_08_slices_have_names_of_their_own_that_a_restart_would_give_again() -> None:
    venue = ToyVenue("toy", instrument("ES", maximum=4))
    key = venue.hold(10)
    world = World(venue)

    operation = world.ask(flatten())
    world.finish(operation)

    names = [order.client_order_id for order in world.submitted()]
    assert names == [client_order_id(operation, 1, attempt) for attempt in (1, 2, 3)]
    assert [order.quantity for order in world.submitted()] == [4, 4, 2]
    assert venue.position(key) == 0


def test_law_09_a_client_order_on_its_way_when_the_gate_closed_counts_in_full() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    order = OrderRequest(
        client_order_id=ClientOrderId("mine"),
        account=AccountId("A"),
        instrument=InstrumentId("ES"),
        side=OrderSide.SELL,
        quantity=Decimal(4),
    )
    world.script(SubmitOrder, late(0.9))
    assert world.place(account(), order) is None

    report = world.close(flatten())

    assert report.flat
    assert venue.position(key) == 0
    assert sum(order.quantity for order in world.submitted()) <= 10


def test_law_11_sizes_round_toward_zero_and_the_rest_is_dust() -> None:
    venue = ToyVenue("toy", instrument("BTC", lot="0.001", minimum="0.01", tick="0.1"))
    key = venue.hold("1.2345", "BTC")
    world = World(venue)

    report = world.close(flatten())

    assert report.legs[0].outcome is Outcome.DUST
    assert [order.quantity for order in world.submitted()] == [Decimal("1.234")]
    assert venue.position(key) == Decimal("0.0005")
    assert not report.flat
    assert not report.success


def test_law_11_dust_that_may_stay_is_success() -> None:
    venue = ToyVenue("toy", instrument("BTC", lot="0.001", minimum="0.01", tick="0.1"))
    venue.hold("0.0099", "BTC")
    world = World(venue)

    report = world.close(flatten(dust=Dust.LEAVE))

    assert report.legs[0].outcome is Outcome.DUST
    assert not world.submitted(), "never up to a minimum"
    assert report.success
    assert report.flat


def test_law_15_the_short_side_of_a_hedge_is_no_business_of_the_long_one() -> None:
    venue = ToyVenue()
    long = venue.hold(5, holding=Holding.LONG)
    short = venue.hold(-3, holding=Holding.SHORT)
    world = World(venue)

    report = world.close(flatten(side=PositionSide.LONG))

    assert report.success
    assert venue.position(long) == 0
    assert venue.position(short) == -3
    assert [order.holding for order in world.submitted()] == [Holding.LONG]


def test_law_15_both_sides_of_a_hedge_close_at_once() -> None:
    venue = ToyVenue()
    long = venue.hold(5, holding=Holding.LONG)
    short = venue.hold(-5, holding=Holding.SHORT)
    world = World(venue)

    report = world.close(flatten())

    assert report.flat
    assert len(report.legs) == 2
    assert venue.position(long) == venue.position(short) == 0


def test_law_17_shorts_are_bought_back_before_longs_are_sold_where_margin_asks_for_it() -> None:
    venue = ToyVenue(
        "toy",
        instrument("CALL"),
        instrument("PUT"),
        capabilities=Capabilities(id_memory=IdMemory.FOR_EVER, buys_first=True),
    )
    venue.hold(5, "CALL")
    venue.hold(-5, "PUT")
    world = World(venue)

    report = world.close(flatten())

    assert report.flat
    assert [order.side for order in world.submitted()] == [OrderSide.BUY, OrderSide.SELL]


def test_law_17_a_short_is_what_whoever_works_there_takes_for_one() -> None:
    """A reading may show it turned around already; what is sent goes by what is expected."""
    venue = ToyVenue(
        "toy",
        instrument("CALL"),
        instrument("PUT"),
        capabilities=Capabilities(id_memory=IdMemory.FOR_EVER, buys_first=True),
    )
    venue.hold(5, "CALL")
    put = venue.hold(-5, "PUT")
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_REQUEST)
    world.ask(flatten(instruments=[exactly("PUT")], request_id="one"))
    world.run(0.1)
    venue.move(put, 7, world.time)

    second = world.ask(flatten(request_id="two", principal="bob"))
    world.run(0.1)

    [planned] = [
        record
        for record in world.told(OperationPlanned)
        if isinstance(record, OperationPlanned) and record.operation_id == second
    ]
    assert [leg.key.instrument for leg in planned.legs] == ["PUT", "CALL"]
    assert [leg.expected for leg in planned.legs] == [-5, 5]


def test_law_17_shorts_come_first_at_a_venue_that_has_not_told_of_itself_yet() -> None:
    venue = ToyVenue("toy", instrument("ES"), instrument("NQ"))
    venue.hold(5, "ES")
    venue.hold(-5, "NQ")
    world = World(venue)
    world.state.venues.clear()

    world.close(flatten())

    assert [order.side for order in world.submitted()] == [OrderSide.BUY, OrderSide.SELL]


def test_law_17_what_margin_refuses_is_tried_again_after_another_leg_has_closed() -> None:
    venue = ToyVenue("toy", instrument("CALL"), instrument("PUT"))
    call, put = venue.hold(5, "CALL"), venue.hold(-5, "PUT")

    def margin(order: OrderRequest) -> RejectReason | None:
        naked = order.instrument == "CALL" and venue.position(put) != 0
        return RejectReason.INSUFFICIENT_MARGIN if naked else None

    venue.rules.append(margin)
    world = World(venue)

    report = world.close(flatten())

    assert report.flat
    assert venue.position(call) == venue.position(put) == 0
    assert [line.status for line in report.legs[0].orders] == ["rejected", "filled"]


def test_a_refusal_that_nothing_can_change_ends_the_leg_and_no_other() -> None:
    venue = ToyVenue("toy", instrument("ES"), instrument("NQ"))
    venue.hold(5, "ES")
    nq = venue.hold(5, "NQ")
    venue.rules.append(
        lambda order: RejectReason.BELOW_MINIMUM if order.instrument == "ES" else None
    )
    world = World(venue)

    report = world.close(flatten())

    es, other = report.legs
    assert (es.outcome, es.reason) == (Outcome.REJECTED, "below_minimum")
    assert other.outcome is Outcome.FLAT
    assert venue.position(nq) == 0
    assert not report.success


def test_law_29_a_refusal_that_time_might_change_is_not_stormed() -> None:
    venue = ToyVenue()
    venue.hold(5)
    venue.rules.append(lambda _: RejectReason.INSUFFICIENT_MARGIN)
    world = World(venue)

    report = world.close(flatten())

    assert report.legs[0].outcome is Outcome.REJECTED
    assert len(world.submitted()) < 10


def test_law_29_the_patience_a_venue_asks_for_is_given() -> None:
    venue = ToyVenue()
    venue.hold(5)
    world = World(venue)
    world.script(SubmitOrder, Fault(unsent=True, retry_after=2.0))

    report = world.close(flatten())

    assert report.flat
    first, second = (time for time, command in world.performed if isinstance(command, SubmitOrder))
    assert second - first >= 2.0


def test_law_29_the_patience_a_venue_asks_for_is_given_to_a_second_copy_too() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, LOSE_REQUEST, Fault(unsent=True, retry_after=7.0))
    operation = world.ask(flatten())
    while len(world.submitted()) < 2:
        assert world.step()
    asked_at = world.time

    world.run(6.9)
    assert len(world.submitted()) == 2

    assert world.finish(operation).flat
    assert world.time >= asked_at + 7
    assert venue.position(key) == 0


def test_law_29_another_slices_refusal_does_not_cut_the_patience_short() -> None:
    venue = ToyVenue("toy", instrument("ES", maximum=5))
    venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, Fault(unsent=True, retry_after=7.0), Fault(unsent=True))
    operation = world.ask(flatten())
    world.run(6.9)
    assert len(world.submitted()) == 2

    assert world.finish(operation).flat


def test_law_29_the_next_operation_gives_the_patience_that_was_asked_for() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, Fault(unsent=True, retry_after=7.0))
    first = world.ask(flatten(deadline=2))
    world.finish(first)
    second = world.ask(flatten())

    world.run(4)
    assert len(world.submitted()) == 1

    assert world.finish(second).flat
    assert 7 <= world.time < 8


@pytest.mark.parametrize(("told_at", "is_sent"), [(0.5, False), (1.0, True)])
def test_law_02_what_filled_after_others_had_closed_some_is_taken_off_what_they_left(
    told_at: float, is_sent: bool
) -> None:
    """Told of four of eight: were they our own fill, which fills later, or somebody else's?"""
    venue = ToyVenue()
    key = venue.hold(8)
    world = World(venue)
    world.ask(flatten(limits={"ES": str(PRICE + 10)}))
    world.run(0.5)
    [resting] = venue.working(key)
    world.streams = False
    venue.move(key, -4, world.time)
    [left] = venue.snapshot(key.account, world.time, markets=False).positions
    world.feed(PositionChanged(position=msgspec.structs.replace(left, updated_at=at(told_at))))
    trimmed = msgspec.structs.replace(resting, quantity=Decimal(4))
    venue.orders[resting.venue_order_id] = trimmed
    world.feed(OrderUpdated(account=account(), report=trimmed))
    venue.fill(resting.venue_order_id, 4, 1.0)
    filled = venue.query(None, resting.venue_order_id)
    assert filled is not None
    world.feed(OrderUpdated(account=account(), report=filled))

    assert len(world.submitted()) == 1 + is_sent


def test_law_02_what_the_venue_trims_off_our_order_is_not_sent_again() -> None:
    """Its reduce-only order follows the position: the order's news may be there before that's."""
    venue = ToyVenue()
    key = venue.hold(8)
    world = World(venue)
    world.ask(flatten(limits={"ES": str(PRICE + 10)}))
    world.run(0.5)
    [resting] = venue.working(key)
    venue.move(key, -4, world.time)
    trimmed = msgspec.structs.replace(resting, quantity=Decimal(4))
    venue.orders[resting.venue_order_id] = trimmed

    world.feed(OrderUpdated(account=account(), report=trimmed))

    assert len(world.submitted()) == 1
    assert [order.remaining for order in venue.working(key)] == [4]
