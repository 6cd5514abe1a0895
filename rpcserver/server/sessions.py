"""Every connection that has a principal, by its token: how many, how busy, and how to end them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

import anyio

from rpcserver.domain.ids import OperationId, TokenId
from rpcserver.server.auth import Gatekeeper, Identity
from rpcserver.server.limits import Allowance, Limits
from rpcserver.wire.close_codes import CloseCode
from rpcserver.wire.codec import encode
from rpcserver.wire.frames import Notice
from rpcserver.wire.framing import text_frame

LOOK_AGAIN = 30.0  # seconds between two looks at what expires


class Session(Protocol):
    """What the registry needs of a connection."""

    @property
    def last_heard(self) -> float:
        """When its last frame came."""

    @property
    def awaited(self) -> Sequence[OperationId]:
        """Operations whose end it waits for."""

    def post(self, frame: bytes) -> None:
        """Queue one finished frame."""

    def end(self, code: CloseCode, reason: str) -> None:
        """Close it, after what is queued."""


class Sessions:
    """All sessions. One token's share their allowance."""

    def __init__(self, limits: Limits, gatekeeper: Gatekeeper) -> None:
        self._limits = limits
        self._gatekeeper = gatekeeper
        self._by_token: dict[TokenId, dict[Session, Identity]] = {}
        self._allowances: dict[TokenId, Allowance] = {}
        self._expiries_changed = anyio.Event()

    def __len__(self) -> int:
        return sum(len(sessions) for sessions in self._by_token.values())

    def __iter__(self) -> Iterator[Session]:
        for sessions in tuple(self._by_token.values()):
            yield from tuple(sessions)

    def admit(self, session: Session, identity: Identity) -> Allowance:
        """
        Take in a connection and return what its token may use up.

        Beyond the limit the token's longest-silent connection is ended: half-dead sockets must
        not lock a trader out.
        """
        token_id = identity.principal.token_id
        sessions = self._by_token.setdefault(token_id, {})
        if len(sessions) >= self._limits.connections_per_token_max:
            silent = min(sessions, key=lambda each: each.last_heard)
            del sessions[silent]
            silent.end(CloseCode.POLICY, "a newer connection of this token took its place")
        sessions[session] = identity
        if identity.expires_at is not None:
            self._expiries_changed.set()
        allowance = self._allowances.get(token_id)
        if allowance is None:
            allowance = self._allowances[token_id] = Allowance(self._limits, anyio.current_time())
        return allowance

    def leave(self, session: Session, identity: Identity) -> None:
        """A connection has ended."""
        token_id = identity.principal.token_id
        sessions = self._by_token.get(token_id, {})
        sessions.pop(session, None)
        if not sessions:
            self._by_token.pop(token_id, None)

    def revoked(self, token_id: TokenId) -> None:
        """A token was revoked: end every connection that lives on it."""
        self._end(token_id, "the token was revoked")

    def limited(self, token_id: TokenId, expires_at: datetime) -> None:
        """A token will end then: so will every connection that lives on it."""
        self._gatekeeper.forget(token_id)
        sessions = self._by_token.get(token_id, {})
        for session, identity in sessions.items():
            sessions[session] = identity._replace(expires_at=expires_at)
        self._expiries_changed.set()

    def _end(self, token_id: TokenId, why: str) -> None:
        self._gatekeeper.bar(token_id)
        for session in tuple(self._by_token.get(token_id, ())):
            session.end(CloseCode.REVOKED, why)

    def announce(self, notice: str, detail: str) -> None:
        """Tell everyone something about the server itself, and what they wait for in vain."""
        for session in self:
            told = Notice(notice=notice, detail=detail, operation_ids=session.awaited)
            session.post(text_frame(encode(told)))

    async def watch_tokens(self, interval: float) -> None:
        """Ask about every token again, each *interval* seconds: another process may revoke one."""
        while True:
            await anyio.sleep(interval)
            for token_id, sessions in tuple(self._by_token.items()):
                for session, identity in tuple(sessions.items()):
                    renewed = await self._gatekeeper.renew(identity)
                    if renewed is None:
                        self.revoked(token_id)
                    elif session in sessions:
                        sessions[session] = renewed
                        self._expiries_changed.set()

    async def watch_expiries(self) -> None:
        """End every connection in the moment its token expires."""
        while True:
            self._expiries_changed = anyio.Event()
            now = datetime.now(UTC)
            next_look = LOOK_AGAIN  # the clock on the wall may be set meanwhile
            for token_id, sessions in tuple(self._by_token.items()):
                ends = [each.expires_at for each in sessions.values() if each.expires_at]
                if not ends:
                    continue
                left = (min(ends) - now).total_seconds()
                if left <= 0:
                    self._end(token_id, "the token has expired")
                else:
                    next_look = min(next_look, left)
            with anyio.move_on_after(next_look):
                await self._expiries_changed.wait()
