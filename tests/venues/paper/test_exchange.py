"""The pure exchange, by cases."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from rpcserver.domain.errors import OrderRefused
from rpcserver.domain.ids import InstrumentId, Product
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import Holding, OrderSide, OrderStatus, RejectReason, TimeInForce
from rpcserver.domain.position import TaggedQuantity
from rpcserver.driver.ports import MarketMoved, OrderChanged
from rpcserver.venues.paper import readings
from rpcserver.venues.paper.commands import (
    CancelOrder,
    MovePrices,
    OpenPosition,
    SetDepth,
    SetPhase,
    SetPrice,
    TradeAsOther,
)
from tests.contracts.stages import holding, order
from tests.venues.paper.exchanges import CASH, HEDGED, INDIA, NET, Stage

BUY, SELL = OrderSide.BUY, OrderSide.SELL
ES, MES, INFY, COIN = (
    InstrumentId("ES 12-25"),
    InstrumentId("MES 12-25"),
    InstrumentId("NSE:INFY"),
    InstrumentId("BTC-USDT"),
)


@pytest.fixture
def stage() -> Stage:
    return Stage()


# --- positions -----------------------------------------------------------------------------------


def test_a_position_keeps_its_id_from_opening_to_flat_and_never_gets_it_again(
    stage: Stage,
) -> None:
    stage.submit(order("open", BUY, "2"))
    [opened] = stage.positions(NET, MES)
    stage.submit(order("less", SELL, "1"))
    [smaller] = stage.positions(NET, MES)
    stage.submit(order("flat", SELL, "1"))
    stage.submit(order("again", BUY, "1"))
    [another] = stage.positions(NET, MES)

    assert opened.position_id == smaller.position_id == "pos-20260303120000-1"
    assert another.position_id == "pos-20260303120000-2"


def test_turning_through_zero_closes_one_position_and_opens_another(stage: Stage) -> None:
    stage.do(holding(NET, MES, "2", price="5764.00"))
    [before] = stage.positions(NET, MES)

    report = stage.submit(order("turn", SELL, "5"))

    [after] = stage.positions(NET, MES)
    assert after.signed_quantity == -3
    assert after.average_price == report.fills[0].price
    assert after.position_id != before.position_id
    assert report.fills[0].realized == 2 * 5 * (report.fills[0].price - 5764)


def test_growing_averages_and_shrinking_realizes(stage: Stage) -> None:
    stage.do(holding(NET, ES, "1", price="5700.00"))
    stage.do(holding(NET, ES, "3", price="5740.00"))
    [grown] = stage.positions(NET, ES)
    assert grown.average_price == 5730

    report = stage.submit(order("half", SELL, "2", instrument=ES))

    assert report.average_price is not None
    record = stage.state.accounts[NET]
    assert record.realized == 2 * 50 * (report.average_price - 5730)
    assert record.fees == 2 * Decimal("2.25")
    assert record.cash["USD"] == CASH + record.realized - record.fees


def test_margin_is_held_while_a_position_is(stage: Stage) -> None:
    stage.submit(order("open", BUY, "4"))
    held = stage.state.accounts[NET].margin
    assert held > 0

    stage.submit(order("close", SELL, "4"))

    assert stage.state.accounts[NET].margin == 0


def test_claims_of_strategies_follow_their_orders(stage: Stage) -> None:
    stage.do(
        OpenPosition(
            account=INDIA,
            instrument=INFY,
            quantity=Decimal(100),
            average_price=Decimal(1540),
            product=Product("INTRADAY"),
            tag="intraday_nifty",
        )
    )
    stage.submit(order("b", BUY, "50", account=INDIA, instrument=INFY, tag="swing"))
    stage.submit(order("s", SELL, "60", account=INDIA, instrument=INFY, tag="intraday_nifty"))
    [position] = stage.positions(INDIA, INFY)
    assert position.tags == (
        TaggedQuantity(tag="intraday_nifty", quantity=Decimal(40)),
        TaggedQuantity(tag="swing", quantity=Decimal(50)),
    )

    stage.submit(order("nobody's", SELL, "60", account=INDIA, instrument=INFY))

    [left] = stage.positions(INDIA, INFY)
    assert left.signed_quantity == 30
    assert sum(claim.quantity for claim in left.tags) == 30


def test_products_are_positions_of_their_own(stage: Stage) -> None:
    stage.submit(order("default", BUY, "10", account=INDIA, instrument=INFY))
    stage.do(
        OpenPosition(
            account=INDIA,
            instrument=INFY,
            quantity=Decimal(5),
            average_price=Decimal(1500),
            product=Product("DELIVERY"),
        )
    )

    held = {each.product: each.signed_quantity for each in stage.positions(INDIA, INFY)}

    assert held == {"INTRADAY": 10, "DELIVERY": 5}


def test_a_coins_leg_and_its_dust(stage: Stage) -> None:
    stage.submit(order("buy", BUY, "0.0123", account=HEDGED, instrument=COIN))
    [position] = stage.positions(HEDGED, COIN)
    assert position.signed_quantity == Decimal("0.0123") * Decimal("0.999")
    with pytest.raises(OrderRefused):  # the fee is gone from it
        stage.submit(order("all", SELL, "0.0123", account=HEDGED, instrument=COIN))

    stage.submit(order("most", SELL, "0.01228", account=HEDGED, instrument=COIN))

    assert stage.held(HEDGED, COIN) == Decimal("0.0000077")  # less than a lot


def test_a_spot_market_holds_back_what_rests(stage: Stage) -> None:
    stage.do(holding(HEDGED, COIN, "0.25", price="49000"))
    stage.submit(order("tp", SELL, "0.2", account=HEDGED, instrument=COIN, limit="60000.0"))

    with pytest.raises(OrderRefused) as refused:
        stage.submit(order("all", SELL, "0.25", account=HEDGED, instrument=COIN))

    assert refused.value.reason is RejectReason.INSUFFICIENT_MARGIN


# --- the day -------------------------------------------------------------------------------------


def test_the_days_roll_carries_positions_and_ends_day_orders(stage: Stage) -> None:
    stage.submit(order("open", BUY, "3"))
    day_order = order("day", BUY, "1", limit="5000.00", time_in_force=TimeInForce.DAY)
    stage.submit(day_order)
    stage.submit(order("gtc", BUY, "1", limit="5000.00"))
    [today] = stage.positions(NET, MES)
    assert (today.day.carried_quantity, today.day.buy_quantity) == (Decimal(0), Decimal(3))

    stage.wait(12 * 3600)  # past 17:00 in Chicago
    stage.submit(order("less", SELL, "1"))

    [tomorrow] = stage.positions(NET, MES)
    assert tomorrow.position_id == today.position_id
    assert tomorrow.day.carried_quantity == 3
    assert tomorrow.day.carried_price == today.average_price
    assert (tomorrow.day.buy_quantity, tomorrow.day.sell_quantity) == (Decimal(0), Decimal(1))
    assert stage.report("day").status is OrderStatus.EXPIRED
    assert stage.report("gtc").status is OrderStatus.ACCEPTED
    assert stage.state.accounts[NET].fees == Decimal("0.62")  # today's alone


def test_sessions_open_and_close_markets(stage: Stage) -> None:
    before_the_bell = datetime(2026, 3, 3, 3, 44, 30, tzinfo=UTC)
    stage = Stage(sessions=True, now=before_the_bell)
    early = order("early", BUY, "1", account=INDIA, instrument=INFY)
    with pytest.raises(OrderRefused) as refused:
        stage.submit(early)
    assert refused.value.reason is RejectReason.MARKET_CLOSED

    events = stage.wait(60)

    assert {each.market.phase for each in events if isinstance(each, MarketMoved)} == {
        MarketPhase.OPEN
    }
    assert stage.submit(early).status is OrderStatus.FILLED
    reading = stage.exchange.markets.reading(stage.state.markets[INFY], stage.now)
    assert reading.changes_at == datetime(2026, 3, 3, 10, 0, tzinfo=UTC)


# --- orders --------------------------------------------------------------------------------------


def test_an_exit_never_waits_for_money(stage: Stage) -> None:
    stage.do(holding(NET, ES, "-20"))
    stage.state.accounts[NET].cash["USD"] = Decimal(-1000)

    with pytest.raises(OrderRefused) as refused:
        stage.submit(order("more", SELL, "1", instrument=ES))
    assert refused.value.reason is RejectReason.INSUFFICIENT_MARGIN

    assert stage.submit(order("exit", BUY, "20", instrument=ES)).filled == 20


def test_a_dry_market_refuses_and_a_thin_one_fills_bit_by_bit(stage: Stage) -> None:
    stage.do(holding(NET, MES, "30"))
    stage.do(SetDepth(instrument=MES, touch=Decimal(0)))
    with pytest.raises(OrderRefused) as refused:
        stage.submit(order("dry", SELL, "30"))
    assert refused.value.reason is RejectReason.NO_LIQUIDITY

    stage.do(SetDepth(instrument=MES, touch=Decimal("0.5")))
    thin = stage.submit(order("thin", SELL, "30"))

    assert thin.status is OrderStatus.CANCELED
    assert 0 < thin.filled < 30


def test_a_limit_rests_and_fills_at_its_own_price_in_parts(stage: Stage) -> None:
    stage.submit(order("rest", BUY, "1000", limit="5760.00"))

    stage.do(SetPrice(instrument=MES, price=Decimal("5759.75")))
    first = stage.report("rest")
    stage.do(SetPrice(instrument=MES, price=Decimal("5755.00")))
    second = stage.report("rest")

    assert first.status is OrderStatus.PARTIALLY_FILLED
    assert first.filled < second.filled
    assert {fill.price for fill in second.fills} == {Decimal("5760.00")}


def test_a_stop_limit_waits_for_its_stop_and_then_for_its_limit(stage: Stage) -> None:
    stage.do(holding(NET, MES, "1"))
    stage.submit(order("sl", SELL, "1", stop="5760.00", limit="5759.00", reduce_only=True))

    stage.do(SetPrice(instrument=MES, price=Decimal("5750.00")))
    assert stage.report("sl").status is OrderStatus.ACCEPTED
    stage.do(SetPrice(instrument=MES, price=Decimal("5765.00")))

    assert stage.report("sl").average_price == Decimal("5759.00")


def test_going_flat_ends_orders_that_could_only_reduce(stage: Stage) -> None:
    stage.do(holding(NET, MES, "2"))
    stage.submit(order("stop", SELL, "2", stop="5700.00", reduce_only=True))
    stage.submit(order("plain", SELL, "2", limit="5900.00"))

    stage.do(TradeAsOther(account=NET, instrument=MES, side=SELL, quantity=Decimal(2)))

    assert stage.report("stop").status is OrderStatus.CANCELED
    assert stage.report("plain").status is OrderStatus.ACCEPTED


def test_a_group_is_canceled_by_its_first_fill_also_where_more_could_fill(stage: Stage) -> None:
    stage.do(holding(NET, MES, "10"))
    stage.submit(order("profit", SELL, "4", limit="5800.00", oco="g"))
    stage.submit(order("loss", SELL, "4", stop="5750.00", oco="g"))
    stage.submit(order("apart", SELL, "4", stop="5740.00", oco="h"))

    stage.do(SetPrice(instrument=MES, price=Decimal(5745)))

    assert stage.report("loss").status is OrderStatus.FILLED
    assert stage.report("profit").status is OrderStatus.CANCELED
    assert stage.report("apart").status is OrderStatus.ACCEPTED
    assert stage.held(NET, MES) == 6


@pytest.mark.parametrize("time_in_force", [TimeInForce.IOC, TimeInForce.FOK])
def test_an_immediate_order_keeps_its_word_after_its_stop(
    stage: Stage, time_in_force: TimeInForce
) -> None:
    stage.submit(order("s", BUY, "5000", stop="5800.00", time_in_force=time_in_force))
    assert stage.report("s").status is OrderStatus.ACCEPTED

    stage.do(SetPrice(instrument=MES, price=Decimal(5801)))

    report = stage.report("s")
    assert report.status is OrderStatus.EXPIRED
    assert (report.filled > 0) is (time_in_force is TimeInForce.IOC)


def test_a_stuck_cancel_outlives_a_look_and_ends_on_time(stage: Stage) -> None:
    resting = stage.submit(order("rest", BUY, "1", limit="5000.00"))
    stage.do(CancelOrder(account=NET, venue_order_id=resting.venue_order_id, after=5))

    stage.wait(4)
    assert stage.report("rest").cancel_pending
    stage.wait(2)

    assert stage.report("rest").status is OrderStatus.CANCELED
    assert not stage.state.stuck_cancels


def test_nothing_trades_while_a_market_is_halted(stage: Stage) -> None:
    stage.submit(order("rest", BUY, "1", limit="5700.00"))
    stage.do(SetPhase(instrument=MES, phase=MarketPhase.HALTED))
    stage.do(SetPrice(instrument=MES, price=Decimal(5600)))
    assert stage.report("rest").status is OrderStatus.ACCEPTED

    stage.do(SetPhase(instrument=MES, phase=None))

    assert stage.report("rest").status is OrderStatus.FILLED


def test_a_refused_command_changes_nothing(stage: Stage) -> None:
    stage.state.take_touched()

    for refused in (order("b", BUY, "0"), order("c", SELL, "1", held=Holding.SHORT)):
        with pytest.raises(OrderRefused):
            stage.submit(refused)

    assert not stage.state.touched
    assert stage.state.counters.orders == 0


def test_events_carry_only_what_is_new(stage: Stage) -> None:
    stage.submit(order("rest", BUY, "1000", limit="5760.00"))
    stage.do(SetPrice(instrument=MES, price=Decimal("5759.75")))
    told = stage.do(SetPrice(instrument=MES, price=Decimal("5755.00")))

    [changed] = [event for event in told if isinstance(event, OrderChanged)]
    everything = stage.report("rest")
    assert changed.report.filled == everything.filled
    assert changed.report.fills == everything.fills[-1:]


def test_prices_walk_and_never_die(stage: Stage) -> None:
    start = stage.state.markets[MES].middle
    for _ in range(3000):
        stage.do(MovePrices())

    market = stage.state.markets[MES]
    assert market.middle != start
    assert 0 < market.low <= market.middle <= market.high
    assert abs(market.middle - start) < start // 10


def test_balances_tell_money_coins_and_coin_margin_apart(stage: Stage) -> None:
    swap = InstrumentId("BTC-USD-SWAP")
    stage.do(holding(HEDGED, COIN, "0.25", price="49000"))
    stage.do(holding(HEDGED, swap, "5000", price="40000", side=Holding.LONG))
    stage.submit(order("close", SELL, "5000", account=HEDGED, instrument=swap, held=Holding.LONG))

    account = readings.account(stage.state, stage.state.accounts[HEDGED])

    assert account.balances["BTC"] == Decimal("0.25")
    assert account.balances["BTC margin"] > Decimal("0.02")  # 5000 × (1/40000 − 1/50000), less fee
    assert account.balances["USDT"] == account.cash == CASH
    assert account.realized > 1000
