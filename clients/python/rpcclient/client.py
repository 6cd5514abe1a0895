"""The client: one connection kept alive, and whatever was asked carried across its deaths."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.protocol import State

from .apis import Repeat, repeat_of
from .backoff import Backoff
from .conversation import Asked, Conversation, said_no
from .errors import (
    CannotConnect,
    ClientError,
    ConnectionLost,
    ConnectionRefused,
    Forbidden,
    Unauthenticated,
)
from .frames import Attach, Cancel, Data, Notice, Outgoing, Progress, Rpc, Subscribe, encode
from .operation import Operation
from .subscription import INTERVAL_DEFAULT, SUBSCRIBED_TYPES, Subscription, pace

FRAME_BYTES_MAX = 4 * 1024 * 1024  # a server's final frame is at most 512 KiB
STEADY = 5.0  # seconds a connection must last to count as a good one
CLOSE_TIMEOUT = 2.0  # seconds to wait for the other end's goodbye


FLOODING = 4429


def ending(close_code: int | None, reason: str) -> ConnectionRefused | None:
    """The error that a close code stands for, or None if connecting again may help."""
    match close_code:
        case 4401 | 4408 | 4410:
            return Unauthenticated(close_code, reason)
        case 4403:
            return Forbidden(close_code, reason)
        case 1002 | 1007 | 1008 | 1009:
            return ConnectionRefused(close_code, reason)
        case _:
            return None


class RpcClient:
    """
    A connection to an rpcserver.

    ```python
    async with RpcClient("ws://127.0.0.1:8787/ws/stream", token) as client:
        positions = await client.call("GetAllPositions")
        operation = await client.start("Flatten", {"account": "Sim101"})
        async for step in operation:
            print(step.event, step.instrument, step.remaining)
        answer = await operation.result()
    ```

    A lost connection is made again, with full jitter. Running operations are attached to from the
    last step seen, reads are asked again, orders are never sent twice.

    Args:
        url: Where the server listens, such as `ws://127.0.0.1:8787/ws/stream`.
        token: Shown in the handshake, never in the URL.
        keepalive: Seconds between pings, and to wait for each answer.
        open_timeout: Seconds to wait for a handshake.
        give_up_after: Seconds without a connection after which everyone who waits is told
            `ConnectionLost`. None: never.
        backoff: How long to wait between attempts.
        tls: What to trust, where the system's certificates do not do.
        on_notice: Told every frame that answers nothing: a restart announced, a stray error.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        keepalive: float = 20.0,
        open_timeout: float = 10.0,
        give_up_after: float | None = None,
        backoff: Backoff | None = None,
        tls: ssl.SSLContext | None = None,
        on_notice: Callable[[Notice], None] = lambda _: None,
    ) -> None:
        self._url = url
        self._token = token
        self._keepalive = keepalive
        self._open_timeout = open_timeout
        self._give_up_after = give_up_after
        self._backoff = backoff or Backoff()
        self._tls = tls
        self._on_notice = on_notice
        self._conversation = Conversation(self._notify)
        self._socket: ClientConnection | None = None
        self._connected = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._over: ClientError | None = None
        self._subscriptions: list[Subscription] = []
        self._askers: set[asyncio.Task[None]] = set()  # for subscriptions, again

    async def __aenter__(self) -> Self:
        """
        Connect once.

        Raises:
            CannotConnect: Nobody answers there, or somebody else does.
            Unauthenticated, Forbidden: The token will not do.
        """
        socket = await self._open()
        # A task group would wrap whatever the caller's body raises into an exception group;
        # this one task is owned here, and awaited in `__aexit__`.
        self._keeper = asyncio.create_task(self._keep(socket))
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave. What the server has accepted goes on."""
        assert self._keeper is not None, "left before it was entered"
        leaving = [self._keeper, *self._askers]
        for task in leaving:
            task.cancel()
        await asyncio.wait(leaving)

    # --- asking -------------------------------------------------------------------------------

    async def call(
        self,
        api: str,
        args: Mapping[str, object] | None = None,
        *,
        key: str | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Data:
        """
        Call *api* and return the final answer's data.

        A closing call bears an idempotency key: *key*, or a fresh one. Give your own to be able
        to ask again from another process. *progress* is told every step of a closing call.

        Raises:
            RpcError: The server refused; `code` says why.
            OutcomeUnknown: An order's answer was lost: ask, never send it again.
            ConnectionLost: The client was closed or gave up.
            ConnectionRefused: The server will not have this client any more.
        """
        repeat = repeat_of(api)
        if repeat is Repeat.CLOSING:
            operation, asked = self._closing(api, args, key, wants_progress=progress is not None)
        else:
            request_id = _fresh()
            rpc = Rpc(id=request_id, api=api, args=args or {}, idempotency_key=key)
            operation, asked = None, Asked(rpc, request_id=request_id, repeat=repeat)
        try:
            await self._ask(asked)
            if operation is not None and progress is not None:
                async for step in operation:
                    progress(step)
            return await asked.answer
        finally:
            self._conversation.forget(asked)

    async def start(
        self, api: str, args: Mapping[str, object] | None = None, *, key: str | None = None
    ) -> Operation:
        """
        Begin a closing call and return as soon as it is durable, to follow it step by step.

        Raises:
            ValueError: *api* closes nothing.
            RpcError, ConnectionLost, ConnectionRefused: As `call`.
        """
        if repeat_of(api) is not Repeat.CLOSING:
            raise ValueError(f"{api} is not a closing call")
        operation, asked = self._closing(api, args, key, wants_progress=True)
        await self._ask(asked)
        await operation.accepted()
        return operation

    async def attach(
        self, operation_id: str | None = None, *, key: str | None = None, after: int = 0
    ) -> Operation:
        """
        Follow an operation that was begun before, here or elsewhere, by its id or its key.

        Every step with a `seq` greater than *after* is told. `result` raises `RpcError` if there
        is no such operation.
        """
        if (operation_id is None) == (key is None):
            raise ValueError("attach takes an operation's id or its key")
        request_id = _fresh()
        operation = Operation(
            request_id=request_id,
            key=key,
            operation_id=operation_id,
            after=after,
            is_attached=True,
            on_cancel=self._send_cancel,
        )
        frame = Attach(id=request_id, operation_id=operation_id, idempotency_key=key, after=after)
        await self._ask(
            Asked(frame, request_id=request_id, repeat=Repeat.CLOSING, operation=operation)
        )
        return operation

    async def cancel(self, operation_id: str | None = None, *, key: str | None = None) -> None:
        """
        Stop what an operation begun elsewhere has not sent yet; never unsends.

        Its final frame, to whoever follows it, says what was done.
        """
        if (operation_id is None) == (key is None):
            raise ValueError("cancel takes an operation's id or its key")
        frame = Cancel(operation_id=operation_id, idempotency_key=key)
        while not await self._send(frame):
            await asyncio.sleep(0)  # for the keeper to see that this connection is dead
            await self._connected.wait()
            if self._over is not None:
                raise self._over

    async def subscribe(
        self,
        channels: Iterable[str] = (),
        *,
        instruments: Iterable[str] = (),
        interval_ms: int = INTERVAL_DEFAULT,
    ) -> Subscription:
        """
        Hear of *channels* (`positions`, `orders`, `executions`, `operations`, `alerts`, `audit`)
        and of the quotes of *instruments*, across connections.

        Quotes come each *interval_ms*, at least 100; the smallest that any subscription of this
        client asks for holds for all of them. One that the server refuses ends with its
        `RpcError`; one that comes too fast is asked for again, when the server says.
        """
        subscription = Subscription(
            _fresh(), channels, instruments, interval_ms, on_close=self._unsubscribe
        )
        if self._over is not None:
            raise self._over
        self._subscriptions.append(subscription)
        await self._ask_for(subscription)
        return subscription

    async def _ask_for(self, subscription: Subscription) -> None:
        asked = subscription.asked
        interval = pace(self._subscriptions) if asked.instruments else None
        await self._send(msgspec.structs.replace(asked, interval=interval))

    def _refused(self, notice: Notice) -> None:
        """A subscription that is refused ends, unless it is only to be asked for later."""
        for subscription in tuple(self._subscriptions):
            if subscription.is_answered_by(notice):
                wait = notice.data.get("retryAfterMs")
                if isinstance(wait, int):
                    asker = asyncio.create_task(self._ask_later(subscription, wait / 1000))
                    self._askers.add(asker)
                    asker.add_done_callback(self._askers.discard)
                else:
                    self._subscriptions.remove(subscription)
                    subscription.end(said_no(notice))

    async def _ask_later(self, subscription: Subscription, delay: float) -> None:
        await asyncio.sleep(delay)
        if subscription in self._subscriptions:
            await self._ask_for(subscription)

    async def _unsubscribe(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            before = pace(self._subscriptions)
            self._subscriptions.remove(subscription)
            if (frame := subscription.unasked(self._subscriptions)) is not None:
                await self._send(frame)
            if (interval := pace(self._subscriptions)) not in (before, None):
                # By an id of its own: what answers it is no subscription's snapshot.
                await self._send(Subscribe(id=_fresh(), interval=interval))

    def _closing(
        self,
        api: str,
        args: Mapping[str, object] | None,
        key: str | None,
        *,
        wants_progress: bool,
    ) -> tuple[Operation, Asked]:
        key = key or f"key-{_fresh()}"
        request_id = _fresh()
        operation = Operation(
            request_id=request_id,
            key=key,
            wants_progress=wants_progress,
            on_cancel=self._send_cancel,
        )
        rpc = Rpc(
            id=request_id,
            api=api,
            args=args or {},
            idempotency_key=key,
            progress=wants_progress,
        )
        return operation, Asked(
            rpc, request_id=request_id, repeat=Repeat.CLOSING, operation=operation
        )

    async def _ask(self, asked: Asked) -> None:
        if self._over is not None:
            raise self._over
        assert self._keeper is not None, "the client is an asynchronous context manager: enter it"
        self._conversation.ask(asked)
        await self._flush()

    async def _send_cancel(self, operation: Operation) -> None:
        if not operation.is_over:
            name = operation.operation_id
            key = operation.key if name is None else None
            await self._send(Cancel(operation_id=name, idempotency_key=key))

    # --- the connection -----------------------------------------------------------------------

    async def _keep(self, socket: ClientConnection) -> None:
        """Serve one connection after another until there is no use in another one."""
        loop = asyncio.get_running_loop()
        failures = 0
        self._over = None
        over: ClientError = ConnectionLost("the client was closed")
        try:
            while True:
                began = loop.time()
                await self._serve(socket)
                failures = 0 if loop.time() - began >= STEADY else failures + 1
                flooded = socket.close_code == FLOODING
                pause = self._backoff.after_flooding if flooded else 0.0
                socket, failures = await self._open_again(failures, pause)
        except (ConnectionRefused, ConnectionLost) as exc:
            over = exc
        finally:
            self._over = over
            self._connected.set()  # whoever waits for a connection is told that none will come
            self._conversation.end(over)
            for subscription in self._subscriptions:
                subscription.end(over)

    async def _serve(self, socket: ClientConnection) -> None:
        """
        Use *socket* until it closes.

        Raises:
            ConnectionRefused: It was closed for good.
        """
        self._socket = socket
        self._connected.set()
        try:
            await self._flush()
            for subscription in tuple(self._subscriptions):
                await self._ask_for(subscription)
            with suppress(ConnectionClosed):
                async for line in socket:
                    self._conversation.receive(line)
        finally:
            self._socket = None
            self._connected.clear()
            self._conversation.lost()
            await socket.close()
        if (refused := ending(socket.close_code, socket.close_reason or "")) is not None:
            raise refused

    async def _open_again(self, failures: int, pause: float) -> tuple[ClientConnection, int]:
        """
        Connect after *pause* and a while, as often as it takes.

        Raises:
            ConnectionRefused: The server will not have us.
            ConnectionLost: `give_up_after` passed.
        """
        reason = "the connection was lost"
        try:
            async with asyncio.timeout(self._give_up_after):
                await asyncio.sleep(pause)
                while True:
                    await asyncio.sleep(self._backoff.delay(failures))
                    try:
                        return await self._open(), failures
                    except CannotConnect as exc:
                        failures += 1
                        reason = str(exc)
        except TimeoutError as exc:
            raise ConnectionLost(f"gave up after {self._give_up_after} s: {reason}") from exc

    async def _open(self) -> ClientConnection:
        """Make one connection, or say in which way it cannot be made."""
        try:
            return await connect(
                self._url,
                additional_headers=(
                    {"Authorization": f"Bearer {self._token}"} if self._token else {}
                ),
                compression=None,
                max_size=FRAME_BYTES_MAX,
                open_timeout=self._open_timeout,
                close_timeout=CLOSE_TIMEOUT,
                ping_interval=self._keepalive,
                ping_timeout=self._keepalive,
                proxy=None if _is_local(self._url) else True,
                ssl=(self._tls or True) if self._url.startswith("wss:") else None,
            )
        except InvalidStatus as exc:
            status = exc.response.status_code
            match status:
                case 401:
                    raise Unauthenticated(0, "the server does not know this token") from exc
                case 403:
                    raise Forbidden(0, "the server refuses this token") from exc
                case _:
                    raise CannotConnect(f"{self._url} answered HTTP {status}") from exc
        except (OSError, InvalidHandshake, InvalidURI, EOFError) as exc:
            raise CannotConnect(f"cannot connect to {self._url}: {_why(exc)}") from exc

    def _notify(self, notice: Notice) -> None:
        """Tell subscribers, or else the caller's function, whose errors must not end our work."""
        if notice.type in SUBSCRIBED_TYPES:
            for subscription in self._subscriptions:
                subscription.take(notice)
            return
        if notice.type == "error":
            self._refused(notice)
        asyncio.get_running_loop().call_soon(self._on_notice, notice)

    async def _flush(self) -> None:
        """
        Send what waits to be sent, if there is a connection to send it on.

        Looks again at the connection before every frame: what is taken for a dead one would be
        held for sent by nobody.
        """
        socket = self._socket
        with suppress(ConnectionClosed):
            unsent = self._conversation.take_unsent()
            while socket is not None and socket is self._socket and socket.state is State.OPEN:
                if (line := next(unsent, None)) is None:
                    return
                await socket.send(line)

    async def _send(self, frame: Outgoing) -> bool:
        """Send a frame that may be said twice, if there is a connection, and tell whether."""
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(encode(frame))
                return True
        return False


def _fresh() -> str:
    return uuid4().hex


def _is_local(url: str) -> bool:
    """A proxy of the environment must not stand between us and our own machine."""
    return urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")


def _why(exc: BaseException) -> str:
    return str(exc) or type(exc).__name__
