"""The laws of the pure exchange: whatever is asked of it, these stay true."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from rpcserver.domain.errors import OrderRefused
from rpcserver.domain.ids import AccountId, InstrumentId, VenueOrderId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import Holding, OrderSide, OrderStatus, TimeInForce
from rpcserver.driver.ports import OrderChanged, PositionMoved
from rpcserver.venues.paper.commands import (
    CancelOrder,
    ChangeOrder,
    ExchangeCommand,
    FillOrder,
    MovePrices,
    SetPhase,
    SetPrice,
    SubmitOrder,
    TradeAsOther,
)
from tests.contracts.stages import order
from tests.venues.paper.exchanges import CASH, HEDGED, NET, Stage

MES, COIN, SWAP = (
    InstrumentId("MES 12-25"),
    InstrumentId("BTC-USDT"),
    InstrumentId("BTC-USDT-SWAP"),
)
PLACES = [
    (NET, MES, Holding.NET, Decimal(1)),
    (HEDGED, COIN, Holding.NET, Decimal("0.001")),
    (HEDGED, SWAP, Holding.LONG, Decimal(1)),
    (HEDGED, SWAP, Holding.SHORT, Decimal(1)),
]
PRICES = {MES: Decimal(5774), COIN: Decimal(50000), SWAP: Decimal(50000)}


@st.composite
def _orders(draw: st.DrawFn) -> ExchangeCommand:
    account, instrument, held, unit = draw(st.sampled_from(PLACES))
    price = PRICES[instrument]
    near = st.integers(-20, 20).map(lambda steps: str(price + steps * 5))
    return SubmitOrder(
        order(
            f"o{draw(st.integers(0, 30))}",
            draw(st.sampled_from(OrderSide)),
            str(draw(st.integers(1, 3000)) * unit),
            account=account,
            instrument=instrument,
            held=held,
            limit=draw(st.none() | near),
            stop=draw(st.none() | st.none() | near),
            time_in_force=draw(st.sampled_from(TimeInForce)),
            reduce_only=draw(st.booleans()),
            oco=draw(st.sampled_from([None, None, "g1", "g2"])),
            tag=draw(st.sampled_from([None, "swing", "scalp"])),
        )
    )


@st.composite
def _worlds(draw: st.DrawFn) -> ExchangeCommand:
    account, instrument, held, unit = draw(st.sampled_from(PLACES))
    shift = draw(st.integers(-15, 15))
    happenings: list[ExchangeCommand] = [
        MovePrices(),
        SetPrice(instrument=instrument, price=PRICES[instrument] + 5 * shift),
        SetPhase(instrument=instrument, phase=draw(st.sampled_from(MarketPhase))),
        SetPhase(instrument=None, phase=MarketPhase.OPEN),
        TradeAsOther(
            account=account,
            instrument=instrument,
            side=draw(st.sampled_from(OrderSide)),
            quantity=draw(st.integers(1, 40)) * unit,
            holding=held,
        ),
    ]
    return draw(st.sampled_from(happenings))


@st.composite
def _steps(draw: st.DrawFn) -> tuple[ExchangeCommand | str, int, Decimal]:
    """A command, or what to do to the nth order; and how much time passes first."""
    what = draw(_orders() | _orders() | _worlds() | st.sampled_from(["cancel", "change", "fill"]))
    return what, draw(st.integers(0, 40)), draw(st.sampled_from([Decimal(1), Decimal(20_000)]))


Steps = list[tuple[ExchangeCommand | str, int, Decimal]]


def _play(stage: Stage, steps: Steps) -> None:
    for what, number, seconds in steps:
        stage.wait(float(seconds))
        command = _about_an_order(stage, what, number) if isinstance(what, str) else what
        if command is None:
            continue
        try:
            stage.do(command)
        except OrderRefused:
            continue


def _about_an_order(stage: Stage, what: str, number: int) -> ExchangeCommand | None:
    names: list[VenueOrderId] = list(stage.state.orders)
    if not names:
        return None
    found = stage.state.orders[names[number % len(names)]].report
    account, name = found.account, found.venue_order_id
    match what:
        case "cancel":
            return CancelOrder(account=account, venue_order_id=name, after=number % 3)
        case "change":
            return ChangeOrder(
                account=account, venue_order_id=name, quantity=found.quantity * (1 + number % 3)
            )
        case _:
            return FillOrder(account=account, venue_order_id=name)


plays = st.lists(_steps(), max_size=40)


@given(steps=plays)
@settings(max_examples=60, deadline=None)
def test_law_05_what_is_held_is_what_was_traded(steps: Steps) -> None:
    stage = Stage()

    _play(stage, steps)

    traded: defaultdict[tuple[AccountId, InstrumentId, Holding], Decimal] = defaultdict(Decimal)
    for fills in stage.state.fills_of.values():
        for fill in fills:
            in_coins = fill.fee if fill.fee_currency == "BTC" else 0
            place = (fill.account, fill.instrument, fill.holding)
            traded[place] += fill.signed_quantity - in_coins
    for account, instrument, held, _ in PLACES:
        now = [each for each in stage.positions(account, instrument) if each.holding is held]
        assert traded[account, instrument, held] == sum(
            (each.signed_quantity for each in now), Decimal(0)
        )


@given(steps=plays)
@settings(max_examples=60, deadline=None)
def test_money_adds_up(steps: Steps) -> None:
    stage = Stage()

    _play(stage, steps)

    for account, currency in ((NET, "USD"), (HEDGED, "USDT")):
        expected = CASH
        for fill in stage.state.fills_of[account]:
            if fill.instrument == COIN:
                expected -= fill.signed_quantity * fill.price
            else:
                expected += fill.realized
            expected -= fill.fee if fill.fee_currency == currency else 0
        assert stage.state.accounts[account].cash[currency] == expected


@given(steps=plays)
@settings(max_examples=60, deadline=None)
def test_law_01_what_only_reduces_never_turns_nor_grows_a_position(steps: Steps) -> None:
    stage = Stage()

    _play(stage, steps)

    for place in PLACES:
        held = Decimal(0)
        for fill in stage.state.fills_of[place[0]]:
            if (fill.instrument, fill.holding) != (place[1], place[2]):
                continue
            after = held + fill.signed_quantity
            after -= fill.fee if fill.fee_currency == "BTC" else 0
            if stage.state.orders[fill.venue_order_id].report.reduce_only:
                assert held * after >= 0
                assert abs(after) < abs(held)
            held = after
        assert place[2] is not Holding.LONG or held >= 0
        assert place[2] is not Holding.SHORT or held <= 0
        assert place[1] != COIN or held >= 0


@given(steps=plays)
@settings(max_examples=60, deadline=None)
def test_law_06_each_fill_has_its_own_name_and_is_told_once(steps: Steps) -> None:
    stage = Stage()

    _play(stage, steps)

    told = [
        fill.trade_id
        for event in stage.told
        if isinstance(event, OrderChanged)
        for fill in event.report.fills
    ]
    kept = [fill.trade_id for fills in stage.state.fills_of.values() for fill in fills]
    assert len(told) == len(set(told))
    assert set(told) == set(kept)


@given(steps=plays)
@settings(max_examples=60, deadline=None)
def test_orders_and_positions_are_consistent(steps: Steps) -> None:
    stage = Stage()

    _play(stage, steps)

    working = {each.venue_order_id for each in stage.state.working}
    for name, each in stage.state.orders.items():
        report = each.report
        assert (name in working) is not report.status.is_terminal
        assert report.filled == sum((fill.quantity for fill in report.fills), Decimal(0))
        assert 0 <= report.filled <= report.quantity
        assert (report.status is OrderStatus.FILLED) is (report.filled == report.quantity)
    for positions in stage.state.positions.values():
        for position in positions.values():
            claimed = sum((claim.quantity for claim in position.tags), Decimal(0))
            assert not position.is_flat
            assert abs(claimed) <= position.quantity
            assert all(claim.quantity * position.signed_quantity > 0 for claim in position.tags)
    ids = [
        event.position.position_id
        for event in stage.told
        if isinstance(event, PositionMoved) and event.position.is_flat
    ]
    assert len(ids) == len(set(ids)), "a position that ended was opened again"


@given(steps=plays)
@settings(max_examples=30, deadline=None)
def test_the_same_commands_give_the_same_events_and_the_same_state(steps: Steps) -> None:
    first, second = Stage(), Stage()

    _play(first, steps)
    _play(second, steps)

    assert first.told == second.told
    assert first.state.positions == second.state.positions
    assert first.state.accounts == second.state.accounts
    assert first.state.markets == second.state.markets
    assert [each.report for each in first.state.orders.values()] == [
        each.report for each in second.state.orders.values()
    ]


def test_another_seed_is_another_path() -> None:
    paths = []
    for seed in (1, 2):
        stage = Stage(seed=seed)
        for _ in range(20):
            stage.do(MovePrices())
        paths.append(stage.state.markets[MES].middle)

    assert paths[0] != paths[1]
