"""Who speaks through a token. Tokens are known by their SHA-256 alone, and are never logged."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import anyio

from rpcserver.domain.ids import TokenId
from rpcserver.domain.principal import Principal
from rpcserver.driver.ports import Journal

TRUST = 5.0  # seconds for which a token that was good is not asked about again


class Identity(NamedTuple):
    """A principal, and what to ask the journal about again."""

    principal: Principal
    token_hash: bytes


class Gatekeeper:
    """Asks the journal who a token speaks for, and remembers the answer for a moment."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._trusted: dict[bytes, tuple[float, Principal]] = {}

    async def identify(self, token: str) -> Identity | None:
        """Whoever *token* speaks for, or None if it is unknown or revoked."""
        token_hash = hashlib.sha256(token.encode(errors="replace")).digest()
        now = anyio.current_time()
        known = self._trusted.get(token_hash)
        if known is not None and now - known[0] < TRUST:
            return Identity(known[1], token_hash)
        principal = await self._journal.principal_of(token_hash)
        if principal is None:
            self._trusted.pop(token_hash, None)
            return None
        self._trusted[token_hash] = (now, principal)
        return Identity(principal, token_hash)

    async def is_good(self, token_hash: bytes) -> bool:
        """Whether the token is still good, asked of the journal itself."""
        return await self._journal.principal_of(token_hash) is not None

    def forget(self, token_id: TokenId) -> None:
        """A token was revoked: trust it no longer."""
        for token_hash, (_, principal) in tuple(self._trusted.items()):
            if principal.token_id == token_id:
                del self._trusted[token_hash]


def bearer(header: str) -> str | None:
    """The token of an `Authorization: Bearer …` header."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.casefold() == "bearer" and token.strip() else None
