"""
What a connection says once it has a principal: every frame is dispatched as it is read.

Nothing here waits: each call is a task of the connection, so that a slow one holds up no other.
Exits have a bucket of their own, which delays and never refuses.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import assert_never

import msgspec
from anyio.abc import TaskGroup

from rpcserver.apis.registry import Ask, ClosingApi, QueryApi
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import OperationId
from rpcserver.domain.principal import Permission, Principal
from rpcserver.server.backend import Backend
from rpcserver.server.calls import Calls
from rpcserver.server.crew import Crew
from rpcserver.server.failures import RateLimited, told
from rpcserver.server.limits import Allowance
from rpcserver.server.outbox import Outbox
from rpcserver.server.subscriptions import Subscriptions
from rpcserver.wire.close_codes import CloseCode
from rpcserver.wire.codec import RefusedFrame, decode_frame, encode, nearest
from rpcserver.wire.frames import (
    Attach,
    Auth,
    Cancel,
    ClientFrame,
    Ping,
    Pong,
    Rpc,
    StreamPnl,
    Subscribe,
    Unsubscribe,
)
from rpcserver.wire.framing import text_frame


class Conversation:
    """
    One client's frames, from the first after authentication on.

    *end* closes the connection. Answers go to *outbox*, tasks into *tasks*.
    """

    def __init__(
        self,
        backend: Backend,
        principal: Principal,
        allowance: Allowance,
        *,
        outbox: Outbox,
        remote: str,
        tasks: TaskGroup,
        end: Callable[[CloseCode, str], None],
    ) -> None:
        self._backend = backend
        self._principal = principal
        self._allowance = allowance
        self._outbox = outbox
        self._tasks = tasks
        self._crew = Crew(tasks)
        self._end = end
        self._malformed = 0  # frames in a row
        self._in_flight = 0
        self._calls = Calls(backend, principal, allowance, outbox=outbox, remote=remote)
        self._subscriptions = Subscriptions(
            backend,
            principal,
            outbox,
            lambda: end(CloseCode.SLOW_CONSUMER, "too many events are unread; subscribe again"),
        )

    @property
    def awaited(self) -> Sequence[OperationId]:
        """Operations whose end the client waits for."""
        return tuple(self._calls.awaited)

    def close(self) -> None:
        """The connection has ended."""
        self._subscriptions.close()

    def hear(self, message: str | bytes, now: float) -> None:
        """Take one message and begin whatever it asks for."""
        if isinstance(message, bytes):
            refused = RefusedFrame("binary_frame", "frames must be text", is_malformed=True)
            self._on_refused(refused, now)
            return
        try:
            frame = decode_frame(message)
        except RefusedFrame as refused:
            self._on_refused(refused, now)
        else:
            self._malformed = 0
            self._dispatch(frame, message, now)
        if self._allowance.is_flooded:
            self._end(CloseCode.FLOODING, "far too many frames")

    def _on_refused(self, refused: RefusedFrame, now: float) -> None:
        self._allowance.call(now)
        if refused.request_id is None or not refused.is_call:
            self._calls.complain(refused, refused.request_id)
        else:
            self._calls.refuse(refused.request_id, refused, None)
        self._malformed = self._malformed + 1 if refused.is_malformed else 0
        if self._malformed >= self._backend.limits.malformed_frames_max:
            self._end(CloseCode.POLICY, "too many malformed frames in a row")

    # --- dispatch -----------------------------------------------------------------------------

    def _dispatch(self, frame: ClientFrame, text: str, now: float) -> None:
        match frame:
            case Rpc():
                self._on_rpc(frame, text, now)
            case Attach():
                delay = self._allowance.closing(now)
                self._tasks.start_soon(self._to_the_end, partial(self._calls.attach, frame, delay))
            case Cancel():
                self._tasks.start_soon(self._calls.cancel, frame, self._allowance.closing(now))
            case Auth() | Subscribe() | Unsubscribe() | StreamPnl() | Ping():
                if wait := self._allowance.call(now):
                    request_id = frame.id if isinstance(frame, Subscribe) else None
                    self._calls.complain(RateLimited(wait), request_id)
                else:
                    self._on_plain(frame)
            case _:
                assert_never(frame)

    def _on_plain(self, frame: Auth | Subscribe | Unsubscribe | StreamPnl | Ping) -> None:
        match frame:
            case Ping():
                self._pong()
            case Subscribe():
                self._tasks.start_soon(self._subscribe, frame)
            case Unsubscribe():
                self._complaining(lambda: self._subscriptions.unsubscribe(frame))
            case StreamPnl():
                self._complaining(lambda: self._subscriptions.stream_pnl(frame, self._tasks))
            case Auth():
                self._calls.complain(
                    InvalidRequest("already_authenticated", "this connection has a principal")
                )
            case _:
                assert_never(frame)

    def _on_rpc(self, frame: Rpc, text: str, now: float) -> None:
        api = self._backend.registry.find(frame.api)
        match api:
            case ClosingApi():
                delay = self._exit_delay(api.name, now)
                close = partial(self._calls.close, frame, api, text, delay)
                self._tasks.start_soon(self._to_the_end, close)
            case QueryApi(permission=Permission.CLOSE | Permission.HALT):
                # A cancel, or a halt: it waits, but gets its turn.
                delay = self._exit_delay(api.name, now)
                self._tasks.start_soon(self._calls.act, frame, api, text, delay)
            case _ if wait := self._wait_before_call(frame.api, now):
                self._calls.refuse(frame.id, RateLimited(wait), api)
            case QueryApi():
                self._on_query(frame, api, text)
            case None:
                near = nearest(frame.api, self._backend.registry.names)
                error = InvalidRequest("unknown_api", f"there is no api {frame.api[:64]!r}{near}")
                self._calls.refuse(frame.id, error, None)
            case _:
                assert_never(api)

    def _exit_delay(self, api: str, now: float) -> float:
        """How long an exit waits for its turn: in its token's row, and in its api's."""
        paced = self._backend.pacer.exit(self._principal, api, now)
        return self._allowance.closing(now, paced)

    def _wait_before_call(self, api: str, now: float) -> float:
        return self._allowance.call(now) or self._backend.pacer.call(self._principal, api, now)

    def _on_query(self, frame: Rpc, api: QueryApi[msgspec.Struct], text: str) -> None:
        if self._in_flight >= self._backend.limits.calls_in_flight_max:
            error = InvalidRequest(
                "too_many_in_flight", f"{self._in_flight} calls await their answers already"
            )
            self._calls.refuse(frame.id, error, api)
            return
        if not api.read_only:
            self._in_flight += 1
            self._tasks.start_soon(self._act, frame, api, text)
        elif (ask := self._calls.prepare(frame, api, text)) is not None:
            self._in_flight += 1
            self._crew.start(self._read, frame, api, ask)

    async def _read(self, frame: Rpc, api: QueryApi[msgspec.Struct], ask: Ask) -> None:
        try:
            await self._calls.read(frame, api, ask)
        finally:
            self._in_flight -= 1

    async def _act(self, frame: Rpc, api: QueryApi[msgspec.Struct], text: str) -> None:
        try:
            await self._calls.act(frame, api, text)
        finally:
            self._in_flight -= 1

    async def _to_the_end(self, call: Callable[[], Awaitable[None]]) -> None:
        """Carry out a call that is answered at an operation's end; a stop waits for its answer."""
        self._backend.following += 1
        try:
            await call()
        finally:
            self._backend.following -= 1

    async def _subscribe(self, frame: Subscribe) -> None:
        try:
            await self._subscriptions.subscribe(frame)
        # The border of one frame: whatever it raises is answered and logged, and must not end
        # the connection's calls.
        except Exception as exc:  # noqa: BLE001
            self._calls.complain(told(exc), frame.id)

    def _complaining(self, do: Callable[[], None]) -> None:
        try:
            do()
        except InvalidRequest as exc:
            self._calls.complain(exc)

    def _pong(self) -> None:
        epoch = time.time_ns() // 1_000_000
        pong = Pong(time=datetime.fromtimestamp(epoch / 1000, UTC), epoch=epoch)
        self._outbox.post(text_frame(encode(pong)))
