"""What follows from a batch of records beside the chain itself: the same for every journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rpcserver.core.entries import OperationRow
from rpcserver.core.pruning import Pruned
from rpcserver.core.records import LegEnded, OperationFinished, OperationOpened, Record
from rpcserver.domain.ids import OperationId


@dataclass(slots=True)
class Changes:
    """To be made in the transaction that makes the records themselves durable."""

    places: list[tuple[str, int, int]] = field(default_factory=list)  # subject, seq, audit_seq
    turned: dict[str, int | None] = field(default_factory=dict)  # subject: opened by; None: closed
    opened: list[tuple[int, OperationRow]] = field(default_factory=list)  # by which audit_seq
    finished: list[OperationFinished] = field(default_factory=list)
    exits: list[tuple[int, LegEnded]] = field(default_factory=list)  # by which audit_seq
    pruned: list[Pruned] = field(default_factory=list)
    legs: dict[OperationId, int] = field(default_factory=dict)  # the largest total seen


def changes_of(records: Sequence[Record], first_seq: int) -> Changes:
    """
    Everything that *records* change; the first of them is the chain's entry *first_seq*.

    A subject that is opened and closed in one batch ends as whichever came last.
    """
    changes = Changes()
    places, turned, legs = changes.places, changes.turned, changes.legs
    for audit_seq, record in enumerate(records, first_seq):
        for concern in record.concerns:
            places.append((concern.operation_id, concern.seq, audit_seq))
            if concern.total > legs.get(concern.operation_id, 0):
                legs[concern.operation_id] = concern.total
        if not record.concerns:  # else these are its subjects, found the quick way
            places.extend((subject, seq, audit_seq) for subject, seq in record.subjects)
        if (opens := record.opens) is not None:
            turned[opens] = audit_seq
            if isinstance(record, OperationOpened):
                changes.opened.append((audit_seq, _running(record)))
        if (closes := record.closes) is not None:
            turned[closes] = None
        if isinstance(record, LegEnded):
            changes.exits.append((audit_seq, record))
        elif isinstance(record, OperationFinished):
            changes.finished.append(record)
        elif isinstance(record, Pruned):
            changes.pruned.append(record)
    return changes


def _running(record: OperationOpened) -> OperationRow:
    request = record.request
    return OperationRow(
        operation_id=record.operation_id,
        api=request.api,
        principal=request.principal,
        idempotency_key=request.idempotency_key,
        digest=request.digest,
        opened_at=record.at,
        finished_at=None,
        success=None,
        flat=None,
        partial=not request.is_harmless_again,
        dry_run=request.dry_run,
        legs=0,
        strategy=request.scope.strategy_tag,
        reason=request.reason,
        remote=request.remote,
        venues=tuple(sorted({account.venue for account in request.scope.accounts})),
        sandboxes=request.sandboxes,
    )
