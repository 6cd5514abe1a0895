"""
The network between a process and a venue: messages that are lost, late, doubled, or never answered.

A request flies in the world's tasks, not in its sender's: what was sent lands, also when its sender
gave up or died meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import anyio
import anyio.abc
import anyio.lowlevel

from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueError, VenueUnavailable
from rpcserver.domain.order import OrderReport, RejectReason
from rpcserver.simulation.faults import FaultKind, Weather
from rpcserver.simulation.venue import SimulatedVenue

Answer = TypeVar("Answer")
GIVES_UP = 1.0  # seconds an adapter waits for an answer before it calls it lost
NEWS_DELAY = 0.004  # seconds the stream takes, beside the latency


class LifeOver(BaseException):
    """This process is dead."""


class AdapterBug(RuntimeError):
    """What an adapter must not raise, and some do."""


class Process(Protocol):
    """The life that a wire belongs to."""

    number: int

    def check(self) -> None:
        """Raise `LifeOver` if it is over."""

    def seam(self, where: str) -> None:
        """Perhaps die here."""


class Network:
    """What all lives share on the way to one venue: the world's tasks, the weather, the link."""

    def __init__(
        self,
        venue: SimulatedVenue,
        weather: Weather,
        tasks: anyio.abc.TaskGroup,
        clock: Callable[[], float],
    ) -> None:
        self.venue = venue
        self.weather = weather
        self.tasks = tasks
        self.clock = clock
        self.is_up = True
        self.banned_until = 0.0

    def check(self) -> None:
        """
        Whether the venue can be asked anything.

        Raises:
            VenueUnavailable: It cannot be reached, or will not listen.
        """
        if not self.is_up:
            raise VenueUnavailable("the link is down")
        if (left := self.banned_until - self.clock()) > 0:
            raise VenueUnavailable("banned: too many requests", round(left, 3))


class _Flight(Generic[Answer]):
    """One message under way, and what came of it."""

    def __init__(self, perform: Callable[[], Answer]) -> None:
        self._perform = perform
        self._landed = anyio.Event()
        self._answer: list[Answer] = []
        self._error: VenueError | None = None

    async def fly(self, delay: float) -> None:
        await anyio.sleep(delay)
        try:
            self._answer = [self._perform()]
        except VenueError as error:
            self._error = error
        self._landed.set()

    @property
    def was_refused(self) -> bool:
        return self._error is not None

    async def landed(self) -> Answer:
        await self._landed.wait()
        if self._error is not None:
            raise self._error
        return self._answer[0]


class Wire:
    """The messages of one process life. Of a dead one they raise `LifeOver`."""

    def __init__(self, process: Process, network: Network) -> None:
        self._process = process
        self._network = network
        self._weather = network.weather
        self._latency = network.venue.traits.latency

    def leave(self, what: str) -> None:
        """
        A message about an order is about to leave.

        Raises:
            LifeOver: Its sender is dead, or dies now.
            VenueUnavailable: It cannot leave.
        """
        self._process.check()
        self._process.seam(f"before {what}")
        self._network.check()
        if self._weather.strikes_now(FaultKind.THROTTLE, what):
            wait = self._weather.between(FaultKind.THROTTLE, 0.1, 4.0)
            raise VenueUnavailable("too many requests", round(wait, 3))
        if self._weather.strikes_now(FaultKind.ADAPTER_BUG, what):
            raise AdapterBug("the adapter fell over its own feet")

    async def send(
        self,
        what: str,
        land: Callable[[], OrderReport],
        *,
        left: Callable[[], None] = lambda: None,
        may_repeat: bool = False,
    ) -> OrderReport:
        """
        Carry a message there, and its answer back; *left*: what is noted when it is on its way.

        Raises:
            OrderRefused: So the venue says.
            OutcomeUnknown: No answer came.
        """
        weather, tasks = self._weather, self._network.tasks
        if weather.strikes_now(FaultKind.LOSE_REQUEST, what):
            await self._give_up()
        left()
        flight = _Flight(land)
        if weather.strikes_now(FaultKind.LATE_REQUEST, what):
            late = weather.between(FaultKind.LATE_REQUEST, 0.5, 14)
            tasks.start_soon(flight.fly, self._latency + late)
            await self._give_up()
        tasks.start_soon(flight.fly, self._latency)
        if may_repeat and weather.strikes_now(FaultKind.REPEAT_REQUEST, what):
            after = self._latency + weather.between(FaultKind.REPEAT_REQUEST, 0, 8)
            tasks.start_soon(self._repeat, flight, _Flight(land), after)
        self._process.seam(f"sent {what}")
        if weather.strikes_now(FaultKind.HANG, what):
            await anyio.sleep_forever()
        report = await flight.landed()
        await self._come_back(what, report)
        return report

    async def read(self, what: str, look: Callable[[], Answer]) -> Answer:
        """
        Carry a question there, and its answer back.

        Raises:
            OutcomeUnknown: The read failed.
            VenueUnavailable: The venue cannot be asked.
        """
        self._process.check()
        weather = self._weather
        self._network.check()
        if self._latency:
            await anyio.sleep(self._latency)
        if weather.strikes_now(FaultKind.FAIL_READ, what):
            raise OutcomeUnknown("the read failed")
        answer = look()
        delay = self._latency
        if weather.strikes_now(FaultKind.SLOW_ANSWER, what):
            delay += weather.between(FaultKind.SLOW_ANSWER, 0.2, 12)
        if delay:
            await anyio.sleep(delay)
        else:
            await anyio.lowlevel.checkpoint()
        self._process.check()
        return answer

    async def _repeat(
        self, first: _Flight[OrderReport], copy: _Flight[OrderReport], after: float
    ) -> None:
        """The network delivers a message twice: a venue that refused it refuses it again."""
        await anyio.sleep(after)
        if not first.was_refused:
            await copy.fly(0)

    async def _come_back(self, what: str, report: OrderReport) -> None:
        weather, delay = self._weather, self._latency
        if weather.strikes_now(FaultKind.SLOW_ANSWER, what):
            delay += weather.between(FaultKind.SLOW_ANSWER, 0.2, 12)
        if report.fills and weather.strikes_now(FaultKind.ACK_LAST, what):
            delay += NEWS_DELAY + weather.between(FaultKind.ACK_LAST, 0.01, 2)
        if delay:
            await anyio.sleep(delay)
        if weather.strikes_now(FaultKind.LOSE_ANSWER, what):
            await self._give_up()
        if weather.strikes_now(FaultKind.SERVER_ERROR, what) or not self._network.is_up:
            raise OutcomeUnknown("500 after all")
        self._process.seam(f"answered {what}")

    async def _give_up(self) -> None:
        await anyio.sleep(GIVES_UP)
        raise OutcomeUnknown("no answer came")


def refused_by_desk(weather: Weather) -> OrderRefused:
    """What a venue may say of any order at any time."""
    reasons = (
        RejectReason.OTHER,
        RejectReason.INSUFFICIENT_MARGIN,
        RejectReason.NO_LIQUIDITY,
        RejectReason.MARKET_CLOSED,
    )
    reason = reasons[weather.one_of(FaultKind.REFUSE, len(reasons))]
    return OrderRefused(reason, "refused by the risk desk")
