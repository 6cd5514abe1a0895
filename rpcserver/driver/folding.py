"""What the journal alone can tell: of an operation that ended (law 37), of keys, of a life ago."""

from __future__ import annotations

from datetime import datetime

import msgspec
from loguru import logger

from rpcserver.core.entries import Entry
from rpcserver.core.machine import apply
from rpcserver.core.passing import KeyRemembered, PartialRemembered
from rpcserver.core.records import OperationFinished, OperationOpened, OperationPlanned
from rpcserver.core.report import OperationReport
from rpcserver.core.reporting import report_of
from rpcserver.core.requests import CloseRequest
from rpcserver.core.state import KEY_LIFE, REPEAT_WINDOW, State
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import OperationId
from rpcserver.driver.ports import Journal
from rpcserver.driver.sequels import with_placement


async def folded_report(journal: Journal, operation_id: OperationId) -> OperationReport | None:
    """The report of an operation as told at its end, or as it stands; None: there is none."""
    state = State()
    entries = await _entries(journal, operation_id)
    if not any(_opens(entry, operation_id) for entry in entries):
        return None  # it is being pruned, the oldest entry first
    for entry in entries:
        record = entry.record
        apply(state, record)
        if isinstance(record, OperationFinished) and record.operation_id == operation_id:
            return await with_placement(journal, sealed(state.reports[operation_id], entry))
    operation = state.operations.get(operation_id)
    return report_of(state, operation) if operation is not None else None


async def remembered(journal: Journal, now: datetime) -> list[KeyRemembered | PartialRemembered]:
    """What a new life knows of operations that ended: the keys, and the partial closes of late."""
    facts: list[KeyRemembered | PartialRemembered] = []
    for row in await journal.recent(now - KEY_LIFE):
        if (key := row.idempotency_key) is not None:
            facts.append(
                KeyRemembered(row.principal, key, row.operation_id, row.digest, row.opened_at)
            )
        ended = row.finished_at
        if row.partial and ended is not None and now - ended < REPEAT_WINDOW:
            facts.append(PartialRemembered(row.principal, row.digest, row.operation_id, ended))
    return facts


async def refuse_expired_key(journal: Journal, state: State, request: CloseRequest) -> None:
    """
    A key older than what the state remembers is looked up where everything is.

    Raises:
        InvalidRequest: `idempotency_conflict`, `idempotency_expired`.
    """
    key = request.idempotency_key
    if key is None or state.find_key(request.principal, key) is not None:
        return
    row = await journal.find_key(request.principal, key)
    if row is None or state.find_key(request.principal, key) is not None:
        return
    if row.digest != request.digest:
        raise InvalidRequest(
            "idempotency_conflict", f"this key named another call: operation {row.operation_id}"
        )
    raise InvalidRequest("idempotency_expired", f"this key named operation {row.operation_id}")


async def no_such_operation(journal: Journal, operation_id: str) -> InvalidRequest:
    """`unknown_operation`, and where it may be if it is so old that it was pruned."""
    detail = f"there is no operation {operation_id[:64]}"
    if (pruned := (await journal.anchor()).audit_seq) > 0:
        detail += f"; entries up to {pruned} of the audit are in its archives only"
    return InvalidRequest("unknown_operation", detail)


def sealed(report: OperationReport, end: Entry) -> OperationReport:
    """The report with its end's place in the chain."""
    return msgspec.structs.replace(report, audit_seq=end.audit_seq, audit_head=end.audit_hash)


def log_end(finished: OperationFinished) -> None:
    """Tell the log how an operation ended."""
    logger.info(
        "operation ended",
        operation=finished.operation_id,
        success=finished.success,
        flat=finished.flat,
        legs={outcome.value: count for outcome, count in finished.counts.items()},
    )


def _opens(entry: Entry, operation_id: OperationId) -> bool:
    record = entry.record
    return isinstance(record, OperationOpened) and record.operation_id == operation_id


async def _entries(journal: Journal, operation_id: OperationId) -> list[Entry]:
    """
    The entries of an operation, and of every operation whose work it joined, in their order.

    What others had sent for a position before it joined them is part of what it tells.
    """
    found: dict[int, Entry] = {}
    read: set[OperationId] = set()
    wanted = {operation_id}
    while wanted:
        read.add(name := wanted.pop())
        for entry in await journal.operation(name):
            found[entry.audit_seq] = entry
            if isinstance(entry.record, OperationPlanned):
                wanted |= {other for leg in entry.record.legs for other in leg.joins} - read
    return [found[audit_seq] for audit_seq in sorted(found)]
