"""The items of the channels: what a `subscribed` snapshot and `event` frames are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from msgspec import UNSET, Struct, UnsetType


class ItemBase(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """What every item has in common: absent keys mean there is nothing to say."""


class PositionItem(ItemBase, frozen=True, kw_only=True, gc=False):
    """
    A position is now this. `quantity` is unsigned; `side` is `long`, `short` or `flat`.

    Profit is (price - `average_price`) × quantity × `point_value`, in `currency`; where that is
    not how this instrument earns, or is not known yet, there is no `point_value`.
    """

    position_id: str
    venue: str
    account: str
    instrument: str
    side: str
    quantity: Decimal
    average_price: Decimal
    market_price: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    point_value: Decimal | None = None
    currency: str = ""
    product: str = ""
    sandbox: bool = False
    updated_at: datetime


class OrderItem(ItemBase, frozen=True, kw_only=True, gc=False):
    """An order is now this."""

    order_id: str
    client_order_id: str | None = None
    venue: str
    account: str
    instrument: str
    side: str
    type: str
    status: str
    quantity: Decimal
    filled: Decimal
    average_price: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    reduce_only: bool = False
    tag: str | None = None
    reject_reason: str | None = None
    detail: str = ""
    sandbox: bool = False
    updated_at: datetime


class ExecutionItem(ItemBase, frozen=True, kw_only=True, gc=False):
    """One fill."""

    trade_id: str
    order_id: str
    client_order_id: str | None = None
    venue: str
    account: str
    instrument: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    realized_pnl: Decimal
    tag: str | None = None
    sandbox: bool = False
    at: datetime


class OperationItem(ItemBase, frozen=True, kw_only=True, gc=False):
    """An operation began or ended. `success` and `flat` are absent while it runs."""

    operation_id: str
    api: str
    principal: str
    status: str  # "running" or "finished"
    success: bool | None = None
    flat: bool | None = None
    legs: int | None = None
    dry_run: bool = False
    reason: str = ""
    error: str | None = None
    sandbox: bool | UnsetType = UNSET
    sandbox_venues: Sequence[str] | UnsetType = UNSET
    opened_at: datetime | None = None
    finished_at: datetime | None = None


class AlertItem(ItemBase, frozen=True, kw_only=True, gc=False):
    """Something a person should know."""

    code: str
    detail: str
    venue: str | None = None
    account: str | None = None
    sandbox: bool | UnsetType = UNSET  # the venue
    instrument: str | None = None
    operation_ids: Sequence[str] = ()
    principal: str | None = None  # who did it
    acknowledges: int | None = None  # the alert, by its `audit_seq`, that somebody looks at
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    acknowledge_reason: str = ""
    audit_seq: int
    at: datetime


class AuditItem(ItemBase, frozen=True, kw_only=True, gc=False):
    """One record of the journal in a line, with its place in the hash chain."""

    audit_seq: int
    audit_hash: str
    kind: str
    operation_ids: Sequence[str] = ()
    principal: str | None = None
    remote: str = ""
    venue: str | None = None
    account: str | None = None
    sandbox: bool | UnsetType = UNSET  # the venue
    instrument: str | None = None
    detail: str = ""
    at: datetime


Item: TypeAlias = PositionItem | OrderItem | ExecutionItem | OperationItem | AlertItem | AuditItem
