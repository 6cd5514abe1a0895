"""
Staying flat: what a close left flat is watched for as long as its caller asked (law 21).

The operation itself is over and sends nothing more (law 39). What comes back in its scope, a
position or a working order that could open one, is told; where the caller said so it is closed by
an operation of its own, which watches on for what is left of the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import anyio
import anyio.abc
import msgspec

from rpcserver.core.entries import Entry
from rpcserver.core.records import OperationFinished
from rpcserver.core.requests import CloseRequest, OnRefill
from rpcserver.core.scoping import takes, takes_orders
from rpcserver.domain.account import UNREAD, AccountSnapshot
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef, OperationId, VenueId
from rpcserver.driver.halting import reading_of
from rpcserver.driver.ports import PositionMoved, VenueEvent
from rpcserver.rules.acting import Actor

STAY_FLAT_MAX = 86_400.0  # seconds: no call may ask for more
READINGS = 4  # in the time asked for, the last at its end
READ_SHORTEST = 1.0  # seconds between two of them
CLOSES_MAX = 3  # in a row: two programs that fight must not do so for ever (law 28)

_KEY = "stay-flat"


class Watched(msgspec.Struct, frozen=True):
    """One operation that ended flat, and until when its scope is to stay so (wall)."""

    operation_id: OperationId
    request: CloseRequest
    until: datetime


class FlatWatch:
    """Everything that is to stay flat."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._tasks: anyio.abc.TaskGroup | None = None
        self._watchers: dict[OperationId, _Watcher] = {}

    async def run(self) -> None:
        """Watch what ended flat, before this life too, until cancelled."""
        engine = self._actor.engine
        stops = engine.subscribe(self._hear), engine.watch(self._see)
        try:
            async with anyio.create_task_group() as self._tasks:
                since = self._actor.now() - timedelta(seconds=STAY_FLAT_MAX)
                for row in await engine.journal.recent(since):
                    if row.flat and not row.dry_run:
                        await self._begin(row.operation_id)
                await anyio.sleep_forever()
        finally:
            self._tasks = None
            for stop in stops:
                stop()

    def _hear(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            record = entry.record
            if isinstance(record, OperationFinished) and record.flat and self._tasks is not None:
                self._tasks.start_soon(self._begin, record.operation_id)

    def _see(self, venue: VenueId, event: VenueEvent) -> None:
        if isinstance(event, PositionMoved) and not event.position.is_flat:
            for watcher in self._watchers.values():
                watcher.look_at(AccountRef(venue, event.position.account))

    async def _begin(self, operation_id: OperationId) -> None:
        report = await self._actor.engine.load_report(operation_id)
        if report is None or report.finished_at is None or not report.request.stay_flat:
            return
        until = report.finished_at + timedelta(seconds=report.request.stay_flat)
        if until <= self._actor.now() or self._tasks is None or operation_id in self._watchers:
            return
        watcher = _Watcher(self._actor, Watched(operation_id, report.request, until))
        self._watchers[operation_id] = watcher
        self._tasks.start_soon(self._watch, watcher)

    async def _watch(self, watcher: _Watcher) -> None:
        try:
            await watcher.run()
        finally:
            del self._watchers[watcher.watched.operation_id]


class _Watcher:
    """One operation's scope, until its time is over or it was closed anew."""

    def __init__(self, actor: Actor, watched: Watched) -> None:
        self.watched = watched
        self._actor = actor
        self._noticed = anyio.Event()
        self._told: set[str] = set()

    def look_at(self, account: AccountRef) -> None:
        """Something moved in *account*: no need to wait for the next reading."""
        if account in self.watched.request.scope.accounts:
            self._noticed.set()

    async def run(self) -> None:
        between = max(self.watched.request.stay_flat / READINGS, READ_SHORTEST)
        is_last = False  # the last reading is at the end of the time
        while True:
            self._noticed = anyio.Event()
            if await self._look() or is_last:
                return
            left = (self.watched.until - self._actor.now()).total_seconds()
            with anyio.move_on_after(min(between, max(left, 0.0))):
                await self._noticed.wait()
            is_last = left <= between and not self._noticed.is_set()

    async def _look(self) -> bool:
        """Read every account in scope; whether it was closed anew, which watches on."""
        found: dict[AccountRef, list[str]] = {}
        for account in self.watched.request.scope.accounts:
            if account.account == UNREAD:
                continue
            snapshot = await reading_of(self._actor.engine.venues, account)
            if snapshot is None:
                continue  # nothing is known of it: the next reading tells
            if back := list(refills(self.watched.request, snapshot)):
                found[account] = back
        for account, back in found.items():
            if fresh := [each for each in back if f"{account} {each}" not in self._told]:
                self._told |= {f"{account} {each}" for each in fresh}
                detail = f"after {self.watched.operation_id} had ended flat: {', '.join(fresh)}"
                await self._actor.alert("refilled", detail, (account,))
        if not found or self.watched.request.on_refill is OnRefill.REPORT:
            return False
        return await self._close_anew(tuple(found))

    async def _close_anew(self, accounts: tuple[AccountRef, ...]) -> bool:
        request = closing_anew(self.watched, self._actor.now(), accounts)
        if request is None:
            detail = f"{self.watched.operation_id}: closed {CLOSES_MAX} times, and opened again"
            if "given up" not in self._told:
                self._told.add("given up")
                await self._actor.alert("refilled", detail, accounts)
            return False
        try:
            await self._actor.engine.close(request, join=False)
        except InvalidRequest as error:
            detail = f"{self.watched.operation_id}: not closed again: {error}"
            await self._actor.alert("refilled", detail, accounts)
            return False
        return True


def refills(request: CloseRequest, snapshot: AccountSnapshot) -> Iterator[str]:
    """What came back in scope: positions, and working orders that could open one."""
    scope = request.scope
    for position in snapshot.positions:
        instrument = snapshot.instruments[position.instrument]
        if takes(scope, position, instrument):
            yield f"{position.signed_quantity:f} {position.instrument}"
    for order in snapshot.orders:
        instrument = snapshot.instruments[order.instrument]
        is_tagged = scope.strategy_tag in (None, order.tag)
        if takes_orders(scope, instrument) and is_tagged and not order.reduce_only:
            yield f"order {order.venue_order_id} in {order.instrument}"


def closing_anew(
    watched: Watched, now: datetime, accounts: tuple[AccountRef, ...]
) -> CloseRequest | None:
    """The close of what came back, once in whatever life; None: it was done often enough."""
    request = watched.request
    row = number_of(request) + 1
    if row > CLOSES_MAX:
        return None
    return msgspec.structs.replace(
        request,
        request_id=f"{_KEY}-{row}",
        idempotency_key=f"{_KEY}:{watched.operation_id}:{row}",
        digest=f"{request.digest}/{_KEY}/{row}",
        scope=msgspec.structs.replace(request.scope, accounts=accounts),
        plan_hash=None,
        sequel=None,
        stay_flat=max((watched.until - now).total_seconds(), 0.0),
        reason=f"refilled after {watched.operation_id}",
    )


def number_of(request: CloseRequest) -> int:
    """How many closes of what came back there were before: 0 for a caller's own."""
    kind, _, row = (*(request.idempotency_key or "").split(":"), "", "")[:3]
    return int(row) if kind == _KEY and row.isdigit() else 0
