"""
One connection: authenticated, read, answered and bounded. No task outlives it.

A reader hands frames on as they come; a writer joins what was posted in a turn of the loop.
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio
from anyio import CancelScope, create_task_group, move_on_after
from anyio.abc import TaskGroup
from loguru import logger

from rpcserver.domain.ids import OperationId
from rpcserver.server.auth import Identity
from rpcserver.server.backend import Backend
from rpcserver.server.conversation import Conversation
from rpcserver.server.outbox import Outbox
from rpcserver.server.traffic import ConnectionState, EntryRefused
from rpcserver.server.transport import Disconnected, Transport
from rpcserver.server.writer import Writer
from rpcserver.wire.close_codes import CloseCode
from rpcserver.wire.codec import RefusedFrame, decode_frame, encode
from rpcserver.wire.frames import Auth, Authenticated, ErrorFrame
from rpcserver.wire.framing import text_frame


class Connection:
    """
    One client. *identity* is known where the handshake bore a token, else an auth frame brings it.
    """

    def __init__(self, transport: Transport, backend: Backend, identity: Identity | None) -> None:
        self._transport = transport
        self._backend = backend
        self._limits = backend.limits
        self._identity = identity
        self._outbox = Outbox(backend.limits.outbox_bytes_max, backend.traffic)
        self._writer = Writer(
            transport,
            self._outbox,
            stall_timeout=backend.limits.stall_timeout,
            on_stalled=self._on_stalled,
            on_failed=self._on_failed,
        )
        self._scope = CancelScope()
        self._ending: tuple[CloseCode, str] | None = None
        self._conversation: Conversation | None = None  # once it is known who it is
        self._last_heard = anyio.current_time()

    @property
    def state(self) -> ConnectionState:
        """How far it has come."""
        if self._ending is not None:
            return ConnectionState.ENDING
        if self._conversation is None:
            return ConnectionState.AUTHENTICATING
        return ConnectionState.CROWDED if self._outbox.is_crowded else ConnectionState.OPEN

    @property
    def last_heard(self) -> float:
        return self._last_heard

    @property
    def awaited(self) -> Sequence[OperationId]:
        return self._conversation.awaited if self._conversation is not None else ()

    def post(self, frame: bytes) -> None:
        """Queue one finished frame."""
        self._outbox.post(frame)

    def end(self, code: CloseCode, reason: str) -> None:
        """Close the connection, after what is queued. The first reason counts."""
        if self._ending is None:
            self._ending = (code, reason)
        self._scope.cancel()

    async def serve(self) -> None:
        """Serve the client until it leaves or is sent away."""
        async with create_task_group() as tasks:
            try:
                with self._scope:
                    await self._talk(tasks)
            finally:
                with CancelScope(shield=True):
                    await self._say_goodbye()
            # Calls under way are dropped; what they admitted goes on without us.
            tasks.cancel_scope.cancel()

    async def _talk(self, tasks: TaskGroup) -> None:
        async with create_task_group() as pumps:
            pumps.start_soon(self._write)
            await self._read(tasks)
            pumps.cancel_scope.cancel()

    async def _write(self) -> None:
        try:
            await self._writer.run()
        except Disconnected:
            self._scope.cancel()

    def _on_stalled(self) -> None:
        self.end(CloseCode.SLOW_CONSUMER, "read nothing for too long; attach to go on")

    def _on_failed(self) -> None:
        self.end(CloseCode.INTERNAL, "the server failed; attach to go on")

    async def _say_goodbye(self) -> None:
        self._writer.stop()
        if self._ending is None:
            self._backend.traffic.closed["client"] += 1
            return  # the client left first
        code, reason = self._ending
        self._backend.traffic.closed[str(code.value)] += 1
        if code not in (CloseCode.SLOW_CONSUMER, CloseCode.INTERNAL):
            self._transport.write(self._outbox.take(self._outbox.size))
        await self._transport.close(code, reason)

    # --- reading ------------------------------------------------------------------------------

    async def _read(self, tasks: TaskGroup) -> None:
        try:
            if (identity := self._identity or await self._authenticate()) is not None:
                await self._listen(identity, tasks)
        except Disconnected:
            pass

    async def _listen(self, identity: Identity, tasks: TaskGroup) -> None:
        remote = self._transport.remote
        principal = identity.principal
        conversation = self._conversation = Conversation(
            self._backend,
            principal,
            self._backend.sessions.admit(self, identity),
            outbox=self._outbox,
            remote=remote,
            tasks=tasks,
            end=self.end,
        )
        logger.info("client came", principal=principal.principal_id, remote=remote)
        try:
            while self._ending is None:
                message = await self._transport.receive()
                self._last_heard = anyio.current_time()
                self._backend.traffic.frames_in += 1
                conversation.hear(message, self._last_heard)
                if self._outbox.is_overflowing:
                    self.end(CloseCode.SLOW_CONSUMER, "too much is unread; attach to go on")
        finally:
            conversation.close()
            self._backend.sessions.leave(self, identity)
            logger.info("client left", principal=principal.principal_id, remote=remote)

    async def _authenticate(self) -> Identity | None:
        """Take the first frame, which must bear a token. None: the connection is being ended."""
        message: str | bytes | None = None
        with move_on_after(self._limits.auth_timeout):
            message = await self._transport.receive()
        if message is None:
            self._backend.traffic.entries_refused[EntryRefused.TIMEOUT] += 1
            self.end(CloseCode.AUTH_TIMEOUT, "no auth frame came in time")
            return None
        self._backend.traffic.frames_in += 1
        try:
            frame = decode_frame(message) if isinstance(message, str) else None
        except RefusedFrame:
            frame = None
        if not isinstance(frame, Auth):
            detail = 'the first frame must be {"action":"auth","token":"…"}'
            await self._refuse_entry(EntryRefused.NO_TOKEN, detail)
            return None
        if (identity := await self._backend.gatekeeper.identify(frame.token)) is None:
            await self._refuse_entry(EntryRefused.FRAME_TOKEN, "the token is wrong")
            return None
        principal = identity.principal
        answer = Authenticated(
            principal=principal.principal_id,
            roles=sorted(role.value for role in principal.roles),
            accounts=principal.accounts,
        )
        self.post(text_frame(encode(answer)))
        return identity

    async def _refuse_entry(self, why: EntryRefused, detail: str) -> None:
        self._backend.traffic.entries_refused[why] += 1
        await self._backend.strangers.turned_away(self._transport.remote, why)
        self.post(text_frame(encode(ErrorFrame(error="unauthenticated", detail=detail))))
        self.end(CloseCode.UNAUTHENTICATED, "unauthenticated")
