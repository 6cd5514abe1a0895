"""
The engine: one owner of the state, one journal, one turn.

A turn is: decide, apply, queue. Whatever is queued goes into one commit; when it returns, its
frames are told and its commands performed, in commit order (law 22). The next events are decided
while a commit is under way. One task does all of it, so nothing is ever decided concurrently
(law 26), and only `JournalBroken` ends it: then nothing more is sent or told.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import anyio
import anyio.abc
import msgspec
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled
from loguru import logger

from rpcserver.core.commands import UNDECIDED, Alert, Command
from rpcserver.core.decision import Admitted, Refused
from rpcserver.core.entries import Entry
from rpcserver.core.events import (
    CancelRequested,
    DirectiveRequested,
    Event,
    LiftRequested,
    Noticed,
    Now,
    OrderRequested,
    OrderResolved,
    Requested,
    Woken,
)
from rpcserver.core.leaving import called_off, calls_off, objection
from rpcserver.core.machine import apply, decide, next_deadline, recover
from rpcserver.core.records import OperationFinished, Record, RecordBase
from rpcserver.core.report import OperationReport
from rpcserver.core.reporting import report_of
from rpcserver.core.requests import (
    CancelRequest,
    ChangeRequest,
    CloseRequest,
    PlaceRequest,
    ResolveRequest,
)
from rpcserver.core.standing import DirectiveSet, Word
from rpcserver.core.state import BULK_EXIT, LedgerOrder, State
from rpcserver.domain.account import Account
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.directive import Directive
from rpcserver.domain.errors import (
    InvalidRequest,
    JournalBroken,
    OutcomeUnknown,
    VenueUnavailable,
)
from rpcserver.domain.ids import AccountRef, DirectiveName, OperationId, PrincipalId, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import OrderReport
from rpcserver.driver.bulkhead import committed
from rpcserver.driver.folding import folded_report, log_end, refuse_expired_key, remembered, sealed
from rpcserver.driver.halting import order_requested
from rpcserver.driver.own_orders import OwnOrders
from rpcserver.driver.performer import Performer, VenueCommand, failed
from rpcserver.driver.ports import Journal, Venue, VenueEvent
from rpcserver.driver.renewals import Renewals
from rpcserver.driver.sandboxes import with_sandboxes
from rpcserver.driver.sequels import Sequels, with_placement
from rpcserver.driver.statistics import EngineStatistics, VenueStatistics
from rpcserver.driver.watching import Watcher

ROWS_A_COMMIT = 1024
START_PATIENCE = 2.0  # seconds a start waits for the accounts of venues that may be dead
CALM = 1.0  # seconds before time is fed again, when it could not be decided

Clock = Callable[[], datetime]  # what the clock on the wall says, in UTC
Names = Callable[[], str]  # each time another one, never one given before
Committed = Callable[[Sequence[Entry]], None]
Watched = Callable[[VenueId, VenueEvent], None]
Alerted = Callable[[Alert], None]
Listener = TypeVar("Listener")


class _Turn(msgspec.Struct, frozen=True):
    """What one decision left to do."""

    records: Sequence[Record]
    commands: Sequence[Command]
    tell: Callable[[], None] | None  # whoever waits, once the records are durable


class Engine:
    """Everything the server asks for. Built by `open_engine`."""

    def __init__(
        self,
        journal: Journal,
        venues: Mapping[VenueId, Venue],
        tasks: anyio.abc.TaskGroup,
        clock: Clock,
        names: Names,
        bulk_exit: int,
    ) -> None:
        self.journal = journal
        self.venues = venues
        self._clock = clock
        self._new_name = names
        self._state = State(bulk_exit)
        self._turns: deque[_Turn] = deque()
        self._under_way: list[_Turn] = []  # what the commit now running covers
        self._wake = anyio.Event()
        self._committed: list[Committed] = []
        self._watched: list[Watched] = []
        self._alerted: list[Alerted] = []
        self._breaks: list[Callable[[], None]] = []
        self._own_orders = OwnOrders(self._ask)
        self._sequels = Sequels()
        self._ends: dict[OperationId, anyio.Event] = {}  # awaited, or not durable yet
        self._ending: set[OperationId] = set()  # not durable yet
        objects = partial(objection, self._state)
        self._performers = {
            name: Performer(venue, self._fed, tasks, objects, lambda: journal.is_in_charge)
            for name, venue in venues.items()
        }
        self._watchers = {
            name: Watcher(venue, self._heard, self._described) for name, venue in venues.items()
        }
        self._tasks = tasks
        self.renewals = Renewals()
        self._settled_in = anyio.Event()
        self._stopping = False
        self._ended = False
        self._broken = False
        self._taken_up: frozenset[OperationId] = frozenset()  # what an earlier life left
        self._calm_until = 0.0  # no time is fed before: a timer could not be decided

    # --- what the server asks for --------------------------------------------------------------

    @property
    def accounts(self) -> Mapping[VenueId, tuple[Account, ...]]:
        """Accounts as last read. A venue never read yet has one account, "*": unknown, not none."""
        return {name: watcher.accounts for name, watcher in self._watchers.items()}

    @property
    def instruments(self) -> Mapping[VenueId, tuple[Instrument, ...]]:
        return {name: watcher.instruments for name, watcher in self._watchers.items()}

    async def accounts_read(self) -> None:
        """Wait until the accounts of every venue are known."""
        for watcher in self._watchers.values():
            await watcher.was_read.wait()

    async def settled_in(self) -> None:
        """
        Wait until the accounts are known, or a start's patience with dead venues is over.

        An exit that arrives with the restart would otherwise find no account to close.
        """
        await self._settled_in.wait()

    async def close(self, request: CloseRequest, *, join: bool = True) -> Admitted:
        """
        Admit a closing request; it is durable when this returns.

        Raises:
            InvalidRequest: With a code of protocol.md.
        """
        self._refuse_if_stopping()
        await refuse_expired_key(self.journal, self._state, request)
        told = with_sandboxes(self, request)
        event = Requested(operation_id=self._new_operation(), request=told, join=join)
        reply = await self._ask(event)
        assert isinstance(reply, Admitted)
        return reply

    async def cancel(self, operation_id: OperationId, principal: PrincipalId) -> bool:
        """Stop what was not yet sent. False: the operation has ended, or there is none."""
        operation = self._state.operations.get(operation_id)
        if operation is None or operation.finished:
            return False
        await self._ask(CancelRequested(operation_id=operation_id, principal=principal))
        return True

    async def place(self, request: PlaceRequest) -> OrderReport:
        """
        Send a client's own order and tell what became of it.

        Raises:
            InvalidRequest: `closing_in_progress`, `halted`, `journal_low`, or `shutting_down`.
            OrderRefused: The venue said no.
            VenueUnavailable: Nothing was sent.
            OutcomeUnknown: No answer came; the engine goes on asking.
        """
        self._refuse_if_stopping()
        if self.journal.low:
            raise InvalidRequest("journal_low", "the disk is nearly full: only exits are admitted")
        return await self._own_orders.place(await self._order_requested(request))

    async def cancel_order(self, request: CancelRequest) -> OrderReport:
        """
        Cancel one working order and tell what became of it.

        Raises:
            OrderRefused: `UNKNOWN_ORDER` or `ALREADY_TERMINAL`.
            OutcomeUnknown: No answer came.
        """
        return await self._own_orders.cancel(request)

    async def change_order(self, request: ChangeRequest) -> OrderReport:
        """
        Change one working order in place and tell what became of it. Raises as `place`, and
        `order_pending` while another change of it is under way.
        """
        self._refuse_if_stopping()
        placing = PlaceRequest(
            principal=request.principal,
            account=request.account,
            order=request.changed,
            remote=request.remote,
        )
        return await self._own_orders.change(request, await self._order_requested(placing))

    async def resolve(self, request: ResolveRequest) -> None:
        """
        Take a person's word about an unknown order.

        Raises:
            InvalidRequest: There is no such unknown order, or the word does not fit it.
        """
        await self._ask(OrderResolved(request=request))

    async def note(self, seen: Noticed) -> None:
        """Put into the audit what the server saw by itself; it is durable when this returns."""
        await self._ask(seen)

    @property
    def directives(self) -> Mapping[DirectiveName, DirectiveSet]:
        """What stands now, and who laid it down; in the order in which that was."""
        return self._state.directives

    @property
    def own_orders(self) -> Mapping[str, LedgerOrder]:
        """Clients' own orders that have not ended, by client order id."""
        return self._state.loose

    def is_closing_order(self, account: AccountRef, name: str | None) -> bool:
        """Whether an order of this name is an operation's own."""
        return self._state.is_closing_order(account, name)

    def capabilities(self, venue: VenueId) -> Capabilities:
        """What a venue can do: the cautious defaults until it has said so itself."""
        return self._watchers[venue].capabilities or Capabilities()

    async def lay_down(
        self,
        directive: Directive,
        word: Word,
        *,
        closing: CloseRequest | None = None,
        still: Callable[[], bool] = lambda: True,
    ) -> Admitted | None:
        """
        Let *directive* stand, in the place of any of its name; it is durable when this returns.

        *closing* is opened with it, both or neither, and its operation is the answer. *still* is
        asked when nothing can come between any more: where it says no, nothing is laid down.

        Raises:
            InvalidRequest: As `close` would.
        """
        opens = None
        if closing is not None:
            self._refuse_if_stopping()
            await refuse_expired_key(self.journal, self._state, closing)
            told = with_sandboxes(self, closing)
            opens = Requested(operation_id=self._new_operation(), request=told, join=False)
        if not still():
            return None
        return await self._ask(DirectiveRequested(directive=directive, word=word, closing=opens))

    async def lift(self, name: DirectiveName, word: Word) -> None:
        """
        Take back what stands under *name*; it is durable when this returns.

        Raises:
            InvalidRequest: `unknown_directive`.
        """
        await self._ask(LiftRequested(name=name, word=word))

    async def find(self, principal: PrincipalId, key: str) -> OperationId | None:
        """The operation a principal's idempotency key named, durably."""
        if (use := self._state.find_key(principal, key)) is not None:
            await self._durable()
            return use.operation_id
        row = await self.journal.find_key(principal, key)
        return row.operation_id if row is not None else None

    def report(self, operation_id: OperationId) -> OperationReport | None:
        """What is known of an operation that runs or has just ended."""
        operation = self._state.operations.get(operation_id)
        if operation is not None and not operation.finished:
            return report_of(self._state, operation)
        return self._state.reports.get(operation_id)

    async def load_report(self, operation_id: OperationId) -> OperationReport | None:
        """The same of any operation, folded from the journal if need be (law 37)."""
        if (known := self.report(operation_id)) is not None:
            await self._durable()
            if known.finished_at is None:
                return known
            known = self._state.reports.get(operation_id)
            if known is not None and known.audit_head:
                return await with_placement(self.journal, known)
        return await folded_report(self.journal, operation_id)

    async def finished(self, operation_id: OperationId) -> OperationReport:
        """Wait for an operation's end, durable and told, and for the word on what follows it."""
        operation = self._state.operations.get(operation_id)
        if operation is not None and not operation.finished:
            self._ends.setdefault(operation_id, anyio.Event())
        if (end := self._ends.get(operation_id)) is not None:
            await end.wait()
            await self._survived()
        await self._sequels.answered(operation_id)
        report = await self.load_report(operation_id)
        if report is None:
            raise InvalidRequest("unknown_operation", f"there is no operation {operation_id}")
        return report

    def subscribe(self, listener: Committed) -> Callable[[], None]:
        """Call *listener* with every commit's entries, in order; the answer ends it."""
        return _listen(self._committed, listener)

    def watch(self, listener: Watched) -> Callable[[], None]:
        """Call *listener* with every event of every venue; the answer ends it."""
        return _listen(self._watched, listener)

    def alerts(self, listener: Alerted) -> Callable[[], None]:
        """Call *listener* with every alert; the answer ends it."""
        return _listen(self._alerted, listener)

    def when_broken(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call *listener* when the journal cannot commit any more; the answer ends it."""
        return _listen(self._breaks, listener)

    def stop_admitting(self) -> None:
        """No new operation from now on; those at work go on."""
        self._stopping = True

    @property
    def unfinished(self) -> tuple[OperationId, ...]:
        """Operations that still run, or whose end is not durable yet."""
        running = (op.operation_id for op in self._state.operations.values() if not op.finished)
        return (*running, *self._ending)

    def statistics(self) -> EngineStatistics:
        """How it is at this moment. Never waits."""
        unfinished = self.unfinished
        return EngineStatistics(
            is_broken=self._broken,
            is_stopping=self._stopping,
            has_settled_in=self._settled_in.is_set(),
            running=len(unfinished),
            recovering=len(self._taken_up.intersection(unfinished)),
            turns_waiting=len(self._turns) + len(self._under_way),
            venues=tuple(
                VenueStatistics(venue=name, link=self._watchers[name].link, queue=performer.load())
                for name, performer in self._performers.items()
            ),
        )

    # --- the turn ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Recover, then take turns for ever."""
        for name, watcher in self._watchers.items():
            self._tasks.start_soon(watcher.run, name=f"watch {name}")
            self._tasks.start_soon(watcher.refresh, name=f"refresh {name}")
            self._tasks.start_soon(self._performers[name].watch, name=f"deadlines {name}")
        self._tasks.start_soon(self._settle_in, name="settle in")
        try:
            while True:
                await self._something_to_do()
                await self._commit()
        except JournalBroken:
            self._broken = True
            for listener in tuple(self._breaks):
                listener()
            raise
        finally:
            self._end()

    async def _settle_in(self) -> None:
        with anyio.move_on_after(START_PATIENCE):
            await self.accounts_read()
        self._settled_in.set()

    def _end(self) -> None:
        """Nobody waits for what will not come. What became of it stands in the journal."""
        self._ended = True
        ended = (
            JournalBroken("the journal cannot commit any more")
            if self._broken
            else OutcomeUnknown("the server stopped before the venue answered")
        )
        self._own_orders.fail_all(ended)
        self._sequels.give_up()
        for turn in (*self._under_way, *self._turns):
            if turn.tell is not None:
                turn.tell()  # they find that it has ended
        for end in self._ends.values():
            end.set()

    async def recover(self) -> None:
        """Fold what is unfinished: every order that was alive is one more lost answer (law 24)."""
        now = self._now()
        records = await self.journal.unfinished()
        for fact in (*records, *await remembered(self.journal, now.wall)):
            apply(self._state, fact)
        decision = recover(self._state, now)
        for change in decision.changes:
            apply(self._state, change)
        self._queue(decision.changes, decision.commands)
        self._taken_up = frozenset(self.unfinished)
        if self._taken_up:
            logger.info(
                "operations taken up again", count=len(self._taken_up), records=len(records)
            )

    def feed(self, event: Event) -> None:
        """Decide what follows from *event*. Never waits."""
        self._decide(event)

    async def _ask(self, event: Event) -> Admitted | None:
        """Feed an event that has a reply, and wait until what it decided is durable."""
        self._check_alive()
        durable = anyio.Event()
        reply = self._decide(event, durable.set)
        if isinstance(reply, Refused):
            raise InvalidRequest(reply.code, reply.detail)
        await durable.wait()
        await self._survived()
        return reply

    async def _durable(self) -> None:
        """Wait until everything decided so far is durable."""
        self._check_alive()
        if self._turns or self._under_way:
            durable = anyio.Event()
            self._queue((), (), durable.set)
            await durable.wait()
            self._check_alive()

    async def _survived(self) -> None:
        """Go on only if the engine lives. What was begun may have been done: no refusal says so."""
        await checkpoint_if_cancelled()  # a caller who is being cancelled is that, not told
        if self._ended and not self._broken:
            raise InvalidRequest("outcome_unknown", "the server ended first: ask after its restart")
        self._check_alive()

    def _check_alive(self) -> None:
        if self._broken:
            raise JournalBroken("the journal cannot commit any more")
        if self._ended:
            raise InvalidRequest("shutting_down", "the server is restarting: ask again")

    def _decide(
        self, event: Event, tell: Callable[[], None] | None = None
    ) -> Admitted | Refused | None:
        try:
            decision = decide(self._state, event, self._now())
        except Exception as error:  # noqa: BLE001 - a bug of ours in one decision must not end the exits that work (law 30); it changed nothing
            return self._undecided(event, error)
        for change in decision.changes:
            apply(self._state, change)
        self._queue(decision.changes, decision.commands, tell)
        return decision.reply

    def _now(self) -> Now:
        """Both clocks, read here and nowhere else."""
        return Now(anyio.current_time(), self._clock())

    def _undecided(self, event: Event, error: Exception) -> Refused:
        """Tell people, and go on without the event: whatever it was about is asked again."""
        reference = self._new_name()[:8]
        logger.opt(exception=error).critical(
            "no decision", reference=reference, event=type(event).__name__
        )
        self._perform(Alert(code=UNDECIDED, detail=f"no decision; see {reference} in the log"))
        return Refused("internal", f"reference {reference}")

    def _wake_up(self) -> None:
        """Feed time. A timer that cannot be decided holds up no other, and is tried again later."""
        if not isinstance(self._decide(Woken()), Refused):
            return
        self._calm_until = anyio.current_time() + CALM
        for timer in tuple(self._state.due(anyio.current_time())):
            self._decide(Woken(only=timer))

    def _queue(
        self,
        changes: Sequence[object],
        commands: Sequence[Command],
        tell: Callable[[], None] | None = None,
    ) -> None:
        records = [change for change in changes if isinstance(change, RecordBase)]
        for record in records:
            if isinstance(record, OperationFinished):
                self._ends.setdefault(record.operation_id, anyio.Event())
                self._ending.add(record.operation_id)
        if records or commands or tell is not None:
            self._turns.append(_Turn(records, commands, tell))  # type: ignore[arg-type]
        self._wake.set()

    async def _something_to_do(self) -> None:
        """Wait for a turn, or for time: then time itself is fed."""
        if not self._turns:
            due = self._next_wake()
            if due is None:
                await self._wake.wait()
            elif (wait := due - anyio.current_time()) > 0:
                with anyio.move_on_after(wait):
                    await self._wake.wait()
        self._wake = anyio.Event()
        due = self._next_wake()
        if due is not None and due <= anyio.current_time():
            self._wake_up()

    def _next_wake(self) -> float | None:
        due = next_deadline(self._state)
        return due if due is None else max(due, self._calm_until)

    async def _commit(self) -> None:
        """Make what is queued durable, then tell it and do it, in order."""
        turns = self._under_way
        rows = 0
        while self._turns and rows < ROWS_A_COMMIT:
            turn = self._turns.popleft()
            turns.append(turn)
            rows += len(turn.records)
        records = [record for turn in turns for record in turn.records]
        if records:
            self.tell(await committed(self.journal.append(records)))
        else:
            await checkpoint()  # whoever else is ready goes on, though time never stops
        self._under_way = []
        for turn in turns:
            if turn.tell is not None:
                turn.tell()
            for command in turn.commands:
                self._perform(command)

    def tell(self, entries: Sequence[Entry]) -> None:
        """Tell listeners of *entries*: they are durable, and follow what was told before."""
        for listener in tuple(self._committed):
            listener(entries)
        for entry in entries:
            if isinstance(entry.record, OperationFinished):
                self._seal(entry.record, entry)
            elif calls_off(entry.record):
                for performer in self._performers.values():
                    performer.call_off(partial(called_off, self._state))

    def _seal(self, record: OperationFinished, entry: Entry) -> None:
        """The end is durable: its report bears its place in the chain, and waiters go on."""
        if (report := self._state.reports.get(record.operation_id)) is not None:
            self._state.reports[record.operation_id] = sealed(report, entry)
        self._sequels.ended(record, report)
        self._ending.discard(record.operation_id)
        if (ended := self._ends.pop(record.operation_id, None)) is not None:
            ended.set()
        log_end(record)

    def _perform(self, command: Command) -> None:
        if isinstance(command, Alert):
            logger.warning("alert", code=command.code, detail=command.detail)
            for listener in tuple(self._alerted):
                listener(command)
            return
        assert isinstance(command, VenueCommand)
        venue = command.venue if hasattr(command, "venue") else command.account.venue
        if (performer := self._performers.get(venue)) is not None:
            performer.perform(command)
        else:  # what an earlier life left at a venue that was taken out of the settings since
            self._fed(command, failed(command, VenueUnavailable(f"there is no venue {venue}")))

    # --- what comes back -----------------------------------------------------------------------

    def _fed(self, command: VenueCommand, event: Event) -> None:
        """A venue answered *command*; whoever waits for that is told when it is durable."""
        tell = self._own_orders.answered(command, event) or self._sequels.answered_by(command)
        self._decide(event, tell)

    def _heard(self, venue: VenueId, heard: VenueEvent, event: Event | None) -> None:
        """A venue told of something by itself."""
        if event is not None:
            self._decide(event, self._own_orders.overheard(event))
        for listener in tuple(self._watched):
            listener(venue, heard)

    def _described(self, venue: VenueId) -> None:
        if (capabilities := self._watchers[venue].capabilities) is not None:
            self._performers[venue].adapt(capabilities)

    def _new_operation(self) -> OperationId:
        return OperationId(f"op-{self._new_name()}")

    async def _order_requested(self, request: PlaceRequest) -> OrderRequested:
        return await order_requested(
            request,
            directives=self._state.directives,
            instruments=self.instruments.get(request.account.venue, ()),
            venues=self.venues,
        )

    def _refuse_if_stopping(self) -> None:
        if self._stopping:
            raise InvalidRequest("shutting_down", "the server is restarting: ask again")


def _listen(listeners: list[Listener], listener: Listener) -> Callable[[], None]:
    listeners.append(listener)
    return lambda: listeners.remove(listener)


@asynccontextmanager
async def open_engine(
    journal: Journal,
    venues: Mapping[VenueId, Venue],
    *,
    clock: Clock = lambda: datetime.now(UTC),
    names: Names = lambda: secrets.token_hex(10),
    bulk_exit: int = BULK_EXIT,
) -> AsyncIterator[Engine]:
    """
    Run an engine: recover what a crash left, then take turns until the block ends.

    Raises:
        JournalBroken, Deposed: Out of the block. Nothing more was sent, nor told of any commit.
    """
    async with anyio.create_task_group() as tasks:
        engine = Engine(journal, venues, tasks, clock, names, bulk_exit)
        await engine.recover()
        tasks.start_soon(engine.run, name="turns")
        try:
            yield engine
        finally:
            tasks.cancel_scope.cancel()
