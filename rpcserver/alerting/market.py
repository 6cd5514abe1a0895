"""
Looks at the markets of what is being closed, while it is closed, and tells of what is abnormal.

Quotes stay outside the core: no exit waits for one, and none is decided by what is seen here. An
alert is told once an occasion: again only after the market was normal in between. It names the
operation, so that it reaches whoever may know of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import anyio
import msgspec

from rpcserver.alerting.herald import Herald
from rpcserver.core.entries import Entry
from rpcserver.core.events import Noticed
from rpcserver.core.records import LegEnded, OperationFinished, OperationPlanned
from rpcserver.domain.errors import VenueError
from rpcserver.domain.ids import InstrumentId, OperationId, VenueId
from rpcserver.domain.market import Quote
from rpcserver.driver.bulkhead import contained
from rpcserver.driver.ports import Venue

READ_TIMEOUT = 5.0  # seconds for the quotes of one venue
AT_ONCE = 200  # instruments asked for in one reading

Place = tuple[VenueId, InstrumentId]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """From where on a market is abnormal."""

    price_jump: float  # share of the price, between two looks
    wide_spread: float  # share of the price
    stale_quotes: float  # seconds


class MarketWatch:
    """Follows what is being closed through the engine's commits, and looks at its markets."""

    def __init__(
        self,
        venues: Mapping[VenueId, Venue],
        herald: Herald,
        thresholds: Thresholds,
        *,
        interval: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._venues = venues
        self._herald = herald
        self._thresholds = thresholds
        self._interval = interval
        self._clock = clock
        self._legs: dict[OperationId, dict[int, Place]] = {}  # that have not ended
        self._seen: dict[Place, Quote] = {}
        self._abnormal: set[tuple[str, Place, OperationId]] = set()
        self._something = anyio.Event()

    def take(self, entries: Sequence[Entry]) -> None:
        """For `Engine.subscribe`."""
        for entry in entries:
            match entry.record:
                case OperationPlanned(operation_id=name, legs=legs):
                    at_work = self._legs.setdefault(name, {})
                    at_work |= {
                        leg.number: (leg.key.venue, leg.key.instrument)
                        for leg in legs
                        if leg.quantity and not leg.excluded
                    }
                    self._something.set()
                case LegEnded(operation_id=name, number=number):
                    self._legs.get(name, {}).pop(number, None)
                case OperationFinished(operation_id=name):
                    self._legs.pop(name, None)
                case _:
                    pass  # says nothing of what is being closed

    async def run(self) -> None:
        """Look again and again, while anything is being closed."""
        while True:
            self._something = anyio.Event()
            if not self._at_work():
                self._seen.clear()
                self._abnormal.clear()
                await self._something.wait()
            await self.look()
            await anyio.sleep(self._interval)

    async def look(self) -> None:
        """Look once, at every venue side by side: one that hangs holds up no other."""
        by_venue: dict[VenueId, list[InstrumentId]] = {}
        for venue, instrument in self._at_work():
            by_venue.setdefault(venue, []).append(instrument)
        async with anyio.create_task_group() as tasks:
            for venue, instruments in by_venue.items():
                tasks.start_soon(self._look_at, venue, instruments[:AT_ONCE])

    def _at_work(self) -> dict[Place, list[OperationId]]:
        """Every instrument that is being closed, and by which operations."""
        found: dict[Place, list[OperationId]] = {}
        for name, legs in self._legs.items():
            for place in dict.fromkeys(legs.values()):
                found.setdefault(place, []).append(name)
        return found

    async def _look_at(self, venue: VenueId, instruments: Sequence[InstrumentId]) -> None:
        quotes: dict[InstrumentId, Quote] = {}
        why = "the venue told none"
        if (there := self._venues.get(venue)) is not None:
            try:
                with anyio.fail_after(READ_TIMEOUT):
                    found = await contained(there.quotes(instruments))
                quotes = {quote.instrument: quote for quote in found}
            except TimeoutError:
                why = f"no answer within {READ_TIMEOUT:g} s"
            except VenueError as error:
                why = str(error)
        at_work = self._at_work()
        for instrument in instruments:
            place = (venue, instrument)
            if (names := at_work.get(place)) is not None:  # it may have ended meanwhile
                self._judge(place, names, quotes.get(instrument), why)

    def _judge(
        self, place: Place, names: Sequence[OperationId], quote: Quote | None, why: str
    ) -> None:
        if quote is None:
            troubles = {"quotes_missing": why}
        else:
            troubles = dict(self._troubles(quote, self._seen.get(place)))
            self._seen[place] = quote
        for name in names:
            self._tell(place, name, troubles)

    def _tell(self, place: Place, name: OperationId, troubles: Mapping[str, str]) -> None:
        venue, instrument = place
        for code in ("quotes_missing", "quotes_stale", "spread_wide", "price_jumped"):
            occasion = (code, place, name)
            if code not in troubles:
                self._abnormal.discard(occasion)
            elif occasion not in self._abnormal:
                self._abnormal.add(occasion)
                self._herald.tell(
                    Noticed(
                        code=code,
                        detail=f"{instrument} while it is closed: {troubles[code]}",
                        alert=True,
                        venue=venue,
                        instrument=instrument,
                        operation_ids=(name,),
                    )
                )

    def _troubles(self, quote: Quote, before: Quote | None) -> Iterator[tuple[str, str]]:
        limits = self._thresholds
        if not quote.is_open:
            return  # a closed market owes nobody a price
        if quote.bid <= 0 or quote.ask <= 0:
            yield "quotes_missing", f"bid {quote.bid}, ask {quote.ask}"
        elif (spread := (quote.ask - quote.bid) / quote.ask) > _share(limits.wide_spread):
            yield "spread_wide", f"bid {quote.bid}, ask {quote.ask}: {spread:.2%}"
        age = (self._clock() - quote.at).total_seconds()
        if age > limits.stale_quotes:
            yield "quotes_stale", f"the last quote is {age:.0f} s old"
        if before is not None and before.last > 0:
            moved = (quote.last - before.last) / before.last
            if abs(moved) >= _share(limits.price_jump):
                yield "price_jumped", f"from {before.last} to {quote.last}: {moved:+.2%}"


def _share(value: float) -> Decimal:
    return Decimal(str(value))
