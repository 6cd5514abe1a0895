"""
The state: operations, their legs, and the lanes they work in. A fold of records, nothing else.

A **lane** is one position (venue, account, instrument, side, product) while somebody works on it:
its ledger holds what the position is expected to be and every order that could still change it.
A **leg** is one operation's interest in a lane: an absolute target, fixed at its snapshot.
Overlapping operations have legs in the same lane, which works towards the target nearest zero.

`decide` writes on a draft of it (`draft.py`), so that it can think on without changing anything.
Both take the same `apply`.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeVar

import msgspec

from rpcserver.core.records import OrderEnd, SnapshotTaken
from rpcserver.core.report import AccountFailure, OperationReport, Outcome
from rpcserver.core.requests import CloseRequest
from rpcserver.core.standing import DirectiveLifted, DirectiveSet
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.ids import (
    AccountRef,
    ClientOrderId,
    DirectiveName,
    InstrumentId,
    OperationId,
    PrincipalId,
    TradeId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market
from rpcserver.domain.order import ZERO, OrderRequest, OrderSide, OrderType, RejectReason
from rpcserver.domain.position import Position, PositionKey

ASK_SHORTEST = 0.25  # seconds between questions about one order
ASK_LONGEST = 5.0
LEGS_KEPT = 20_000  # of finished operations, answered from memory; others from the journal
KEY_LIFE = timedelta(hours=24)  # how long an idempotency key repeats its operation
REPEAT_WINDOW = timedelta(seconds=60)  # in which a partial close is not repeated without a key
BULK_EXIT = 50  # positions of one account in one operation: from here on people are told
TRADES_KEPT = 60.0  # seconds: longer than any position lags
PLAN_LIFE = 60.0  # seconds a plan's hash may be named


Name = TypeVar("Name")
Value = TypeVar("Value")


class OrderState(enum.Enum):
    """What *we* know of an order."""

    INTENDED = "intended"  # durable, on its way
    LIVE = "live"  # the venue has it
    UNKNOWN = "unknown"  # sent, no answer: live until proven otherwise (law 7)
    ENDED = "ended"  # proven gone


class LedgerOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order that could change a lane's position: ours, a client's, a stranger's."""

    key: str  # our client order id, or the venue's id for orders without one
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId | None = None
    operation_id: OperationId | None = None  # whose closing order it is; None: not ours
    principal: PrincipalId | None = None  # whose own order it is, where we placed it
    side: OrderSide
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    filled: Decimal = ZERO  # cumulative: the larger of what was named and what was reported
    named: Decimal = ZERO  # Σ of the trades counted by id
    value: Decimal = ZERO  # Σ quantity × price of what is counted
    named_value: Decimal = ZERO  # the part of it that the trades counted by id make up
    fees: Decimal = ZERO
    realized: Decimal = ZERO
    trades: frozenset[TradeId] = frozenset()
    state: OrderState = OrderState.INTENDED
    end: OrderEnd | None = None
    reason: RejectReason | None = None
    detail: str = ""
    reduce_only: bool = False
    oco_id: str | None = None
    protective: bool = False  # a stop
    canceling: bool = False  # a cancel or a change was sent and is not answered for good
    cancel_at: float = float("-inf")  # when that was last sent
    swept: bool = False  # we asked for its cancel, in this life or an earlier one
    blurred: bool = False  # a position was adopted meanwhile that may hold its next fills already
    shrink_to: Decimal | None = None  # the total it is to be shrunk to
    request: OrderRequest | None = None  # ours: to send the same again
    sends: int = 0
    attempt: int = 0
    step: int = 0
    turn: int = 0  # in which it was first intended
    first_sent_at: float = 0.0
    sent_at: float = 0.0  # the last time
    asked_at: float | None = None
    absent_at: float | None = None  # when it was asked for, after the settle time, and not there

    @property
    def is_live(self) -> bool:
        return self.state is not OrderState.ENDED

    @property
    def remaining(self) -> Decimal:
        """The most it can still fill."""
        return max(self.quantity - self.filled, ZERO) if self.is_live else ZERO

    @property
    def average_price(self) -> Decimal | None:
        return self.value / self.filled if self.filled else None

    @property
    def ask_at(self) -> float | None:
        """
        When the venue is to be asked about it (monotonic); None: there is nothing to ask.

        The interval is a quarter of the order's age, within bounds, so that a fresh doubt is
        settled quickly and an old one storms nobody (law 29).
        """
        match self.state:
            case OrderState.ENDED | OrderState.INTENDED:
                return None  # known, or its answer is on its way
            case OrderState.UNKNOWN if self.asked_at is None:
                return self.sent_at
            case OrderState.LIVE if self.operation_id is None and not self.canceling:
                return None  # somebody's order, and nobody wants anything of it
        since = self.sent_at if self.asked_at is None else self.asked_at
        return since + min(max((since - self.sent_at) / 4, ASK_SHORTEST), ASK_LONGEST)


class Doubt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A read that did not agree with what was expected."""

    quantity: Decimal
    since: float
    trades_read: bool = False


class Lane(msgspec.Struct, kw_only=True):
    """One position at work. Mutable: only `apply` changes it."""

    key: PositionKey
    instrument: Instrument
    base: Decimal  # signed: what targets of later legs are counted from (law 38)
    expected: Decimal  # signed: last confirmed position adjusted by known fills
    ceiling: Decimal | None = None  # unsigned: it may not be assumed larger than this
    told_turn: int = 0  # in which something last said so
    told_at: datetime | None = None  # when that was so, as the venue says; None: not known
    told: Decimal | None = None  # signed: what the stream said while it mattered to a reading
    heard_turn: int = 0  # in which it last did
    orders: dict[str, LedgerOrder] = {}
    legs: tuple[tuple[OperationId, int], ...] = ()  # at work, in the order they came
    owners: tuple[OperationId, ...] = ()  # whose legs are, or were, at work: it is a fold of theirs
    started: bool = False
    started_at: float = 0.0
    fence_until: float | None = None  # raised; None: never raised, or down
    fence_override: bool = False
    attempts: int = 0
    sweeps: int = 0
    fruitless: int = 0  # attempts in a row that filled nothing
    backed_off_at: float = float("-inf")  # when the last of them was counted
    not_before: float = 0.0  # no attempt before
    rejected: RejectReason | None = None  # by the last attempt
    reject_detail: str = ""
    rejected_at: float = 0.0
    limits_only: bool = False  # the venue takes no market orders here now
    changed: int = 0  # the turn at which its orders or position last changed
    stale: bool = False  # since a restart nothing was read: nothing may be sent
    proof: datetime | None = None  # a fresh read agreed, and nothing changed since
    doubt: Doubt | None = None
    overfilled: bool = False
    canceled: tuple[VenueOrderId, ...] = ()
    unprotected: bool = False  # a protective order was canceled
    gated: bool = False  # no operation works here, but an order is unknown
    wake: float | None = None

    @property
    def sign(self) -> int:
        return (self.expected > 0) - (self.expected < 0)

    @property
    def own_live(self) -> list[LedgerOrder]:
        """Closing orders of ours that may still fill."""
        return [o for o in self.orders.values() if o.operation_id is not None and o.is_live]

    @property
    def in_play(self) -> bool:
        """Whether closing orders of ours may fill, as far as anybody has been able to tell."""
        return any(order.absent_at is None for order in self.own_live)


class Leg(msgspec.Struct, kw_only=True):
    """One operation's interest in a lane."""

    operation_id: OperationId
    number: int
    key: PositionKey
    position: Position
    instrument: Instrument
    market: Market | None
    target: Decimal  # signed
    planned: Decimal  # unsigned: what the plan closes
    cancels: tuple[VenueOrderId, ...] = ()
    shrinks: dict[VenueOrderId, Decimal] = {}
    excluded: bool = False
    joined: bool = False
    below_minimum: bool = False
    closed: Decimal = ZERO
    value: Decimal = ZERO
    fees: Decimal = ZERO
    realized: Decimal = ZERO
    sent: bool = False  # an order was intended while it was at work
    outcome: Outcome | None = None
    reason: str = ""
    detail: str = ""
    remaining: Decimal = ZERO
    orders: tuple[LedgerOrder, ...] = ()  # at its end: our closing orders of the lane
    canceled: tuple[VenueOrderId, ...] = ()
    unprotected: bool = False
    proven_at: datetime | None = None


class Told(NamedTuple):
    """What the stream last told of a position (signed), and when (monotonic)."""

    quantity: Decimal
    mono: float


class Reading(enum.Enum):
    """Where an operation stands with one account."""

    READING = "reading"
    READ = "read"  # its plan waits for the other accounts
    PLANNED = "planned"
    FAILED = "failed"


class Part(msgspec.Struct, kw_only=True):
    """One operation's business with one account."""

    account: AccountRef
    reading: Reading = Reading.READING
    retry_at: float | None = None  # when it is to be read (again)
    issued: float | None = None  # when the reading under way, or the last one, was asked for
    heard_at: float | None = None  # when its first reading came, if it was not the last
    snapshot: SnapshotTaken | None = None  # until it is planned
    first: int = 1  # its legs are numbered from here
    last: int = 0  # to here
    earlier: tuple[tuple[int, int], ...] = ()  # and so before it was read again
    open_legs: int = 0
    reopened: int = 0  # how often more was found


class Operation(msgspec.Struct, kw_only=True):
    """One accepted closing request."""

    operation_id: OperationId
    request: CloseRequest
    opened_at: datetime
    since: float  # monotonic: when it was opened
    heard_at: float  # when the last reading came; before the first, when it was opened
    deadline: float
    seq: int = 0
    done: int = 0
    total: int = 0
    started: int = 0  # legs up to this number are at work or ended
    wave: int = 64
    unread: int = 0  # accounts still being read
    unplanned: int = 0  # accounts neither planned nor failed
    failures: tuple[AccountFailure, ...] = ()
    more_matches: int = 0
    plan_hash: str | None = None
    estimate: float | None = None
    counts: dict[Outcome, int] = {}
    oldest_proof: datetime | None = None
    stopped: Outcome | None = None  # cancelled, or its deadline passed
    stopped_at: float = 0.0
    stopped_wall: datetime | None = None
    cancelled: bool = False  # a person asked for it
    recovered: bool = False  # taken up again by a later life than the one that opened it
    overtaken: OperationId | None = None  # a later one closes where its sequel would open
    unplaced: str | None = None  # why its sequel was not placed
    unplaced_detail: str = ""
    finished: bool = False
    finished_at: datetime | None = None
    took: float | None = None  # seconds, where one life saw all of it
    error: str | None = None
    detail: str = ""
    wake: float | None = None
    fellows: tuple[OperationId, ...] = ()  # it shared a lane with them

    @property
    def is_planned(self) -> bool:
        return self.unplanned == 0

    @property
    def plans_as_a_whole(self) -> bool:
        """Nothing is sent before every account is planned."""
        return self.request.plans_as_a_whole


class AccountState(msgspec.Struct, kw_only=True):
    """Reads of one account that verify lanes."""

    reading: bool = False
    issued: int = 0  # the turn of the reading under way, or of the last one
    started_at: float = 0.0
    wake: float | None = None  # the next reading is due
    failures: int = 0
    trades_asked: float = float("-inf")  # when its trades were last asked for
    trades_since: datetime | None = None  # and from when on


class VenueState(msgspec.Struct, kw_only=True):
    capabilities: Capabilities
    up: bool = True


class SeenMarket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a market was last known to be, and when (monotonic) that was learned."""

    market: Market
    seen_at: float


class KeyUse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an idempotency key of a principal named."""

    operation_id: OperationId
    digest: str
    opened_at: datetime


class Ended(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A partial close that ended: a repeat without a key is refused for a while."""

    operation_id: OperationId
    at: datetime


class LooseKey(NamedTuple):
    """The timer of a client's own order."""

    client_order_id: str


Timer = PositionKey | AccountRef | LooseKey | OperationId


class State:
    """Everything the core knows. From *bulk_exit* positions of one account on people are told."""

    def __init__(self, bulk_exit: int = BULK_EXIT) -> None:
        self.turn = 0
        self.bulk_exit = bulk_exit
        self.operations: dict[OperationId, Operation] = {}
        self.legs: dict[tuple[OperationId, int], Leg] = {}
        self.parts: dict[tuple[OperationId, AccountRef], Part] = {}
        self.lanes: dict[PositionKey, Lane] = {}
        self.loose: dict[str, LedgerOrder] = {}  # clients' own orders, until they end
        self.loose_accounts: dict[str, AccountRef] = {}
        self._loose_names: dict[VenueOrderId, str] = {}  # by the venue's name
        self.accounts: dict[AccountRef, AccountState] = {}
        self.venues: dict[VenueId, VenueState] = {}
        self.markets: dict[tuple[VenueId, InstrumentId], SeenMarket] = {}
        self.keys: dict[tuple[PrincipalId, str], KeyUse] = {}
        self.partials: dict[tuple[PrincipalId, str], Ended] = {}
        self.plans: dict[str, float] = {}  # dry runs' hashes, and when
        self.reports: dict[OperationId, OperationReport] = {}
        self._lines_kept = 0  # of all reports together
        self.directives: dict[DirectiveName, DirectiveSet] = {}  # what stands, and who laid it down
        self.patience: dict[PositionKey, float] = {}  # until when the venue asked for it
        self.told: dict[AccountRef, dict[PositionKey, Told]] = {}  # by the stream, of late
        self.traded: dict[AccountRef, dict[PositionKey, float]] = {}  # when that was heard of
        self.recovered_at = float("-inf")  # what was heard of before is not known
        self._lanes_of: dict[AccountRef, dict[PositionKey, None]] = {}
        self._lane_of_order: dict[tuple[AccountRef, str], PositionKey] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._armed = 0

    # --- what apply writes to ------------------------------------------------------------------

    def lane(self, key: PositionKey) -> Lane:
        return self.lanes[key]

    def operation(self, operation_id: OperationId) -> Operation:
        return self.operations[operation_id]

    def leg(self, operation_id: OperationId, number: int) -> Leg:
        return self.legs[operation_id, number]

    def part(self, operation_id: OperationId, account: AccountRef) -> Part:
        return self.parts[operation_id, account]

    def account(self, account: AccountRef) -> AccountState:
        return self.accounts.setdefault(account, AccountState())

    def add_operation(self, operation: Operation) -> None:
        self.operations[operation.operation_id] = operation

    def add_part(self, operation_id: OperationId, part: Part) -> None:
        self.parts[operation_id, part.account] = part

    def drop_part(self, operation_id: OperationId, account: AccountRef) -> None:
        del self.parts[operation_id, account]

    def add_leg(self, leg: Leg) -> None:
        self.legs[leg.operation_id, leg.number] = leg

    def add_lane(self, lane: Lane) -> None:
        self.lanes[lane.key] = lane
        self._lanes_of.setdefault(lane.key.account_ref, {})[lane.key] = None

    def drop_lane(self, key: PositionKey) -> None:
        lane = self.lanes.pop(key)
        account = key.account_ref
        del self._lanes_of[account][key]
        for order in lane.orders.values():
            self._forget_order(account, order)

    def drop_operation(self, operation_id: OperationId) -> None:
        operation = self.operations.pop(operation_id)
        for account in operation.request.scope.accounts:
            self.parts.pop((operation_id, account), None)
        for number in range(1, operation.total + 1):
            self.legs.pop((operation_id, number), None)

    def put_loose(self, account: AccountRef, order: LedgerOrder) -> None:
        self.loose[order.key] = order
        if order.venue_order_id is not None:
            self._loose_names[order.venue_order_id] = order.key
        self.loose_accounts[order.key] = account
        self.arm(LooseKey(order.key), order.ask_at)

    def drop_loose(self, key: str) -> None:
        order = self.loose.pop(key, None)
        if order is not None and order.venue_order_id is not None:
            self._loose_names.pop(order.venue_order_id, None)
        self.loose_accounts.pop(key, None)

    def index_order(self, lane: PositionKey, order: LedgerOrder) -> None:
        account = lane.account_ref
        self._lane_of_order[account, order.key] = lane
        if order.venue_order_id is not None:
            self._lane_of_order[account, order.venue_order_id] = lane

    def arm(self, timer: Timer, wake: float | None) -> None:
        if wake is not None:
            self._armed += 1
            heapq.heappush(self._timers, (wake, self._armed, timer))

    def note_traded(self, key: PositionKey, mono: float) -> None:
        account = self.traded.setdefault(key.account_ref, {})
        account.pop(key, None)  # the newest last
        account[key] = mono

    def note_told(self, key: PositionKey, quantity: Decimal, mono: float) -> None:
        account = self.told.setdefault(key.account_ref, {})
        account.pop(key, None)  # the newest last
        account[key] = Told(quantity, mono)

    def forget_old(self, at: datetime, mono: float) -> None:
        """Drop keys, repeats and plans whose time is over; the journal still knows the keys."""
        _drop_first(self.keys, lambda use: at - use.opened_at > KEY_LIFE)
        _drop_first(self.partials, lambda ended: at - ended.at > REPEAT_WINDOW)
        _drop_first(self.plans, lambda made_at: mono - made_at > PLAN_LIFE)
        _drop_first(self.patience, lambda until: mono > until)
        for account in self.traded.values():
            _drop_first(account, lambda heard_at: mono - heard_at > TRADES_KEPT)
        for told in self.told.values():
            _drop_first(told, lambda each: mono - each.mono > TRADES_KEPT)

    def note_directive(self, change: DirectiveSet | DirectiveLifted) -> None:
        if isinstance(change, DirectiveLifted):
            self.directives.pop(change.name, None)
            return
        self.directives.pop(change.directive.name, None)
        self.directives[change.directive.name] = change  # the newest word last

    def keep_report(self, operation_id: OperationId, made: Callable[[], OperationReport]) -> None:
        """Answer for *operation_id* from memory from now on, with the report as *made* now."""
        self.reports[operation_id] = report = made()
        self._lines_kept += _lines(report)
        while self._lines_kept > LEGS_KEPT and len(self.reports) > 1:
            self._lines_kept -= _lines(self.reports.pop(next(iter(self.reports))))

    # --- what decide reads ---------------------------------------------------------------------

    def find_lane(self, key: PositionKey) -> Lane | None:
        return self.lanes.get(key)

    def find_loose(self, name: str) -> LedgerOrder | None:
        """A client's own order, by our name or the venue's."""
        return self.loose.get(self._loose_names.get(VenueOrderId(name), name))

    def find_operation(self, operation_id: OperationId) -> Operation | None:
        return self.operations.get(operation_id)

    def find_leg(self, operation_id: OperationId, number: int) -> Leg | None:
        return self.legs.get((operation_id, number))

    def find_part(self, operation_id: OperationId, account: AccountRef) -> Part | None:
        return self.parts.get((operation_id, account))

    def parts_of(self, operation: Operation) -> list[Part]:
        """The operation's business with each of its accounts."""
        return [
            part
            for account in operation.request.scope.accounts
            if (part := self.find_part(operation.operation_id, account)) is not None
        ]

    def lane_of_order(self, account: AccountRef, *names: str | None) -> PositionKey | None:
        """The lane whose ledger holds an order by either of its names."""
        for name in names:
            if name is not None and (key := self._lane_of_order.get((account, name))) is not None:
                return key
        return None

    def is_closing_order(self, account: AccountRef, name: str | None) -> bool:
        """Whether an order of this name is an operation's own."""
        key = self.lane_of_order(account, name)
        lane = self.find_lane(key) if key is not None else None
        order = lane.orders.get(name) if lane is not None and name is not None else None
        return order is not None and order.operation_id is not None

    def lanes_of(self, account: AccountRef) -> tuple[PositionKey, ...]:
        return tuple(self._lanes_of.get(account, ()))

    def lane_keys(self) -> tuple[PositionKey, ...]:
        return tuple(self.lanes)

    def find_key(self, principal: PrincipalId, key: str) -> KeyUse | None:
        return self.keys.get((principal, key))

    def find_partial(self, principal: PrincipalId, digest: str) -> Ended | None:
        return self.partials.get((principal, digest))

    def find_plan(self, plan_hash: str) -> float | None:
        """When a dry run told of this plan (monotonic)."""
        return self.plans.get(plan_hash)

    def traded_at(self, key: PositionKey) -> float | None:
        """When an execution of the position was last heard of."""
        return self.traded.get(key.account_ref, {}).get(key)

    def traded_since(self, account: AccountRef, mono: float) -> dict[PositionKey, float]:
        """The positions of the account of whose executions was heard since *mono*, and when."""
        heard = self.traded.get(account, {})
        return {key: at for key, at in heard.items() if at >= mono}

    def told_since(self, account: AccountRef, mono: float) -> dict[PositionKey, Decimal]:
        """What the stream has told of the account's positions since *mono*."""
        told = self.told.get(account, {})
        return {key: each.quantity for key, each in told.items() if each.mono >= mono}

    def find_market(self, venue: VenueId, instrument: InstrumentId) -> SeenMarket | None:
        return self.markets.get((venue, instrument))

    def wake_of(self, timer: Timer) -> float | None:
        """When *timer* is armed for, if it still exists."""
        if isinstance(timer, PositionKey):
            lane = self.find_lane(timer)
            return lane.wake if lane is not None else None
        if isinstance(timer, AccountRef):
            return self.account(timer).wake
        if isinstance(timer, LooseKey):
            order = self.loose.get(timer.client_order_id)
            return order.ask_at if order is not None else None
        operation = self.find_operation(timer)
        return operation.wake if operation is not None else None

    def due(self, mono: float) -> Iterator[Timer]:
        """Every timer due by *mono*, once each."""
        seen: set[Timer] = set()
        stack = [0]  # walk the heap: a child is never due before its parent
        while stack:
            i = stack.pop()
            if i >= len(self._timers) or self._timers[i][0] > mono:
                continue
            wake, _, timer = self._timers[i]
            if timer not in seen and self.wake_of(timer) == wake:
                seen.add(timer)
                yield timer
            stack += (2 * i + 1, 2 * i + 2)

    def next_wake(self) -> float | None:
        """The earliest armed timer. Drops entries that hold no longer: the answer is the same."""
        while self._timers:
            wake, _, timer = self._timers[0]
            if self.wake_of(timer) == wake:
                return wake
            heapq.heappop(self._timers)
        return None

    def _forget_order(self, account: AccountRef, order: LedgerOrder) -> None:
        self._lane_of_order.pop((account, order.key), None)
        if order.venue_order_id is not None:
            self._lane_of_order.pop((account, order.venue_order_id), None)


def _lines(report: OperationReport) -> int:
    return len(report.legs) + 1


def _drop_first(mapping: dict[Name, Value], is_old: Callable[[Value], bool]) -> None:
    """Drop entries from the front, where the oldest are, while they are old."""
    while mapping and is_old(mapping[first := next(iter(mapping))]):
        del mapping[first]
