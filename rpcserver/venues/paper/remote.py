"""
A `Venue` that is a paper venue in another process.

A link that breaks turns every request under way into `OutcomeUnknown`: it was sent, and no answer
came. A request that was still waiting to be sent is `VenueUnavailable`: it does not exist. Nothing
is ever sent a second time; asking again is the caller's decision.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import TypeVar, assert_never

import anyio
import msgspec
from loguru import logger
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueUnavailable
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueId, VenueOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market, Quote, Session
from rpcserver.domain.order import Fill, OrderReport, OrderRequest
from rpcserver.driver.ports import LinkDown, LinkUp
from rpcserver.venues.paper import protocol
from rpcserver.venues.paper.listeners import Listener, Listeners
from rpcserver.venues.paper.outbox import Outbox
from rpcserver.venues.paper.protocol import Answer, Call, Request, ServerFrame
from rpcserver.venues.paper.settings import PAPER
from rpcserver.venues.paper.venue import Control

_log = logger.bind(part="remote paper venue")
_BACKOFF_MIN, _BACKOFF_MAX = 0.05, 2.0  # seconds between attempts to reconnect
_PING_INTERVAL, _PING_TIMEOUT = 5.0, 10.0  # seconds: a process that hangs keeps its socket open
_GOODBYE = 1.0  # seconds for one that hangs to close it
_A = TypeVar("_A", bound=Answer)


class _Pending:
    """A request without an answer yet."""

    def __init__(self) -> None:
        self.was_sent = False
        self.is_over = anyio.Event()
        self.answer: Answer | None = None


class _Link:
    """One connection, from its opening to its end."""

    def __init__(self) -> None:
        self.outbox: Outbox[Request] = Outbox()
        self.pending: dict[int, _Pending] = {}

    def lose(self) -> None:
        """Release everybody who waits: no answer will come."""
        for pending in self.pending.values():
            pending.is_over.set()
        self.pending.clear()


class RemotePaperVenue:
    """The client's end. Open it with `open_remote_paper_venue`."""

    def __init__(self, url: str, venue_id: VenueId) -> None:
        self._url = url
        self._venue_id = venue_id
        self._capabilities: Capabilities | None = None
        self._link: _Link | None = None
        self._was_linked = anyio.Event()
        self._ids = count(1)
        self._listeners = Listeners(is_up=False)
        self._instruments: dict[InstrumentId, Instrument] = {}

    @property
    def venue_id(self) -> VenueId:
        return self._venue_id

    async def capabilities(self) -> Capabilities:
        """
        What the venue told when it was first reached.

        Raises:
            VenueUnavailable: It was never reached yet.
        """
        if self._capabilities is None:
            raise VenueUnavailable("the venue process was not reached yet")
        return self._capabilities

    # --- reads -----------------------------------------------------------------------------------

    async def instruments(self) -> Sequence[Instrument]:
        found = (await self._ask(protocol.GetInstruments(), protocol.Instruments)).instruments
        self._instruments = {instrument.instrument_id: instrument for instrument in found}
        return found

    async def accounts(self) -> Sequence[Account]:
        return (await self._ask(protocol.GetAccounts(), protocol.Accounts)).accounts

    async def snapshot(self, account: AccountId, *, markets: bool = False) -> AccountSnapshot:
        call = protocol.GetSnapshot(account, markets)
        taken = (await self._ask(call, protocol.Snapshot)).snapshot
        named = {position.instrument for position in taken.positions}
        named.update(order.instrument for order in taken.orders)
        if not named <= self._instruments.keys():
            await self.instruments()
        described = {name: self._instruments[name] for name in named}
        return msgspec.structs.replace(taken, instruments=described)

    async def query_order(
        self,
        account: AccountId,
        *,
        client_order_id: ClientOrderId | None = None,
        venue_order_id: VenueOrderId | None = None,
    ) -> OrderReport | None:
        call = protocol.Query(account, client_order_id, venue_order_id)
        return (await self._ask(call, protocol.Report)).report

    async def orders(self, account: AccountId) -> Sequence[OrderReport]:
        return (await self._ask(protocol.GetOrders(account), protocol.Orders)).orders

    async def trades(self, account: AccountId, *, since: datetime | None = None) -> Sequence[Fill]:
        return (await self._ask(protocol.GetTrades(account, since), protocol.Trades)).trades

    async def markets(self, instruments: Sequence[InstrumentId]) -> Sequence[Market]:
        call = protocol.GetMarkets(tuple(instruments))
        return (await self._ask(call, protocol.Markets)).markets

    async def quotes(self, instruments: Sequence[InstrumentId]) -> Sequence[Quote]:
        call = protocol.GetQuotes(tuple(instruments))
        return (await self._ask(call, protocol.Quotes)).quotes

    async def session(self, instrument: InstrumentId) -> Session:
        call = protocol.GetSession(instrument)
        return (await self._ask(call, protocol.TradingSession)).session

    def events(self) -> Listener:
        return self._listeners.listen()

    # --- orders ----------------------------------------------------------------------------------

    async def submit_order(self, order: OrderRequest) -> OrderReport:
        return await self._order(protocol.Submit(order, datetime.now(UTC)))

    async def cancel_order(self, account: AccountId, venue_order_id: VenueOrderId) -> OrderReport:
        return await self._order(protocol.Cancel(account, venue_order_id))

    async def change_order(
        self,
        account: AccountId,
        venue_order_id: VenueOrderId,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> OrderReport:
        call = protocol.Change(account, venue_order_id, quantity, limit_price, stop_price)
        return await self._order(call)

    async def control(self, command: Control) -> None:
        """
        Set the scene or a fault, as at `PaperVenue.control`.

        Raises:
            OrderRefused: The exchange said no.
        """
        await self._ask(protocol.Command(command), protocol.Done)

    # --- the link --------------------------------------------------------------------------------

    async def _order(self, call: Call) -> OrderReport:
        report = (await self._ask(call, protocol.Report)).report
        if report is None:
            raise OutcomeUnknown("the venue process told nothing about the order")
        return report

    async def _ask(self, call: Call, expected: type[_A]) -> _A:
        """Send *call* and wait for its answer, turning failures into the errors they are."""
        link = self._link
        if link is None:
            raise VenueUnavailable("the venue process cannot be reached")
        number, pending = next(self._ids), _Pending()
        link.pending[number] = pending
        link.outbox.post(Request(number, call))
        try:
            await pending.is_over.wait()
        finally:
            link.pending.pop(number, None)
        match pending.answer:
            case None if pending.was_sent:
                raise OutcomeUnknown("the link to the venue process broke")
            case None:
                raise VenueUnavailable("the link to the venue process broke before sending")
            case protocol.Refused(reason, detail):
                raise OrderRefused(reason, detail)
            case protocol.Unavailable(detail, retry_after):
                raise VenueUnavailable(detail, retry_after)
            case protocol.Unknown(detail):
                raise OutcomeUnknown(detail)
            case answer if isinstance(answer, expected):
                return answer
            case _:
                raise OutcomeUnknown("the venue process answered something else")

    async def wait_until_linked(self) -> None:
        """Wait for the first connection."""
        await self._was_linked.wait()

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        pause = _BACKOFF_MIN
        while True:
            try:
                async with connect(
                    self._url,
                    compression=None,
                    max_size=protocol.MESSAGE_MAX,
                    ping_interval=_PING_INTERVAL,
                    ping_timeout=_PING_TIMEOUT,
                    close_timeout=_GOODBYE,
                    proxy=None,  # it is on this machine
                ) as socket:
                    pause = _BACKOFF_MIN
                    await self._follow(socket)
            except (OSError, TimeoutError, WebSocketException) as exc:
                _log.debug("venue process was not reached", detail=str(exc))
            except Exception as exc:  # noqa: BLE001 - a bug of ours breaks a link, and no other venue's exits (law 30)
                _log.opt(exception=exc).error("the link to the venue process failed")
            await anyio.sleep(pause)
            pause = min(2 * pause, _BACKOFF_MAX)

    async def _follow(self, socket: ClientConnection) -> None:
        """Use one connection until it ends."""
        link = _Link()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send, link, socket)
                await self._receive(link, socket)
                tasks.cancel_scope.cancel()
        finally:
            socket.transport.abort()  # when cancelled there is no time for a closing handshake
            self._link = None
            link.lose()
            self._listeners.link_down("the link to the venue process broke")

    async def _send(self, link: _Link, socket: ClientConnection) -> None:
        async def send(requests: list[Request]) -> None:
            for request in requests:
                if (pending := link.pending.get(request.id)) is not None:
                    pending.was_sent = True  # from here on, a broken link leaves it unknown
            await socket.send(protocol.encode_requests(requests))

        try:
            await link.outbox.send_all(send)
        except ConnectionClosed:
            return  # the reading side notices too

    async def _receive(self, link: _Link, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                assert isinstance(message, bytes), "the venue process speaks msgpack"
                for frame in protocol.decode_frames(message):
                    self._take(link, frame)
        except msgspec.DecodeError as exc:
            _log.warning("venue process spoke another language", detail=str(exc))
        except ConnectionClosed:
            return

    def _take(self, link: _Link, frame: ServerFrame) -> None:
        match frame:
            case protocol.Welcome(capabilities):
                self._capabilities, self._link = capabilities, link
            case protocol.Reply(number, answer):
                if (pending := link.pending.get(number)) is not None:
                    pending.answer = answer
                    pending.is_over.set()
            case protocol.Happened(LinkUp()):
                self._listeners.link_up()
                self._was_linked.set()
            case protocol.Happened(LinkDown(detail)):
                self._listeners.link_down(detail)
            case protocol.Happened(event):
                self._listeners.publish([event])
            case _:
                assert_never(frame)


@asynccontextmanager
async def open_remote_paper_venue(
    port: int,
    *,
    host: str = "127.0.0.1",
    venue_id: VenueId = PAPER,
    patience: float = 5.0,
) -> AsyncIterator[RemotePaperVenue]:
    """
    Trade at a paper venue in another process; reconnects by itself.

    Waits up to *patience* seconds for the first connection and goes on without: a venue that is
    down at the start is no different from one that goes down later.
    """
    venue = RemotePaperVenue(f"ws://{host}:{port}", venue_id)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(venue.run)
        with anyio.move_on_after(patience):
            await venue.wait_until_linked()
        try:
            yield venue
        finally:
            tasks.cancel_scope.cancel()
