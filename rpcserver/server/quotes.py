"""Market data: what anyone watches is asked for together, as often as the fastest one asks."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TypeAlias

import anyio
from anyio import move_on_after
from anyio.lowlevel import checkpoint
from loguru import logger

from rpcserver.domain.errors import VenueError
from rpcserver.domain.ids import InstrumentId, VenueId
from rpcserver.domain.market import Quote
from rpcserver.server.outbox import Outbox
from rpcserver.server.reading import Reader
from rpcserver.wire.codec import encode_numbers
from rpcserver.wire.frames import MarketData, QuoteLine
from rpcserver.wire.framing import text_frame

QUOTES_OF_A_FRAME = 1000  # at most: about 250 KiB, and a few milliseconds to make

Quotable: TypeAlias = tuple[VenueId, InstrumentId]


class Watcher:
    """What one connection watches, how often it wants to hear of it, and what it was told."""

    def __init__(self, outbox: Outbox, interval: float) -> None:
        self.outbox = outbox
        self.interval = interval  # seconds
        self.due = 0.0  # when it is told next, on the loop's clock
        self.wanted: dict[Quotable, None] = {}
        self.told: dict[Quotable, Quote] = {}


class QuoteFeed:
    """Polls the venues for every watched instrument and tells each watcher what changed."""

    def __init__(self, reader: Reader, interval: float) -> None:
        self._reader = reader
        self._interval = interval
        self._watchers: set[Watcher] = set()
        self._newest: dict[Quotable, Quote] = {}
        self._changed = anyio.Event()
        self._unreachable: set[VenueId] = set()

    def watcher(self, outbox: Outbox) -> Watcher:
        """Someone who watches nothing yet, and says nothing of how often."""
        return Watcher(outbox, self._interval)

    def watch(self, watcher: Watcher) -> None:
        """Tell *watcher* of what it wants, at once and then each interval what changed."""
        watcher.due = anyio.current_time()
        self._watchers.add(watcher)
        self._changed.set()

    def leave(self, watcher: Watcher) -> None:
        """Tell it no more."""
        self._watchers.discard(watcher)

    async def run(self) -> None:
        """Poll for ever, while anyone watches, as often as the fastest of them asks."""
        took = 0.0
        while True:
            with move_on_after(self._rest(took)):
                await self._changed.wait()
            self._changed = anyio.Event()
            begun = anyio.current_time()
            due = self._due(begun)
            for watcher in due:  # at its pace, also where one turn of the loop came late
                watcher.due = max(watcher.due, begun - watcher.interval / 2) + watcher.interval
            await self._poll(due)
            took = anyio.current_time() - begun
            await self._tell(due)

    def _rest(self, took: float) -> float | None:
        """The seconds to the next poll, which the last one *took* of them; None: nobody watches."""
        if not self._watchers:
            return None
        wait = min(watcher.due for watcher in self._watchers) - anyio.current_time()
        return max(wait, took)  # slow venues are not asked for more than half of the time

    def _due(self, now: float) -> list[Watcher]:
        """Who is told now: also who would be soon, so that one poll serves them all."""
        soon = now + min((watcher.interval for watcher in self._watchers), default=0.0) / 2
        return [watcher for watcher in self._watchers if watcher.due <= soon]

    async def _poll(self, watchers: Sequence[Watcher]) -> None:
        wanted = list(dict.fromkeys(key for watcher in watchers for key in watcher.wanted))
        watched = {key for watcher in self._watchers for key in watcher.wanted}
        self._newest = {key: quote for key, quote in self._newest.items() if key in watched}
        async with anyio.create_task_group() as tasks:
            for venue in dict.fromkeys(venue for venue, _ in wanted):
                tasks.start_soon(self._poll_venue, venue, [k for k in wanted if k[0] == venue])

    async def _poll_venue(self, venue: VenueId, keys: list[Quotable]) -> None:
        try:
            found = await self._reader.bare_quotes(keys)
        except VenueError as exc:
            if venue not in self._unreachable:
                self._unreachable.add(venue)
                logger.warning("quotes cannot be read", venue=venue, error=str(exc))
            return
        self._unreachable.discard(venue)
        self._newest |= found

    async def _tell(self, watchers: Sequence[Watcher]) -> None:
        """Between the parts others go on: nobody's wall of quotes holds up an exit."""
        encoded: dict[tuple[Quotable, ...], bytes] = {}
        for watcher in watchers:
            if watcher.outbox.is_crowded:
                continue  # it is told the newest as soon as it has read what it has
            wanted = tuple(watcher.wanted)
            for first in range(0, len(wanted), QUOTES_OF_A_FRAME):
                if watcher not in self._watchers:
                    break
                self._tell_part(watcher, wanted[first : first + QUOTES_OF_A_FRAME], encoded)
                await checkpoint()

    def _tell_part(
        self,
        watcher: Watcher,
        keys: Sequence[Quotable],
        encoded: dict[tuple[Quotable, ...], bytes],
    ) -> None:
        changed = tuple(
            key
            for key in keys
            if key in watcher.wanted
            and (quote := self._newest.get(key)) is not None
            and _is_news(watcher.told.get(key), quote)
        )
        if not changed:
            return
        if changed not in encoded:
            lines = [_line(key, self._newest[key]) for key in changed]
            encoded[changed] = text_frame(encode_numbers(MarketData(quotes=lines)))
        watcher.outbox.post(encoded[changed])
        watcher.told |= {key: self._newest[key] for key in changed}


_SHOWN = attrgetter("last", "bid", "ask", "volume", "open", "high", "low", "close", "is_open")


def _is_news(told: Quote | None, quote: Quote) -> bool:
    """Whether it says more than that it was read again."""
    return told is None or (told is not quote and _SHOWN(told) != _SHOWN(quote))


def _line(key: Quotable, quote: Quote) -> QuoteLine:
    return QuoteLine(
        instrument=quote.instrument,
        venue=key[0],
        last=quote.last,
        bid=quote.bid,
        ask=quote.ask,
        open=quote.open,
        high=quote.high,
        low=quote.low,
        close=quote.close,
        volume=quote.volume,
        is_open=quote.is_open,
        at=quote.at,
    )
