"""
Performs commands at one venue: a bounded number at a time, exits before everything else.

A worker is a long-lived task that takes one command after another; there is never a task, a
timeout scope or a lock per order. A watchdog cancels the worker whose call has outlived its
deadline: for a submit that is an unknown outcome, and is told as such.

The venue's message budget holds up orders alone, and so does the patience it asks for: what only
asks goes past those that wait.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from typing import assert_never

import anyio
import anyio.abc
from anyio.lowlevel import checkpoint

from rpcserver.core.commands import (
    CancelOrder,
    ChangeOrder,
    Command,
    QueryOrder,
    QueryTrades,
    ReadAccount,
    ReadMarket,
    SubmitOrder,
)
from rpcserver.core.events import (
    CancelLost,
    CancelRejected,
    Event,
    MarketChanged,
    MarketUnread,
    OrderAbsent,
    OrderLost,
    OrderQueryFailed,
    OrderRejected,
    OrderUnsent,
    OrderUpdated,
    SnapshotFailed,
    SnapshotRead,
    TradesFailed,
    TradesRead,
)
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.errors import (
    Deposed,
    OrderRefused,
    OutcomeUnknown,
    VenueError,
    VenueUnavailable,
)
from rpcserver.driver.budget import Budget
from rpcserver.driver.bulkhead import contained
from rpcserver.driver.ports import Venue
from rpcserver.driver.statistics import Load

CALL_DEADLINE = 10.0  # seconds a venue may take for one call
WATCH_INTERVAL = 0.5
CONCURRENCY = 8  # calls at once, until the venue has said how many it bears
CALLS_A_BREATH = 16  # answered at once, one after another, before everybody else has a turn

VenueCommand = (
    SubmitOrder | CancelOrder | ChangeOrder | QueryOrder | QueryTrades | ReadAccount | ReadMarket
)
OrderCommand = SubmitOrder | CancelOrder | ChangeOrder  # what changes something at the venue
Feed = Callable[[VenueCommand, Event], None]
Objection = Callable[[OrderCommand], Event | None]  # what is told in its place
Queue = list[tuple[int, int, VenueCommand]]  # a heap: urgency, then the order of coming


class _Worker:
    """One task's worth of a venue's concurrency."""

    def __init__(self) -> None:
        self.command: VenueCommand | None = None
        self.since = 0.0
        self.scope = anyio.CancelScope()
        self.roused = anyio.Event()


class Performer:
    """The queue before one venue and the workers behind it."""

    def __init__(
        self,
        venue: Venue,
        feed: Feed,
        tasks: anyio.abc.TaskGroup,
        objection: Objection = lambda _: None,
        is_in_charge: Callable[[], bool] = lambda: True,
    ) -> None:
        self._venue = venue
        self._feed = feed
        self._objection = objection
        self._is_in_charge = is_in_charge
        self._tasks = tasks
        self._orders: Queue = []  # what counts against the budget
        self._reads: Queue = []
        self._count = 0
        self._workers: list[_Worker] = []
        self._idle: list[_Worker] = []
        self._readings: deque[tuple[VenueCommand, SnapshotRead]] = deque()  # not fed yet
        self._unbroken = 0  # answers since a worker last let others go on
        self._is_timed = False  # one of the idle waits for the budget
        self._concurrency = CONCURRENCY
        self._budget = Budget(None)
        self._budget_waits = 0
        self._budget_waited = 0.0  # seconds

    def load(self) -> Load:
        """How much there is to do, and how much of it waits."""
        return Load(
            orders_waiting=len(self._orders),
            reads_waiting=len(self._reads),
            under_way=sum(worker.command is not None for worker in self._workers),
            budget_waits=self._budget_waits,
            budget_waited=self._budget_waited,
        )

    def adapt(self, capabilities: Capabilities) -> None:
        """Take the venue's own word for how much it bears."""
        self._concurrency = max(capabilities.concurrency, 1)
        self._budget.adapt(capabilities.message_budget)
        for _ in range(len(self._orders) + len(self._reads)):
            self._rouse()

    def perform(self, command: VenueCommand) -> None:
        """Queue *command*; what comes of it is fed back as an event."""
        self._count += 1
        queue = self._orders if isinstance(command, OrderCommand) else self._reads
        heapq.heappush(queue, (_priority(command), self._count, command))
        self._rouse()

    def call_off(self, why: Objection) -> None:
        """Take out what waits to leave and is not wanted any more, and tell so, by and by."""
        unsent: list[tuple[VenueCommand, Event]] = []
        kept: Queue = []
        for waiting in self._orders:
            command = waiting[2]
            if isinstance(command, OrderCommand) and (event := why(command)):
                unsent.append((command, event))
            else:
                kept.append(waiting)
        if unsent:
            heapq.heapify(kept)
            self._orders = kept
            self._tasks.start_soon(self._feed_unsent, unsent)

    async def _feed_unsent(self, unsent: Sequence[tuple[VenueCommand, Event]]) -> None:
        for command, event in unsent:
            self._feed(command, event)
            await self._breathe()

    async def watch(self) -> None:
        """Cancel every call that has outlived its deadline."""
        while True:
            await anyio.sleep(WATCH_INTERVAL)
            late = anyio.current_time() - CALL_DEADLINE
            for worker in self._workers:
                if worker.command is not None and worker.since < late:
                    worker.scope.cancel()

    # --- workers -------------------------------------------------------------------------------

    def _rouse(self) -> None:
        """Let one more worker look at the queue, if there may be one more."""
        if self._idle:
            self._idle.pop().roused.set()
        elif len(self._workers) < self._concurrency:
            worker = _Worker()
            self._workers.append(worker)
            self._tasks.start_soon(self._work, worker)

    async def _work(self, worker: _Worker) -> None:
        while worker in self._workers:
            with anyio.CancelScope() as worker.scope:
                await self._work_until_cancelled(worker)
            if (command := worker.command) is not None:
                worker.command = None
                self._feed(command, _given_up(command))

    async def _work_until_cancelled(self, worker: _Worker) -> None:
        # The race: a call comes back while the watchdog gives it up. It counts as come back, and
        # the next one is not to be given up in its place.
        while not worker.scope.cancel_called:
            if (command := await self._next(worker)) is None:
                return
            worker.since = anyio.current_time()
            worker.command = command
            event = await self._performed(command)
            worker.command = None
            if isinstance(event, SnapshotRead):
                self._found(command, event)
            else:
                self._feed(command, event)
            await self._breathe()

    async def _breathe(self) -> None:
        """Let others go on: a venue that answers at once never makes a worker wait."""
        self._unbroken += 1
        if self._unbroken >= CALLS_A_BREATH:
            self._unbroken = 0
            await checkpoint()

    def _found(self, command: VenueCommand, reading: SnapshotRead) -> None:
        """
        Let *reading* be fed in its turn: there is a plan to be made of it, perhaps a large one.

        Many accounts are read at once. What is planned for the first of them becomes durable, and
        its orders leave, while the readings of the others wait here.
        """
        self._readings.append((command, reading))
        if len(self._readings) == 1:
            self._tasks.start_soon(self._feed_readings)

    async def _feed_readings(self) -> None:
        while self._readings:
            self._feed(*self._readings[0])
            self._readings.popleft()
            await checkpoint()

    async def _next(self, worker: _Worker) -> VenueCommand | None:
        """The most urgent command, when it may be performed; None: there is a worker too many."""
        while len(self._workers) <= self._concurrency:
            found = self._take()
            if isinstance(found, Command):
                if self._orders or self._reads:
                    self._rouse()  # who looks after the rest, and after the budget
                return found
            await self._rest(worker, found)
        self._workers.remove(worker)
        self._rouse()
        return None

    def _take(self) -> VenueCommand | float | None:
        """What is next; or the seconds until the budget lets it pass; or there is nothing."""
        reads, orders = self._reads, self._orders
        wait = None
        if orders and not (reads and reads[0] < orders[0]):
            wait = self._budget.wait(anyio.current_time())
            if not wait:
                return heapq.heappop(orders)[2]
        return heapq.heappop(reads)[2] if reads else wait

    async def _rest(self, worker: _Worker, seconds: float | None) -> None:
        """Wait to be roused, for so many *seconds* at most unless another one waits so long."""
        is_timed = seconds is not None and not self._is_timed
        self._is_timed = self._is_timed or is_timed
        worker.roused = anyio.Event()
        self._idle.append(worker)
        since = anyio.current_time()
        try:
            with anyio.move_on_after(seconds if is_timed else None):
                await worker.roused.wait()
        finally:
            if is_timed:
                self._is_timed = False
                self._budget_waits += 1
                self._budget_waited += anyio.current_time() - since
            if not worker.roused.is_set():
                self._idle.remove(worker)

    # --- calls ---------------------------------------------------------------------------------

    async def _performed(self, command: VenueCommand) -> Event:
        if isinstance(command, OrderCommand) and not self._is_in_charge():
            # The race: this process was frozen while another one acted in its place (law 26).
            raise Deposed("another process took over the data directory: nothing more is sent")
        if isinstance(command, OrderCommand) and (unsent := self._objection(command)) is not None:
            # The race: it waited for its turn here while its operation came to its end (law 39),
            # while somebody else closed what it is about (law 2), or halted new risk (law 9).
            self._budget.give_back()
            return unsent
        try:
            return await contained(self._call(command))
        except VenueError as error:
            if isinstance(command, OrderCommand) and isinstance(error, VenueUnavailable):
                # What waits behind it goes to the same door: it gives the same patience (law 29).
                self._budget.shut(anyio.current_time() + (error.retry_after or 0.0))
            return failed(command, error)

    async def _call(self, command: VenueCommand) -> Event:
        venue = self._venue
        match command:
            case SubmitOrder(account=account, order=order):
                return OrderUpdated(account=account, report=await venue.submit_order(order))
            case CancelOrder(account=account, venue_order_id=name):
                report = await venue.cancel_order(account.account, name)
                return OrderUpdated(account=account, report=report)
            case ChangeOrder(account=account, venue_order_id=name):
                report = await venue.change_order(
                    account.account,
                    name,
                    quantity=command.quantity,
                    limit_price=command.limit_price,
                    stop_price=command.stop_price,
                )
                return OrderUpdated(account=account, report=report)
            case QueryOrder(account=account, client_order_id=ours, venue_order_id=theirs):
                found = await venue.query_order(
                    account.account, client_order_id=ours, venue_order_id=theirs
                )
                if found is None:
                    return OrderAbsent(
                        account=account,
                        client_order_id=ours,
                        venue_order_id=theirs,
                        asked=command.asked,
                    )
                return OrderUpdated(account=account, report=found)
            case QueryTrades(account=account, since=since):
                return TradesRead(
                    account=account, fills=await venue.trades(account.account, since=since)
                )
            case ReadAccount(account=account, operation_id=operation_id, markets=markets):
                snapshot = await venue.snapshot(account.account, markets=markets)
                return SnapshotRead(operation_id=operation_id, snapshot=snapshot)
            case ReadMarket(venue=venue_id, instrument=instrument):
                [market] = await venue.markets((instrument,))
                return MarketChanged(venue=venue_id, market=market)
            case _:
                assert_never(command)


def failed(command: VenueCommand, error: VenueError) -> Event:
    """What an error means: refused (it does not exist), unavailable (not sent), unknown (ask)."""
    match command:
        case SubmitOrder(account=account, order=order):
            name = order.client_order_id
            if isinstance(error, OrderRefused):
                return OrderRejected(
                    account=account, client_order_id=name, reason=error.reason, detail=error.detail
                )
            if isinstance(error, VenueUnavailable):
                return OrderUnsent(
                    account=account,
                    client_order_id=name,
                    detail=error.detail,
                    retry_after=error.retry_after,
                )
            return OrderLost(account=account, client_order_id=name, detail=str(error))
        case (
            CancelOrder(account=account, venue_order_id=name_there)
            | ChangeOrder(account=account, venue_order_id=name_there)
        ):
            if isinstance(error, OrderRefused):
                return CancelRejected(
                    account=account,
                    venue_order_id=name_there,
                    reason=error.reason,
                    detail=error.detail,
                )
            return CancelLost(account=account, venue_order_id=name_there, detail=str(error))
        case QueryOrder():
            return OrderQueryFailed(
                account=command.account,
                client_order_id=command.client_order_id,
                venue_order_id=command.venue_order_id,
            )
        case QueryTrades():
            return TradesFailed(account=command.account)
        case ReadMarket():
            return MarketUnread(venue=command.venue)
        case ReadAccount():
            return SnapshotFailed(
                operation_id=command.operation_id, account=command.account, detail=str(error)
            )
        case _:
            assert_never(command)


def _given_up(command: VenueCommand) -> Event:
    return failed(command, OutcomeUnknown(f"no answer within {CALL_DEADLINE:g} s"))


def _priority(command: VenueCommand) -> int:
    """Exits first: cancels and closing orders, then what they wait for, then the rest."""
    match command:
        case SubmitOrder(exit=True) | CancelOrder() | ChangeOrder():
            return 0
        case QueryOrder() | ReadAccount() | ReadMarket():
            return 1
        case SubmitOrder() | QueryTrades():
            return 2
        case _:
            assert_never(command)
