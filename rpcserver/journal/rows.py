"""Rows of the database, and the values they stand for."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from rpcserver.core.entries import Exit, OperationRow
from rpcserver.core.records import LegEnded
from rpcserver.domain.principal import TokenRow

Value = str | bytes | int | None

OPERATION_COLUMNS = ", ".join(OperationRow.__struct_fields__)
EXIT_COLUMNS = ", ".join(Exit.__struct_fields__)
TOKEN_COLUMNS = ", ".join(TokenRow.__struct_fields__)
_NAMES = ("venues", "sandboxes")


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
        _names(row.venues),
        None if row.sandboxes is None else _names(row.sandboxes),
    )


def operation_row(row: sqlite3.Row) -> OperationRow:
    """What a row of `OPERATION_COLUMNS` says."""
    fields = _decoded(dict(zip(OperationRow.__struct_fields__, row, strict=True)), *_NAMES)
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
    fields = _decoded(dict(zip(Exit.__struct_fields__, row, strict=True)), *_NAMES)
    return msgspec.convert(fields, Exit)


def token_values(token: TokenRow, token_hash: bytes) -> tuple[Value, ...]:
    """A new row of `tokens`: the hash, then the columns of `TOKEN_COLUMNS`."""
    return (
        token_hash,
        token.token_id,
        token.principal,
        _names(sorted(role.value for role in token.roles)),
        _names(token.accounts),
        time_text(token.created_at),
        None if token.revoked_at is None else time_text(token.revoked_at),
        None if token.expires_at is None else time_text(token.expires_at),
        token.created_by,
    )


def token_row(row: sqlite3.Row) -> TokenRow:
    """What a row of `TOKEN_COLUMNS` says."""
    fields = dict(zip(TokenRow.__struct_fields__, row, strict=True))
    return msgspec.convert(_decoded(fields, "roles", "accounts"), TokenRow)


def _names(names: Sequence[str]) -> str:
    """Several names in one column, as a JSON array."""
    return msgspec.json.encode(names).decode()


def _decoded(fields: dict[str, object], *columns: str) -> dict[str, object]:
    """*fields* with the names that stand in *columns*, as far as they are there."""
    for column in columns:
        if isinstance(names := fields.get(column), str):
            fields[column] = msgspec.json.decode(names)
    return fields
