"""A venue and an engine that do what the test says, over the journal in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import anyio
import msgspec

from rpcserver.core.decision import Admitted as Repeated
from rpcserver.core.entries import Entry
from rpcserver.core.events import Noticed
from rpcserver.core.records import (
    Concern,
    LegEnded,
    Noted,
    OperationCancelled,
    OperationFinished,
    OperationOpened,
    Record,
)
from rpcserver.core.report import OperationReport, Outcome
from rpcserver.core.requests import (
    CancelRequest,
    ChangeRequest,
    CloseRequest,
    PlaceRequest,
    ResolveRequest,
)
from rpcserver.core.standing import DirectiveLifted, DirectiveSet, Word
from rpcserver.core.state import LedgerOrder
from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.directive import Directive
from rpcserver.domain.errors import InvalidRequest, OrderRefused, VenueUnavailable
from rpcserver.domain.ids import (
    AccountId,
    AccountRef,
    ClientOrderId,
    DirectiveName,
    InstrumentId,
    OperationId,
    PositionId,
    PrincipalId,
    Product,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument, InstrumentType
from rpcserver.domain.market import Market, Quote, Session
from rpcserver.domain.naming import futures_aliases
from rpcserver.domain.order import (
    Fill,
    Holding,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    RejectReason,
)
from rpcserver.domain.position import Position, PositionKey
from rpcserver.driver.ports import Venue, VenueEvent
from rpcserver.driver.renewals import Renewals
from rpcserver.driver.sandboxes import with_sandboxes
from rpcserver.journal.memory import MemoryJournal

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
PAPER = VenueId("paper")
MES = InstrumentId("MES 12-30")
SIM101 = AccountRef(PAPER, AccountId("Sim101"))
SIM102 = AccountRef(PAPER, AccountId("Sim102"))


def an_instrument() -> Instrument:
    expiry = date(2030, 12, 20)
    return Instrument(
        instrument_id=MES,
        type=InstrumentType.FUTURE,
        lot=Decimal(1),
        tick=Decimal("0.25"),
        minimum=Decimal(1),
        root="MES",
        expiry=expiry,
        aliases=futures_aliases("MES", expiry),
    )


def an_account(ref: AccountRef, unrealized: str = "12.50") -> Account:
    return Account(
        venue=ref.venue,
        account=ref.account,
        user_id="user1",
        cash=Decimal(50_000),
        unrealized=Decimal(unrealized),
    )


def a_position(ref: AccountRef, quantity: str = "2") -> Position:
    return Position(
        position_id=PositionId(f"pos-20260303120000-{ref.account[-1]}"),
        venue=ref.venue,
        account=ref.account,
        instrument=MES,
        signed_quantity=Decimal(quantity),
        average_price=Decimal("5774.25"),
        opened_at=NOON,
        updated_at=NOON,
    )


def an_order(
    ref: AccountRef,
    order_id: str,
    status: OrderStatus = OrderStatus.ACCEPTED,
    *,
    fills: tuple[Fill, ...] = (),
    at: datetime = NOON,
) -> OrderReport:
    return OrderReport(
        venue_order_id=VenueOrderId(order_id),
        client_order_id=ClientOrderId(f"c-{order_id}"),
        account=ref.account,
        instrument=MES,
        side=OrderSide.SELL,
        type=OrderType.LIMIT,
        status=status,
        quantity=Decimal(2),
        limit_price=Decimal(5800),
        fills=fills,
        created_at=at,
        updated_at=at,
    )


def a_quote(last: str = "5774.25") -> Quote:
    price = Decimal(last)
    return Quote(
        instrument=MES,
        bid=price - Decimal("0.25"),
        ask=price,
        last=price,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=1000,
        at=NOON,
        is_open=True,
    )


class FakeVenue:
    """Holds what the test puts in. `is_down`: nothing is reached. `hang`: nothing is answered."""

    def __init__(self, venue_id: VenueId = PAPER) -> None:
        self.venue_id = venue_id
        self.listed: tuple[Instrument, ...] = (an_instrument(),)
        refs = [AccountRef(venue_id, AccountId(name)) for name in ("Sim101", "Sim102")]
        self.held = {ref.account: an_account(ref) for ref in refs}
        self.positions = {ref.account: [a_position(ref)] for ref in refs}
        self.reports: dict[AccountId, list[OrderReport]] = {ref.account: [] for ref in refs}
        self.fills: dict[AccountId, list[Fill]] = {ref.account: [] for ref in refs}
        self.quote = a_quote()
        self.quote_readings = 0
        self.is_down = False
        self.hang = False
        self.canceled: list[VenueOrderId] = []

    async def _reach(self) -> None:
        if self.hang:
            await anyio.sleep_forever()
        if self.is_down:
            raise VenueUnavailable(f"{self.venue_id} cannot be reached")
        await anyio.lowlevel.checkpoint()

    async def capabilities(self) -> Capabilities:
        return Capabilities(sandbox=True)

    async def instruments(self) -> Sequence[Instrument]:
        await self._reach()
        return self.listed

    async def accounts(self) -> Sequence[Account]:
        await self._reach()
        return tuple(self.held.values())

    async def snapshot(self, account: AccountId, *, markets: bool = False) -> AccountSnapshot:
        await self._reach()
        assert markets
        return AccountSnapshot(
            account=AccountRef(self.venue_id, account),
            positions=tuple(self.positions[account]),
            orders=tuple(each for each in self.reports[account] if not each.status.is_terminal),
            instruments={MES: self.listed[0]},
            taken_at=NOON,
        )

    async def submit_order(self, order: OrderRequest) -> OrderReport:
        raise NotImplementedError("the engine places orders")

    async def cancel_order(self, account: AccountId, venue_order_id: VenueOrderId) -> OrderReport:
        raise NotImplementedError("the engine cancels orders")

    async def change_order(
        self,
        account: AccountId,
        venue_order_id: VenueOrderId,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> OrderReport:
        raise NotImplementedError("the engine changes orders")

    async def query_order(
        self,
        account: AccountId,
        *,
        client_order_id: ClientOrderId | None = None,
        venue_order_id: VenueOrderId | None = None,
    ) -> OrderReport | None:
        await self._reach()
        for report in self.reports[account]:
            if report.venue_order_id == venue_order_id or (
                client_order_id is not None and report.client_order_id == client_order_id
            ):
                return report
        return None

    async def orders(self, account: AccountId) -> Sequence[OrderReport]:
        await self._reach()
        return tuple(self.reports[account])

    async def trades(self, account: AccountId, *, since: datetime | None = None) -> Sequence[Fill]:
        await self._reach()
        found = self.fills[account]
        return tuple(each for each in found if since is None or each.at >= since)

    async def markets(self, instruments: Sequence[InstrumentId]) -> Sequence[Market]:
        await self._reach()
        return [Market(instrument=each) for each in instruments]

    async def quotes(self, instruments: Sequence[InstrumentId]) -> Sequence[Quote]:
        await self._reach()
        self.quote_readings += 1
        return [self.quote for _ in instruments]

    async def session(self, instrument: InstrumentId) -> Session:
        await self._reach()
        assert instrument == MES
        return Session(
            is_open=True,
            starts_at=NOON,
            ends_at=NOON,
            next_starts_at=NOON,
            next_ends_at=NOON,
            time_zone="UTC",
        )

    async def events(self) -> AsyncIterator[VenueEvent]:
        return
        yield


class FakeAdmitted(msgspec.Struct, frozen=True):
    operation_id: OperationId
    duplicate: bool


class _Operation:
    def __init__(self, request: CloseRequest, operation_id: OperationId) -> None:
        self.request = request
        self.operation_id = operation_id
        self.seq = 0
        self.done = 0
        self.report: OperationReport | None = None
        self.ended = anyio.Event()


class FakeEngine:
    """Admits at once; what happens then, the test tells step by step (`end_leg`, `finish`)."""

    def __init__(self, *venues: FakeVenue) -> None:
        fakes = venues or (FakeVenue(),)
        self.journal = MemoryJournal()
        self.venues: Mapping[VenueId, Venue] = {each.venue_id: each for each in fakes}
        self.accounts = {each.venue_id: tuple(each.held.values()) for each in fakes}
        self.instruments: dict[VenueId, tuple[Instrument, ...]] = {
            each.venue_id: each.listed for each in fakes
        }
        self.closed: list[CloseRequest] = []
        self.joins: list[bool] = []
        self.canceled: list[OperationId] = []
        self.placed: list[PlaceRequest] = []
        self.cancels: list[CancelRequest] = []
        self.resolved: list[ResolveRequest] = []
        self.renewals = Renewals()
        self.directives: dict[DirectiveName, DirectiveSet] = {}
        self.own_orders: dict[str, LedgerOrder] = {}
        self.legs = 3  # of an operation that `ends_by_itself`
        self.ends_by_itself = False
        self.opened_at = NOON  # of every operation
        self.refusal: Exception | None = None
        self.gate: anyio.Event | None = None  # `close` and `place` wait for it
        self._operations: dict[OperationId, _Operation] = {}
        self._listeners: list[Callable[[Sequence[Entry]], None]] = []
        self._watchers: list[Callable[[VenueId, VenueEvent], None]] = []

    # --- the engine ---------------------------------------------------------------------------

    async def settled_in(self) -> None:
        pass

    async def close(self, request: CloseRequest, *, join: bool) -> FakeAdmitted:
        if self.gate is not None:
            await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        request = with_sandboxes(self, request)
        for operation in self._operations.values():
            if self._is_same(operation, request, join=join):
                return FakeAdmitted(operation.operation_id, True)
        self.closed.append(request)
        self.joins.append(join)
        operation = _Operation(request, OperationId(f"op-{len(self._operations) + 1}"))
        self._operations[operation.operation_id] = operation
        opened = OperationOpened(
            at=NOON, mono=0.0, operation_id=operation.operation_id, request=request
        )
        await self._commit([self._concerned(operation, opened)])
        if self.ends_by_itself:
            await self.end_legs(operation.operation_id, self.legs)
            await self.finish(operation.operation_id)
        return FakeAdmitted(operation.operation_id, False)

    def _is_same(self, operation: _Operation, request: CloseRequest, *, join: bool) -> bool:
        old = operation.request
        if request.idempotency_key is not None:
            if (old.idempotency_key, old.principal) != (request.idempotency_key, request.principal):
                return False
            if old.digest != request.digest:
                raise InvalidRequest("idempotency_conflict", "the key named another call")
            return True
        return (
            join
            and operation.report is None
            and (old.token_id, old.request_id, old.digest)
            == (request.token_id, request.request_id, request.digest)
        )

    async def cancel(self, operation_id: OperationId, principal: PrincipalId) -> bool:
        operation = self._operations[operation_id]
        if operation.report is not None:
            return False
        self.canceled.append(operation_id)
        record = OperationCancelled(
            at=NOON, mono=0.0, operation_id=operation_id, principal=principal
        )
        await self._commit([self._concerned(operation, record)])
        return True

    async def place(self, request: PlaceRequest) -> OrderReport:
        if self.gate is not None:
            await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        self.placed.append(request)
        report = an_order(request.account, f"v{len(self.placed)}")
        return msgspec.structs.replace(report, client_order_id=request.order.client_order_id)

    async def cancel_order(self, request: CancelRequest) -> OrderReport:
        self.cancels.append(request)
        if request.venue_order_id.startswith("late"):
            raise OrderRefused(RejectReason.ALREADY_TERMINAL, "filled")
        status = (
            OrderStatus.ACCEPTED
            if request.venue_order_id.startswith("slow")
            else OrderStatus.CANCELED
        )
        return an_order(request.account, request.venue_order_id, status)

    @property
    def unfinished(self) -> tuple[OperationId, ...]:
        return ()

    async def change_order(self, request: ChangeRequest) -> OrderReport:
        raise NotImplementedError(f"no test changes {request.venue_order_id}")

    async def resolve(self, request: ResolveRequest) -> None:
        self.resolved.append(request)

    async def note(self, seen: Noticed) -> None:
        noted = Noted(
            at=NOON,
            mono=0.0,
            alert=seen.alert,
            code=seen.code,
            detail=seen.detail,
            account=seen.account,
            operation_ids=seen.operation_ids,
            venue=seen.venue,
            instrument=seen.instrument,
            principal=seen.principal,
            remote=seen.remote,
            acknowledges=seen.acknowledges,
        )
        await self._commit([noted])

    def is_closing_order(self, account: AccountRef, name: str | None) -> bool:
        del account, name
        return False

    def capabilities(self, venue: VenueId) -> Capabilities:
        return Capabilities(sandbox=venue == PAPER)

    async def lay_down(
        self, directive: Directive, word: Word, *, closing: CloseRequest | None = None
    ) -> Repeated | None:
        record = DirectiveSet(
            at=NOON,
            mono=0.0,
            directive=directive,
            principal=word.principal,
            reason=word.reason,
            remote=word.remote,
        )
        self.directives[directive.name] = record
        await self._commit([record])
        if closing is None:
            return None
        opened = await self.close(closing, join=False)
        return Repeated(opened.operation_id, opened.duplicate)

    async def lift(self, name: DirectiveName, word: Word) -> None:
        del self.directives[name]
        lifted = DirectiveLifted(
            at=NOON,
            mono=0.0,
            name=name,
            principal=word.principal,
            reason=word.reason,
            remote=word.remote,
        )
        await self._commit([lifted])

    async def find(self, principal: PrincipalId, key: str) -> OperationId | None:
        for operation in self._operations.values():
            request = operation.request
            if (request.principal, request.idempotency_key) == (principal, key):
                return operation.operation_id
        return None

    def report(self, operation_id: OperationId) -> OperationReport | None:
        operation = self._operations.get(operation_id)
        if operation is None:
            return None
        return operation.report or self._report(operation, None)

    async def load_report(self, operation_id: OperationId) -> OperationReport | None:
        await anyio.lowlevel.checkpoint()
        return self.report(operation_id)

    async def finished(self, operation_id: OperationId) -> OperationReport:
        operation = self._operations[operation_id]
        await operation.ended.wait()
        assert operation.report is not None
        return operation.report

    def subscribe(self, listener: Callable[[Sequence[Entry]], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def watch(self, listener: Callable[[VenueId, VenueEvent], None]) -> Callable[[], None]:
        self._watchers.append(listener)
        return lambda: self._watchers.remove(listener)

    # --- what the test makes happen -----------------------------------------------------------

    @property
    def listeners(self) -> int:
        return len(self._listeners) + len(self._watchers)

    def happen(self, event: VenueEvent, venue: VenueId = PAPER) -> None:
        for watcher in tuple(self._watchers):
            watcher(venue, event)

    async def alert(self, code: str, *, lane: PositionKey | None = None) -> None:
        await self._commit(
            [Noted(at=NOON, mono=0.0, alert=True, code=code, detail="look", lane=lane)]
        )

    async def end_legs(
        self, operation_id: OperationId, legs: int, *, detail: str = "", told: bool = True
    ) -> None:
        """So many more legs end, in one commit. With *told* False nobody hears of it."""
        operation = self._operations[operation_id]
        records: list[Record] = []
        for _ in range(legs):
            operation.done += 1
            ended = LegEnded(
                at=NOON,
                mono=0.0,
                operation_id=operation_id,
                number=operation.done,
                lane=PositionKey(PAPER, SIM101.account, MES, Holding.NET, Product("")),
                outcome=Outcome.FLAT,
                detail=detail,
                proven_at=NOON,
            )
            records.append(self._concerned(operation, ended, operation.done))
        await self._commit(records, told=told)

    async def finish(self, operation_id: OperationId, *, told: bool = True) -> None:
        operation = self._operations[operation_id]
        finished = OperationFinished(
            at=NOON,
            mono=0.0,
            operation_id=operation_id,
            success=True,
            flat=True,
            counts={Outcome.FLAT: operation.done},
            proven_at=NOON,
        )
        await self._commit([self._concerned(operation, finished)], told=told)
        operation.report = self._report(operation, NOON)
        operation.ended.set()

    def _report(self, operation: _Operation, finished_at: datetime | None) -> OperationReport:
        return OperationReport(
            operation_id=operation.operation_id,
            request=operation.request,
            opened_at=self.opened_at,
            finished_at=finished_at,
            legs=(),
        )

    def _concerned(self, operation: _Operation, record: Record, leg: int = 0) -> Record:
        operation.seq += 1
        concern = Concern(
            operation.operation_id,
            operation.request.request_id,
            operation.seq,
            leg,
            operation.done,
            self.legs,
        )
        return msgspec.structs.replace(record, concerns=(concern,))

    async def _commit(self, records: Sequence[Record], *, told: bool = True) -> None:
        entries = await self.journal.append(records)
        if told:
            self.tell(entries)

    def tell(self, entries: Sequence[Entry]) -> None:
        for listener in tuple(self._listeners):
            listener(entries)
