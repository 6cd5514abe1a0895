"""
Performs commands at one venue: a bounded number at a time, exits before everything else.

A worker is a long-lived task that takes one command after another; there is never a task, a
timeout scope or a lock per order. A watchdog cancels the worker whose call has outlived its
deadline: for a submit that is an unknown outcome, and is told as such.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import assert_never

import anyio
import anyio.abc
from loguru import logger

from rpcserver.core.commands import (
    CancelOrder,
    ChangeOrder,
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
from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueError, VenueUnavailable
from rpcserver.driver.budget import Budget
from rpcserver.driver.ports import Venue

CALL_DEADLINE = 10.0  # seconds a venue may take for one call
WATCH_INTERVAL = 0.5

VenueCommand = (
    SubmitOrder | CancelOrder | ChangeOrder | QueryOrder | QueryTrades | ReadAccount | ReadMarket
)
Feed = Callable[[VenueCommand, Event], None]


class _Worker:
    """One task's worth of a venue's concurrency."""

    def __init__(self) -> None:
        self.command: VenueCommand | None = None
        self.since = 0.0
        self.scope = anyio.CancelScope()
        self.idle: anyio.Event | None = None


class Performer:
    """The queue before one venue and the workers behind it."""

    def __init__(self, venue: Venue, feed: Feed, tasks: anyio.abc.TaskGroup) -> None:
        self._venue = venue
        self._feed = feed
        self._tasks = tasks
        self._queue: list[tuple[int, int, VenueCommand]] = []
        self._count = 0
        self._workers: list[_Worker] = []
        self._idle: list[_Worker] = []
        self._concurrency = 8
        self._budget = Budget(None)

    def adapt(self, capabilities: Capabilities) -> None:
        """Take the venue's own word for how much it bears."""
        self._concurrency = max(capabilities.concurrency, 1)
        self._budget = Budget(capabilities.message_budget)

    def perform(self, command: VenueCommand) -> None:
        """Queue *command*; what comes of it is fed back as an event."""
        self._count += 1
        heapq.heappush(self._queue, (_priority(command), self._count, command))
        if self._idle:
            worker = self._idle.pop()
            assert worker.idle is not None
            worker.idle.set()
        elif len(self._workers) < self._concurrency:
            worker = _Worker()
            self._workers.append(worker)
            self._tasks.start_soon(self._work, worker)

    async def watch(self) -> None:
        """Cancel every call that has outlived its deadline."""
        while True:
            await anyio.sleep(WATCH_INTERVAL)
            late = anyio.current_time() - CALL_DEADLINE
            for worker in self._workers:
                if worker.command is not None and worker.since < late:
                    worker.scope.cancel()

    async def _work(self, worker: _Worker) -> None:
        while True:
            with anyio.CancelScope() as worker.scope:
                await self._work_until_cancelled(worker)
            if (command := worker.command) is not None:
                self._feed(command, _given_up(command))
                worker.command = None

    async def _work_until_cancelled(self, worker: _Worker) -> None:
        while True:
            if not self._queue:
                worker.idle = anyio.Event()
                self._idle.append(worker)
                await worker.idle.wait()
                continue
            command = heapq.heappop(self._queue)[2]
            if isinstance(command, SubmitOrder | CancelOrder | ChangeOrder) and (
                wait := self._budget.wait(anyio.current_time())
            ):
                # The token is taken by whoever is most urgent when it is there.
                self._count += 1
                heapq.heappush(self._queue, (_priority(command), 0, command))
                await anyio.sleep(wait)
                continue
            worker.since = anyio.current_time()
            worker.command = command
            event = await self._performed(command)
            worker.command = None
            self._feed(command, event)

    async def _performed(self, command: VenueCommand) -> Event:
        try:
            return await self._call(command)
        except VenueError as error:
            return _failed(command, error)
        except Exception as error:  # noqa: BLE001 - the border to adapters: a bug in one is an unknown outcome there, and must not end the others (law 30)
            logger.opt(exception=error).error("venue adapter failed")
            return _failed(command, OutcomeUnknown(f"the adapter failed: {type(error).__name__}"))

    async def _call(self, command: VenueCommand) -> Event:
        venue = self._venue
        match command:
            case SubmitOrder(account=account, order=order):
                return OrderUpdated(account=account, report=await venue.submit_order(order))
            case CancelOrder(account=account, venue_order_id=name):
                report = await venue.cancel_order(account.account, name)
                return OrderUpdated(account=account, report=report)
            case ChangeOrder(account=account, venue_order_id=name, quantity=quantity):
                report = await venue.change_order(account.account, name, quantity=quantity)
                return OrderUpdated(account=account, report=report)
            case QueryOrder(account=account, client_order_id=ours, venue_order_id=theirs):
                found = await venue.query_order(
                    account.account, client_order_id=ours, venue_order_id=theirs
                )
                if found is None:
                    return OrderAbsent(account=account, client_order_id=ours, venue_order_id=theirs)
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


def _failed(command: VenueCommand, error: VenueError) -> Event:
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
    return _failed(command, OutcomeUnknown(f"no answer within {CALL_DEADLINE:g} s"))


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
