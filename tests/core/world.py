"""
The world that drives the real core: virtual time, venues, and whatever can go wrong between them.

One turn is what the driver's is: decide, apply, make durable, perform. Every command arrives at
its venue after a latency and is answered after another; a `Fault` can be scripted for each. The
laws are checked after every turn by `Watch`, which shares nothing with the core.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import assert_never

from rpcserver.core.commands import (
    Alert,
    CancelOrder,
    ChangeOrder,
    Command,
    QueryOrder,
    QueryTrades,
    ReadAccount,
    ReadMarket,
    SubmitOrder,
)
from rpcserver.core.decision import Admitted, Decision, Refused
from rpcserver.core.events import (
    CancelLost,
    CancelRejected,
    CancelRequested,
    Event,
    MarketChanged,
    MarketUnread,
    Now,
    OrderAbsent,
    OrderLost,
    OrderQueryFailed,
    OrderRejected,
    OrderRequested,
    OrderResolved,
    OrderUnsent,
    OrderUpdated,
    PositionChanged,
    Requested,
    SnapshotFailed,
    SnapshotRead,
    TradesFailed,
    TradesRead,
    VenueUp,
    Woken,
)
from rpcserver.core.machine import apply, decide, next_deadline, recover
from rpcserver.core.passing import Passing
from rpcserver.core.records import OperationFinished, Record, RecordBase
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import CloseRequest, OrderOutcome, PlaceRequest, ResolveRequest
from rpcserver.core.state import State
from rpcserver.domain.ids import (
    AccountRef,
    ClientOrderId,
    OperationId,
    PrincipalId,
    VenueId,
)
from rpcserver.domain.market import Market
from rpcserver.domain.order import OrderReport, OrderRequest, OrderSide
from rpcserver.domain.position import Position, PositionKey
from tests.core.book import Book
from tests.core.faults import HEALTH, LATENCY, Fault
from tests.core.venue import EPOCH, Refusal, ToyVenue, at
from tests.core.watch import Watch

STEPS_MAX = 20_000
WAKES_MAX = 300  # at one instant: more is a busy loop
BEGAN = 1000.0  # what the first life's monotonic clock says at the beginning

Performed = Callable[[], None]


@dataclass
class _Turn:
    """What one decision left to do once it is durable."""

    records: list[Record]
    commands: Sequence[Command]


@dataclass(order=True)
class _Due:
    time: float
    number: int
    life: int | None = field(compare=False)  # None: of the world, not of one process
    happen: Performed = field(compare=False)


class World:
    """Everything there is: the core's state, its journal, the venues, and time."""

    def __init__(self, *venues: ToyVenue, commit_delay: float = 0.0) -> None:
        self.time = 0.0
        self.venues: dict[VenueId, ToyVenue] = {venue.venue_id: venue for venue in venues}
        self.state = State()
        self.book = Book()
        self.watch = Watch(self)
        self.life = 1
        self.streams = True  # whether venues tell of what happens there
        self.news_delay = LATENCY
        self.reports: dict[OperationId, OperationReport] = {}
        self.ends: dict[OperationId, OperationFinished] = {}
        self.alerts: list[Alert] = []
        self.refusals: list[Refused] = []
        self.in_flight: dict[ClientOrderId, list[SubmitOrder]] = {}  # every copy on its way
        self.performed: list[tuple[float, Command]] = []
        self.chance: Callable[[Command], Fault] | None = None  # of what no script speaks of
        self.crashing: Callable[[str], bool] | None = None  # asked at every seam of a turn
        self._faults: list[tuple[type[Command], Callable[[Command], bool], deque[Fault]]] = []
        self._silences: dict[VenueId, Fault] = {}
        self._heap: list[_Due] = []
        self._number = 0
        self._operations = 0
        self._offset = -BEGAN  # world time = mono + offset
        self._mono = BEGAN
        self._wakes = 0
        self._commit_delay = commit_delay
        self._uncommitted: list[_Turn] = []
        self.meet_venues()

    # --- what tests do -------------------------------------------------------------------------

    def script(
        self,
        command: type[Command],
        *faults: Fault,
        when: Callable[[Command], bool] = lambda _: True,
    ) -> None:
        """The next commands of this kind fare so, one each; those after are well again."""
        self._faults.append((command, when, deque(faults)))

    def silence(self, venue: ToyVenue, fault: Fault | None) -> None:
        """From now on everything sent to *venue* fares so; None: it is well again."""
        if fault is None:
            self._silences.pop(venue.venue_id, None)
        else:
            self._silences[venue.venue_id] = fault

    def later(self, seconds: float, happen: Performed) -> None:
        """Let something happen in the world after so many seconds, whoever lives then."""
        self._schedule(seconds, happen, life=None)

    def ask(self, request: CloseRequest, *, join: bool = True) -> OperationId:
        """Ask for a close that is admitted."""
        reply = self.ask_for(request, join=join)
        assert isinstance(reply, Admitted), reply
        return reply.operation_id

    def ask_for(self, request: CloseRequest, *, join: bool = True) -> Admitted | Refused | None:
        """Ask for a close, and see what is said."""
        self._operations += 1
        name = OperationId(f"op-{self._operations}")
        return self.feed(Requested(operation_id=name, request=request, join=join))

    def cancel(self, operation_id: OperationId) -> None:
        self.feed(CancelRequested(operation_id=operation_id, principal=PrincipalId("ann")))

    def place(self, account: AccountRef, order: OrderRequest) -> Refused | None:
        """A client's own order."""
        request = PlaceRequest(principal=PrincipalId("ann"), account=account, order=order)
        contract = self.venues[account.venue].instruments[order.instrument]
        reply = self.feed(OrderRequested(request=request, instrument=contract))
        assert not isinstance(reply, Admitted)
        return reply

    def resolve(
        self, order: ClientOrderId, outcome: OrderOutcome, filled: int = 0
    ) -> Admitted | Refused | None:
        """A person's word about an unknown order."""
        request = ResolveRequest(
            principal=PrincipalId("risk"),
            client_order_id=order,
            outcome=outcome,
            filled=Decimal(filled),
            reason="seen at the venue's own screen",
        )
        return self.feed(OrderResolved(request=request))

    def feed(self, event: Event) -> Admitted | Refused | None:
        """One turn of the driver's; after it, every law holds."""
        life = self.life
        if isinstance(event, SnapshotRead):
            self.watch.heard(event.snapshot)
        elif isinstance(event, OrderUpdated):
            self.watch.told(event.account, event.report)
        decision = self._decide(event)
        self.watch.decided(decision.changes)
        if isinstance(decision.reply, Refused):
            self.refusals.append(decision.reply)
        if self._crashes("decided"):
            return decision.reply
        for change in decision.changes:
            apply(self.state, change)
        records = [change for change in decision.changes if not isinstance(change, Passing)]
        self._note_ends(records)
        self._uncommitted.append(_Turn(records, decision.commands))
        if self._commit_delay == 0:
            self._commit()
        elif len(self._uncommitted) == 1:
            self._schedule(self._commit_delay, self._commit, life=life)
        return decision.reply

    def crash(self, mono: float = 3.0) -> None:
        """The process dies and starts anew; its monotonic clock starts somewhere else."""
        self.life += 1
        self._uncommitted.clear()
        self.watch.crashed()
        self._mono = mono
        self._offset = self.time - mono
        self.state = State()
        for fact in self.book.remembered(self.now.wall):
            apply(self.state, fact)
        decision = recover(self.state, self.now)
        assert not decision.commands, "recovery sends nothing"
        for change in decision.changes:
            apply(self.state, change)
        records = [change for change in decision.changes if not isinstance(change, Passing)]
        self.book.append(records)
        self.watch.durable(records)
        self.meet_venues()

    # --- time ----------------------------------------------------------------------------------

    @property
    def now(self) -> Now:
        return Now(self._mono, at(self.time))

    def step(self, until: float = float("inf")) -> bool:
        """Let the next thing happen, if one is due by *until*."""
        deadline = next_deadline(self.state)
        wake = float("inf") if deadline is None else deadline + self._offset
        due = self._heap[0].time if self._heap else float("inf")
        if min(wake, due) > until or min(wake, due) == float("inf"):
            return False
        before = self.time
        if wake <= due and deadline is not None:
            self.time = max(self.time, wake)
            self._mono = max(self._mono, deadline)
            self._wakes += 1
            assert self._wakes < WAKES_MAX, f"a busy loop at {self.time}"
            self.feed(Woken())
        else:
            thing = heapq.heappop(self._heap)
            self.time = max(self.time, thing.time)
            self._mono = max(self._mono, self.time - self._offset)
            if thing.life in (None, self.life):
                thing.happen()
        if self.time > before:
            self._wakes = 0
        return True

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        until = self.time + seconds
        for _ in range(STEPS_MAX):
            if not self.step(until):
                self._mono += max(until - self.time, 0.0)
                self.time = until
                return
        raise AssertionError(f"no rest after {STEPS_MAX} steps, at {self.time}")

    def finish(self, *operation_ids: OperationId, within: float = 300.0) -> OperationReport:
        """Let time pass until the operations have ended; the report of the last."""
        until = self.time + within
        for _ in range(STEPS_MAX):
            if all(operation_id in self.ends for operation_id in operation_ids):
                return self.reports[operation_ids[-1]]
            assert self.step(until), f"nothing more happens, and {operation_ids} go on"
        raise AssertionError(f"no end after {STEPS_MAX} steps, at {self.time}")

    def close(self, request: CloseRequest) -> OperationReport:
        """Ask, and wait for the end."""
        return self.finish(self.ask(request))

    # --- what tests look at --------------------------------------------------------------------

    def submitted(self, venue: ToyVenue | None = None) -> list[OrderRequest]:
        """Every closing order that was sent, resends included."""
        return [
            command.order
            for _, command in self.performed
            if isinstance(command, SubmitOrder)
            and command.exit
            and (venue is None or command.account.venue == venue.venue_id)
        ]

    def refusal_of_an_order(self, key: PositionKey) -> str | None:
        """Why a client's own order would be refused there now."""
        self._operations += 1
        order = OrderRequest(
            client_order_id=ClientOrderId(f"mine-{self._operations}"),
            account=key.account,
            instrument=key.instrument,
            side=OrderSide.BUY,
            quantity=Decimal(1),
        )
        refused = self.place(key.account_ref, order)
        return refused.code if refused is not None else None

    def sent(self, kind: type[Command]) -> list[Command]:
        return [command for _, command in self.performed if isinstance(command, kind)]

    def told(self, kind: type[RecordBase]) -> list[Record]:
        return [record for record in self.book.records if isinstance(record, kind)]

    # --- the turn ------------------------------------------------------------------------------

    def _decide(self, event: Event) -> Decision:
        with self.watch.unchanged(self.state):
            return decide(self.state, event, self.now)

    def _commit(self) -> None:
        turns, self._uncommitted = self._uncommitted, []
        if self._crashes("committing"):
            return
        for turn in turns:
            self.book.append(turn.records)
            self.watch.durable(turn.records)
        if self._crashes("durable"):
            return
        life = self.life
        for turn in turns:
            for command in turn.commands:
                self._perform(command)
                if self._crashes("performed") or self.life != life:
                    return

    def _crashes(self, where: str) -> bool:
        if self.crashing is not None and self.crashing(where):
            self.crash(mono=3.0 if self.life % 2 else 50_000.0)
            return True
        return False

    def _note_ends(self, records: Iterable[Record]) -> None:
        for record in records:
            if isinstance(record, OperationFinished):
                self.ends[record.operation_id] = record
                self.reports[record.operation_id] = self.state.reports[record.operation_id]

    # --- performing ----------------------------------------------------------------------------

    def _perform(self, command: Command) -> None:
        self.performed.append((self.time, command))
        self.watch.performing(command)
        if isinstance(command, Alert):
            self.alerts.append(command)
            return
        fault = self._fate_of(command)
        if fault.unsent:
            self._answer(LATENCY, self._lost(command, fault))
            return
        if isinstance(command, SubmitOrder) and fault.arrives is not None:
            self.in_flight.setdefault(command.order.client_order_id, []).append(command)
        if fault.arrives is not None:
            # What is on its way lands, whether its sender lives or not.
            life = self.life
            self._schedule(fault.arrives, lambda: self._land(command, fault, life), life=None)
        if not fault.answered:
            self._answer(fault.timeout, self._lost(command, fault))

    def _land(self, command: Command, fault: Fault, life: int) -> None:
        if isinstance(command, SubmitOrder):
            self.in_flight[command.order.client_order_id].remove(command)
        event = self._happen(command, fault)
        self.watch.landed()
        self.pass_on_news()
        if fault.answered and life == self.life:
            for copy in range(fault.copies):
                self._answer(fault.back * (copy + 1), event)

    def _happen(self, command: Command, fault: Fault) -> Event:
        match command:
            case SubmitOrder(account=account, order=order):
                try:
                    if fault.refused is not None:
                        raise Refusal(fault.refused)
                    report = self.venues[account.venue].submit(order, self.time)
                except Refusal as refusal:
                    return OrderRejected(
                        account=account,
                        client_order_id=order.client_order_id,
                        reason=refusal.reason,
                        detail=refusal.reason.value,
                    )
                return OrderUpdated(account=account, report=report)
            case (
                CancelOrder(account=account, venue_order_id=name)
                | ChangeOrder(account=account, venue_order_id=name)
            ):
                venue = self.venues[account.venue]
                try:
                    if fault.refused is not None:
                        raise Refusal(fault.refused)
                    if isinstance(command, ChangeOrder):
                        assert command.quantity is not None
                        report = venue.change(name, command.quantity, self.time)
                    else:
                        report = venue.cancel(name, self.time)
                except Refusal as refusal:
                    return CancelRejected(
                        account=account,
                        venue_order_id=name,
                        reason=refusal.reason,
                        detail=refusal.reason.value,
                    )
                return OrderUpdated(account=account, report=report)
            case QueryOrder(account=account, client_order_id=ours, venue_order_id=theirs):
                venue = self.venues[account.venue]
                found = venue.query(ours, theirs)
                if found is None or (fault.hidden and self._may_hide(venue, found)):
                    return OrderAbsent(
                        account=account,
                        client_order_id=ours,
                        venue_order_id=theirs,
                        asked=command.asked,
                    )
                return OrderUpdated(account=account, report=found)
            case QueryTrades(account=account):
                fills = self.venues[account.venue].fills_of(account.account)
                return TradesRead(account=account, fills=fills)
            case ReadAccount(account=account, operation_id=operation_id, markets=markets):
                venue = self.venues[account.venue]
                lag = venue.lag if fault.lag is None else fault.lag
                snapshot = venue.snapshot(account.account, self.time, markets=markets, lag=lag)
                self.watch.reading(snapshot, self.time - lag)
                return SnapshotRead(operation_id=operation_id, snapshot=snapshot)
            case ReadMarket(venue=name, instrument=instrument):
                return MarketChanged(venue=name, market=self.venues[name].markets[instrument])
            case _:
                raise AssertionError(f"no such command: {command!r}")

    def _may_hide(self, venue: ToyVenue, order: OrderReport) -> bool:
        """Whether the venue may still say that it does not find what it has taken."""
        age = self.time - (order.created_at - EPOCH).total_seconds()
        return age < venue.capabilities.not_found_settle / 2

    def _lost(self, command: Command, fault: Fault) -> Event:
        """What the sender hears instead of an answer."""
        match command:
            case SubmitOrder(account=account, order=order):
                name = order.client_order_id
                if fault.unsent:
                    return OrderUnsent(
                        account=account,
                        client_order_id=name,
                        detail="nothing left us",
                        retry_after=fault.retry_after,
                    )
                return OrderLost(account=account, client_order_id=name, detail="no answer")
            case (
                CancelOrder(account=account, venue_order_id=name)
                | ChangeOrder(account=account, venue_order_id=name)
            ):
                return CancelLost(account=account, venue_order_id=name, detail="no answer")
            case QueryOrder(account=account, client_order_id=ours, venue_order_id=theirs):
                return OrderQueryFailed(
                    account=account, client_order_id=ours, venue_order_id=theirs
                )
            case QueryTrades(account=account):
                return TradesFailed(account=account)
            case ReadAccount(account=account, operation_id=operation_id):
                return SnapshotFailed(
                    operation_id=operation_id, account=account, detail="no answer"
                )
            case ReadMarket(venue=name):
                return MarketUnread(venue=name)
            case _:
                raise AssertionError(f"no such command: {command!r}")

    def pass_on_news(self) -> None:
        """What happened at the venues is told, unless the streams are down."""
        self.watch.landed()
        for venue in self.venues.values():
            news, venue.news = venue.news, []
            for each in news if self.streams else ():
                event = _meaning(venue, each)
                self._schedule(self.news_delay, partial(self._hear, event), life=None)

    def _hear(self, event: Event) -> None:
        self.feed(event)

    def _fate_of(self, command: Command) -> Fault:
        venue = command.venue if isinstance(command, ReadMarket) else _account(command).venue
        if venue in self._silences:
            return self._silences[venue]
        for kind, when, faults in self._faults:
            if faults and isinstance(command, kind) and when(command):
                return faults.popleft()
        return self.chance(command) if self.chance is not None else HEALTH

    # --- inside --------------------------------------------------------------------------------

    def _answer(self, seconds: float, event: Event) -> None:
        self._schedule(seconds, lambda: self._hear(event), life=self.life)

    def _schedule(self, seconds: float, happen: Performed, *, life: int | None) -> None:
        self._number += 1
        heapq.heappush(self._heap, _Due(self.time + seconds, self._number, life, happen))

    def meet_venues(self) -> None:
        """Every venue can be reached, from now on or again."""
        for venue in self.venues.values():
            self.feed(VenueUp(venue=venue.venue_id, capabilities=venue.capabilities))


def _account(command: Command) -> AccountRef:
    match command:
        case (
            SubmitOrder(account=account)
            | CancelOrder(account=account)
            | ChangeOrder(account=account)
            | QueryOrder(account=account)
            | QueryTrades(account=account)
            | ReadAccount(account=account)
        ):
            return account
        case _:
            raise AssertionError(f"no account: {command!r}")


def _meaning(venue: ToyVenue, news: OrderReport | Position | Market) -> Event:
    match news:
        case OrderReport():
            return OrderUpdated(account=AccountRef(venue.venue_id, news.account), report=news)
        case Position():
            return PositionChanged(position=news)
        case Market():
            return MarketChanged(venue=venue.venue_id, market=news)
        case _:
            assert_never(news)
