"""
Our own process, life after life: the machine it runs on, where it may die, and who takes over.

Sometimes a second one takes the journal while the first still lives. The one that was replaced
finds out where it would matter: at its next commit, or right before its next byte to a venue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import anyio
import anyio.abc

from rpcserver.core.entries import ChainReport, Entry
from rpcserver.core.records import Record
from rpcserver.driver.engine import open_engine
from rpcserver.simulation.faults import FaultKind, Weather
from rpcserver.simulation.journal import SimulatedJournal
from rpcserver.simulation.laws import AtVenue, Laws
from rpcserver.simulation.life import Life
from rpcserver.simulation.network import Network
from rpcserver.simulation.news import Stream
from rpcserver.simulation.port import VenuePort
from rpcserver.simulation.scene import EPOCH
from rpcserver.simulation.verdict import Verdict


class Route:
    """The way of every life to one venue."""

    def __init__(self, network: Network, stream: Stream, *, is_blind: bool = False) -> None:
        self.network = network
        self.stream = stream
        self.is_blind = is_blind

    def port(self, life: Life, onlooker: AtVenue) -> VenuePort:
        self.stream.tell(onlooker.told)
        return VenuePort(life, self.network, self.stream, onlooker, is_blind=self.is_blind)


class Lives:
    """One process after another, for ever."""

    def __init__(
        self,
        routes: Sequence[Route],
        weather: Weather,
        verdict: Verdict,
        note: Callable[[str, object], None],
        tasks: anyio.abc.TaskGroup,
    ) -> None:
        self.count = 0
        self.newest: Life | None = None
        self._all: list[Life] = []
        self.jump = timedelta()  # of the clock on the wall
        self.is_full = False  # the disk
        self._routes = routes
        self._weather = weather
        self._verdict = verdict
        self._note = note
        self._tasks = tasks
        self._journal: SimulatedJournal | None = None
        self._laws: Laws | None = None
        self._names = 0
        self._replaced = anyio.Event()

    @property
    def server(self) -> Life | None:
        """The life that clients can reach."""
        life = self.newest
        return life if life is not None and life.ready.is_set() and not life.is_over else None

    def written(self, after: int) -> list[Entry]:
        """What is in the journal, acknowledged or not."""
        return self._journal.written(after) if self._journal is not None else []

    async def verify(self) -> ChainReport:
        """Walk the whole chain."""
        assert self._journal is not None
        return await self._journal.verify()

    async def live_on(self, laws: Laws) -> None:
        """Let one process follow the other."""
        self._laws = laws
        while True:
            life = self._begin(laws)
            self._replaced = anyio.Event()
            async with anyio.create_task_group() as waiting:
                for event in (life.over, self._replaced):
                    waiting.start_soon(_wait, event, waiting.cancel_scope)
            if life.is_over:
                await anyio.sleep(0.3 + 0.5 * (self.count % 4))

    def _begin(self, laws: Laws) -> Life:
        self.count += 1
        life = Life(self.count, self._died, self._dies, self._failed)
        door = _Door(life, self)
        before = self._journal
        self._journal = before.taken_over(door) if before is not None else SimulatedJournal(door)
        self.newest = life
        self._all.append(life)
        laws.durable(self._journal.written(laws.book.acknowledged_seq))
        laws.life_began(self.count, self._journal.head.audit_seq)
        self._note("a process starts", self.count)
        ports = {
            name: route.port(life, laws.at[name])
            for route in self._routes
            if (name := route.network.venue.venue_id) in laws.at
        }
        opening = open_engine(self._journal, dict(ports), clock=self.wall, names=self._new_name)
        self._tasks.start_soon(life.live, opening, self.wall)
        return life

    # --- what goes wrong with it -----------------------------------------------------------------

    def crash(self) -> None:
        """The process dies between two steps of its tasks, whichever they are."""
        if (life := self.newest) is not None and not life.is_over and not self._weather.is_calm:
            self._weather.count(FaultKind.CRASH_ANYWHERE)
            life.die("between two steps")

    def end(self) -> None:
        """Nobody lives any more: what they do on the way out has no effect."""
        for life in self._all:
            life.die("the history is over")

    def end_deposed(self) -> None:
        """Whoever was replaced and did not notice yet is stopped by a person."""
        for life in self._all:
            if life is not self.newest:
                life.die("stopped, for another one took over")

    def take_over(self) -> None:
        """A second server opens the journal while the first one lives."""
        self._replaced.set()

    def wall(self) -> datetime:
        """The machine's own clock on the wall, which may jump."""
        return EPOCH + timedelta(seconds=self._routes[0].network.clock()) + self.jump

    def _died(self, life: Life, where: str) -> None:
        self._note("the process dies", f"{life.number} {where}")

    def _dies(self, where: str) -> bool:
        return self._weather.strikes_now(FaultKind.CRASH, where)

    def _failed(self, fatal: BaseExceptionGroup[BaseException]) -> None:
        """A process died of a bug of its own: that is no fault of the plan's."""
        first: BaseException = fatal
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        self._verdict.broken(30, f"the process died of {first!r}")

    # --- commits ---------------------------------------------------------------------------------

    async def before_commit(
        self, life: Life, journal: SimulatedJournal, records: Sequence[Record]
    ) -> None:
        life.seam("before a commit")
        weather = self._weather
        if weather.strikes_now(FaultKind.SLOW_COMMIT):
            await anyio.sleep(weather.between(FaultKind.SLOW_COMMIT, 0.01, 1.5))
            life.check()
        if self.is_full or weather.strikes_now(FaultKind.COMMIT_LOST, len(records)):
            journal.lose_next()
        elif weather.strikes_now(FaultKind.COMMIT_LIES, len(records)):
            journal.lie_next()
        journal.set_low(self.is_full)

    async def after_commit(self, life: Life, entries: Sequence[Entry]) -> None:
        life.seam("after a commit")
        for entry in entries:
            self._note("durable", f"{entry.audit_seq} {_line(entry.record)}")
        assert self._laws is not None
        self._laws.durable(list(entries))

    def _new_name(self) -> str:
        self._names += 1
        return f"{self._names:08x}"


class _Door:
    """One life's door to the disk."""

    def __init__(self, life: Life, lives: Lives) -> None:
        self._life = life
        self._lives = lives

    async def before(self, journal: SimulatedJournal, records: Sequence[Record]) -> None:
        await self._lives.before_commit(self._life, journal, records)

    async def after(self, entries: Sequence[Entry]) -> None:
        await self._lives.after_commit(self._life, entries)


async def _wait(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def _line(record: Record) -> str:
    name = str(record.__struct_config__.tag)
    about = [f"{c.operation_id}/{c.seq}" for c in record.concerns]
    return f"{name} {' '.join(about)}"
