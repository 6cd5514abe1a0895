"""
Reads that look further than one list: an order's life, a whole account, its marks.

Each query names the type of what comes back, as in `queries.py`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.core.entries import Entry
from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.ids import AccountRef, InstrumentId, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import OrderReport


class ReadLifecycle(msgspec.Struct, frozen=True):
    """-> `Lifecycle | None`; `order_id` is the venue's id or ours."""

    accounts: tuple[AccountRef, ...]
    order_id: str


class ReadSummary(msgspec.Struct, frozen=True):
    """-> `tuple[Summarized, ...]`, read now."""

    accounts: tuple[AccountRef, ...]


class ReadWatermarks(msgspec.Struct, frozen=True):
    """-> `tuple[Watermark, ...]` of the accounts whose money was read just now."""

    accounts: tuple[AccountRef, ...]


class ReadBars(msgspec.Struct, frozen=True):
    """-> `Bars`: the newest *limit* of so many minutes each, from *since* to before *until*."""

    venue: VenueId
    instrument: InstrumentId
    minutes: int
    since: datetime
    until: datetime | None
    limit: int


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """What the price did in one stretch of time."""

    starts_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


class Bars(msgspec.Struct, frozen=True):
    """Bars oldest first; nothing is known of before `since` (None: nothing at all)."""

    instrument: Instrument
    bars: tuple[Bar, ...]
    since: datetime | None


class Lifecycle(msgspec.Struct, frozen=True):
    """What the journal holds of one order, oldest first, and what the venue says of it now."""

    account: AccountRef
    entries: tuple[Entry, ...]
    report: OrderReport | None  # None: the venue knows it no more, or never did
    instrument: Instrument | None


class Summarized(msgspec.Struct, frozen=True):
    """One account with its positions; `snapshot` None: they could not be read, and are unknown."""

    account: Account
    snapshot: AccountSnapshot | None


class Watermark(msgspec.Struct, frozen=True, kw_only=True):
    """The highest and the lowest equity of an account among the readings since `since`."""

    account: AccountRef
    currency: str
    equity: Decimal  # of the last reading
    high: Decimal
    high_at: datetime
    low: Decimal
    low_at: datetime
    since: datetime
