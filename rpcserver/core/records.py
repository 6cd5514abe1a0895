"""
What happened, as resolved facts. The journal is a list of these; the state is a fold of them.

A record says what *was decided or learned*, never what to decide, so that a newer version of the
core folds old history without deciding it again. Every progress frame is a pure function of one
record (`progress.py`). A record that concerns operations bears each one's `Concern`: the
operation's own gapless `seq`, and how many of its legs were done.

What changes the state and is not worth a row (timers, polls under way, what a venue last said of a
market) is in `passing.py`: a restart asks again.

*Subjects* are what recovery folds: an operation, a client's own order that no operation owns, or a
directive. A subject is open from the record that `opens` it to the record that `closes` it; opened
anew, it begins there, and what came before is folded no more.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.core.changing import ChangeIntended as ChangeIntended
from rpcserver.core.changing import ChangeWithdrawn as ChangeWithdrawn
from rpcserver.core.noting import Noted as Noted
from rpcserver.core.pruning import Pruned
from rpcserver.core.recording import Concern as Concern
from rpcserver.core.recording import RecordBase as RecordBase
from rpcserver.core.recording import Removal, own_order_subject
from rpcserver.core.report import Outcome
from rpcserver.core.requests import CloseRequest, OrderOutcome
from rpcserver.core.standing import DirectiveLifted, DirectiveSet
from rpcserver.domain.ids import (
    AccountRef,
    ClientOrderId,
    InstrumentId,
    OperationId,
    PrincipalId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market
from rpcserver.domain.order import ZERO, Fill, OrderReport, OrderRequest, OrderStatus, RejectReason
from rpcserver.domain.position import Position, PositionKey

# --- operations --------------------------------------------------------------------------------


class OperationOpened(RecordBase, frozen=True, kw_only=True, tag="operation_opened"):
    """A closing request was admitted. Durable before `accepted` is told."""

    operation_id: OperationId
    request: CloseRequest
    overtakes: tuple[OperationId, ...] = ()  # whose sequels would open what this one closes

    @property
    def opens(self) -> str | None:
        return self.operation_id


class SnapshotTaken(RecordBase, frozen=True, kw_only=True, tag="snapshot_taken"):
    """An account was read: before anything was sent, or after everything ended."""

    operation_id: OperationId
    after: bool = False
    account: AccountRef
    taken_at: datetime
    positions: tuple[Position, ...]
    orders: tuple[OrderReport, ...]
    instruments: Mapping[InstrumentId, Instrument] = {}
    markets: Mapping[InstrumentId, Market] = {}


class AccountFailed(RecordBase, frozen=True, kw_only=True, tag="account_failed"):
    """An account could not be read in time: what it holds is unknown, never flat."""

    operation_id: OperationId
    account: AccountRef
    detail: str


class ScopeWidened(RecordBase, frozen=True, kw_only=True, tag="scope_widened"):
    """A venue that had never been read came up: its accounts take the place of "unknown"."""

    operation_id: OperationId
    unread: AccountRef
    accounts: tuple[AccountRef, ...]  # those the caller may trade


class AccountReopened(RecordBase, frozen=True, kw_only=True, tag="account_reopened"):
    """Every leg of an account has ended, and it holds more that is in scope: it is read again."""

    operation_id: OperationId
    account: AccountRef
    found: int  # positions, or orders where nothing is held


class PlannedLeg(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One leg as planned. Its position stands in the account's `SnapshotTaken`, unless absent."""

    number: int  # from 1, within the operation
    key: PositionKey
    target: Decimal  # signed: what is to be left
    expected: Decimal  # signed: the position as the lane knows it at this moment
    quantity: Decimal = ZERO  # what the plan closes, unsigned
    cancels: tuple[VenueOrderId, ...] = ()
    shrinks: Mapping[VenueOrderId, Decimal] = {}  # protective orders: their new total quantity
    excluded: bool = False
    joined: bool = False  # another operation works on this position already
    joins: tuple[OperationId, ...] = ()  # whose work that is: to fold this one takes their records
    unsettled: bool = (
        False  # the reading may lag an execution: it is doubted before anything is sent
    )
    below_minimum: bool = False  # the fraction asked for is less than one lot


class OperationPlanned(RecordBase, frozen=True, kw_only=True, tag="operation_planned"):
    """One account's legs, in their order of work."""

    operation_id: OperationId
    account: AccountRef
    legs: tuple[PlannedLeg, ...]
    last: bool = True  # a large account is planned in several records
    more_matches: int = 0


class PlanCompleted(RecordBase, frozen=True, kw_only=True, tag="plan_completed"):
    """Every account is planned, or known not to be readable."""

    operation_id: OperationId
    plan_hash: str
    estimate: float  # seconds


class OperationCancelled(RecordBase, frozen=True, kw_only=True, tag="operation_cancelled"):
    """Someone asked to stop what was not yet sent."""

    operation_id: OperationId
    principal: PrincipalId


class OperationExpired(RecordBase, frozen=True, kw_only=True, tag="operation_expired"):
    """The deadline passed: nothing new is sent, what lives is canceled and followed to proof."""

    operation_id: OperationId


class OperationFinished(RecordBase, frozen=True, kw_only=True, tag="operation_finished"):
    """The end: after this no closing order is ever submitted for the operation (law 39)."""

    operation_id: OperationId
    success: bool
    flat: bool
    counts: Mapping[Outcome, int]
    proven_at: datetime | None
    error: str | None = None
    detail: str = ""
    unplaced: str | None = None  # why the order that was to follow was not placed
    unplaced_detail: str = ""
    settled: bool = True  # False: an order is still asked about, or others go on where it worked

    @property
    def closes(self) -> str | None:
        return self.operation_id if self.settled else None


class OperationSettled(RecordBase, frozen=True, kw_only=True, tag="operation_settled"):
    """No order of a finished operation is alive, and nobody goes on where it worked."""

    operation_id: OperationId

    @property
    def closes(self) -> str | None:
        return self.operation_id


# --- legs and lanes ----------------------------------------------------------------------------


class FenceRaised(RecordBase, frozen=True, kw_only=True, tag="fence_raised"):
    """Working orders are being canceled or shrunk; nothing is sized until they are proven so."""

    lane: PositionKey
    cancels: tuple[VenueOrderId, ...]
    shrinks: Mapping[VenueOrderId, Decimal] = {}
    deadline: float  # monotonic


class FencePassed(RecordBase, frozen=True, kw_only=True, tag="fence_passed"):
    """The fence is down: `clear`, or its deadline passed and `on_fence` decided."""

    lane: PositionKey
    clear: bool
    how: str  # "clear", "uncontested", "override"


class OrderIntended(RecordBase, frozen=True, kw_only=True, tag="order_intended"):
    """An order is about to be sent. Durable before its first byte leaves (law 22)."""

    account: AccountRef
    order: OrderRequest
    lane: PositionKey | None = None  # None: a client's own order
    operation_id: OperationId | None = None
    principal: PrincipalId | None = None  # who ordered it, where no operation did
    remote: str = ""
    attempt: int = 0
    resend: bool = False  # the same attempt again, under the same id
    step: int = 0  # of the price ladder

    @property
    def opens(self) -> str | None:
        return own_order_subject(self.order.client_order_id) if self.operation_id is None else None

    @property
    def subjects(self) -> tuple[tuple[str, int], ...]:
        return super().subjects or ((own_order_subject(self.order.client_order_id), 0),)


class CancelIntended(RecordBase, frozen=True, kw_only=True, tag="cancel_intended"):
    """A cancel is about to be sent for one order."""

    account: AccountRef
    venue_order_id: VenueOrderId
    lane: PositionKey | None = None
    principal: PrincipalId | None = None  # who asked, where no operation did
    remote: str = ""
    why: str = ""


class OrderKnown(RecordBase, frozen=True, kw_only=True, tag="order_known"):
    """The venue has the order and it works. `report.fills` holds only what was counted with it."""

    account: AccountRef
    report: OrderReport
    lane: PositionKey | None = None

    @property
    def subjects(self) -> tuple[tuple[str, int], ...]:
        return super().subjects or ((own_order_subject(self.report.client_order_id), 0),)


class FillCounted(RecordBase, frozen=True, kw_only=True, tag="fill_counted"):
    """New executions of a known order, each counted once. The acknowledgement folds into it."""

    account: AccountRef
    fills: tuple[Fill, ...]
    status: OrderStatus
    quantity: Decimal  # of the order
    filled: Decimal  # cumulative
    average_price: Decimal | None  # cumulative
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId
    lane: PositionKey | None = None
    loose: bool = False  # a client's own order, which ends although a lane had taken it in
    expected: Decimal = ZERO  # the lane's position thereafter
    removed: Removal | None = None
    detail: str = ""

    @property
    def closes(self) -> str | None:
        if (self.lane is None or self.loose) and self.status.is_terminal:
            return own_order_subject(self.client_order_id)
        return None

    @property
    def subjects(self) -> tuple[tuple[str, int], ...]:
        return super().subjects or ((own_order_subject(self.client_order_id), 0),)


class OrderEnd(enum.Enum):
    """How an order is proven to be gone."""

    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    FILLED = "filled"  # known complete without the venue naming (all) its executions
    NEVER_EXISTED = "never_existed"  # not found after the settle time, position and fills unchanged
    UNSENT = "unsent"  # nothing left us


class OrderEnded(RecordBase, frozen=True, kw_only=True, tag="order_ended"):
    """An order is gone; whatever it filled stays filled (law 5)."""

    account: AccountRef
    end: OrderEnd
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId | None
    filled: Decimal = ZERO
    average_price: Decimal | None = None
    reason: RejectReason | None = None
    detail: str = ""
    removed: Removal | None = None
    lane: PositionKey | None = None
    loose: bool = False  # a client's own order, which ends although a lane had taken it in
    retry_after: float = 0.0  # seconds, where the venue asked for patience

    @property
    def closes(self) -> str | None:
        return own_order_subject(self.client_order_id) if self.lane is None or self.loose else None

    @property
    def subjects(self) -> tuple[tuple[str, int], ...]:
        return super().subjects or ((own_order_subject(self.client_order_id), 0),)


class OrderUnknown(RecordBase, frozen=True, kw_only=True, tag="order_unknown"):
    """An order was sent and no answer came: it counts as live until proven otherwise (law 7)."""

    account: AccountRef
    client_order_id: ClientOrderId
    detail: str
    lane: PositionKey | None = None
    reason: RejectReason | None = None  # why a second copy was refused: the first may still live
    retry_after: float = 0.0  # seconds, where the venue asked for patience

    @property
    def subjects(self) -> tuple[tuple[str, int], ...]:
        return super().subjects or ((own_order_subject(self.client_order_id), 0),)


class PositionAdopted(RecordBase, frozen=True, kw_only=True, tag="position_adopted"):
    """A read differed from what was expected, stood after the settle time, and is now believed."""

    lane: PositionKey
    expected: Decimal  # what we thought
    quantity: Decimal  # what the venue holds
    taken_at: datetime


class LegEnded(RecordBase, frozen=True, kw_only=True, tag="leg_ended"):
    """One operation's leg reached its end, with the evidence."""

    operation_id: OperationId
    number: int
    lane: PositionKey
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    held: Decimal = ZERO  # signed: when it was planned
    remaining: Decimal = ZERO  # signed
    closed: Decimal = ZERO  # unsigned
    average_price: Decimal | None = None
    unprotected: bool = False
    proven_at: datetime | None = None


class GateClosed(RecordBase, frozen=True, kw_only=True, tag="gate_closed"):
    """A position stays closed to new risk although its operation ended: an order is unknown."""

    lane: PositionKey


class GateOpened(RecordBase, frozen=True, kw_only=True, tag="gate_opened"):
    """The unknown order is known to have ended."""

    lane: PositionKey


class Resolved(RecordBase, frozen=True, kw_only=True, tag="resolved"):
    """A person said what became of an unknown order. A fresh read follows."""

    principal: PrincipalId
    client_order_id: ClientOrderId
    outcome: OrderOutcome
    filled: Decimal
    reason: str
    remote: str = ""
    lane: PositionKey | None = None
    loose: bool = False  # a client's own order, which ends although a lane had taken it in

    @property
    def closes(self) -> str | None:
        return own_order_subject(self.client_order_id) if self.lane is None or self.loose else None

    @property
    def subjects(self) -> tuple[tuple[str, int], ...]:
        return super().subjects or ((own_order_subject(self.client_order_id), 0),)


class Recovered(RecordBase, frozen=True, kw_only=True, tag="recovered"):
    """The process started anew: every timer is armed again, every open order is asked about."""

    unfinished: int = 0  # operations taken up again


Record = (
    OperationOpened
    | SnapshotTaken
    | AccountFailed
    | ScopeWidened
    | AccountReopened
    | OperationPlanned
    | PlanCompleted
    | OperationCancelled
    | OperationExpired
    | OperationFinished
    | OperationSettled
    | FenceRaised
    | FencePassed
    | OrderIntended
    | CancelIntended
    | ChangeIntended
    | ChangeWithdrawn
    | OrderKnown
    | FillCounted
    | OrderEnded
    | OrderUnknown
    | PositionAdopted
    | LegEnded
    | GateClosed
    | GateOpened
    | Resolved
    | Noted
    | Recovered
    | Pruned
    | DirectiveSet
    | DirectiveLifted
)

_encoder = msgspec.json.Encoder(decimal_format="string")
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def encode_record(record: Record) -> bytes:
    """One line of JSON: what the journal stores, and what its hash chain covers."""
    return _encoder.encode(record)


def decode_record(data: bytes) -> Record:
    """The record that `encode_record` wrote."""
    return _decoder.decode(data)
