"""What calls about orders answer."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, Struct, UnsetType

from rpcserver.apis import upstox_orders
from rpcserver.contract.shared_answers import AccountsTold


class OrderPlacedAnswer(AccountsTold, frozen=True, kw_only=True):
    """One order, placed, changed or canceled."""

    order_id: str
    order_state: str | UnsetType = UNSET
    venue_order_id: str | UnsetType | None = UNSET


class OrderChangedAnswer(OrderPlacedAnswer, frozen=True, kw_only=True):
    """The order as it is now; a price that it does not have is 0."""

    quantity: int | float
    filled: int | float
    limit_price: float
    stop_price: float


class OrderReplacedAnswer(OrderPlacedAnswer, frozen=True, kw_only=True):
    """The order that was placed, and whether the one before it is proven canceled."""

    replaced_order_id: str
    canceled: bool


class UnplacedOrder(Struct, frozen=True, kw_only=True, rename="camel"):
    """An order that the venue does not have, or may have: then ask for it."""

    order_id: str
    error: str | None
    detail: str


class BracketAnswer(AccountsTold, frozen=True, kw_only=True):
    """The orders that guard the position now; `quantity` null: not known what is left of it."""

    order_ids: tuple[str, ...]
    canceled_order_ids: tuple[str, ...]
    quantity: int | float | None
    unprotected: bool
    failed: tuple[UnplacedOrder, ...] | UnsetType = UNSET


class OrdersCanceledAnswer(AccountsTold, frozen=True, kw_only=True):
    """`orderIds` are proven canceled."""

    order_ids: tuple[str, ...]
    pending_order_ids: tuple[str, ...] | UnsetType = UNSET
    failed: tuple[Mapping[str, object], ...] | UnsetType = UNSET


class MultiOrderAnswer(AccountsTold, frozen=True, kw_only=True):
    """Upstox: many orders at once, one row each."""

    status: str
    data: tuple[upstox_orders.PlacedRow, ...]
    errors: tuple[upstox_orders.ErrorRow, ...] | None
    summary: Mapping[str, int]
    status_code: int


class CanceledIds(Struct, frozen=True, kw_only=True):
    """Proven canceled."""

    order_ids: tuple[str, ...]


class CancelMultiAnswer(AccountsTold, frozen=True, kw_only=True):
    """Upstox: many cancels at once; `errors` null: each is proven canceled."""

    status: str
    data: CanceledIds
    errors: tuple[upstox_orders.ErrorRow, ...] | None
    summary: Mapping[str, int]
    status_code: int
