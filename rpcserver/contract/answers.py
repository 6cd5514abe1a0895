"""
What the final answer of each api holds, as one Struct each.

The handlers lay their answers out key by key, because the dialects share them; here is what comes
of it. Every example of protocol.md is held against these in the tests, and every api has its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from rpcserver.apis import (
    approvals,
    audit,
    crosstrade_quotes,
    crosstrade_reads,
    deadman,
    halts,
    policy,
    preferences,
    rules,
    tokens,
)
from rpcserver.contract import order_answers as orders
from rpcserver.contract import reading_answers as reading
from rpcserver.contract.closing_answers import (
    BatchCloseAnswer,
    ExitAllAnswer,
    FlattenAnswer,
    LiquidateAnswer,
    ReverseAnswer,
)
from rpcserver.contract.shared_answers import Answer, PageAnswer
from rpcserver.wire import events


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


class SwitchesAnswer(PageAnswer, frozen=True, kw_only=True):
    """Dead-man's switches, the oldest first."""

    switches: tuple[deadman.SwitchAnswer, ...]


class ExitsAnswer(PageAnswer, frozen=True, kw_only=True):
    """The exit log; `summary` is over all exits of the filter, not of the page."""

    exits: tuple[audit.ExitAnswer, ...]
    summary: tuple[audit.InstrumentSummary, ...] | UnsetType = UNSET
    summarized: int | UnsetType = UNSET
    summary_omitted: int | UnsetType = UNSET


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
    "GetPortfolioPositions": reading.PortfolioAnswer,
    "ListAccounts": reading.AccountsAnswer,
    "ListPositions": reading.PositionsAnswer,
    "GetAllPositions": reading.PositionsAnswer,
    "GetAccount": crosstrade_reads.AccountAnswer,
    "GetAccountSummary": reading.SummaryAnswer,
    "GetPosition": reading.OnePositionAnswer,
    "ListOrders": reading.OrdersAnswer,
    "GetAllOrders": reading.OrdersAnswer,
    "GetOrder": reading.OneOrderAnswer,
    "GetOrderStatus": reading.OrderStatusAnswer,
    "GetOrderLifecycle": reading.LifecycleAnswer,
    "GetExecution": reading.OneExecutionAnswer,
    "ListExecutions": reading.ExecutionsAnswer,
    "GetExecutionsByOrderId": reading.ExecutionsAnswer,
    "GetWatermarks": reading.WatermarksAnswer,
    "GetConnections": reading.ConnectionsAnswer,
    "GetQuote": crosstrade_quotes.QuoteAnswer,
    "GetBars": reading.BarsAnswer,
    "MarketInfo": reading.MarketInfoAnswer,
    "PlaceOrder": orders.OrderPlacedAnswer,
    "Cancel": orders.OrderPlacedAnswer,
    "CancelOrder": orders.OrderPlacedAnswer,
    "CancelOrders": orders.OrdersCanceledAnswer,
    "CancelAllOrders": orders.OrdersCanceledAnswer,
    "Change": orders.OrderChangedAnswer,
    "CancelReplace": orders.OrderReplacedAnswer,
    "CancelAndBracket": orders.BracketAnswer,
    "PlaceMultiOrder": orders.MultiOrderAnswer,
    "CancelMultiOrder": orders.CancelMultiAnswer,
    "ListOperations": reading.OperationsAnswer,
    "GetOperation": reading.OperationPageAnswer,
    "ResolveOrder": reading.OrderResolvedAnswer,
    "Ping": reading.PongAnswer,
    "Halt": HaltSetAnswer,
    "Release": HaltSetAnswer,
    "ListHalts": HaltsAnswer,
    "SetRule": RuleSetAnswer,
    "RemoveRule": RuleRemovedAnswer,
    "ListRules": RulesAnswer,
    "ArmDeadman": SwitchSetAnswer,
    "RenewDeadman": SwitchSetAnswer,
    "DisarmDeadman": SwitchSetAnswer,
    "ListSwitches": SwitchesAnswer,
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
