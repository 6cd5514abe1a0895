"""
Everything the pure exchange can be told, as values.

Orders come from `Venue` methods; time and prices from a timer; the rest from whoever sets the
scene: a demo, a test, the simulation.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from rpcserver.domain.account import PositionMode
from rpcserver.domain.ids import AccountId, InstrumentId, Product, VenueOrderId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import Holding, OrderRequest, OrderSide
from rpcserver.venues.paper.contracts import Calendar, Contract

# --- orders --------------------------------------------------------------------------------------


class SubmitOrder(msgspec.Struct, frozen=True, tag=True):
    """Place an order. Raises OrderRefused where the exchange says no."""

    order: OrderRequest


class CancelOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Cancel an order; `after` seconds later if the cancel gets stuck on the way to the book."""

    account: AccountId
    venue_order_id: VenueOrderId
    after: float = 0.0


class ChangeOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Change a working order in place; None leaves a value as it is."""

    account: AccountId
    venue_order_id: VenueOrderId
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


# --- time and prices -----------------------------------------------------------------------------


class PassTime(msgspec.Struct, frozen=True, tag=True):
    """Do what is due by now: stuck cancels, sessions that open and close, the day's roll."""


class MovePrices(msgspec.Struct, frozen=True, tag=True):
    """Let every open market take one step of its price walk."""


class SetPrice(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Let one market jump to a price; its walk goes on from there."""

    instrument: InstrumentId
    price: Decimal


# --- markets -------------------------------------------------------------------------------------


class SetPhase(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Open, close, halt, … one market, or all of them; None gives it back to its calendar."""

    instrument: InstrumentId | None = None
    phase: MarketPhase | None


class SetBands(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Let no order below `lower` nor above `upper`; None lifts a band."""

    instrument: InstrumentId
    lower: Decimal | None = None
    upper: Decimal | None = None


class SetDepth(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Let the best level of the book hold `touch` (0: nobody trades); None: as is usual."""

    instrument: InstrumentId
    touch: Decimal | None = None


class ListContracts(msgspec.Struct, frozen=True, tag=True):
    """List contracts. What is listed already stays as it is."""

    contracts: tuple[Contract, ...]


# --- accounts and positions ----------------------------------------------------------------------


class OpenAccount(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Open an account, unless it exists."""

    account: AccountId
    user_id: str
    display_name: str = ""
    currency: str = "USD"
    mode: PositionMode = PositionMode.NETTING
    calendar: Calendar = Calendar.ALWAYS  # when its day rolls
    products: tuple[Product, ...] = ()  # the product types it knows; the first is the default
    cash: Decimal = Decimal(0)


class OpenPosition(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Let an account hold `quantity` (signed) more, without a trade: how a scene is set."""

    account: AccountId
    instrument: InstrumentId
    quantity: Decimal
    average_price: Decimal
    holding: Holding = Holding.NET
    product: Product = Product("")
    tag: str | None = None
    carried: bool = False  # from an earlier day


class TradeAsOther(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Someone else trades the account: by hand, by another program, a liquidation."""

    account: AccountId
    instrument: InstrumentId
    side: OrderSide
    quantity: Decimal
    price: Decimal | None = None  # None: at the touch
    holding: Holding = Holding.NET
    product: Product = Product("")


class FillOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """
    Fill a working order whatever the book says.

    `quantity` None is all of it; `price` None its limit, or the touch. Reduce-only still holds.
    """

    account: AccountId
    venue_order_id: VenueOrderId
    quantity: Decimal | None = None
    price: Decimal | None = None


ExchangeCommand = (
    SubmitOrder
    | CancelOrder
    | ChangeOrder
    | PassTime
    | MovePrices
    | SetPrice
    | SetPhase
    | SetBands
    | SetDepth
    | ListContracts
    | OpenAccount
    | OpenPosition
    | TradeAsOther
    | FillOrder
)
