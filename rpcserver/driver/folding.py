"""What became of an operation, from the journal alone (law 37)."""

from __future__ import annotations

import msgspec

from rpcserver.core.entries import Entry
from rpcserver.core.machine import apply
from rpcserver.core.records import OperationFinished, OperationPlanned
from rpcserver.core.report import OperationReport
from rpcserver.core.reporting import report_of
from rpcserver.core.state import State
from rpcserver.domain.ids import OperationId
from rpcserver.driver.ports import Journal


async def folded_report(journal: Journal, operation_id: OperationId) -> OperationReport | None:
    """The report of an operation as told at its end, or as it stands; None: there is none."""
    state = State()
    for entry in await _entries(journal, operation_id):
        record = entry.record
        apply(state, record)
        if isinstance(record, OperationFinished) and record.operation_id == operation_id:
            return sealed(state.reports[operation_id], entry)
    operation = state.operations.get(operation_id)
    return report_of(state, operation) if operation is not None else None


def sealed(report: OperationReport, end: Entry) -> OperationReport:
    """The report with its end's place in the chain."""
    return msgspec.structs.replace(report, audit_seq=end.audit_seq, audit_head=end.audit_hash)


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
