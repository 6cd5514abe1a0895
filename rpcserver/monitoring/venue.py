"""A venue with a stopwatch: every request to it is timed, and its failures are counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from time import perf_counter
from typing import TypeVar

import anyio
from prometheus_client.metrics_core import Metric

from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueUnavailable
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueId, VenueOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market, Quote, Session
from rpcserver.domain.order import Fill, OrderReport, OrderRequest
from rpcserver.driver.ports import Venue, VenueEvent
from rpcserver.monitoring.tallies import QUICK, Count, Distribution

T = TypeVar("T")


class Requests:
    """How long venues took to answer, and how often they failed."""

    def __init__(self) -> None:
        self._seconds = Distribution(
            "rpcserver_venue_request_seconds",
            "How long a venue took for a request, answered or not.",
            QUICK,
            ("venue", "request"),
        )
        self._failures = Count(
            "rpcserver_venue_request_failures",
            "Requests that failed: refused, unavailable, unknown, given_up or broken.",
            ("venue", "request", "failure"),
        )

    async def timed(self, venue: VenueId, request: str, call: Awaitable[T]) -> T:
        """Await *call*, a *request* to *venue*."""
        since = perf_counter()
        try:
            return await call
        except BaseException as error:
            self._failures.add(venue, request, _failure(error))
            raise
        finally:
            self._seconds.observe(perf_counter() - since, venue, request)

    def families(self) -> Iterator[Metric]:
        """Everything, as Prometheus is told."""
        yield self._seconds.family()
        yield self._failures.family()


def _failure(error: BaseException) -> str:
    if isinstance(error, OrderRefused):
        return "refused"
    if isinstance(error, VenueUnavailable):
        return "unavailable"
    if isinstance(error, OutcomeUnknown):
        return "unknown"
    # Whoever asked waits no longer; or the adapter has a bug.
    return "given_up" if isinstance(error, anyio.get_cancelled_exc_class()) else "broken"


class MeasuredVenue:
    """The `Venue` of `driver/ports.py` that *venue* is, with its requests timed in *requests*."""

    def __init__(self, venue: Venue, requests: Requests) -> None:
        self._venue = venue
        self._requests = requests
        self._venue_id = venue.venue_id

    @property
    def venue_id(self) -> VenueId:
        return self._venue_id

    async def _timed(self, request: str, call: Awaitable[T]) -> T:
        return await self._requests.timed(self._venue_id, request, call)

    async def capabilities(self) -> Capabilities:
        return await self._timed("capabilities", self._venue.capabilities())

    async def instruments(self) -> Sequence[Instrument]:
        return await self._timed("instruments", self._venue.instruments())

    async def accounts(self) -> Sequence[Account]:
        return await self._timed("accounts", self._venue.accounts())

    async def snapshot(self, account: AccountId, *, markets: bool = False) -> AccountSnapshot:
        return await self._timed("snapshot", self._venue.snapshot(account, markets=markets))

    async def submit_order(self, order: OrderRequest) -> OrderReport:
        return await self._timed("submit_order", self._venue.submit_order(order))

    async def cancel_order(self, account: AccountId, venue_order_id: VenueOrderId) -> OrderReport:
        return await self._timed("cancel_order", self._venue.cancel_order(account, venue_order_id))

    async def change_order(
        self,
        account: AccountId,
        venue_order_id: VenueOrderId,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> OrderReport:
        changed = self._venue.change_order(
            account,
            venue_order_id,
            quantity=quantity,
            limit_price=limit_price,
            stop_price=stop_price,
        )
        return await self._timed("change_order", changed)

    async def query_order(
        self,
        account: AccountId,
        *,
        client_order_id: ClientOrderId | None = None,
        venue_order_id: VenueOrderId | None = None,
    ) -> OrderReport | None:
        found = self._venue.query_order(
            account, client_order_id=client_order_id, venue_order_id=venue_order_id
        )
        return await self._timed("query_order", found)

    async def orders(self, account: AccountId) -> Sequence[OrderReport]:
        return await self._timed("orders", self._venue.orders(account))

    async def trades(self, account: AccountId, *, since: datetime | None = None) -> Sequence[Fill]:
        return await self._timed("trades", self._venue.trades(account, since=since))

    async def markets(self, instruments: Sequence[InstrumentId]) -> Sequence[Market]:
        return await self._timed("markets", self._venue.markets(instruments))

    async def quotes(self, instruments: Sequence[InstrumentId]) -> Sequence[Quote]:
        return await self._timed("quotes", self._venue.quotes(instruments))

    async def session(self, instrument: InstrumentId) -> Session:
        return await self._timed("session", self._venue.session(instrument))

    def events(self) -> AsyncIterator[VenueEvent]:
        return self._venue.events()
