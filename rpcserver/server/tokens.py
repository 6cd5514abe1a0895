"""
Making and ending tokens: what a token may be, who may make it, and what the audit says of it.

One change at a time: two administrators who revoke each other at once must not both succeed.
Nothing here is ever logged or journaled that lets anyone in.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

import anyio
import msgspec

from rpcserver.apis.queries import CreateToken, NewToken, RevokeToken, RotateToken
from rpcserver.core.events import Noticed
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import TokenId
from rpcserver.domain.principal import Principal, TokenRow
from rpcserver.server.admission import check_grant, check_rotation, may_administer
from rpcserver.server.ports import Engine


class TokenOffice:
    """
    Makes, rotates and revokes tokens for one principal at a time.

    `on_revoked` ends a token's connections; `on_limited` is told when they will end.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        on_revoked: Callable[[TokenId], None],
        on_limited: Callable[[TokenId, datetime], None],
    ) -> None:
        self._engine = engine
        self._journal = engine.journal
        self._on_revoked = on_revoked
        self._on_limited = on_limited
        self._one_at_a_time = anyio.Lock()

    async def listed(self, principal: Principal) -> tuple[TokenRow, ...]:
        """Every token that *principal* may administer, good or not, oldest first."""
        rows = await self._journal.tokens()
        return tuple(row for row in rows if may_administer(principal, row))

    async def create(self, principal: Principal, query: CreateToken, remote: str) -> NewToken:
        """
        Make a token.

        Raises:
            InvalidRequest: `forbidden`: it would hold more than who makes it; `journal_low`.
        """
        check_grant(principal, query.roles, query.accounts)
        self._check_room()
        async with self._one_at_a_time:
            token, token_hash = _new_secret()
            row = TokenRow(
                token_id=_name_of(token_hash),
                principal=query.principal,
                roles=query.roles,
                accounts=query.accounts,
                created_at=datetime.now(UTC),
                expires_at=query.expires_at,
                created_by=principal.principal_id,
            )
            # The audit first: what it told of and was never made lets nobody in.
            await self._note("token_created", row, principal, remote, query.reason)
            await self._journal.add_token(row, token_hash)
            return NewToken(token, row)

    async def rotate(self, principal: Principal, query: RotateToken, remote: str) -> NewToken:
        """
        Make a token with the rights of another one, which ends after the grace.

        Raises:
            InvalidRequest: `unknown_token`; `forbidden`; `last_admin`; `journal_low`.
        """
        self._check_room()
        async with self._one_at_a_time:
            now = datetime.now(UTC)
            old = await self._find(query.token_id)
            if old is None or not old.is_good(now):
                raise InvalidRequest("unknown_token", f"no good token {query.token_id!r}")
            check_rotation(principal, old, query.expires_at)
            token, token_hash = _new_secret()
            new = msgspec.structs.replace(
                old,
                token_id=_name_of(token_hash),
                created_at=now,
                expires_at=query.expires_at or old.expires_at,
                created_by=principal.principal_id,
            )
            if not new.is_lasting_admin:
                await self._check_not_the_last(old)
            await self._note(
                "token_rotated", new, principal, remote, query.reason, place_of=old.token_id
            )
            await self._journal.add_token(new, token_hash)
            ends_at = min(now + query.grace, old.expires_at or now + query.grace)
            await self._journal.limit_token(old.token_id, ends_at)
            self._on_limited(old.token_id, ends_at)
            return NewToken(token, new, old=msgspec.structs.replace(old, expires_at=ends_at))

    async def revoke(self, principal: Principal, query: RevokeToken, remote: str) -> bool:
        """
        Revoke a token and end its connections; False: there is no such token.

        Raises:
            InvalidRequest: `last_admin`: nobody could administer everything any more.
        """
        async with self._one_at_a_time:
            row = await self._find(query.token_id)
            if row is None or row.revoked_at is not None or not may_administer(principal, row):
                return False
            await self._check_not_the_last(row)
            revoked = await self._journal.revoke_token(row.token_id, datetime.now(UTC))
            self._on_revoked(row.token_id)
            # After the deed: a crash between must not leave a token that the audit calls dead.
            await self._note("token_revoked", row, principal, remote, query.reason)
            return revoked

    async def _find(self, token_id: TokenId) -> TokenRow | None:
        rows = await self._journal.tokens()
        return next((row for row in rows if row.token_id == token_id), None)

    async def _check_not_the_last(self, row: TokenRow) -> None:
        if not row.is_lasting_admin:
            return
        others = (each for each in await self._journal.tokens() if each.token_id != row.token_id)
        if not any(each.is_lasting_admin for each in others):
            raise InvalidRequest(
                "last_admin",
                f"{row.token_id} is the last token that administers every account and does not "
                "expire: make another one first",
            )

    def _check_room(self) -> None:
        if self._journal.low:
            raise InvalidRequest("journal_low", "the disk is nearly full: only exits are admitted")

    async def _note(
        self,
        code: str,
        row: TokenRow,
        by: Principal,
        remote: str,
        reason: str,
        *,
        place_of: TokenId | None = None,
    ) -> None:
        """Who did what to which token, for whom: never the token."""
        parts = [
            row.token_id,
            f"in place of {place_of}" if place_of is not None else "",
            f"for {row.principal}",
            f"roles {', '.join(sorted(role.value for role in row.roles))}",
            f"accounts {', '.join(row.accounts)}",
            f"until {row.expires_at.isoformat()}" if row.expires_at is not None else "",
            reason,
        ]
        detail = "; ".join(part for part in parts if part)
        await self._engine.note(
            Noticed(code=code, detail=detail, principal=by.principal_id, remote=remote)
        )


def _new_secret() -> tuple[str, bytes]:
    """256 random bits, and their SHA-256."""
    token = secrets.token_urlsafe(32)
    return token, hashlib.sha256(token.encode()).digest()


def _name_of(token_hash: bytes) -> TokenId:
    return TokenId(f"tok-{token_hash.hex()[:12]}")
