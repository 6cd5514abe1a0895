"""Every connection that has a principal, by its token: how many, how busy, and how to end them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import anyio

from rpcserver.domain.ids import TokenId
from rpcserver.server.auth import Gatekeeper, Identity
from rpcserver.server.limits import Allowance, Limits
from rpcserver.wire.close_codes import CloseCode
from rpcserver.wire.codec import encode
from rpcserver.wire.frames import Notice
from rpcserver.wire.framing import text_frame


class Session(Protocol):
    """What the registry needs of a connection."""

    @property
    def last_heard(self) -> float:
        """When its last frame came."""

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
        self._gatekeeper.forget(token_id)
        for session in tuple(self._by_token.get(token_id, ())):
            session.end(CloseCode.REVOKED, "the token was revoked")

    def announce(self, notice: str, detail: str) -> None:
        """Tell everyone something about the server itself."""
        frame = text_frame(encode(Notice(notice=notice, detail=detail)))
        for session in self:
            session.post(frame)

    async def watch_tokens(self, interval: float) -> None:
        """Ask about every token again, each *interval* seconds: another process may revoke one."""
        while True:
            await anyio.sleep(interval)
            for token_id, sessions in tuple(self._by_token.items()):
                hashes = {identity.token_hash for identity in sessions.values()}
                for token_hash in hashes:
                    if not await self._gatekeeper.is_good(token_hash):
                        self.revoked(token_id)
