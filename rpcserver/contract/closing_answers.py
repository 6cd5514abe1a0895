"""What closing calls answer: a part that all of them share, and each dialect's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import UNSET, Struct, UnsetType

from rpcserver.apis import crosstrade, deepcoin, legs, upstox
from rpcserver.apis.legs import FailureAnswer
from rpcserver.contract.shared_answers import AccountsTold


class ClosedAnswer(AccountsTold, frozen=True, kw_only=True):
    """What every closing call answers in our own words, beside its dialect's."""

    operation_id: str
    flat: bool
    status_code: int
    proven_at: datetime | None
    counts: Mapping[str, int]
    legs: tuple[legs.LegAnswer, ...]
    canceled_order_ids: tuple[str, ...]
    duration_ms: int
    plan_hash: str
    audit_seq: int
    audit_head: str
    audit_signature: str | UnsetType = UNSET
    stay_flat_until: datetime | UnsetType = UNSET
    failures: tuple[FailureAnswer, ...] | UnsetType = UNSET
    legs_omitted: int | UnsetType = UNSET
    more: str | UnsetType = UNSET
    cancelled: bool | UnsetType = UNSET
    approved_by: str | UnsetType = UNSET
    alone: bool | UnsetType = UNSET
    from_preferences: Mapping[str, object] | UnsetType = UNSET
    from_policy: Mapping[str, object] | UnsetType = UNSET
    warnings: tuple[str, ...] | UnsetType = UNSET
    unprotected: bool | UnsetType = UNSET
    error: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET


class FlattenAnswer(ClosedAnswer, frozen=True, kw_only=True):
    """CrossTrade: proven legs, and whatever is or may be left."""

    order_ids: tuple[str, ...]
    closed_positions: tuple[crosstrade.PositionAnswer, ...]
    remaining_positions: tuple[crosstrade.PositionAnswer, ...]
    warning: str | UnsetType = UNSET


class ReverseAnswer(FlattenAnswer, frozen=True, kw_only=True):
    """As `Flatten`; then what became of the order that followed. `placed` null: not known."""

    placed: bool | None
    order_id: str | UnsetType = UNSET
    order_state: str | UnsetType = UNSET
    venue_order_id: str | UnsetType = UNSET


class ExitAllAnswer(ClosedAnswer, frozen=True, kw_only=True):
    """Upstox: `success`, `partial_success` or `error`, and one row a position."""

    status: str
    data: tuple[upstox.ExitRow, ...]
    error_code: str | UnsetType = msgspec.field(name="error_code", default=UNSET)
    message: str | UnsetType = UNSET


class ErrorList(Struct, frozen=True, kw_only=True, rename="camel"):
    """Empty only if every leg is proven."""

    error_list: tuple[deepcoin.ClosePositionErrorItem, ...]


class BatchCloseAnswer(ClosedAnswer, frozen=True, kw_only=True):
    """Deepcoin: `code` is `"0"` for whatever was carried out, failures included."""

    code: str
    msg: str
    data: ErrorList


class LiquidateAnswer(ClosedAnswer, frozen=True, kw_only=True):
    """NeuraTrade: one record, or `count` and `positions`."""

    status: str
    data: Mapping[str, object]
    message: str | UnsetType = UNSET
    more_matches: int | UnsetType = UNSET  # of the symbol


class PlanAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A dry run, the same in every dialect: nothing was sent."""

    dry_run: bool
    planned: bool
    operation_id: str
    status_code: int
    plan_hash: str
    estimate_ms: int | None
    legs: tuple[legs.PlannedLegAnswer, ...]
    duration_ms: int
    audit_seq: int
    audit_head: str
    audit_signature: str | UnsetType = UNSET
    sandbox: bool | UnsetType = UNSET
    sandbox_venues: tuple[str, ...] | UnsetType = UNSET
    from_preferences: Mapping[str, object] | UnsetType = UNSET
    from_policy: Mapping[str, object] | UnsetType = UNSET
    warnings: tuple[str, ...] | UnsetType = UNSET
    more_matches: int | UnsetType = UNSET
    failures: tuple[FailureAnswer, ...] | UnsetType = UNSET
    legs_omitted: int | UnsetType = UNSET
    more: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET
