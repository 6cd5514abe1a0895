"""
One history: venues, a network, process lives one after another, clients, and everything that goes
wrong between them, in virtual time.

Two phases. First things go wrong, and nothing wrong may ever be done (safety). Then everything
heals, and everything must end: each accepted call has its one answer, no gate stays closed, and the
journal tells every operation as its clients heard it (liveness).
"""

from __future__ import annotations

import asyncio
import json

import anyio
import anyio.abc
import msgspec

from rpcserver.core.report import OperationReport
from rpcserver.core.requests import OrderOutcome, ResolveRequest
from rpcserver.domain.capabilities import IdMemory, ReduceOnly
from rpcserver.domain.errors import InvalidRequest, JournalBroken
from rpcserver.domain.ids import ClientOrderId
from rpcserver.driver.engine import Engine
from rpcserver.simulation import loop
from rpcserver.simulation.callers import CROWD
from rpcserver.simulation.clients import Client
from rpcserver.simulation.desk import ANN
from rpcserver.simulation.faults import FaultKind, Weather
from rpcserver.simulation.happenings import Happenings
from rpcserver.simulation.history import History
from rpcserver.simulation.laws import Laws
from rpcserver.simulation.listing import CONTRACTS
from rpcserver.simulation.lives import Lives, Route
from rpcserver.simulation.network import Network
from rpcserver.simulation.news import Stream
from rpcserver.simulation.plan import Plan, VenueTraits
from rpcserver.simulation.scene import QUIET, VENUE, Scene
from rpcserver.simulation.venue import SimulatedVenue
from rpcserver.simulation.verdict import Verdict

PATIENCE = 150.0  # virtual seconds in which everything ends after everything has healed
A_PERSON_COMES = 80.0  # so long after it, one looks after what is still unknown
STEP = 0.5
# Where nothing goes wrong.
_KIND = VenueTraits(
    reduce_only=ReduceOnly.AT_FILL,
    counts_resting=False,
    id_memory=IdMemory.FOR_EVER,
    id_window=0.0,
    request_expiry=5.0,
    position_settle=0.2,
    not_found_settle=1.0,
    change_orders=True,
    buys_first=False,
    message_budget=None,
    concurrency=8,
    latency=0.01,
)


class World:
    """Everything there is in one history."""

    def __init__(self, plan: Plan, tasks: anyio.abc.TaskGroup) -> None:
        self.plan = plan
        self.verdict = Verdict()
        self._loop = asyncio.get_running_loop()
        self.history = History(self._time)
        self.weather = Weather(plan.seed, plan.rates, plan.without, self.history.note)
        self._tasks = tasks
        held = (plan.accounts, plan.hedge_accounts, plan.held)
        self._route = self._open(Scene(VENUE, plan.venue, *held), self.weather)
        self._routes = [self._route]
        if plan.quiet is not None:
            accounts = tuple(sorted({each.account for each in plan.quiet.held}))
            scene = Scene(QUIET, _KIND, accounts, (), plan.quiet.held)
            fine = Weather(plan.seed, {}, frozenset(), self.history.note)
            self._routes.append(self._open(scene, fine, is_blind=plan.quiet.is_blind))
        self.lives = Lives(self._routes, self.weather, self.verdict, self.history.note, tasks)
        self.laws = Laws(
            {route.network.venue.venue_id: route.network.venue for route in self._routes},
            plan.quiet,
            self.verdict,
            self.lives.written,
        )
        self._happenings = Happenings(plan, self._route, self.lives, self.history.note, self._tasks)
        self.clients = [
            Client(call, lambda: self.lives.server, self.weather, self.laws, self.history.note)
            for call in plan.calls
        ]

    def _open(self, scene: Scene, weather: Weather, *, is_blind: bool = False) -> Route:
        """A venue, and the way to it."""
        stream = Stream(weather, scene.traits.latency, self.history.note)
        venue = SimulatedVenue(scene, self._time, stream.publish, weather.count)
        network = Network(venue, weather, self._tasks, self._time)
        stream.connect(network)
        return Route(network, stream, is_blind=is_blind)

    # --- the two phases --------------------------------------------------------------------------

    async def run(self) -> None:
        """Let the history happen, as far as the first broken law."""
        tasks = self._tasks
        self._count_scenery()
        tasks.start_soon(self.lives.live_on, self.laws)
        for step in self.plan.crash_steps:
            loop.at_step(step, self.lives.crash)
        self._happenings.begin()
        for client in self.clients:
            tasks.start_soon(client.run)
            if client.call.cancel_after is not None:
                tasks.start_soon(self._cancel, client, client.call.cancel_after)
        while self._time() < self.plan.heals_at:
            await self._step()
            if self.is_over:
                return
        await self._heal()
        await self._everything_ends()
        if not self.is_over:
            await self._look_back()

    @property
    def is_over(self) -> bool:
        return bool(self.verdict.broken_laws)

    async def _step(self) -> None:
        await anyio.sleep(STEP)
        self._time()
        self.laws.quietness.tick()

    def _count_scenery(self) -> None:
        """What is so from the beginning is counted once."""
        if self.plan.venue.reduce_only is ReduceOnly.NONE:
            self.weather.count(FaultKind.NO_REDUCE_ONLY)
        for call in self.plan.calls:
            if call.id.startswith(CROWD):
                self.weather.count(FaultKind.CROWD)
        contracts = {contract.instrument_id: contract.instrument for contract in CONTRACTS}
        for held in self.plan.held:
            contract = contracts[held.instrument]
            if contract.maximum is not None and abs(held.quantity) > contract.maximum:
                self.weather.count(FaultKind.FREEZE_QUANTITY)
            if abs(held.quantity) < contract.minimum:
                self.weather.count(FaultKind.MINIMUM_LOT)

    async def _heal(self) -> None:
        self.history.note("everything heals")
        self.weather.is_calm = True
        self.lives.is_full = False
        self.lives.end_deposed()
        self._route.network.banned_until = 0.0
        if not self._route.network.is_up:
            self._route.stream.set_link(True)
        self._route.network.venue.heal()
        await self._step()

    async def _everything_ends(self) -> None:
        until = self._time() + PATIENCE
        a_person_comes = self._time() + A_PERSON_COMES
        while not self.is_over:
            if self._is_done():
                for name in self.laws.book.requests:
                    self.verdict.check(28, name in self.laws.book.finished, f"{name} has no end")
                return
            server = self.lives.server
            if self._time() > a_person_comes and server is not None and server.engine is not None:
                self._speak_for_a_person(server.engine)
                a_person_comes += 10
            if self._time() > until:
                self.verdict.broken(28, self._what_goes_on())
                return
            await self._step()

    def _is_done(self) -> bool:
        server = self.lives.server
        if server is None or server.engine is None or server.engine.unfinished:
            return False
        answered = all(client.final is not None or client.gave_up for client in self.clients)
        return answered and not self.laws.book.gates

    def _what_goes_on(self) -> str:
        waiting = [c.call.id for c in self.clients if c.final is None and not c.gave_up]
        engine = self.lives.server.engine if self.lives.server is not None else None
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
        life = self.lives.server
        assert life is not None
        assert life.engine is not None
        told = {name: await life.engine.load_report(name) for name in self.laws.book.finished}
        life.die("the last restart")
        while self.lives.server is None:
            await self._step()
        engine = self.lives.server.engine
        assert engine is not None
        for name, before in told.items():
            again = await engine.load_report(name)
            is_same = _state_of(again) == _state_of(before)
            self.verdict.check(37, is_same, f"{name} is told otherwise after a restart")
        chain = await self.lives.verify()
        self.verdict.check(27, chain.intact, f"the chain is broken: {chain.detail}")

    # --- inside ----------------------------------------------------------------------------------

    def _time(self) -> float:
        time = self._loop.time()
        self.verdict.time = time
        return time

    async def _cancel(self, client: Client, after: float) -> None:
        while client.operation_id is None:
            await self._step()
            if client.final is not None or client.gave_up:
                return
        await anyio.sleep(after)
        if (server := self.lives.server) is not None:
            self.weather.count(FaultKind.CANCEL_CALL)
            frame = {"action": "cancel", "operationId": client.operation_id}
            self.history.note("client cancels", client.call.id)
            server.open_call(json.dumps(frame), lambda _: None)


def _state_of(report: OperationReport | None) -> bytes:
    """What an operation came to, to the last digit."""
    assert report is not None
    return msgspec.json.encode(report)
