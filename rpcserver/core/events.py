"""What happens to the core: past participles. Each is a plain fact; none says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from rpcserver.core.requests import (
    CancelRequest,
    ChangeRequest,
    CloseRequest,
    PlaceRequest,
    ResolveRequest,
)
from rpcserver.core.standing import Word
from rpcserver.core.state import Timer
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.directive import Directive
from rpcserver.domain.ids import (
    AccountRef,
    ClientOrderId,
    DirectiveName,
    InstrumentId,
    OperationId,
    PrincipalId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market
from rpcserver.domain.order import Fill, OrderReport, RejectReason
from rpcserver.domain.position import Position


class Now(NamedTuple):
    """Both clocks: deadlines run on `mono` (seconds), people read `wall` (UTC)."""

    mono: float
    wall: datetime


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What every event is."""


class Requested(Event, frozen=True, kw_only=True):
    """A closing request arrived; `operation_id` is fresh, for the case that it opens one."""

    operation_id: OperationId
    request: CloseRequest
    join: bool = True


class CancelRequested(Event, frozen=True, kw_only=True):
    """Somebody asked to stop what an operation has not sent yet."""

    operation_id: OperationId
    principal: PrincipalId


class OrderRequested(Event, frozen=True, kw_only=True):
    """
    A client wants an order of its own.

    `reading`: the account as read for it, where a halt asks whether it reduces; it was asked for
    at `read_at` (monotonic).
    """

    request: PlaceRequest
    instrument: Instrument | None = None
    reading: AccountSnapshot | None = None
    read_at: float = 0.0


class OrderChangeRequested(Event, frozen=True, kw_only=True):
    """A client wants a working order to be another; `as_new`: as if that one were placed anew."""

    request: ChangeRequest
    as_new: OrderRequested


class OrderCancelRequested(Event, frozen=True, kw_only=True):
    """A client wants one working order canceled."""

    request: CancelRequest


class OrderResolved(Event, frozen=True, kw_only=True):
    """A person said what became of an unknown order."""

    request: ResolveRequest


class DirectiveRequested(Event, frozen=True, kw_only=True):
    """
    Somebody lays something down that stands until it is taken back.

    `closing`: what is to be closed because of it, in the same decision: both or neither.
    """

    directive: Directive
    word: Word
    closing: Requested | None = None


class LiftRequested(Event, frozen=True, kw_only=True):
    """Somebody takes back what stands."""

    name: DirectiveName
    word: Word


class SnapshotRead(Event, frozen=True, kw_only=True):
    """An account was read."""

    operation_id: OperationId | None  # None: to verify
    snapshot: AccountSnapshot


class SnapshotFailed(Event, frozen=True, kw_only=True):
    """An account could not be read. That is no news of its positions."""

    operation_id: OperationId | None
    account: AccountRef
    detail: str


class OrderUpdated(Event, frozen=True, kw_only=True):
    """The venue told of an order: an answer, or news."""

    account: AccountRef
    report: OrderReport


class OrderRejected(Event, frozen=True, kw_only=True):
    """The venue refused a submit: the order does not exist."""

    account: AccountRef
    client_order_id: ClientOrderId
    reason: RejectReason
    detail: str


class OrderUnsent(Event, frozen=True, kw_only=True):
    """A submit never left us."""

    account: AccountRef
    client_order_id: ClientOrderId
    detail: str
    retry_after: float | None = None  # seconds
    refused: str | None = None  # where it was we who did not let it leave: a code of protocol.md


class OrderLost(Event, frozen=True, kw_only=True):
    """A submit left and no answer came: whether the order exists is unknown."""

    account: AccountRef
    client_order_id: ClientOrderId
    detail: str


class OrderAbsent(Event, frozen=True, kw_only=True):
    """The venue was asked and knows no such order (yet). `asked`: as the question says."""

    account: AccountRef
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId | None
    asked: float


class OrderQueryFailed(Event, frozen=True, kw_only=True):
    """The venue was asked and did not answer."""

    account: AccountRef
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId | None


class CancelRejected(Event, frozen=True, kw_only=True):
    """The venue refused a cancel or a change: too late, or unknown. Ask what the order is."""

    account: AccountRef
    venue_order_id: VenueOrderId
    reason: RejectReason
    detail: str


class CancelLost(Event, frozen=True, kw_only=True):
    """A cancel or change left, or could not; what it did is unknown."""

    account: AccountRef
    venue_order_id: VenueOrderId
    detail: str


class CancelUnsent(Event, frozen=True, kw_only=True):
    """A cancel or change for a fence was not let leave: whoever wanted it was stopped."""

    account: AccountRef
    venue_order_id: VenueOrderId
    detail: str


class ChangeUnsent(Event, frozen=True, kw_only=True):
    """A client's change was not let leave: the order works on as it was."""

    request: PlaceRequest  # the order as it would have been
    venue_order_id: VenueOrderId
    refused: str  # a code of protocol.md
    detail: str


class PositionChanged(Event, frozen=True, kw_only=True):
    """The venue's stream says that a position is now this."""

    position: Position


class TradesRead(Event, frozen=True, kw_only=True):
    """The account's executions, as the venue lists them."""

    account: AccountRef
    fills: Sequence[Fill]


class TradesFailed(Event, frozen=True, kw_only=True):
    """The venue did not list them."""

    account: AccountRef


class MarketChanged(Event, frozen=True, kw_only=True):
    """A market's state was read, or the stream told of it."""

    venue: VenueId
    market: Market


class MarketUnread(Event, frozen=True, kw_only=True):
    """A market's state could not be read."""

    venue: VenueId


class VenueUp(Event, frozen=True, kw_only=True):
    """The venue can be reached; `capabilities` as it describes itself."""

    venue: VenueId
    capabilities: Capabilities
    accounts: tuple[AccountRef, ...] = ()  # that live there


class VenueDown(Event, frozen=True, kw_only=True):
    """The venue cannot be reached."""

    venue: VenueId
    detail: str


class Noticed(Event, frozen=True, kw_only=True):
    """The server itself saw what the audit should hold; with `alert` people are told now, too."""

    code: str  # stable: protocol.md lists those of alerts
    detail: str
    alert: bool = False
    account: AccountRef | None = None  # what it is about, and so who may know of it
    operation_ids: tuple[OperationId, ...] = ()  # the same, where it is about no one account
    venue: VenueId | None = None  # where there is no account
    instrument: InstrumentId | None = None
    principal: PrincipalId | None = None  # who did it
    remote: str = ""
    acknowledges: int | None = None  # the alert, by its audit_seq, that somebody looks at now


class Woken(Event, frozen=True, kw_only=True):
    """Time passed: `next_deadline` is due. `only`: one timer alone, where all at once failed."""

    only: Timer | None = None
