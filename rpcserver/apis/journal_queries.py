"""Queries of the journal: operations, the exit log, the chain. `queries.py` has them all."""

from __future__ import annotations

import msgspec

from rpcserver.core.entries import Exit, ExitFilter
from rpcserver.domain.ids import OperationId, PrincipalId


class ReadOperations(msgspec.Struct, frozen=True):
    """-> `tuple[OperationRow, ...]`, newest first."""

    principal: PrincipalId | None = None
    before: OperationId | None = None
    limit: int = 50


class ReadOperation(msgspec.Struct, frozen=True):
    """-> `OperationReport`; unknown or another's: `InvalidRequest("unknown_operation")`."""

    operation_id: OperationId


class ReadExits(msgspec.Struct, frozen=True):
    """-> `FoundExits`: a page of those the caller may see, and all of them with `whole`."""

    wanted: ExitFilter
    before: int | None = None  # an audit_seq
    limit: int = 100
    whole: bool = False


class VerifyChain(msgspec.Struct, frozen=True):
    """-> `ChainReport`."""


class FoundExits(msgspec.Struct, frozen=True):
    """The newest first."""

    page: tuple[Exit, ...]
    all: tuple[Exit, ...] = ()
