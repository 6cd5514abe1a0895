"""
One history: a venue, a network, process lives one after another, clients, and everything that goes
wrong between them, in virtual time.

Two phases. First things go wrong, and nothing wrong may ever be done (safety). Then everything
heals, and everything must end: each accepted call has its one answer, no gate stays closed, and the
journal tells every operation as its clients heard it (liveness).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import anyio
import anyio.abc
import msgspec

from rpcserver.core.entries import Entry
from rpcserver.core.records import Record
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import OrderOutcome, PlaceRequest, ResolveRequest
from rpcserver.domain.errors import InvalidRequest, JournalBroken, VenueError
from rpcserver.domain.ids import AccountRef, ClientOrderId, Product
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import OrderRequest, OrderSide, OrderType
from rpcserver.domain.position import PositionKey
from rpcserver.driver.engine import Engine, open_engine
from rpcserver.driver.ports import LinkDown, LinkUp, OrderChanged, VenueEvent
from rpcserver.simulation.clients import Client
from rpcserver.simulation.desk import ANN
from rpcserver.simulation.faults import FaultKind, Weather
from rpcserver.simulation.history import History
from rpcserver.simulation.journal import SimulatedJournal
from rpcserver.simulation.laws import Laws
from rpcserver.simulation.life import Life
from rpcserver.simulation.listing import LOTS
from rpcserver.simulation.plan import Happening, Plan, Resting
from rpcserver.simulation.port import Network, VenuePort
from rpcserver.simulation.venue import EPOCH, VENUE, SimulatedVenue
from rpcserver.simulation.verdict import Verdict
from rpcserver.venues.paper.commands import (
    SetBands,
    SetDepth,
    SetPhase,
    SetPrice,
    SubmitOrder,
    TradeAsOther,
)

PATIENCE = 150.0  # virtual seconds in which everything ends after everything has healed
A_PERSON_COMES = 80.0  # so long after it, one looks after what is still unknown
STEP = 0.5
NEWS_DELAY = 0.004


class World:
    """Everything there is in one history."""

    def __init__(self, plan: Plan, tasks: anyio.abc.TaskGroup) -> None:
        self.plan = plan
        self.verdict = Verdict()
        self.history = History(self._time)
        self.weather = Weather(plan.seed, plan.rates, plan.without, self.history.note)
        self.laws = Laws(self.verdict, lambda after: self._journal.written(after))
        self.life: Life | None = None
        self.lives = 0
        self.events = 0
        self._tasks = tasks
        self._port: VenuePort | None = None
        self.venue = SimulatedVenue(plan, self._time, self._publish, self.laws)
        self.laws.meet(self.venue)
        self.network = Network(self.venue, self.weather, tasks, self._time)
        self._journal = SimulatedJournal(self._before_commit, self._after_commit)
        self._jump = timedelta()
        self._names = 0
        self._last_news = 0.0
        self._is_full = False
        self.clients = [
            Client(call, lambda: self.server, self.weather, self.laws, self.history.note)
            for call in plan.calls
        ]

    # --- the two phases --------------------------------------------------------------------------

    async def run(self) -> None:
        """Let the history happen, as far as the first broken law."""
        tasks = self._tasks
        tasks.start_soon(self._live_on)
        for order in self.plan.resting:
            tasks.start_soon(self._rest, order)
        for number, happening in enumerate(self.plan.happenings):
            tasks.start_soon(self._happen, happening, number)
        for client in self.clients:
            tasks.start_soon(client.run)
            if client.call.cancel_after is not None:
                tasks.start_soon(self._cancel, client, client.call.cancel_after)
        while self._time() < self.plan.heals_at:
            await anyio.sleep(STEP)
            if self.is_over:
                return
        await self._heal()
        await self._everything_ends()
        if not self.is_over:
            await self._look_back()

    @property
    def is_over(self) -> bool:
        return bool(self.verdict.broken_laws)

    @property
    def server(self) -> Life | None:
        """The life that clients can reach."""
        life = self.life
        return life if life is not None and life.ready.is_set() and not life.is_over else None

    async def _heal(self) -> None:
        self.history.note("everything heals")
        self.weather.is_calm = True
        self._is_full = False
        if not self.network.is_up:
            self._set_link(True)
        self.venue.heal()
        await anyio.sleep(STEP)

    async def _everything_ends(self) -> None:
        until = self._time() + PATIENCE
        a_person_comes = self._time() + A_PERSON_COMES
        while not self.is_over:
            if self._is_done():
                return
            server = self.server
            if self._time() > a_person_comes and server is not None and server.engine is not None:
                self._speak_for_a_person(server.engine)
                a_person_comes += 10
            if self._time() > until:
                self.verdict.broken(28, self._what_goes_on())
                return
            await anyio.sleep(STEP)

    def _is_done(self) -> bool:
        server = self.server
        if server is None or server.engine is None or server.engine.unfinished:
            return False
        answered = all(client.final is not None or client.gave_up for client in self.clients)
        return answered and not self.laws.book.gates

    def _what_goes_on(self) -> str:
        waiting = [c.call.id for c in self.clients if c.final is None and not c.gave_up]
        engine = self.server.engine if self.server is not None else None
        unfinished = engine.unfinished if engine is not None else ()
        gates = [f"{key.account}:{key.instrument}" for key in self.laws.book.gates]
        return (
            f"{PATIENCE:g} s after everything healed: unanswered {waiting}, "
            f"unfinished {list(unfinished)}, gates closed {gates}"
        )

    def _speak_for_a_person(self, engine: Engine) -> None:
        """
        Say what became of orders nobody can ask about.

        Where a venue knows no order by our name, only a person can look at its screen.
        """
        for name in self.laws.book.open_orders:
            self._tasks.start_soon(self._resolve, engine, name)

    async def _resolve(self, engine: Engine, name: ClientOrderId) -> None:
        filled = self.laws.book.truly_filled(name)
        outcome = OrderOutcome.FILLED if filled else OrderOutcome.NEVER_EXISTED
        request = ResolveRequest(
            principal=ANN.principal_id,
            client_order_id=name,
            outcome=outcome,
            filled=filled,
            reason="seen at the venue's own screen",
        )
        self.history.note("a person says", f"{name[:8]} {outcome.value} {filled}")
        try:
            await engine.resolve(request)
        except (InvalidRequest, JournalBroken) as error:
            self.history.note("and is told", error)

    async def _look_back(self) -> None:
        """One more restart: the journal alone tells what everybody was told (law 37)."""
        life = self.server
        assert life is not None
        assert life.engine is not None
        told = {name: await life.engine.load_report(name) for name in self.laws.book.finished}
        life.die("the last restart")
        while self.server is None:
            await anyio.sleep(STEP)
        engine = self.server.engine
        assert engine is not None
        for name, before in told.items():
            again = await engine.load_report(name)
            is_same = _state_of(again) == _state_of(before)
            self.verdict.check(37, is_same, f"{name} is told otherwise after a restart")
        chain = await self._journal.verify()
        self.verdict.check(27, chain.intact, f"the chain is broken: {chain.detail}")

    # --- lives -----------------------------------------------------------------------------------

    async def _live_on(self) -> None:
        """One process after another, for ever."""
        while True:
            self.lives += 1
            self._journal = self._journal.reopened() if self.lives > 1 else self._journal
            self.laws.durable(list(await self._journal.entries(after=self.laws.book.last_seq)))
            life = self.life = Life(self.lives, self._died, self._dies, self._failed)
            self._port = VenuePort(life, self.network, self.laws)
            self.laws.exposure.life_began()
            self.history.note("a process starts", self.lives)
            opening = open_engine(
                self._journal, {VENUE: self._port}, clock=self._wall, names=self._new_name
            )
            await life.live(opening, self._wall)
            await anyio.sleep(0.3 + 0.5 * (self.lives % 4))

    def _died(self, life: Life, where: str) -> None:
        self.history.note("the process dies", f"{life.number} {where}")

    def _failed(self, fatal: BaseExceptionGroup[BaseException]) -> None:
        """A process died of a bug of its own: that is no fault of the plan's."""
        first: BaseException = fatal
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        self.verdict.broken(30, f"the process died of {first!r}")

    def _dies(self, where: str) -> bool:
        return self.weather.strikes_now(FaultKind.CRASH, where)

    async def _before_commit(self, journal: SimulatedJournal, records: Sequence[Record]) -> None:
        life = self.life
        assert life is not None
        life.seam("before a commit")
        weather = self.weather
        if weather.strikes_now(FaultKind.SLOW_COMMIT):
            await anyio.sleep(weather.between(FaultKind.SLOW_COMMIT, 0.01, 1.5))
            life.check()
        if self._is_full or weather.strikes_now(FaultKind.COMMIT_LOST, len(records)):
            journal.lose_next()
        elif weather.strikes_now(FaultKind.COMMIT_LIES, len(records)):
            journal.lie_next()
        journal.set_low(self._is_full)

    async def _after_commit(self, entries: Sequence[Entry]) -> None:
        life = self.life
        assert life is not None
        life.seam("after a commit")
        for entry in entries:
            self.history.note("durable", f"{entry.audit_seq} {_line(entry.record)}")
        self.laws.durable(list(entries))

    def _new_name(self) -> str:
        self._names += 1
        return f"{self._names:08x}"

    # --- clocks ----------------------------------------------------------------------------------

    def _time(self) -> float:
        time = asyncio.get_running_loop().time()
        self.verdict.time = time
        return time

    def _wall(self) -> datetime:
        """The process's own clock on the wall, which may jump."""
        return EPOCH + timedelta(seconds=self._time()) + self._jump

    # --- the stream ------------------------------------------------------------------------------

    def _publish(self, event: VenueEvent) -> None:
        self.history.note("at the venue", _event_line(event))
        self.events += 1
        if self._port is None or not self.network.is_up:
            return
        weather = self.weather
        if weather.strikes_now(FaultKind.LOSE_NEWS):
            return
        loop = asyncio.get_running_loop()
        delay = NEWS_DELAY + self.venue.traits.latency
        if weather.strikes_now(FaultKind.LATE_NEWS):
            delay += weather.between(FaultKind.LATE_NEWS, 0.1, 10)
        loop.call_later(delay, self._deliver, self._port, event)
        if weather.strikes_now(FaultKind.REPEAT_NEWS):
            delay += weather.between(FaultKind.REPEAT_NEWS, 0, 5)
            loop.call_later(delay, self._deliver, self._port, event)

    def _deliver(self, port: VenuePort, event: VenueEvent) -> None:
        if port is self._port and self.network.is_up:
            port.hear(event)

    def _set_link(self, is_up: bool) -> None:
        self.network.is_up = is_up
        if self._port is not None:
            self._port.hear(LinkUp() if is_up else LinkDown(detail="the link was cut"))

    # --- what happens at moments of its own ------------------------------------------------------

    async def _rest(self, order: Resting) -> None:
        await anyio.sleep(order.at)
        if self.weather.is_calm:
            return
        price = Decimal(100)
        away = Decimal(5) * (1 if (order.side is OrderSide.SELL) != order.stop else -1)
        self._names += 1
        request = OrderRequest(
            client_order_id=ClientOrderId(f"someone-{self._names}"),
            account=order.account,
            instrument=order.instrument,
            side=order.side,
            quantity=order.quantity,
            type=OrderType.STOP_MARKET if order.stop else OrderType.LIMIT,
            stop_price=price + away if order.stop else None,
            limit_price=None if order.stop else price + away,
            holding=order.holding,
            reduce_only=order.reduce_only,
            oco_id=order.oco_id,
        )
        if order.at:
            self.weather.count(FaultKind.FOREIGN_ORDER)
        is_taken = self.venue.others(SubmitOrder(request))
        self.history.note("someone's order", f"{is_taken} {order}")

    async def _happen(self, what: Happening, number: int) -> None:
        await anyio.sleep(what.at)
        if self.weather.is_calm:
            return
        self.weather.count(what.kind)
        self.history.note("happens", f"{what.kind.value} {what.account}:{what.instrument}")
        venue, instrument = self.venue, what.instrument
        match what.kind:
            case FaultKind.FOREIGN_TRADE | FaultKind.LIQUIDATION:
                self._trade_as_other(what)
            case FaultKind.OWN_ORDER:
                await self._place(what, number)
            case FaultKind.CLOSED_MARKET:
                venue.others(SetPhase(instrument=instrument, phase=MarketPhase.CLOSED))
                await anyio.sleep(what.lasts)
                venue.others(SetPhase(instrument=instrument, phase=None))
            case FaultKind.AUCTION:
                phase = MarketPhase.RESERVED if what.size > 2 else MarketPhase.AUCTION
                venue.others(SetPhase(instrument=instrument, phase=phase))
                await anyio.sleep(what.lasts)
                venue.others(SetPhase(instrument=instrument, phase=None))
            case FaultKind.BANDS:
                bands = SetBands(instrument=instrument, lower=Decimal(99), upper=Decimal(101))
                venue.others(bands)
                await anyio.sleep(what.lasts)
                venue.others(SetBands(instrument=instrument))
            case FaultKind.THIN_BOOK:
                touch = Decimal(0) if number % 3 == 0 else LOTS[instrument] / 10
                venue.others(SetDepth(instrument=instrument, touch=touch))
                await anyio.sleep(what.lasts)
                venue.others(SetDepth(instrument=instrument))
            case FaultKind.PRICE_JUMP:
                move = Decimal(6) if what.side is OrderSide.BUY else Decimal(-6)
                venue.others(SetPrice(instrument=instrument, price=Decimal(100) + move))
            case FaultKind.LOCKED_MARGIN:
                self._lock_margin(what)
            case FaultKind.LINK_CUT:
                self._set_link(False)
                await anyio.sleep(what.lasts)
                self._set_link(True)
            case FaultKind.CLOCK_JUMP:
                self._jump += timedelta(seconds=float(what.size) * (700 if number % 2 else -700))
            case FaultKind.FULL_DISK:
                self._is_full = True
                await anyio.sleep(what.lasts)
                self._is_full = False
            case FaultKind.STOP:
                if self.life is not None:
                    self.life.die("stopped by the plan")
            case _:
                raise AssertionError(f"{what.kind} is no happening")

    def _trade_as_other(self, what: Happening) -> None:
        for held in self.plan.held:
            if (held.account, held.instrument) == (what.account, what.instrument):
                break
        key = PositionKey(VENUE, held.account, held.instrument, held.holding, _NO_PRODUCT)
        side, size = what.side, what.size
        position = self.venue.position(key)
        if what.kind is FaultKind.LIQUIDATION:
            if position == 0:
                return
            side = OrderSide.SELL if position > 0 else OrderSide.BUY
            size = abs(position)
        trade = TradeAsOther(
            account=held.account,
            instrument=held.instrument,
            side=side,
            quantity=size,
            holding=held.holding,
        )
        self.venue.others(trade, key)

    def _lock_margin(self, what: Happening) -> None:
        others = [h.instrument for h in self.plan.held if h.account == what.account]
        first = next((name for name in others if name != what.instrument), None)
        if first is not None:
            self.venue.locked = (what.account, what.instrument, first)

    async def _place(self, what: Happening, number: int) -> None:
        """A strategy sends an order through the server."""
        server = self.server
        if server is None or server.engine is None or what.account in self.plan.hedge_accounts:
            return
        order = OrderRequest(
            client_order_id=ClientOrderId(f"own-{number}"),
            account=what.account,
            instrument=what.instrument,
            side=what.side,
            quantity=max(what.size, Decimal(10) if what.instrument == "OPT" else what.size),
        )
        request = PlaceRequest(
            principal=ANN.principal_id, account=AccountRef(VENUE, what.account), order=order
        )
        self._tasks.start_soon(self._order, server.engine, request)

    async def _order(self, engine: Engine, request: PlaceRequest) -> None:
        try:
            report = await engine.place(request)
            self.history.note("own order", report.status.value)
        except (InvalidRequest, VenueError, JournalBroken) as error:
            self.history.note("own order", error)

    async def _cancel(self, client: Client, after: float) -> None:
        while client.operation_id is None:
            await anyio.sleep(STEP)
            if client.final is not None or client.gave_up:
                return
        await anyio.sleep(after)
        if (server := self.server) is not None:
            self.weather.count(FaultKind.CANCEL_CALL)
            frame = {"action": "cancel", "operationId": client.operation_id}
            self.history.note("client cancels", client.call.id)
            server.open_call(json.dumps(frame), lambda _: None)


_NO_PRODUCT = Product("")


def _state_of(report: OperationReport | None) -> bytes:
    """What an operation came to, to the last digit."""
    assert report is not None
    return msgspec.json.encode(report)


def _line(record: Record) -> str:
    name = str(record.__struct_config__.tag)
    about = [f"{c.operation_id}/{c.seq}" for c in record.concerns]
    return f"{name} {' '.join(about)}"


def _event_line(event: VenueEvent) -> str:
    if isinstance(event, OrderChanged):
        r = event.report
        name = r.client_order_id[:8] if r.client_order_id else r.venue_order_id[:8]
        return (
            f"{name} {r.side.value} {r.quantity} {r.account}:{r.instrument} "
            f"{r.status.value} {r.filled}"
        )
    return type(event).__name__
