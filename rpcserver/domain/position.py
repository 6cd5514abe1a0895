"""Positions: what an account holds of an instrument."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from rpcserver.domain.ids import (
    AccountId,
    AccountRef,
    InstrumentId,
    PositionId,
    Product,
    VenueId,
)
from rpcserver.domain.order import ZERO, Holding, OrderSide


class PositionSide(enum.Enum):
    """The three states of a position."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"


class PositionKey(NamedTuple):
    """What one position is: (venue, account, instrument, side held, product type)."""

    venue: VenueId
    account: AccountId
    instrument: InstrumentId
    holding: Holding
    product: Product

    @property
    def account_ref(self) -> AccountRef:
        return AccountRef(self.venue, self.account)


class TaggedQuantity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How much of a netted position a strategy's tag claims, signed like the position."""

    tag: str
    quantity: Decimal


class DayBook(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    How a position came about, split at the day's roll: what was carried in, and today's trades.

    The portfolio's *expiry* row is the carried part, its *daily* row today's. They are two views
    of one position and are never summed into a close.
    """

    carried_quantity: Decimal = ZERO  # signed
    carried_price: Decimal = ZERO
    buy_quantity: Decimal = ZERO  # today's
    buy_value: Decimal = ZERO  # Σ price × quantity
    sell_quantity: Decimal = ZERO
    sell_value: Decimal = ZERO


class Position(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A holding. Long is positive, short is negative, flat is zero."""

    position_id: PositionId
    venue: VenueId
    account: AccountId
    instrument: InstrumentId
    signed_quantity: Decimal
    holding: Holding = Holding.NET
    product: Product = Product("")
    average_price: Decimal
    market_price: Decimal | None = None  # None: no quote; an exit never waits for one (law 34)
    unrealized: Decimal | None = None  # at `market_price`, in the instrument's currency
    tags: tuple[TaggedQuantity, ...] = ()
    day: DayBook = DayBook()
    opened_at: datetime
    updated_at: datetime

    @property
    def key(self) -> PositionKey:
        return PositionKey(self.venue, self.account, self.instrument, self.holding, self.product)

    @property
    def account_ref(self) -> AccountRef:
        return AccountRef(self.venue, self.account)

    @property
    def quantity(self) -> Decimal:
        return abs(self.signed_quantity)

    @property
    def is_flat(self) -> bool:
        return self.signed_quantity == 0

    @property
    def side(self) -> PositionSide:
        if self.signed_quantity == 0:
            return PositionSide.FLAT
        return PositionSide.LONG if self.signed_quantity > 0 else PositionSide.SHORT

    @property
    def closing_side(self) -> OrderSide:
        """The side of an order that makes this position smaller."""
        assert not self.is_flat
        return OrderSide.SELL if self.signed_quantity > 0 else OrderSide.BUY
