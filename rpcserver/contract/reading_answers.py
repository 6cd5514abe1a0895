"""What reads answer, and calls about operations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from rpcserver.apis import (
    crosstrade_accounts,
    crosstrade_bars,
    crosstrade_histories,
    crosstrade_orders,
    crosstrade_quotes,
    crosstrade_reads,
    legs,
    operations,
    portfolio,
)
from rpcserver.apis.legs import FailureAnswer
from rpcserver.contract.shared_answers import AccountsPage, AccountsTold, Answer, PageAnswer


class AccountsAnswer(AccountsTold, frozen=True, kw_only=True):
    """Accounts."""

    accounts: tuple[crosstrade_reads.AccountAnswer, ...]


class PositionsAnswer(AccountsPage, frozen=True, kw_only=True):
    """Positions."""

    positions: tuple[crosstrade_reads.HeldPosition, ...]


class OrdersAnswer(AccountsPage, frozen=True, kw_only=True):
    """Orders."""

    orders: tuple[crosstrade_orders.OrderAnswer, ...]


class ExecutionsAnswer(AccountsPage, frozen=True, kw_only=True):
    """Fills."""

    executions: tuple[crosstrade_orders.ExecutionAnswer, ...]


class OnePositionAnswer(crosstrade_reads.HeldPosition, frozen=True, kw_only=True, rename="camel"):
    """One position, or several where the name means several."""

    sandbox: bool | UnsetType = UNSET


class OneOrderAnswer(crosstrade_orders.OrderAnswer, frozen=True, kw_only=True, rename="camel"):
    """One order, and what the accounts are that were searched for it."""

    sandbox: bool | UnsetType = UNSET
    sandbox_venues: tuple[str, ...] | UnsetType = UNSET


class OrderStatusAnswer(
    crosstrade_histories.StatusAnswer, frozen=True, kw_only=True, rename="camel"
):
    """What matters of one order."""

    sandbox: bool | UnsetType = UNSET
    sandbox_venues: tuple[str, ...] | UnsetType = UNSET


class LifecycleAnswer(AccountsTold, frozen=True, kw_only=True):
    """One order from its intent to its end; `total` is there where older events are left out."""

    order_id: str
    original_order_id: str
    venue_order_id: str | None
    account: str
    as_of: datetime
    count: int
    total: int | UnsetType = UNSET
    events: tuple[crosstrade_histories.EventAnswer, ...]


class OneExecutionAnswer(
    crosstrade_orders.ExecutionAnswer, frozen=True, kw_only=True, rename="camel"
):
    """One fill."""

    success: bool
    sandbox: bool | UnsetType = UNSET
    sandbox_venues: tuple[str, ...] | UnsetType = UNSET


class SummaryAnswer(AccountsTold, frozen=True, kw_only=True):
    """Every account with its money and its positions; `epoch` in milliseconds."""

    type: str
    timestamp: datetime
    epoch: int
    accounts: tuple[crosstrade_accounts.SummaryLine, ...]


class WatermarksAnswer(AccountsTold, frozen=True, kw_only=True):
    """The highest and the lowest equity of accounts."""

    watermarks: tuple[crosstrade_accounts.WatermarkAnswer, ...]


class ConnectionsAnswer(AccountsTold, frozen=True, kw_only=True):
    """Venues, and whether they answer."""

    connections: tuple[crosstrade_accounts.ConnectionAnswer, ...]
    count: int


class BarsAnswer(Answer, frozen=True, kw_only=True):
    """Bars of one instrument."""

    instrument: str
    period_type: str
    period: int
    count: int
    bars: tuple[crosstrade_bars.BarAnswer, ...]
    since: datetime | UnsetType | None = UNSET


class MarketInfoAnswer(Answer, frozen=True, kw_only=True):
    """Whether a market is open, until when, and when it opens next."""

    timestamp: datetime
    instrument: str
    trading_hours: str
    time_zone: str
    status: crosstrade_quotes.MarketStatus
    session: crosstrade_quotes.SessionSpan
    upcoming: crosstrade_quotes.SessionSpan


class PortfolioAnswer(AccountsTold, frozen=True, kw_only=True):
    """A fresh reading of the venues, in the words of the portfolio dialect."""

    status: str
    code: str
    message: str
    status_code: int
    data: tuple[portfolio.PortfolioRow, ...]


class OperationsAnswer(PageAnswer, frozen=True, kw_only=True):
    """Operations, the newest first."""

    operations: tuple[operations.OperationAnswer, ...]


class OperationDetail(Struct, frozen=True, kw_only=True, rename="camel"):
    """One operation. `success` and `flat` are null until it has ended."""

    operation_id: str
    api: str
    principal: str
    idempotency_key: str | None
    reason: str
    opened_at: datetime
    finished_at: datetime | None
    running: bool
    success: bool | None
    flat: bool | None
    dry_run: bool
    cancelled: bool
    error: str | None
    detail: str
    plan_hash: str
    proven_at: datetime | None
    duration_ms: int
    counts: Mapping[str, int]
    failures: tuple[FailureAnswer, ...]
    total: int
    audit_seq: int
    audit_head: str
    audit_signature: str | UnsetType = UNSET
    approved_by: str | UnsetType = UNSET
    alone: bool | UnsetType = UNSET
    sandbox: bool | UnsetType = UNSET
    sandbox_venues: tuple[str, ...] | UnsetType = UNSET
    from_preferences: Mapping[str, object] | UnsetType = UNSET
    from_policy: Mapping[str, object] | UnsetType = UNSET


class OperationPageAnswer(Answer, frozen=True, kw_only=True):
    """One operation and a page of its legs; `next` is there where more follow."""

    operation: OperationDetail
    legs: tuple[legs.DetailedLeg, ...]
    next: int | UnsetType = UNSET


class OrderResolvedAnswer(Answer, frozen=True, kw_only=True):
    """A person's word about an unknown order is journaled."""

    order_id: str


class PongAnswer(Answer, frozen=True, kw_only=True):
    """The server's time; `epoch` in milliseconds."""

    time: datetime
    epoch: int
