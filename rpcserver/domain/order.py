"""Orders, as asked for (`OrderRequest`) and as the venue tells of them (`OrderReport`)."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.domain.ids import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    Product,
    TradeId,
    VenueOrderId,
)

ZERO = Decimal(0)


class OrderSide(enum.Enum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is OrderSide.BUY else -1

    @property
    def opposite(self) -> OrderSide:
        return OrderSide.SELL if self is OrderSide.BUY else OrderSide.BUY


class Holding(enum.StrEnum):
    """
    Which position of an instrument an order belongs to: the net one, or a side in hedge mode.

    A string by birth, because it is part of every position's key and strings hash fast.
    """

    NET = "net"
    LONG = "long"
    SHORT = "short"


class OrderType(enum.Enum):
    MARKET = "market"
    LIMIT = "limit"
    STOP_MARKET = "stop_market"
    STOP_LIMIT = "stop_limit"


class TimeInForce(enum.Enum):
    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class OrderStatus(enum.Enum):
    """What a venue says of an order. What *we* do not know is no status of the venue's."""

    ACCEPTED = "accepted"  # working, nothing filled
    PARTIALLY_FILLED = "partially_filled"  # working, something filled
    FILLED = "filled"
    CANCELED = "canceled"  # whatever had filled stays filled
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def is_terminal(self) -> bool:
        return self not in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)


class RejectReason(enum.Enum):
    """Why a venue said no, in our words; the venue's own words travel in `detail`."""

    MARKET_CLOSED = "market_closed"
    MARKET_ORDERS_BANNED = "market_orders_banned"  # auction or reserved: only limits are taken
    INSUFFICIENT_MARGIN = "insufficient_margin"
    PRICE_OUT_OF_BAND = "price_out_of_band"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"  # the freeze quantity
    BAD_STEP = "bad_step"  # not a multiple of the lot or the tick
    REDUCE_ONLY = "reduce_only"  # it would have increased the position
    DUPLICATE_ID = "duplicate_client_order_id"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_ORDER = "unknown_order"  # a cancel or change of what the venue does not know
    ALREADY_TERMINAL = "already_terminal"  # a cancel or change that came too late
    NO_LIQUIDITY = "no_liquidity"
    OTHER = "other"


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order as we ask a venue for it. `client_order_id` is durable before the venue sees it."""

    client_order_id: ClientOrderId
    account: AccountId
    instrument: InstrumentId
    side: OrderSide
    quantity: Decimal  # > 0, a multiple of the lot
    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    holding: Holding = Holding.NET
    product: Product = Product("")
    tag: str | None = None  # the strategy it belongs to
    oco_id: str | None = None  # one fills, the others of the group are canceled


class Fill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution, counted once by `trade_id` (law 6)."""

    trade_id: TradeId
    venue_order_id: VenueOrderId
    client_order_id: ClientOrderId | None
    account: AccountId
    instrument: InstrumentId
    side: OrderSide
    quantity: Decimal  # > 0
    price: Decimal
    holding: Holding = Holding.NET
    product: Product = Product("")
    fee: Decimal = ZERO  # paid, in `fee_currency`
    fee_currency: str = "USD"
    realized: Decimal = ZERO  # the profit this fill locked in, before its fee
    tag: str | None = None
    at: datetime

    @property
    def signed_quantity(self) -> Decimal:
        return self.quantity if self.side is OrderSide.BUY else -self.quantity


class OrderReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    What a venue tells about one order.

    `filled` and `average_price` are cumulative. `fills` holds every execution of the order that
    the venue names in this report (all of them in answers to submit, cancel and query; possibly
    none in lists of working orders).
    """

    venue_order_id: VenueOrderId
    client_order_id: ClientOrderId | None  # None: placed by someone who gives no names
    account: AccountId
    instrument: InstrumentId
    side: OrderSide
    type: OrderType
    status: OrderStatus
    quantity: Decimal
    filled: Decimal = ZERO
    average_price: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    holding: Holding = Holding.NET
    product: Product = Product("")
    tag: str | None = None
    oco_id: str | None = None
    cancel_pending: bool = False  # a cancel was taken and is not finished
    reject_reason: RejectReason | None = None
    detail: str = ""
    fills: tuple[Fill, ...] = ()
    created_at: datetime
    updated_at: datetime

    @property
    def remaining(self) -> Decimal:
        return ZERO if self.status.is_terminal else self.quantity - self.filled
