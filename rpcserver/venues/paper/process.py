"""
The paper venue as a process of its own: a loopback server, so that whoever trades there can die
while the orders live on. Who trades speaks `protocol`; who rehearses speaks `control`, at its own
path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import assert_never
from urllib.parse import urlsplit

import anyio
import msgspec
from anyio.abc import TaskGroup
from loguru import logger
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket
from websockets.exceptions import ConnectionClosed

from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueUnavailable
from rpcserver.venues.paper import protocol
from rpcserver.venues.paper.control import CONTROL_PATH, encode_answer
from rpcserver.venues.paper.director import Director
from rpcserver.venues.paper.faults import Fault
from rpcserver.venues.paper.forecast import SetWeather
from rpcserver.venues.paper.opening import open_paper_venue
from rpcserver.venues.paper.outbox import Outbox
from rpcserver.venues.paper.protocol import Answer, Call, Happened, Reply, Request, ServerFrame
from rpcserver.venues.paper.settings import PaperSettings
from rpcserver.venues.paper.venue import PaperVenue

HOST = "127.0.0.1"

_log = logger.bind(part="paper venue")


async def serve(
    settings: PaperSettings,
    *,
    port: int = 0,
    ready: Callable[[int], None] = lambda _port: None,
    script: Sequence[Fault] = (),
    weather: SetWeather | None = None,
) -> None:
    """
    Serve a paper venue on the loopback interface until cancelled.

    Args:
        settings: How the venue behaves, and where its database lies.
        port: Where to listen; 0 is any free port.
        ready: Called with the port once clients can connect.
        script: Faults in force from the start.
        weather: Faults drawn from the start.

    Raises:
        InvalidRequest: A fault names an account or an instrument that is not there.
        OSError: The port is taken.
        sqlite3.OperationalError: Another process has the venue's database open.
    """
    async with open_paper_venue(settings) as venue:
        director = Director(venue)
        for fault in script:
            await director.arm(fault)
        if weather is not None:
            await director.set_weather(weather)
        handler = partial(_serve_client, venue, director)
        async with serve_websocket(
            handler,
            HOST,
            port,
            compression=None,
            max_size=protocol.MESSAGE_MAX,
            origins=[None],  # a page in a browser sends an Origin: none may reach the venue
        ) as server:
            bound: int = next(iter(server.sockets)).getsockname()[1]
            _log.info("venue is ready", port=bound)
            ready(bound)
            await anyio.sleep_forever()


async def _serve_client(venue: PaperVenue, director: Director, socket: ServerConnection) -> None:
    if socket.request is not None and urlsplit(socket.request.path).path == CONTROL_PATH:
        await _serve_director(director, socket)
        return
    capabilities = await venue.capabilities()
    client = _Client(venue, socket)
    client.outbox.post(protocol.Welcome(capabilities))
    async with anyio.create_task_group() as tasks:
        await client.serve(tasks)
        tasks.cancel_scope.cancel()


async def _serve_director(director: Director, socket: ServerConnection) -> None:
    """Answer control frames, one after the other."""
    try:
        async for message in socket:
            text = message if isinstance(message, str) else message.decode(errors="replace")
            await socket.send(encode_answer(await director.answer(text)))
    except ConnectionClosed:
        return


class _Client:
    """One connection. Its requests run at the same time, and are answered as they finish."""

    def __init__(self, venue: PaperVenue, socket: ServerConnection) -> None:
        self._venue = venue
        self._socket = socket
        self.outbox: Outbox[ServerFrame] = Outbox()

    async def serve(self, tasks: TaskGroup) -> None:
        tasks.start_soon(self._send)
        tasks.start_soon(self._forward_events)
        try:
            async for message in self._socket:
                if isinstance(message, str):
                    return
                for request in protocol.decode_requests(message):
                    tasks.start_soon(self._answer, request)
        except msgspec.DecodeError as exc:
            _log.warning("a client spoke another language", detail=str(exc))
        except ConnectionClosed:
            return

    async def _send(self) -> None:
        async def send(frames: list[ServerFrame]) -> None:
            await self._socket.send(protocol.encode_frames(frames))

        try:
            await self.outbox.send_all(send)
        except ConnectionClosed:
            return  # the reading side notices too

    async def _forward_events(self) -> None:
        async for event in self._venue.events():
            self.outbox.post(Happened(event))

    async def _answer(self, request: Request) -> None:
        try:
            answer = await _perform(self._venue, request.call)
        except OrderRefused as exc:
            answer = protocol.Refused(exc.reason, exc.detail)
        except VenueUnavailable as exc:
            answer = protocol.Unavailable(exc.detail, exc.retry_after)
        except OutcomeUnknown as exc:
            answer = protocol.Unknown(exc.detail)
        self.outbox.post(Reply(request.id, answer))


async def _perform(venue: PaperVenue, call: Call) -> Answer:
    match call:
        case protocol.Submit(order, sent_at):
            return protocol.Report(await venue.submit_order(order, sent_at=sent_at))
        case protocol.Cancel(account, name):
            return protocol.Report(await venue.cancel_order(account, name))
        case protocol.Change(account, name, quantity, limit_price, stop_price):
            report = await venue.change_order(
                account,
                name,
                quantity=quantity,
                limit_price=limit_price,
                stop_price=stop_price,
            )
            return protocol.Report(report)
        case protocol.Query(account, client_order_id, venue_order_id):
            found = await venue.query_order(
                account, client_order_id=client_order_id, venue_order_id=venue_order_id
            )
            return protocol.Report(found)
        case protocol.GetSnapshot(account, markets):
            taken = await venue.snapshot(account, markets=markets)
            return protocol.Snapshot(msgspec.structs.replace(taken, instruments={}))
        case protocol.GetInstruments():
            return protocol.Instruments(tuple(await venue.instruments()))
        case protocol.GetAccounts():
            return protocol.Accounts(tuple(await venue.accounts()))
        case protocol.GetOrders(account):
            return protocol.Orders(tuple(await venue.orders(account)))
        case protocol.GetTrades(account, since):
            return protocol.Trades(tuple(await venue.trades(account, since=since)))
        case protocol.GetMarkets(instruments):
            return protocol.Markets(tuple(await venue.markets(instruments)))
        case protocol.GetQuotes(instruments):
            return protocol.Quotes(tuple(await venue.quotes(instruments)))
        case protocol.GetSession(instrument):
            return protocol.TradingSession(await venue.session(instrument))
        case protocol.Command(control):
            await venue.control(control)
            return protocol.Done()
        case _:
            assert_never(call)
