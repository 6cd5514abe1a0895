"""What the core wants done: imperatives, performed by the driver in commit order."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.core.requests import PlaceRequest
from rpcserver.domain.ids import (
    AccountRef,
    ClientOrderId,
    DirectiveName,
    InstrumentId,
    OperationId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import OrderRequest
from rpcserver.domain.position import PositionKey


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What every command is."""


class ReadAccount(Command, frozen=True, kw_only=True):
    """-> SnapshotRead or SnapshotFailed."""

    account: AccountRef
    operation_id: OperationId | None
    markets: bool


class Admission(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a client's order was let in as: what is laid down afterwards is held against it."""

    request: PlaceRequest
    instrument: Instrument | None
    halts: frozenset[DirectiveName]  # that stood then, and let it pass


class SubmitOrder(Command, frozen=True, kw_only=True):
    """-> OrderUpdated, OrderRejected, OrderUnsent or OrderLost."""

    account: AccountRef
    order: OrderRequest
    exit: bool  # goes before other traffic in the venue's budget
    admission: Admission | None = None  # of a client's own order


class CancelOrder(Command, frozen=True, kw_only=True):
    """-> OrderUpdated, CancelRejected, CancelLost or CancelUnsent."""

    account: AccountRef
    venue_order_id: VenueOrderId
    fence: PositionKey | None = None  # of whose fence it is: it is called off with it


class ChangeOrder(Command, frozen=True, kw_only=True):
    """-> As CancelOrder, or ChangeUnsent where it is a client's. `quantity` is the new total."""

    account: AccountRef
    venue_order_id: VenueOrderId
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    admission: Admission | None = None  # of a client's change that may open risk
    fence: PositionKey | None = None  # of whose fence it is


class QueryOrder(Command, frozen=True, kw_only=True):
    """-> OrderUpdated, OrderAbsent or OrderQueryFailed. By one of the two names."""

    account: AccountRef
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId | None
    asked: float = 0.0  # when (monotonic): an answer is no younger than its question


class QueryTrades(Command, frozen=True, kw_only=True):
    """-> TradesRead or TradesFailed."""

    account: AccountRef
    since: datetime


class ReadMarket(Command, frozen=True, kw_only=True):
    """-> MarketChanged or MarketUnread."""

    venue: VenueId
    instrument: InstrumentId


UNDECIDED = "internal"  # the code of an alert that is no record: an event could not be decided


class Alert(Command, frozen=True, kw_only=True):
    """Tell people now."""

    code: str
    detail: str
    operation_id: OperationId | None = None
