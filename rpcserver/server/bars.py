"""
Price bars, built from the quotes that venues tell of while this server runs.

One minute each, the newest 1,500 of an instrument, in memory: a restart begins anew, and `since`
says from when on there is anything. What was not heard is not made up: a minute without a quote
has no bar.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from rpcserver.apis.queries import Bar, Bars, ReadBars
from rpcserver.domain.ids import InstrumentId, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Quote
from rpcserver.driver.ports import Quoted, VenueEvent

MINUTES_MAX = 1500
INSTRUMENTS_MAX = 500  # more are not kept: nobody's memory is without end
_DAY = 24 * 60


class _Series:
    """The minutes of one instrument, oldest first."""

    def __init__(self, now: datetime) -> None:
        self.since = now
        self.minutes: deque[Bar] = deque(maxlen=MINUTES_MAX)
        self._volume: int | None = None  # of the session, as last told

    def note(self, quote: Quote) -> None:
        at = quote.at.astimezone(UTC).replace(second=0, microsecond=0)
        told = 0 if self._volume is None else quote.volume - self._volume
        self._volume = quote.volume
        traded = max(told, 0)  # a new session counts anew
        last = self.minutes[-1] if self.minutes else None
        if last is not None and at < last.starts_at:
            return  # news that is older than what is known
        if last is None or at > last.starts_at:
            price = quote.last
            self.minutes.append(
                Bar(starts_at=at, open=price, high=price, low=price, close=price, volume=traded)
            )
            return
        self.minutes[-1] = msgspec.structs.replace(
            last,
            high=max(last.high, quote.last),
            low=min(last.low, quote.last),
            close=quote.last,
            volume=last.volume + traded,
        )


class BarKeeper:
    """Hears every quote, and tells bars of any length in minutes."""

    def __init__(self) -> None:
        self._series: dict[tuple[VenueId, InstrumentId], _Series] = {}

    def heard(self, venue: VenueId, event: VenueEvent) -> None:
        """Let what a venue told count."""
        if isinstance(event, Quoted):
            self.note(venue, event.quote)

    def note(self, venue: VenueId, quote: Quote) -> None:
        """Let a quote count."""
        key = (venue, quote.instrument)
        if key not in self._series:
            if len(self._series) == INSTRUMENTS_MAX:
                return
            self._series[key] = _Series(quote.at)
        self._series[key].note(quote)

    def bars(self, query: ReadBars, instrument: Instrument) -> Bars:
        """What is known of one instrument: the newest bars that *query* asks for."""
        series = self._series.get((query.venue, query.instrument))
        if series is None:
            return Bars(instrument, (), None)
        wanted = (
            bar
            for bar in series.minutes
            if query.since <= bar.starts_at and (query.until is None or bar.starts_at < query.until)
        )
        bars = tuple(_joined(wanted, query.minutes))
        return Bars(instrument, bars[-query.limit :], series.since)


def _joined(minutes: Iterator[Bar], length: int) -> Iterator[Bar]:
    """Bars of *length* minutes, each beginning at a multiple of it within its UTC day."""
    whole: Bar | None = None
    for bar in minutes:
        starts_at = _start(bar.starts_at, length)
        if whole is None or whole.starts_at != starts_at:
            if whole is not None:
                yield whole
            whole = msgspec.structs.replace(bar, starts_at=starts_at)
            continue
        whole = msgspec.structs.replace(
            whole,
            high=max(whole.high, bar.high),
            low=min(whole.low, bar.low),
            close=bar.close,
            volume=whole.volume + bar.volume,
        )
    if whole is not None:
        yield whole


def _start(at: datetime, length: int) -> datetime:
    midnight = at.replace(hour=0, minute=0)
    passed = int((at - midnight).total_seconds()) // 60
    return midnight + timedelta(minutes=passed - passed % min(length, _DAY))
