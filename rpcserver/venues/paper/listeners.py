"""
Who listens to a venue, and what each has yet to hear.

Everything is heard in order. Quotes may be skipped: a newer one replaces an unheard one of the
same instrument. Whoever falls hopelessly behind loses the backlog and hears `LinkDown`, then
`LinkUp`, which tells them to ask; the memory of one slow listener is bounded and costs no other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from weakref import WeakSet

import anyio

from rpcserver.domain.ids import InstrumentId
from rpcserver.driver.ports import LinkDown, LinkUp, Quoted, VenueEvent

BACKLOG_MAX = 200_000


class Listener:
    """One reader's queue: iterate over it."""

    def __init__(self) -> None:
        self._unheard: deque[VenueEvent | InstrumentId] = deque()
        self._quotes: dict[InstrumentId, Quoted] = {}  # unheard, the newest of each instrument
        self._news = anyio.Event()

    def post(self, event: VenueEvent) -> None:
        if isinstance(event, Quoted):
            instrument = event.quote.instrument
            is_waiting = instrument in self._quotes
            self._quotes[instrument] = event
            if is_waiting:
                return
            self._unheard.append(instrument)
        else:
            self._unheard.append(event)
        if len(self._unheard) > BACKLOG_MAX:
            self._fall_behind()
        self._news.set()

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> VenueEvent:
        while not self._unheard:
            self._news = anyio.Event()
            await self._news.wait()
        event = self._unheard.popleft()
        return self._quotes.pop(event) if isinstance(event, str) else event

    def _fall_behind(self) -> None:
        self._unheard.clear()
        self._quotes.clear()
        self._unheard.append(LinkDown(detail="the listener fell behind"))
        self._unheard.append(LinkUp())


class Listeners:
    """Everybody who listens, and the state of the link as they know it."""

    def __init__(self, *, is_up: bool) -> None:
        self._listeners: WeakSet[Listener] = WeakSet()  # whoever stops listening just leaves
        self._down: LinkDown | None = None if is_up else LinkDown(detail="not connected yet")

    @property
    def is_up(self) -> bool:
        return self._down is None

    def __len__(self) -> int:
        return len(self._listeners)

    def publish(self, events: Iterable[VenueEvent]) -> None:
        """Tell everybody; while the link is down, nobody hears anything."""
        if self._down is not None or not self._listeners:
            return
        for event in events:
            for listener in self._listeners:
                listener.post(event)

    def link_up(self) -> None:
        if self._down is not None:
            self._down = None
            self.publish([LinkUp()])

    def link_down(self, detail: str) -> None:
        if self._down is None:
            self.publish([down := LinkDown(detail=detail)])
            self._down = down

    def listen(self) -> Listener:
        """Listen from now on; the state of the link is heard first."""
        listener = Listener()
        listener.post(LinkUp() if self._down is None else self._down)
        self._listeners.add(listener)
        return listener
