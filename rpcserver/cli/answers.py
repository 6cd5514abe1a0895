"""What the command line reads of the server's answers (protocol.md), typed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from rpcclient import Data, ProtocolViolation

ZERO = Decimal(0)


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Part of an answer: what it does not name is passed over."""


class Leg(Shape, frozen=True, kw_only=True):
    """One leg of a final answer. Quantities are unsigned."""

    leg: int
    venue: str
    account: str
    instrument: str
    product: str = ""
    side: str = ""
    outcome: str | None = None
    quantity: Decimal = ZERO  # as found
    target: Decimal = ZERO
    closed: Decimal = ZERO
    remaining: Decimal = ZERO
    flipped: bool = False
    average_price: Decimal | None = None
    reason: str = ""
    detail: str = ""
    unprotected: bool = False
    proven_at: datetime | None = None


class Failure(Shape, frozen=True, kw_only=True):
    """An account that could not be read."""

    venue: str
    account: str
    detail: str = ""


class Answer(Shape, frozen=True, kw_only=True):
    """What every closing answer says in our own words, beside its dialect's."""

    operation_id: str
    success: bool
    flat: bool
    proven_at: datetime | None = None
    counts: Mapping[str, int] = {}
    legs: tuple[Leg, ...] = ()
    legs_omitted: int = 0
    failures: tuple[Failure, ...] = ()
    cancelled: bool = False
    unprotected: bool = False
    error: str | None = None
    detail: str = ""
    duration_ms: int | None = None
    audit_seq: int = 0
    audit_head: str = ""


class PlannedMarket(Shape, frozen=True, kw_only=True):
    """The market of a planned leg."""

    phase: str
    bid: Decimal | None = None
    ask: Decimal | None = None


class PlannedLeg(Shape, frozen=True, kw_only=True):
    """One leg of a dry run."""

    leg: int
    venue: str
    account: str
    instrument: str
    product: str = ""
    side: str = ""
    quantity: Decimal = ZERO
    target: Decimal = ZERO
    planned_quantity: Decimal = ZERO
    cancels: tuple[str, ...] = ()
    excluded: bool = False
    joined: bool = False
    reason: str = ""
    market: PlannedMarket | None = None


class Plan(Shape, frozen=True, kw_only=True):
    """A dry run's answer."""

    planned: bool
    plan_hash: str | None = None
    estimate_ms: int | None = None
    legs: tuple[PlannedLeg, ...] = ()
    legs_omitted: int = 0
    more_matches: int = 0
    failures: tuple[Failure, ...] = ()
    error: str | None = None
    detail: str = ""


class Position(Shape, frozen=True, kw_only=True):
    """One position of `GetAllPositions`."""

    account: str
    instrument: str
    market_position: str
    quantity: Decimal
    average_price: Decimal | None = None
    market_price: Decimal | None = None
    unrealized_profit_loss: Decimal | None = None


class Positions(Shape, frozen=True, kw_only=True):
    positions: tuple[Position, ...]


class Order(Shape, frozen=True, kw_only=True):
    """One order of `GetAllOrders`."""

    account: str
    instrument: str
    order_id: str
    order_action: str = ""
    order_type: str = ""
    order_state: str = ""
    quantity: Decimal = ZERO
    filled: Decimal = ZERO
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


class Orders(Shape, frozen=True, kw_only=True):
    orders: tuple[Order, ...]


class OperationLine(Shape, frozen=True, kw_only=True):
    """One operation of `ListOperations`."""

    operation_id: str
    api: str
    principal: str = ""
    opened_at: datetime | None = None
    finished_at: datetime | None = None
    success: bool | None = None
    flat: bool | None = None
    dry_run: bool = False
    legs: int = 0


class Operations(Shape, frozen=True, kw_only=True):
    operations: tuple[OperationLine, ...]


class Token(Shape, frozen=True, kw_only=True):
    """One token of `ListTokens`: never the token itself."""

    token_id: str
    principal: str
    roles: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    created_at: datetime | None = None
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    created_by: str | None = None


class Tokens(Shape, frozen=True, kw_only=True):
    tokens: tuple[Token, ...]


class Approval(Shape, frozen=True, kw_only=True):
    """One call of `ListApprovals`, which waits for a second person."""

    code: str
    api: str
    principal: str
    reason: str = ""
    why: str = ""
    expires_at: datetime | None = None
    accounts: tuple[str, ...] = ()
    positions: int = 0
    plan_operation_id: str = ""


class Approvals(Shape, frozen=True, kw_only=True):
    approvals: tuple[Approval, ...]


class Chain(Shape, frozen=True, kw_only=True):
    """What `VerifyAudit` found."""

    intact: bool
    records: int = 0
    audit_seq: int = 0
    audit_head: str = ""
    audit_signature: str = ""
    public_key: str = ""
    first_broken: int | None = None
    detail: str = ""


Kind = TypeVar("Kind", bound=Shape)


def read(data: Data, kind: type[Kind]) -> Kind:
    """
    Read an answer.

    Raises:
        ProtocolViolation: The server answers in another shape: it is of another version.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as exc:
        raise ProtocolViolation(f"unexpected answer: {exc}") from exc
