"""Markets: whether an instrument trades now, how, and at what price."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.domain.ids import InstrumentId


class MarketPhase(enum.Enum):
    OPEN = "open"
    CLOSED = "closed"
    AUCTION = "auction"  # limit orders only
    RESERVED = "reserved"  # the exchange paused it; limit orders only
    HALTED = "halted"

    @property
    def takes_orders(self) -> bool:
        return self in (MarketPhase.OPEN, MarketPhase.AUCTION, MarketPhase.RESERVED)

    @property
    def takes_market_orders(self) -> bool:
        return self is MarketPhase.OPEN


class Market(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The state of one instrument's market: what an exit needs to know before it sends."""

    instrument: InstrumentId
    phase: MarketPhase = MarketPhase.OPEN
    bid: Decimal | None = None
    ask: Decimal | None = None
    lower_band: Decimal | None = None  # no order below, none above
    upper_band: Decimal | None = None
    changes_at: datetime | None = None  # when the phase is due to change


class Quote(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a screen shows of an instrument."""

    instrument: InstrumentId
    bid: Decimal
    ask: Decimal
    last: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal  # of the session before
    volume: int
    at: datetime
    is_open: bool


class Session(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The trading session around an instant: the running one, or the next if none runs."""

    is_open: bool
    starts_at: datetime
    ends_at: datetime
    next_starts_at: datetime
    next_ends_at: datetime
    time_zone: str
