"""
What the final answer of each api holds, as one Struct each.

The handlers lay their answers out key by key, because the dialects share them; here is what comes
of it. Every example of protocol.md is held against these in the tests. An api that is missing here
has an answer that is typed no further than "an object".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from rpcserver.apis import (
    approvals,
    audit,
    crosstrade_accounts,
    crosstrade_bars,
    crosstrade_histories,
    crosstrade_orders,
    crosstrade_quotes,
    crosstrade_reads,
    deadman,
    halts,
    legs,
    operations,
    policy,
    portfolio,
    preferences,
    rules,
    tokens,
    upstox_orders,
)
from rpcserver.apis.legs import FailureAnswer
from rpcserver.contract.closing_answers import (
    Answer,
    BatchCloseAnswer,
    ExitAllAnswer,
    FlattenAnswer,
    LiquidateAnswer,
    ReverseAnswer,
)
from rpcserver.wire import events

# --- reading -----------------------------------------------------------------------------------


class PageAnswer(Answer, frozen=True, kw_only=True):
    """A page of rows; `next` is there where more follow."""

    count: int | UnsetType = UNSET
    next: str | int | UnsetType = UNSET


class AccountsAnswer(Answer, frozen=True, kw_only=True):
    """Accounts."""

    accounts: tuple[crosstrade_reads.AccountAnswer, ...]


class PositionsAnswer(PageAnswer, frozen=True, kw_only=True):
    """Positions."""

    positions: tuple[crosstrade_reads.HeldPosition, ...]


class OrdersAnswer(PageAnswer, frozen=True, kw_only=True):
    """Orders."""

    orders: tuple[crosstrade_orders.OrderAnswer, ...]


class ExecutionsAnswer(PageAnswer, frozen=True, kw_only=True):
    """Fills."""

    executions: tuple[crosstrade_orders.ExecutionAnswer, ...]


class WatermarksAnswer(Answer, frozen=True, kw_only=True):
    """The highest and the lowest equity of accounts."""

    watermarks: tuple[crosstrade_accounts.WatermarkAnswer, ...]


class ConnectionsAnswer(Answer, frozen=True, kw_only=True):
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


class PortfolioAnswer(Struct, frozen=True, kw_only=True):
    """A fresh reading of the venues, in the words of the portfolio dialect."""

    status: str
    code: str
    message: str
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


class PongAnswer(Answer, frozen=True, kw_only=True):
    """The server's time; `epoch` in milliseconds."""

    time: datetime
    epoch: int


# --- looking after -----------------------------------------------------------------------------


class HaltSetAnswer(Answer, frozen=True, kw_only=True):
    """A halt that stands now, or was released."""

    halt: halts.HaltAnswer
    halt_id: str | UnsetType = UNSET
    complete: bool | UnsetType = UNSET
    unread_accounts: tuple[str, ...] | UnsetType = UNSET
    canceled_order_ids: tuple[str, ...] | UnsetType = UNSET
    pending_order_ids: tuple[str, ...] | UnsetType = UNSET
    operation_id: str | UnsetType = UNSET
    operations: tuple[str, ...] | UnsetType = UNSET


class HaltsAnswer(PageAnswer, frozen=True, kw_only=True):
    """Halts that stand."""

    halts: tuple[halts.HaltAnswer, ...]


class RuleSetAnswer(Answer, frozen=True, kw_only=True):
    """A rule that stands now."""

    rule: rules.RuleAnswer


class RuleRemovedAnswer(Answer, frozen=True, kw_only=True):
    """A rule that stands no more."""

    rule_id: str


class RulesAnswer(PageAnswer, frozen=True, kw_only=True):
    """Rules that stand, the oldest first."""

    rules: tuple[rules.RuleAnswer, ...]


class SwitchSetAnswer(Answer, frozen=True, kw_only=True):
    """A dead-man's switch."""

    switch: deadman.SwitchAnswer


class ExitsAnswer(PageAnswer, frozen=True, kw_only=True):
    """The exit log; `summary` is over all exits of the filter, not of the page."""

    exits: tuple[audit.ExitAnswer, ...]
    summary: tuple[audit.InstrumentSummary, ...] | UnsetType = UNSET
    summarized: int | UnsetType = UNSET


class ChainAnswer(Answer, frozen=True, kw_only=True):
    """Whether the chain of the audit is intact."""

    intact: bool
    records: int
    audit_seq: int
    audit_head: str
    audit_signature: str | None
    public_key: str | None
    first_broken: int | None
    detail: str


class AlertsAnswer(PageAnswer, frozen=True, kw_only=True):
    """Alerts, the newest first."""

    alerts: tuple[events.AlertItem, ...]


class AlertAnswer(Answer, frozen=True, kw_only=True):
    """One alert, with who looks at it."""

    alert: events.AlertItem


class ApprovalsAnswer(PageAnswer, frozen=True, kw_only=True):
    """Calls that wait for a second person."""

    approvals: tuple[approvals.ApprovalAnswer, ...]


class ConfirmedAnswer(Answer, frozen=True, kw_only=True):
    """What was confirmed, and the operation that it is now."""

    operation_id: str
    approval: approvals.ApprovalAnswer


class PreferencesSetAnswer(Answer, frozen=True, kw_only=True):
    """What a user prefers."""

    preferences: preferences.PreferencesAnswer


class PolicySetAnswer(Answer, frozen=True, kw_only=True):
    """The policy."""

    policy: policy.PolicyAnswer


class NewTokenAnswer(Answer, frozen=True, kw_only=True):
    """`token` is told once, here, and stored nowhere."""

    token: str
    row: tokens.TokenAnswer
    old: tokens.TokenAnswer | UnsetType = UNSET


class TokensAnswer(Answer, frozen=True, kw_only=True):
    """Tokens, never the secrets themselves."""

    tokens: tuple[tokens.TokenAnswer, ...]


class TokenRevokedAnswer(Answer, frozen=True, kw_only=True):
    """The token that is worth nothing any more."""

    token_id: str


# --- orders ------------------------------------------------------------------------------------


class OrderPlacedAnswer(Answer, frozen=True, kw_only=True):
    """One order, placed, changed or canceled."""

    order_id: str
    order_state: str | UnsetType = UNSET
    venue_order_id: str | UnsetType | None = UNSET


class OrdersCanceledAnswer(Answer, frozen=True, kw_only=True):
    """`orderIds` are proven canceled."""

    order_ids: tuple[str, ...]
    pending_order_ids: tuple[str, ...] | UnsetType = UNSET
    failed: tuple[Mapping[str, object], ...] | UnsetType = UNSET


class MultiOrderAnswer(Answer, frozen=True, kw_only=True):
    """Upstox: many orders at once, one row each."""

    status: str
    data: tuple[upstox_orders.PlacedRow, ...]
    errors: tuple[upstox_orders.ErrorRow, ...] | None
    summary: Mapping[str, int]
    status_code: int


ANSWERS: Final[Mapping[str, type[Struct]]] = {
    "Flatten": FlattenAnswer,
    "FlattenEverything": FlattenAnswer,
    "ClosePosition": FlattenAnswer,
    "Reverse": ReverseAnswer,
    "ReversePosition": ReverseAnswer,
    "FlatPlace": ReverseAnswer,
    "ExitAll": ExitAllAnswer,
    "BatchClose": BatchCloseAnswer,
    "Liquidate": LiquidateAnswer,
    "LiquidateAll": LiquidateAnswer,
    "GetPortfolioPositions": PortfolioAnswer,
    "ListAccounts": AccountsAnswer,
    "ListPositions": PositionsAnswer,
    "GetAllPositions": PositionsAnswer,
    "GetPosition": crosstrade_reads.HeldPosition,
    "ListOrders": OrdersAnswer,
    "GetAllOrders": OrdersAnswer,
    "GetOrderStatus": crosstrade_histories.StatusAnswer,
    "ListExecutions": ExecutionsAnswer,
    "GetExecutionsByOrderId": ExecutionsAnswer,
    "GetWatermarks": WatermarksAnswer,
    "GetConnections": ConnectionsAnswer,
    "GetQuote": crosstrade_quotes.QuoteAnswer,
    "GetBars": BarsAnswer,
    "PlaceOrder": OrderPlacedAnswer,
    "Cancel": OrderPlacedAnswer,
    "CancelOrder": OrderPlacedAnswer,
    "CancelOrders": OrdersCanceledAnswer,
    "CancelAllOrders": OrdersCanceledAnswer,
    "PlaceMultiOrder": MultiOrderAnswer,
    "ListOperations": OperationsAnswer,
    "GetOperation": OperationPageAnswer,
    "Ping": PongAnswer,
    "Halt": HaltSetAnswer,
    "Release": HaltSetAnswer,
    "ListHalts": HaltsAnswer,
    "SetRule": RuleSetAnswer,
    "RemoveRule": RuleRemovedAnswer,
    "ListRules": RulesAnswer,
    "ArmDeadman": SwitchSetAnswer,
    "RenewDeadman": SwitchSetAnswer,
    "DisarmDeadman": SwitchSetAnswer,
    "QueryAudit": ExitsAnswer,
    "VerifyAudit": ChainAnswer,
    "ListAlerts": AlertsAnswer,
    "AcknowledgeAlert": AlertAnswer,
    "ListApprovals": ApprovalsAnswer,
    "Confirm": ConfirmedAnswer,
    "GetPreferences": PreferencesSetAnswer,
    "SetPreferences": PreferencesSetAnswer,
    "GetPolicy": PolicySetAnswer,
    "SetPolicy": PolicySetAnswer,
    "CreateToken": NewTokenAnswer,
    "RotateToken": NewTokenAnswer,
    "ListTokens": TokensAnswer,
    "RevokeToken": TokenRevokedAnswer,
}
