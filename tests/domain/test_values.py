"""Ids, instruments, orders, positions and accounts: values with just enough behaviour."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcserver.domain.account import Account
from rpcserver.domain.ids import (
    AccountId,
    AccountRef,
    InstrumentId,
    OperationId,
    PositionId,
    Product,
    VenueId,
    VenueOrderId,
    client_order_id,
)
from rpcserver.domain.instrument import Instrument, InstrumentType
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import (
    ZERO,
    Holding,
    OrderReport,
    OrderSide,
    OrderStatus,
    OrderType,
)
from rpcserver.domain.position import Position, PositionKey, PositionSide

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
PAPER, SIM, MES = VenueId("paper"), AccountId("Sim101"), InstrumentId("MES 12-25")

operations = st.text(string.ascii_lowercase + string.digits, min_size=1).map(
    lambda name: OperationId(f"op-{name}")
)
attempts = st.tuples(operations, st.integers(1, 10_000), st.integers(1, 500))


# --- ids -----------------------------------------------------------------------------------------


@given(first=attempts, second=attempts)
def test_law_08_one_attempt_has_one_name_and_no_other_has_it(
    first: tuple[OperationId, int, int], second: tuple[OperationId, int, int]
) -> None:
    assert client_order_id(*first) == client_order_id(*first)
    assert (client_order_id(*first) == client_order_id(*second)) == (first == second)


@given(attempt=attempts)
def test_law_08_names_fit_every_venues_alphabet(attempt: tuple[OperationId, int, int]) -> None:
    name = client_order_id(*attempt)

    assert len(name) == 32
    assert set(name) <= set("0123456789abcdef")


def test_law_08_a_name_is_the_same_in_every_process_and_version() -> None:
    """It is all that tells a venue that two requests are one: it must never change."""
    assert client_order_id(OperationId("op-1"), 1, 1) == "5b47dd38f99e8b08df7ea1d3df4b6de2"


@pytest.mark.parametrize(("leg", "attempt"), [(0, 1), (1, 0), (-1, 1)])
def test_legs_and_attempts_count_from_one(leg: int, attempt: int) -> None:
    with pytest.raises(AssertionError):
        client_order_id(OperationId("op-1"), leg, attempt)


def test_an_account_is_spelled_with_its_venue() -> None:
    assert str(AccountRef(PAPER, SIM)) == "paper:Sim101"


# --- instruments ---------------------------------------------------------------------------------


def instrument(lot: str) -> Instrument:
    return Instrument(
        instrument_id=MES,
        type=InstrumentType.FUTURE,
        lot=Decimal(lot),
        tick=Decimal("0.25"),
        minimum=Decimal(lot),
    )


@pytest.mark.parametrize(
    ("lot", "quantity", "rounded"),
    [
        ("1", "3", "3"),
        ("1", "2.999", "2"),
        ("1", "0.999", "0"),
        ("65", "130", "130"),
        ("65", "129", "65"),
        ("0.00001", "0.123456", "0.12345"),
        ("0.001", "0.0009", "0"),
    ],
)
def test_law_11_sizes_round_towards_zero_and_never_up(
    lot: str, quantity: str, rounded: str
) -> None:
    assert instrument(lot).round_down(Decimal(quantity)) == Decimal(rounded)


@given(
    lot=st.sampled_from(["1", "65", "0.1", "0.00001"]),
    quantity=st.decimals(0, 1_000_000, places=8),
)
def test_law_11_what_is_rounded_is_whole_lots_and_less_than_one_is_lost(
    lot: str, quantity: Decimal
) -> None:
    step = Decimal(lot)
    rounded = instrument(lot).round_down(quantity)

    assert rounded % step == 0
    assert 0 <= quantity - rounded < step


# --- orders --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", OrderStatus)
def test_what_is_terminal_has_nothing_left_to_fill(status: OrderStatus) -> None:
    report = OrderReport(
        venue_order_id=VenueOrderId("v"),
        client_order_id=None,
        account=SIM,
        instrument=MES,
        side=OrderSide.SELL,
        type=OrderType.LIMIT,
        status=status,
        quantity=Decimal(5),
        filled=Decimal(2),
        created_at=NOON,
        updated_at=NOON,
    )

    works = status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)
    assert status.is_terminal is not works
    assert report.remaining == (3 if works else 0)


def test_a_side_has_an_opposite_and_a_sign() -> None:
    for side in OrderSide:
        assert side.opposite is not side
        assert side.opposite.opposite is side
        assert side.sign == -side.opposite.sign


@pytest.mark.parametrize("phase", MarketPhase)
def test_a_market_that_takes_market_orders_takes_orders(phase: MarketPhase) -> None:
    assert phase.takes_orders or not phase.takes_market_orders
    assert phase.takes_orders is (phase not in (MarketPhase.CLOSED, MarketPhase.HALTED))


# --- positions and accounts ----------------------------------------------------------------------


def position(quantity: int) -> Position:
    return Position(
        position_id=PositionId("pos-1"),
        venue=PAPER,
        account=SIM,
        instrument=MES,
        signed_quantity=Decimal(quantity),
        average_price=Decimal(100),
        opened_at=NOON,
        updated_at=NOON,
    )


@pytest.mark.parametrize(
    ("quantity", "side", "closing"),
    [(3, PositionSide.LONG, OrderSide.SELL), (-3, PositionSide.SHORT, OrderSide.BUY)],
)
def test_a_position_is_closed_from_its_other_side(
    quantity: int, side: PositionSide, closing: OrderSide
) -> None:
    held = position(quantity)

    assert held.side is side
    assert held.closing_side is closing
    assert held.quantity == 3
    assert not held.is_flat
    assert held.signed_quantity + closing.sign * held.quantity == 0


def test_what_is_flat_has_no_closing_side() -> None:
    flat = position(0)

    assert flat.is_flat
    assert flat.side is PositionSide.FLAT
    with pytest.raises(AssertionError):
        flat.closing_side  # noqa: B018 - asking is what is tested


def test_law_15_the_two_sides_of_a_hedge_are_two_positions() -> None:
    keys = {PositionKey(PAPER, SIM, MES, holding, Product("")) for holding in Holding}

    assert len(keys) == 3
    assert position(1).key in keys
    assert {key.account_ref for key in keys} == {AccountRef(PAPER, SIM)}


def test_equity_is_cash_and_what_positions_are_worth() -> None:
    account = Account(
        venue=PAPER, account=SIM, user_id="u", cash=Decimal(100), unrealized=Decimal("-30.5")
    )

    assert account.equity == Decimal("69.5")
    assert account.ref == AccountRef(PAPER, SIM)
    assert account.realized == ZERO
