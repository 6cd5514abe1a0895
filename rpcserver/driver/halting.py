"""
Halts at the venues: what is read before an order is admitted, what is canceled, what is told.

A halt is durable before anything is canceled for it. Whatever a crash or a dead venue kept from
being canceled is canceled when the venue is there again (`keep_halts`): to cancel twice is no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import anyio
from loguru import logger

from rpcserver.core.decision import Admitted
from rpcserver.core.events import Noticed, OrderRequested
from rpcserver.core.halts import Halted, Swept, closing_of, could_open, halt_on, halts_of
from rpcserver.core.requests import CancelRequest, CloseRequest, PlaceRequest
from rpcserver.core.standing import DirectiveSet, Word
from rpcserver.core.state import LedgerOrder, OrderState
from rpcserver.domain.account import UNREAD, Account, AccountSnapshot
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.directive import Directive, Halt, HaltLevel, HaltScope
from rpcserver.domain.errors import InvalidRequest, OrderRefused, VenueError
from rpcserver.domain.ids import AccountRef, DirectiveName, VenueId, VenueOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import OrderReport
from rpcserver.driver.bulkhead import contained
from rpcserver.driver.ports import LinkUp, Venue, VenueEvent

READ_PATIENCE = 5.0  # seconds for one reading of an account
SWEEP_PATIENCE = 10.0  # in which orders that were on their way when the halt came show themselves
SWEEP_AGAIN = 0.25
CANCELS_AT_ONCE = 16  # of one account


class Engine(Protocol):
    """What is needed of the engine."""

    @property
    def venues(self) -> Mapping[VenueId, Venue]: ...

    @property
    def accounts(self) -> Mapping[VenueId, tuple[Account, ...]]: ...

    @property
    def directives(self) -> Mapping[DirectiveName, DirectiveSet]: ...

    @property
    def own_orders(self) -> Mapping[str, LedgerOrder]:
        """Clients' own orders that have not ended, by client order id."""

    def is_closing_order(self, account: AccountRef, name: str | None) -> bool:
        """Whether an order of this name is an operation's own."""

    def capabilities(self, venue: VenueId) -> Capabilities: ...

    async def lay_down(
        self, directive: Directive, word: Word, *, closing: CloseRequest | None = None
    ) -> Admitted | None: ...

    async def cancel_order(self, request: CancelRequest) -> OrderReport: ...

    async def note(self, seen: Noticed) -> None: ...

    async def settled_in(self) -> None: ...

    def watch(self, listener: Callable[[VenueId, VenueEvent], None]) -> Callable[[], None]: ...


async def lay_halt(engine: Engine, asked: Halt, word: Word) -> Halted:
    """
    Let a halt stand, open what it closes, and cancel what it cancels.

    It is durable, its close with it, before the first cancel leaves.

    Raises:
        InvalidRequest: As `Engine.lay_down`.
    """
    closing = None
    if asked.level is HaltLevel.FLATTEN_AND_LOCK:
        closing = closing_of(asked, _accounts_of(engine), word)
    admitted = await engine.lay_down(asked, word, closing=closing)
    record = engine.directives.get(asked.name)
    if record is None:
        raise InvalidRequest("unknown_directive", f"{asked.halt_id} was released already")
    return Halted(halt=record, closing=admitted, swept=await sweep(engine, asked, word))


async def sweep(engine: Engine, asked: Halt, word: Word) -> Swept:
    """
    Cancel the working orders in scope that could open risk; at `no_new_risk` only tell of them.

    An order that was on its way when the halt came is waited for (law 9), for a bounded time.
    """
    sweeper = _Sweeper(engine, asked, word)
    with anyio.move_on_after(SWEEP_PATIENCE):
        while True:
            await sweeper.once()
            if asked.level is HaltLevel.NO_NEW_RISK or not sweeper.is_anything_on_its_way():
                break
            await anyio.sleep(SWEEP_AGAIN)
    return sweeper.told()


async def keep_halts(engine: Engine) -> None:
    """
    Sweep for what stands: after a start, and whenever a venue comes up. Runs until cancelled.

    Halts are released by nobody but a person; what they cancel is canceled again each time.
    """
    up, ups = anyio.create_memory_object_stream[VenueId](64)

    def heard(venue: VenueId, event: VenueEvent) -> None:
        if isinstance(event, LinkUp) and up.statistics().current_buffer_used < 64:
            up.send_nowait(venue)

    stop = engine.watch(heard)
    try:
        await engine.settled_in()
        async with up, ups:
            await _sweep_all(engine, engine.venues)
            async for venue in ups:
                await _sweep_all(engine, (venue,))
    finally:
        stop()


async def _sweep_all(engine: Engine, venues: Iterable[VenueId]) -> None:
    for standing, word in tuple(halts_of(engine.directives)):
        if standing.level is HaltLevel.NO_NEW_RISK:
            continue
        if not any(standing.scope.venue in (None, venue) for venue in venues):
            continue
        swept = await sweep(engine, standing, word)
        if swept.canceled or swept.unproven:
            count = len(swept.canceled) + len(swept.unproven)
            logger.warning("orders canceled by a halt that stands", halt=standing.halt_id, of=count)
            detail = f"{standing.halt_id}: {count} working orders canceled"
            account = standing.scope.account
            await engine.note(
                Noticed(code="halt_swept", detail=detail, alert=True, account=account)
            )


class _Sweeper:
    """One sweep: over every account in scope at once, as often as orders are on their way."""

    def __init__(self, engine: Engine, asked: Halt, word: Word) -> None:
        self._engine = engine
        self._halt = asked
        self._word = word
        self._found: dict[VenueOrderId, bool] = {}  # whether it is proven canceled
        self._unread: set[AccountRef] = set()

    async def once(self) -> None:
        self._unread.clear()
        async with anyio.create_task_group() as tasks:
            for account in _accounts_of(self._engine):
                if self._halt.scope.covers_account(account):
                    tasks.start_soon(self._sweep_account, account)

    def is_anything_on_its_way(self) -> bool:
        """Whether a client's own order was sent, and it is not known yet whether it works."""
        return any(
            order.state in (OrderState.INTENDED, OrderState.UNKNOWN)
            and order.request is not None
            and _may_cover(self._halt.scope, order)
            for order in self._engine.own_orders.values()
        )

    def told(self) -> Swept:
        unread = tuple(sorted(self._unread))
        if self._halt.level is HaltLevel.NO_NEW_RISK:
            return Swept(left=tuple(self._found), unread=unread)
        return Swept(
            canceled=tuple(name for name, proven in self._found.items() if proven),
            unproven=tuple(name for name, proven in self._found.items() if not proven),
            unread=unread,
        )

    async def _sweep_account(self, account: AccountRef) -> None:
        engine = self._engine
        if account.account == UNREAD:
            self._unread.add(account)
            return
        snapshot = await reading_of(engine.venues, account)
        if snapshot is None:
            self._unread.add(account)
            return
        capabilities = engine.capabilities(account.venue)
        exits = {
            report.venue_order_id
            for report in snapshot.orders
            if engine.is_closing_order(account, report.client_order_id)
        }
        found = could_open(snapshot, self._halt.scope, engine.own_orders, capabilities, exits=exits)
        for report in found:
            self._found.setdefault(report.venue_order_id, False)
        if self._halt.level is HaltLevel.NO_NEW_RISK:
            return
        limiter = anyio.CapacityLimiter(CANCELS_AT_ONCE)
        async with anyio.create_task_group() as tasks:
            for report in found:
                tasks.start_soon(self._cancel, account, report.venue_order_id, limiter)

    async def _cancel(
        self, account: AccountRef, name: VenueOrderId, limiter: anyio.CapacityLimiter
    ) -> None:
        request = CancelRequest(
            principal=self._word.principal,
            account=account,
            venue_order_id=name,
            remote=self._word.remote,
            why=self._halt.halt_id,
        )
        async with limiter:
            try:
                report = await self._engine.cancel_order(request)
            except OrderRefused:
                self._found[name] = True  # it had ended before
            except (VenueError, InvalidRequest) as error:
                logger.warning("a halt could not cancel", order=name, error=str(error))
            else:
                self._found[name] = report.status.is_terminal


def _may_cover(scope: HaltScope, order: LedgerOrder) -> bool:
    """Whether an own order may be in scope; its account and family are not asked for."""
    return (
        order.request is not None
        and scope.tag in (None, order.request.tag)
        and (scope.user in (None, order.principal))
    )


def _accounts_of(engine: Engine) -> tuple[AccountRef, ...]:
    return tuple(account.ref for accounts in engine.accounts.values() for account in accounts)


# --- before an order is admitted -----------------------------------------------------------------


async def order_requested(
    request: PlaceRequest,
    *,
    directives: Mapping[DirectiveName, DirectiveSet],
    instruments: Iterable[Instrument],
    venues: Mapping[VenueId, Venue],
) -> OrderRequested:
    """What the core is asked: with a fresh reading of the account where a halt covers the order."""
    name = request.order.instrument
    instrument = next((known for known in instruments if known.instrument_id == name), None)
    if halt_on(directives, request, instrument) is None:
        return OrderRequested(request=request, instrument=instrument)
    read_at = anyio.current_time()
    reading = await reading_of(venues, request.account)
    return OrderRequested(request=request, instrument=instrument, reading=reading, read_at=read_at)


async def reading_of(
    venues: Mapping[VenueId, Venue], account: AccountRef
) -> AccountSnapshot | None:
    """An account as it is now; None: it cannot be read, and nothing is known of it."""
    venue = venues.get(account.venue)
    if venue is None:
        return None
    try:
        with anyio.fail_after(READ_PATIENCE):
            return await contained(venue.snapshot(account.account))
    except (VenueError, TimeoutError) as error:
        logger.debug("an account was not read", account=str(account), error=str(error))
        return None
