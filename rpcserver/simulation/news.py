"""The stream of one venue: what each life hears of it, late, twice, out of order, or never."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import anyio

from rpcserver.domain.position import Position
from rpcserver.driver.ports import LinkDown, LinkUp, OrderChanged, PositionMoved, VenueEvent
from rpcserver.simulation.faults import FaultKind, Weather
from rpcserver.simulation.network import NEWS_DELAY, Network

REPLAYED = 20  # events that a link which comes up tells once more


class NewsStand:
    """What one reader hears of the stream, in the order it arrives."""

    def __init__(self, is_up: bool) -> None:
        self._unheard: deque[VenueEvent] = deque(
            [LinkUp() if is_up else LinkDown(detail="the link is down")]
        )
        self._news = anyio.Event()

    def post(self, event: VenueEvent) -> None:
        self._unheard.append(event)
        self._news.set()

    def __aiter__(self) -> NewsStand:
        return self

    async def __anext__(self) -> VenueEvent:
        while not self._unheard:
            self._news = anyio.Event()
            await self._news.wait()
        return self._unheard.popleft()


class Stream:
    """Between one venue and the readers of its stream."""

    def __init__(
        self,
        weather: Weather,
        latency: float,
        note: Callable[[str, object], None],
    ) -> None:
        self._weather = weather
        self._delay = NEWS_DELAY + latency
        self._note = note
        self._network: Network | None = None
        self._heard: Callable[[Position], None] = lambda _: None
        self._readers: list[NewsStand] = []
        self._told: deque[OrderChanged] = deque(maxlen=REPLAYED)

    def connect(self, network: Network) -> None:
        """Begin to tell; nobody hears how the scene was set."""
        self._network = network

    def tell(self, onlooker: Callable[[Position], None]) -> None:
        """Let *onlooker* know of each position that was told."""
        self._heard = onlooker

    def open(self) -> NewsStand:
        """A reader of the life that begins; those of earlier lives hear nothing any more."""
        assert self._network is not None
        self._readers = [NewsStand(self._network.is_up)]
        self._replay()
        return self._readers[0]

    def publish(self, event: VenueEvent) -> None:
        """The venue says something."""
        self._note("at the venue", _line(event))
        if isinstance(event, OrderChanged):
            self._told.append(event)
        if self._network is None or not self._network.is_up:
            return
        weather, delay = self._weather, self._delay
        if weather.strikes_now(FaultKind.LOSE_NEWS):
            return
        if weather.strikes_now(FaultKind.LATE_NEWS):
            delay += weather.between(FaultKind.LATE_NEWS, 0.1, 10)
        self._post_later(delay, event)
        if weather.strikes_now(FaultKind.REPEAT_NEWS):
            self._post_later(delay + weather.between(FaultKind.REPEAT_NEWS, 0, 5), event)

    def set_link(self, is_up: bool) -> None:
        """Cut the link, or mend it."""
        assert self._network is not None
        self._network.is_up = is_up
        for reader in self._readers:
            reader.post(LinkUp() if is_up else LinkDown(detail="the link was cut"))
        if is_up:
            self._replay()

    def _replay(self) -> None:
        if self._told and self._weather.strikes_now(FaultKind.REPLAY_TRADES, len(self._told)):
            for event in self._told:
                self._post_later(self._delay, event)

    def _post_later(self, delay: float, event: VenueEvent) -> None:
        loop = asyncio.get_running_loop()
        for reader in self._readers:
            loop.call_later(delay, self._post, reader, event)

    def _post(self, reader: NewsStand, event: VenueEvent) -> None:
        if reader in self._readers and self._network is not None and self._network.is_up:
            reader.post(event)
            if isinstance(event, PositionMoved):
                self._heard(event.position)


def _line(event: VenueEvent) -> str:
    if isinstance(event, OrderChanged):
        r = event.report
        name = r.client_order_id[:8] if r.client_order_id else r.venue_order_id[:8]
        return (
            f"{name} {r.side.value} {r.quantity} {r.account}:{r.instrument} "
            f"{r.status.value} {r.filled}"
        )
    return type(event).__name__
