"""Rows of the database, and the values they stand for."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import msgspec

from rpcserver.core.entries import Exit, OperationRow
from rpcserver.core.records import LegEnded
from rpcserver.domain.principal import TokenRow

Value = str | bytes | int | None

OPERATION_COLUMNS = ", ".join(OperationRow.__struct_fields__)
EXIT_COLUMNS = ", ".join(Exit.__struct_fields__)
TOKEN_COLUMNS = ", ".join(TokenRow.__struct_fields__)


def time_text(time: datetime) -> str:
    """Always UTC, always with microseconds: such texts sort like the times they tell."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def operation_values(opened_by: int, row: OperationRow) -> tuple[Value, ...]:
    """A new row of `operations`: `opened_by`, then the columns of `OPERATION_COLUMNS`."""
    return (
        opened_by,
        row.operation_id,
        row.api,
        row.principal,
        row.idempotency_key,
        row.digest,
        time_text(row.opened_at),
        None if row.finished_at is None else time_text(row.finished_at),
        row.success,
        row.flat,
        row.partial,
        row.dry_run,
        row.legs,
        row.strategy,
        row.reason,
        row.remote,
    )


def operation_row(row: sqlite3.Row) -> OperationRow:
    """What a row of `OPERATION_COLUMNS` says."""
    fields = dict(zip(OperationRow.__struct_fields__, row, strict=True))
    return msgspec.convert(fields, OperationRow, strict=False)


def exit_values(audit_seq: int, ended: LegEnded) -> tuple[Value, ...]:
    """A new row of `exits`."""
    lane, price = ended.lane, ended.average_price
    return (
        audit_seq,
        ended.operation_id,
        ended.number,
        time_text(ended.at),
        lane.venue,
        lane.account,
        lane.instrument,
        f"{ended.held:f}",
        f"{ended.closed:f}",
        None if price is None else f"{price:f}",
        f"{ended.remaining:f}",
        ended.outcome.value,
        ended.reason,
        None if ended.proven_at is None else time_text(ended.proven_at),
    )


def exit_row(row: sqlite3.Row) -> Exit:
    """What a row of `EXIT_COLUMNS` says."""
    return msgspec.convert(dict(zip(Exit.__struct_fields__, row, strict=True)), Exit)


def token_values(token: TokenRow, token_hash: bytes) -> tuple[Value, ...]:
    """A new row of `tokens`: the hash, then the columns of `TOKEN_COLUMNS`."""
    return (
        token_hash,
        token.token_id,
        token.principal,
        msgspec.json.encode(sorted(role.value for role in token.roles)).decode(),
        msgspec.json.encode(token.accounts).decode(),
        time_text(token.created_at),
        None if token.revoked_at is None else time_text(token.revoked_at),
        None if token.expires_at is None else time_text(token.expires_at),
        token.created_by,
    )


def token_row(row: sqlite3.Row) -> TokenRow:
    """What a row of `TOKEN_COLUMNS` says."""
    fields = dict(zip(TokenRow.__struct_fields__, row, strict=True))
    for name in ("roles", "accounts"):
        fields[name] = msgspec.json.decode(fields[name])
    return msgspec.convert(fields, TokenRow)
