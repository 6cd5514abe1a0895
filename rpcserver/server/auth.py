"""Who speaks through a token. Tokens are known by their SHA-256 alone, and are never logged."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import NamedTuple

import anyio

from rpcserver.domain.ids import TokenId
from rpcserver.domain.principal import Principal, TokenRow
from rpcserver.driver.ports import Journal

TRUST = 5.0  # seconds for which a token that was good is not asked about again


class Identity(NamedTuple):
    """A principal, until when it may stay, and what to ask the journal about again."""

    principal: Principal
    expires_at: datetime | None
    token_hash: bytes


class Gatekeeper:
    """Asks the journal who a token speaks for, and remembers the answer for a moment."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._trusted: dict[bytes, tuple[float, TokenRow]] = {}
        self._ended: set[TokenId] = set()  # known to be no good any more, since the start

    async def identify(self, token: str) -> Identity | None:
        """Whoever *token* speaks for, or None if it is unknown, revoked or expired."""
        token_hash = hashlib.sha256(token.encode(errors="replace")).digest()
        now = anyio.current_time()
        asked_at, row = self._trusted.get(token_hash, (float("-inf"), None))
        if row is None or now - asked_at >= TRUST:
            row = await self._journal.token_of(token_hash)
        if row is None or not self._is_good(row):
            self._trusted.pop(token_hash, None)
            return None
        self._trusted[token_hash] = (now, row)
        return Identity(row.speaks_for, row.expires_at, token_hash)

    async def renew(self, identity: Identity) -> Identity | None:
        """The same as the journal knows it now, or None if its token is no good any more."""
        row = await self._journal.token_of(identity.token_hash)
        if row is None or not self._is_good(row):
            return None
        return identity._replace(expires_at=row.expires_at)

    def forget(self, token_id: TokenId) -> None:
        """Something became of a token: ask the journal when it is shown again."""
        for token_hash, (_, row) in tuple(self._trusted.items()):
            if row.token_id == token_id:
                del self._trusted[token_hash]

    def bar(self, token_id: TokenId) -> None:
        """A token was revoked or has expired: trust it no longer."""
        self.forget(token_id)
        self._ended.add(token_id)

    def has_ended(self, token_id: TokenId) -> bool:
        """Whether a token that let somebody in is no good any more."""
        return token_id in self._ended

    def _is_good(self, row: TokenRow) -> bool:
        return row.token_id not in self._ended and row.is_good(datetime.now(UTC))


def bearer(header: str) -> str | None:
    """The token of an `Authorization: Bearer …` header."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.casefold() == "bearer" and token.strip() else None
