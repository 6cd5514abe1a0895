"""What became of an operation: everything a dialect needs to word its answer."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.core.requests import CloseRequest
from rpcserver.domain.ids import ClientOrderId, OperationId, VenueOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market
from rpcserver.domain.order import ZERO, OrderSide, OrderType, RejectReason
from rpcserver.domain.position import Position


class Outcome(enum.Enum):
    """How a leg ended. Exactly one each (law 19)."""

    FLAT = "flat"  # the venue was read after the last fill and holds nothing
    REDUCED = "reduced"  # its target is reached and proven, and is not zero
    DUST = "dust"  # what is left is below the smallest order
    PARTIAL = "partial"  # known not to have reached its target
    REJECTED = "rejected"  # the venue refused, and nothing else can be tried
    WAITING_MARKET = "waiting_market"  # the market is closed and nothing was sent
    UNKNOWN = "unknown"  # something cannot be known yet: neither closed nor failed
    EXCLUDED = "excluded"  # the request left it out by name
    CANCELLED = "cancelled"  # the caller cancelled the operation before it was sent

    @property
    def is_success(self) -> bool:
        return self in (Outcome.FLAT, Outcome.REDUCED, Outcome.EXCLUDED)


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """One order that an operation sent for a leg."""

    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId | None
    side: OrderSide
    type: OrderType
    quantity: Decimal
    filled: Decimal
    average_price: Decimal | None
    limit_price: Decimal | None
    status: str  # a word of `OrderStatus`, or "unknown", "never_existed", "unsent"
    reject_reason: RejectReason | None
    detail: str


class LegReport(msgspec.Struct, frozen=True, kw_only=True):
    """One position of an operation: as it was found, what was done, what is left, and the proof."""

    leg: int  # from 1, within its operation
    position: Position  # as found by the snapshot; quantity 0 where only orders were canceled
    instrument: Instrument
    market: Market | None  # as found by the snapshot
    target: Decimal  # signed: what was to be left
    outcome: Outcome | None  # None: still at work, or a dry run
    reason: str = ""  # a snake_case word: "market_closed", "insufficient_margin", …
    detail: str = ""  # for people, the venue's words included
    closed: Decimal = ZERO  # how much our fills took off, unsigned
    average_price: Decimal | None = None  # of those fills
    fees: Decimal = ZERO
    realized: Decimal = ZERO
    remaining: Decimal = ZERO  # signed: the last known position
    orders: tuple[OrderLine, ...] = ()
    planned_cancels: tuple[VenueOrderId, ...] = ()
    canceled: tuple[VenueOrderId, ...] = ()  # proven canceled
    unprotected: bool = False  # a protective order was canceled and the leg is not flat
    proven_at: datetime | None = None  # when the read that proves the outcome was taken
    joined: bool = False  # another operation was at work on it already
    planned_quantity: Decimal = ZERO  # what the plan would close, unsigned


class AccountFailure(msgspec.Struct, frozen=True, kw_only=True):
    """An account that could not be read: its positions are unknown, never flat."""

    account: str
    venue: str
    detail: str


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the order that was to follow a proven flat."""

    line: OrderLine | None = None  # None: nothing was placed
    error: str | None = None  # a code of protocol.md: not placed, refused, or not known
    detail: str = ""


class OperationReport(msgspec.Struct, frozen=True, kw_only=True):
    """An operation, running or finished."""

    operation_id: OperationId
    request: CloseRequest
    opened_at: datetime
    finished_at: datetime | None
    took: float | None = None  # seconds by a clock that nobody sets; None: more than one life
    legs: tuple[LegReport, ...]
    failures: tuple[AccountFailure, ...] = ()
    cancelled: bool = False
    error: str | None = None  # a code of protocol.md: "plan_changed", …
    detail: str = ""
    plan_hash: str | None = None
    estimate: float | None = None  # seconds the plan is thought to take
    more_matches: int = 0  # positions that `oldest_only` left alone
    proven_at: datetime | None = None  # of the oldest proof among the legs
    placement: Placement | None = None  # None: nothing was to follow, or it has not ended
    audit_seq: int = 0
    audit_head: str = ""
    audit_signature: str = ""  # of that head; by the server, where answers are made

    @property
    def success(self) -> bool:
        """Every leg reached its target, every account could be read, what was to follow did."""
        return (
            self.error is None
            and not self.failures
            and not (self.request.must_match and not self.legs)
            and (self.placement is None or self.placement.error is None)
            and all(
                leg.outcome is not None
                and (leg.outcome.is_success or (leg.outcome is Outcome.DUST and self.allows_dust))
                for leg in self.legs
            )
        )

    @property
    def flat(self) -> bool:
        """Every leg is proven to be zero, or dust the request allows to stay; none is excluded."""
        return (
            self.error is None
            and not self.failures
            and all(
                leg.outcome is Outcome.FLAT or (leg.outcome is Outcome.DUST and self.allows_dust)
                for leg in self.legs
            )
        )

    @property
    def allows_dust(self) -> bool:
        return self.request.dust.value == "leave"
