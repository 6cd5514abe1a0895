"""
The listener: who gets as far as a WebSocket, and how all of them are sent home.

```python
async with serve(settings, engine, registry) as server:
    print(server.port)
    await until_signal()
# left: everyone got a `restarting` notice and the close code 1012
```
"""

from __future__ import annotations

import http
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from anyio import CancelScope, create_task_group, move_on_after
from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from rpcserver.apis.registry import Registry
from rpcserver.server.auth import Identity, bearer
from rpcserver.server.backend import Backend
from rpcserver.server.connection import Connection
from rpcserver.server.ports import Engine
from rpcserver.server.sessions import Sessions
from rpcserver.server.settings import (
    Page,
    PageAccess,
    ServerSettings,
    check_secure,
    is_loopback,
)
from rpcserver.server.traffic import EntryRefused, Traffic
from rpcserver.server.transport import WebSocketTransport, remote_of
from rpcserver.wire.close_codes import CloseCode

PATHS = ("/ws/stream", "/")
HANDSHAKE_TIMEOUT = 10.0  # seconds
GRACE = 1.0  # seconds at a stop for calls that have been read
RECEIVE_QUEUE = 16  # messages read ahead of their turn
FORWARDED = ("Forwarded", "X-Forwarded-For")  # whoever sent these is not whom they speak for


class ServedConnection(ServerConnection):
    """A connection of the library that remembers who its handshake's token speaks for."""

    identity: Identity | None = None


class Server:
    """A listener at work."""

    def __init__(self, sockets: WebSocketServer, backend: Backend) -> None:
        self._sockets = sockets
        self._backend = backend

    @property
    def port(self) -> int:
        """The port it listens at, also where any free one was asked for."""
        port: int = self._sockets.sockets[0].getsockname()[1]
        return port

    @property
    def sessions(self) -> Sessions:
        """Every authenticated connection."""
        return self._backend.sessions

    @property
    def following(self) -> int:
        """Calls that have not yet been told of the end they wait for."""
        return self._backend.following

    def announce(self, notice: str, detail: str) -> None:
        """Tell every client something about the server itself."""
        self._backend.sessions.announce(notice, detail)


@asynccontextmanager
async def serve(
    settings: ServerSettings,
    engine: Engine,
    registry: Registry,
    traffic: Traffic | None = None,
) -> AsyncIterator[Server]:
    """
    Listen until the block is left, then tell everyone and close with 1012.

    What comes and goes is counted in *traffic*.

    Raises:
        WouldBeInsecure: See `check_secure`.
        OSError: The address cannot be listened at.
    """
    check_secure(settings)
    backend = Backend(engine, registry, settings, traffic or Traffic())
    connections: set[Connection] = set()
    try:
        async with create_task_group() as tasks:
            sockets = await _listen(settings, backend, connections)
            tasks.start_soon(backend.quotes.run)
            tasks.start_soon(backend.channels.run)
            tasks.start_soon(backend.sessions.watch_tokens, settings.token_check_interval)
            tasks.start_soon(backend.sessions.watch_expiries)
            tasks.start_soon(backend.strangers.run)
            try:
                yield Server(sockets, backend)
            finally:
                with CancelScope(shield=True):
                    await _send_home(sockets, backend, connections)
                tasks.cancel_scope.cancel()
    finally:
        backend.close()


async def _listen(
    settings: ServerSettings, backend: Backend, connections: set[Connection]
) -> WebSocketServer:
    async def handle(socket: ServerConnection) -> None:
        assert isinstance(socket, ServedConnection)
        connection = Connection(WebSocketTransport(socket), backend, socket.identity)
        connections.add(connection)
        backend.traffic.connections.add(connection)
        try:
            await connection.serve()
        finally:
            connections.discard(connection)
            backend.traffic.connections.discard(connection)

    doorman = _Doorman(settings, backend, connections)
    limits = settings.limits
    return await serve_websockets(
        handle,
        settings.host,
        settings.port,
        ssl=settings.tls,
        compression=None,  # shared frames, a third of the memory, and no CRIME
        process_request=doorman.admit,
        server_header=None,
        open_timeout=HANDSHAKE_TIMEOUT,
        ping_interval=limits.ping_interval,
        ping_timeout=limits.ping_timeout,
        close_timeout=HANDSHAKE_TIMEOUT,
        max_size=limits.frame_bytes_max,
        max_queue=RECEIVE_QUEUE,
        create_connection=ServedConnection,
    )


async def _send_home(
    sockets: WebSocketServer, backend: Backend, connections: set[Connection]
) -> None:
    backend.stopping.set()
    sockets.close(close_connections=False)  # 1. nobody new
    backend.sessions.announce(  # 2. everyone knows why, and that nothing is lost
        "restarting", "operations go on; reconnect in a few seconds and attach"
    )
    for connection in tuple(connections):  # 3. what is queued, then goodbye
        connection.end(CloseCode.RESTART, "restarting")
    with move_on_after(GRACE):  # 4. what was begun reaches the engine
        await sockets.wait_closed()
    backend.shelter.give_up()
    await sockets.wait_closed()


class _Doorman:
    """Looks at every HTTP request before it may become a WebSocket."""

    def __init__(
        self, settings: ServerSettings, backend: Backend, connections: set[Connection]
    ) -> None:
        self._settings = settings
        self._backend = backend
        self._connections = connections
        self._refused = backend.traffic.entries_refused
        self._origins = frozenset(origin.casefold().rstrip("/") for origin in settings.origins)

    async def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """None to go on with the handshake, else the answer in its place."""
        path = _path(request)
        if (page := self._settings.pages.get(path)) is not None and not _wants_socket(request):
            return _response(page(), request)
        if (page := self._settings.private_pages.get(path)) is not None:
            if await self._may_read_pages(connection, request):
                return _response(page(), request)
            return connection.respond(http.HTTPStatus.FORBIDDEN, "Ask from the machine itself.\n")
        if path not in PATHS:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "Not found: try /ws/stream\n")
        if not self._is_welcome(request):
            self._refused[EntryRefused.ORIGIN] += 1
            return connection.respond(http.HTTPStatus.FORBIDDEN, "This origin may not connect.\n")
        if len(self._connections) >= self._settings.connections_max:
            self._refused[EntryRefused.FULL] += 1
            return connection.respond(
                http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections.\n"
            )
        return await self._identify(connection, request)

    async def _identify(self, connection: ServerConnection, request: Request) -> Response | None:
        headers = request.headers.get_all("Authorization")
        if not headers:
            return None  # the first frame will say who it is
        identity = await self._bearer(request)
        if identity is None:
            await self._turn_away(connection)
            response = connection.respond(http.HTTPStatus.UNAUTHORIZED, "The token is wrong.\n")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        assert isinstance(connection, ServedConnection)
        connection.identity = identity
        return None

    async def _turn_away(self, connection: ServerConnection) -> None:
        """Count a wrong token, and hold back the answer to whoever goes on guessing."""
        self._refused[EntryRefused.HANDSHAKE_TOKEN] += 1
        remote = remote_of(connection)
        await self._backend.strangers.turned_away(remote, EntryRefused.HANDSHAKE_TOKEN)

    async def _bearer(self, request: Request) -> Identity | None:
        """Whoever the request's one token speaks for."""
        headers = request.headers.get_all("Authorization")
        token = bearer(headers[0]) if len(headers) == 1 else None
        return await self._backend.gatekeeper.identify(token) if token else None

    async def _may_read_pages(self, connection: ServerConnection, request: Request) -> bool:
        """Whether the request comes from this machine, or may come from elsewhere."""
        if self._settings.page_access is PageAccess.OPEN:
            return True
        address = connection.remote_address
        is_forwarded = any(name in request.headers for name in FORWARDED)
        if address and is_loopback(address[0]) and not is_forwarded:
            return True
        if self._settings.page_access is not PageAccess.TOKEN:
            return False
        if await self._bearer(request) is not None:
            return True
        if request.headers.get_all("Authorization"):
            await self._turn_away(connection)
        return False

    def _is_welcome(self, request: Request) -> bool:
        """Programs send no Origin; a browser's page must be ours or on the list, exactly."""
        origins = request.headers.get_all("Origin")
        if not origins:
            return True
        if len(origins) > 1:
            return False
        origin = origins[0].casefold().rstrip("/")
        if origin in self._origins:
            return True
        hosts = request.headers.get_all("Host")
        return len(hosts) == 1 and _authority(origin) == hosts[0].casefold()


def _path(request: Request) -> str:
    """What is asked for; "" where that is no address."""
    try:
        return urlsplit(request.path).path
    except ValueError:
        return ""


def _authority(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _wants_socket(request: Request) -> bool:
    return any(name.casefold() == "websocket" for name in request.headers.get_all("Upgrade"))


def _response(page: Page, request: Request) -> Response:
    headers = Headers({"Content-Type": page.content_type, "Connection": "close", **page.headers})
    body = page.body
    if page.gzipped is not None:
        headers["Vary"] = "Accept-Encoding"
        if _takes_gzip(request):
            headers["Content-Encoding"] = "gzip"
            body = page.gzipped
    headers["Content-Length"] = str(len(body))
    status = http.HTTPStatus(page.status)
    return Response(status.value, status.phrase, headers, body)


def _takes_gzip(request: Request) -> bool:
    """Whether gzip is among the encodings the request names, and not with a weight of nothing."""
    for coding in ",".join(request.headers.get_all("Accept-Encoding")).split(","):
        name, _, weight = coding.replace(" ", "").casefold().partition(";")
        if name == "gzip":
            return weight.removeprefix("q=").strip("0.") != "" or weight == ""
    return False
