"""Who may speak: tokens are settings, not records, and are kept beside the chain."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiosqlite
from loguru import logger

from rpcserver.domain.errors import InvalidRequest, JournalBroken
from rpcserver.domain.ids import TokenId
from rpcserver.domain.principal import TokenRow
from rpcserver.journal.connection import connect, is_busy, opening
from rpcserver.journal.migrations import require_current
from rpcserver.journal.rows import TOKEN_COLUMNS, Value, time_text, token_row, token_values

_ADD = (
    f"INSERT INTO tokens (token_hash, {TOKEN_COLUMNS}) "
    f"VALUES ({', '.join('?' * (1 + len(TokenRow.__struct_fields__)))})"
)
_REVOKE = "UPDATE tokens SET revoked_at = ? WHERE token_id = ? AND revoked_at IS NULL"
_ALL = f"SELECT {TOKEN_COLUMNS} FROM tokens ORDER BY created_at, token_id"
_ONE = f"SELECT {TOKEN_COLUMNS} FROM tokens WHERE token_hash = ?"
_LIMIT = (
    "UPDATE tokens SET expires_at = min(coalesce(expires_at, ?1), ?1) "
    "WHERE token_id = ?2 AND revoked_at IS NULL"
)


@asynccontextmanager
async def open_tokens(path: Path) -> AsyncIterator[TokenStore]:
    """
    Open only the tokens of an existing journal: also while a server runs on it.

    Raises:
        JournalUnusable: There is no journal of this version at *path*.
    """
    async with AsyncExitStack() as stack:
        with opening(path):
            db = await stack.enter_async_context(connect(path))
            await require_current(db, path)
        yield TokenStore(db)


class TokenStore:
    """The table `tokens`. Its connection is its own: none of this waits for a batch of records."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db

    async def add_token(self, token: TokenRow, token_hash: bytes) -> None:
        """
        Let whoever shows the token with this SHA-256 speak for `token.principal`.

        Raises:
            InvalidRequest: There is such a token, or one of that name.
            JournalBroken: It could not be written; whether it was is unknown.
        """
        try:
            await self._write(_ADD, token_values(token, token_hash))
        except sqlite3.IntegrityError as exc:
            raise InvalidRequest("token_exists", f"{token.token_id} exists") from exc

    async def revoke_token(self, token_id: TokenId, at: datetime) -> bool:
        """Whether there was such a token, not yet revoked."""
        return await self._write(_REVOKE, (time_text(at), token_id)) == 1

    async def limit_token(self, token_id: TokenId, expires_at: datetime) -> bool:
        """Let a token expire then, or earlier if it would. False: no such token is unrevoked."""
        return await self._write(_LIMIT, (time_text(expires_at), token_id)) == 1

    async def tokens(self) -> Sequence[TokenRow]:
        """Every token, revoked ones too, oldest first."""
        return [token_row(row) for row in await self._db.execute_fetchall(_ALL)]

    async def token_of(self, token_hash: bytes) -> TokenRow | None:
        """The token with this SHA-256, good or not, or None if there never was one."""
        for row in await self._db.execute_fetchall(_ONE, (token_hash,)):
            return token_row(row)
        return None

    async def _write(self, sql: str, values: Sequence[Value]) -> int:
        while True:
            try:
                async with self._db.execute(sql, values) as cursor:
                    return cursor.rowcount
            except sqlite3.IntegrityError:
                raise
            except sqlite3.Error as exc:
                if not is_busy(exc):
                    raise JournalBroken(f"a token could not be written: {exc}") from exc
                logger.warning("another program is writing to the journal; waiting")
