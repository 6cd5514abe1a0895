"""Every read-only query, carried out at the venues. A failed read is an error, never "flat"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from rpcserver.apis.queries import (
    Bars,
    FoundFill,
    FoundOrder,
    FoundQuote,
    MarketInfo,
    ReadBars,
    Summarized,
)
from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.errors import OutcomeUnknown, VenueUnavailable
from rpcserver.domain.ids import (
    AccountRef,
    ClientOrderId,
    InstrumentId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Quote
from rpcserver.domain.order import Fill, OrderReport
from rpcserver.driver.ports import Venue
from rpcserver.server.bars import BarKeeper
from rpcserver.server.listed import ListedInstruments, by_id
from rpcserver.server.parallel import for_each, read_in_time
from rpcserver.server.ports import Engine
from rpcserver.server.watermarks import Watermarks


class Reader:
    """Reads venues, several at once; `timeout` in seconds for each."""

    def __init__(self, engine: Engine, timeout: float) -> None:
        self._engine = engine
        self._timeout = timeout
        self.watermarks = Watermarks()
        self._bars = BarKeeper()
        self._stop = engine.watch(self._bars.heard)
        self.listed = ListedInstruments(engine)

    def close(self) -> None:
        """Listen to the venues no longer."""
        self._stop()

    async def accounts(self, refs: Sequence[AccountRef]) -> tuple[Account, ...]:
        """
        Every account, in the order asked. One whose venue does not answer is told as last read,
        and as not connected: money figures may be old, a position never is.
        """
        venues = list(dict.fromkeys(ref.venue for ref in refs))
        read = await for_each(venues, self._accounts_of)
        found = {account.ref: account for accounts in read for account in accounts}
        self.watermarks.note(found.values())
        return tuple(found[ref] for ref in refs if ref in found)

    async def _accounts_of(self, venue: VenueId) -> Sequence[Account]:
        try:
            read = await read_in_time(venue, self._timeout, self._venue(venue).accounts())
            sandbox = self._engine.capabilities(venue).sandbox
            return [msgspec.structs.replace(account, sandbox=sandbox) for account in read]
        except (VenueUnavailable, OutcomeUnknown):
            last = self._engine.accounts.get(venue, ())
            return [msgspec.structs.replace(account, connected=False) for account in last]

    async def snapshots(self, refs: Sequence[AccountRef]) -> tuple[AccountSnapshot, ...]:
        """Positions, working orders and markets of every account."""

        async def read(ref: AccountRef) -> AccountSnapshot:
            reading = self._venue(ref.venue).snapshot(ref.account, markets=True)
            return await read_in_time(ref.venue, self._timeout, reading)

        return tuple(await for_each(refs, read))

    async def summary(self, refs: Sequence[AccountRef]) -> tuple[Summarized, ...]:
        """Accounts with their positions; what cannot be read is told as that, never as flat."""
        accounts = await self.accounts(refs)

        async def read(account: Account) -> Summarized:
            try:
                [snapshot] = await self.snapshots((account.ref,))
            except (VenueUnavailable, OutcomeUnknown):
                return Summarized(account, None)
            return Summarized(account, snapshot)

        return tuple(await for_each(accounts, read))

    async def orders(self, refs: Sequence[AccountRef]) -> tuple[FoundOrder, ...]:
        """Working and finished orders of every account, oldest first."""

        async def read(ref: AccountRef) -> list[FoundOrder]:
            reading = self._venue(ref.venue).orders(ref.account)
            reports = await read_in_time(ref.venue, self._timeout, reading)
            return [await self._found(ref, report) for report in reports]

        read_all = await for_each(refs, read)
        found = [order for orders in read_all for order in orders]
        return tuple(sorted(found, key=lambda order: order.report.created_at))

    async def order(self, refs: Sequence[AccountRef], order_id: str) -> FoundOrder | None:
        """One order by the venue's id or ours, wherever it is."""

        async def read(ref: AccountRef) -> FoundOrder | None:
            venue = self._venue(ref.venue)
            reading = _query_by_either(venue, ref, order_id)
            report = await read_in_time(ref.venue, self._timeout, reading)
            return None if report is None else await self._found(ref, report)

        found = await for_each(refs, read)
        return next((order for order in found if order is not None), None)

    async def executions(
        self, refs: Sequence[AccountRef], since: datetime | None
    ) -> tuple[FoundFill, ...]:
        """Every fill of every account, oldest first."""

        async def read(ref: AccountRef) -> list[FoundFill]:
            reading = self._venue(ref.venue).trades(ref.account, since=since)
            fills = await read_in_time(ref.venue, self._timeout, reading)
            return [await self._found_fill(ref, fill) for fill in fills]

        read_all = await for_each(refs, read)
        found = [fill for fills in read_all for fill in fills]
        return tuple(sorted(found, key=lambda each: each.fill.at))

    async def quotes(
        self, wanted: Sequence[tuple[VenueId, InstrumentId]]
    ) -> tuple[FoundQuote, ...]:
        """Quotes in the order asked, with what is quoted."""
        found = await self.bare_quotes(wanted)
        return tuple(
            [FoundQuote(await self.instrument(*key), found[key]) for key in wanted if key in found]
        )

    async def bare_quotes(
        self, wanted: Sequence[tuple[VenueId, InstrumentId]]
    ) -> Mapping[tuple[VenueId, InstrumentId], Quote]:
        """Quotes alone, as far as the venues have them."""
        by_venue: dict[VenueId, list[InstrumentId]] = {}
        for venue, instrument in wanted:
            by_venue.setdefault(venue, []).append(instrument)

        async def read(venue: VenueId) -> Sequence[Quote]:
            reading = self._venue(venue).quotes(by_venue[venue])
            return await read_in_time(venue, self._timeout, reading)

        read_all = await for_each(list(by_venue), read)
        return {
            (venue, quote.instrument): quote
            for venue, quotes in zip(by_venue, read_all, strict=True)
            for quote in quotes
        }

    async def bars(self, query: ReadBars) -> Bars:
        """Bars of one instrument, the price of this moment included."""
        for found in await self.quotes(((query.venue, query.instrument),)):
            self._bars.note(query.venue, found.quote)
        return self._bars.bars(query, await self.instrument(query.venue, query.instrument))

    async def market_info(self, venue: VenueId, instrument: InstrumentId) -> MarketInfo:
        """One instrument's market and trading session."""
        port = self._venue(venue)
        [market] = await read_in_time(venue, self._timeout, port.markets([instrument]))
        session = await read_in_time(venue, self._timeout, port.session(instrument))
        return MarketInfo(await self.instrument(venue, instrument), market, session)

    async def instrument(self, venue: VenueId, instrument: InstrumentId) -> Instrument:
        """
        What is known of an instrument, asking its venue where the engine has not heard of it yet.

        Raises:
            VenueUnavailable: The venue names an instrument that it does not list.
        """
        if (known := self.listed.get(venue, instrument)) is not None:
            return known
        fresh = await read_in_time(venue, self._timeout, self._venue(venue).instruments())
        if (known := by_id(fresh).get(instrument)) is not None:
            return known
        raise VenueUnavailable(f"{venue} tells of {instrument}, which it does not list")

    async def _found(self, ref: AccountRef, report: OrderReport) -> FoundOrder:
        return FoundOrder(ref, await self.instrument(ref.venue, report.instrument), report)

    async def _found_fill(self, ref: AccountRef, fill: Fill) -> FoundFill:
        return FoundFill(ref, await self.instrument(ref.venue, fill.instrument), fill)

    def _venue(self, venue: VenueId) -> Venue:
        return self._engine.venues[venue]


async def _query_by_either(venue: Venue, ref: AccountRef, order_id: str) -> OrderReport | None:
    report = await venue.query_order(ref.account, venue_order_id=VenueOrderId(order_id))
    if report is None:
        report = await venue.query_order(ref.account, client_order_id=ClientOrderId(order_id))
    return report
