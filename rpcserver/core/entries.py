"""What the journal tells back: records in their place in the chain, and operations as rows."""

from __future__ import annotations

from datetime import datetime

import msgspec

from rpcserver.core.records import Record
from rpcserver.domain.ids import OperationId, PrincipalId


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it stands in the journal: `audit_hash` chains it to everything before."""

    audit_seq: int  # global, gapless, from 1
    audit_hash: str  # hexadecimal
    record: Record


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The newest entry's place in the chain; `audit_seq` 0 before the first."""

    audit_seq: int
    audit_hash: str


class OperationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One operation as `ListOperations` shows it."""

    operation_id: OperationId
    api: str
    principal: PrincipalId
    idempotency_key: str | None
    digest: str  # of api and decoded args
    opened_at: datetime
    finished_at: datetime | None
    success: bool | None  # None while it runs
    flat: bool | None
    partial: bool  # asked to leave something: a repeat without a key is refused for a while
    dry_run: bool
    legs: int


class ChainReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk along the hash chain found."""

    intact: bool
    records: int
    head: Head
    first_broken: int | None = None  # audit_seq
    detail: str = ""
