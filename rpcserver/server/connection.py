"""
One connection: authenticated, read, answered and bounded. No task outlives it.

One reader hands frames on as they come, one writer joins whatever was posted since its last turn.
"""

from __future__ import annotations

import anyio
from anyio import CancelScope, create_task_group, move_on_after
from anyio.abc import TaskGroup
from loguru import logger

from rpcserver.server.auth import Identity
from rpcserver.server.backend import Backend
from rpcserver.server.conversation import Conversation
from rpcserver.server.outbox import Outbox
from rpcserver.server.transport import Disconnected, Transport
from rpcserver.wire.close_codes import CloseCode
from rpcserver.wire.codec import RefusedFrame, decode_frame, encode
from rpcserver.wire.frames import Auth, Authenticated, ErrorFrame
from rpcserver.wire.framing import text_frame

WRITE_SIZE = 128 * 1024  # bytes of one write
BACKLOG_MAX = 64 * 1024  # bytes unread by the client at which the writer waits


class Connection:
    """
    One client. *identity* is known where the handshake bore a token, else an auth frame brings it.
    """

    def __init__(self, transport: Transport, backend: Backend, identity: Identity | None) -> None:
        self._transport = transport
        self._backend = backend
        self._limits = backend.limits
        self._identity = identity
        self._outbox = Outbox(backend.limits.outbox_bytes_max)
        self._scope = CancelScope()
        self._ending: tuple[CloseCode, str] | None = None
        self._last_heard = anyio.current_time()

    @property
    def last_heard(self) -> float:
        return self._last_heard

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

    async def _say_goodbye(self) -> None:
        if self._ending is None:
            return  # the client left first
        code, reason = self._ending
        if code is not CloseCode.SLOW_CONSUMER:
            self._transport.write(self._outbox.take(self._outbox.size))
        await self._transport.close(code, reason)

    # --- writing ------------------------------------------------------------------------------

    async def _write(self) -> None:
        try:
            while True:
                await self._outbox.wait_for_frames()
                self._transport.write(self._outbox.take(WRITE_SIZE))
                if self._transport.backlog > BACKLOG_MAX:
                    await self._drain()
                elif self._outbox.size:
                    await anyio.lowlevel.checkpoint()  # between two blocks others have their turn
        except Disconnected:
            self._scope.cancel()

    async def _drain(self) -> None:
        """Wait until the client has read; cut off one that reads nothing at all for too long."""
        while True:
            before = self._transport.backlog
            with move_on_after(self._limits.stall_timeout):
                await self._transport.drain()
                return
            if self._transport.backlog >= before:
                self.end(CloseCode.SLOW_CONSUMER, "read nothing for too long; attach to go on")
                return

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
        conversation = Conversation(
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
            self.end(CloseCode.AUTH_TIMEOUT, "no auth frame came in time")
            return None
        try:
            frame = decode_frame(message) if isinstance(message, str) else None
        except RefusedFrame:
            frame = None
        if not isinstance(frame, Auth):
            detail = 'the first frame must be {"action":"auth","token":"…"}'
            self._refuse_entry(detail)
            return None
        if (identity := await self._backend.gatekeeper.identify(frame.token)) is None:
            self._refuse_entry("the token is wrong")
            return None
        principal = identity.principal
        answer = Authenticated(
            principal=principal.principal_id,
            roles=sorted(role.value for role in principal.roles),
            accounts=principal.accounts,
        )
        self.post(text_frame(encode(answer)))
        return identity

    def _refuse_entry(self, detail: str) -> None:
        self.post(text_frame(encode(ErrorFrame(error="unauthenticated", detail=detail))))
        self.end(CloseCode.UNAUTHENTICATED, "unauthenticated")
