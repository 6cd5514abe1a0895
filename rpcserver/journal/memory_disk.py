"""What outlives the process of a journal in memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rpcserver.core.entries import Exit, Head, OperationRow
from rpcserver.core.records import LegEnded
from rpcserver.domain.ids import OperationId
from rpcserver.domain.principal import TokenRow
from rpcserver.journal.chain import GENESIS, Link
from rpcserver.journal.changes import Changes


class MemoryDisk:
    """The tables of `schema.sql`, as Python keeps them."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.places: dict[str, list[tuple[int, int]]] = {}  # subject: (seq, audit_seq), in order
        self.open_subjects: dict[str, int] = {}  # and the audit_seq that opened it
        self.operations: dict[OperationId, OperationRow] = {}  # oldest first
        self.exits: list[Exit] = []  # oldest first
        self.tokens: dict[bytes, TokenRow] = {}
        self.anchor = GENESIS  # what the first of `links` continues
        self.to_prune = 0  # how far the chain says that it is pruned

    @property
    def head(self) -> Head:
        return self.links[-1].head if self.links else GENESIS

    def after(self, audit_seq: int, limit: int | None = None) -> Sequence[Link]:
        start = max(0, audit_seq - self.anchor.audit_seq)
        return self.links[start : None if limit is None else start + limit]

    def prune(self, through: int) -> None:
        """Delete the front, and what the tables say of it."""
        count = through - self.anchor.audit_seq
        self.anchor = self.links[count - 1].head
        del self.links[:count]
        for operation_id in [name for name in self.operations if self.first(name) <= through]:
            del self.operations[operation_id]
        self.exits = [each for each in self.exits if each.audit_seq > through]
        kept = {
            subject: [place for place in places if place[1] > through]
            for subject, places in self.places.items()
        }
        self.places = {subject: places for subject, places in kept.items() if places}

    def first(self, operation_id: OperationId) -> int:
        """The entry that opened an operation."""
        return self.places[operation_id][0][1]

    def write(self, links: Sequence[Link], changes: Changes) -> None:
        self.links.extend(links)
        for subject, seq, audit_seq in changes.places:
            self.places.setdefault(subject, []).append((seq, audit_seq))
        for subject, opened_by in changes.turned.items():
            if opened_by is None:
                self.open_subjects.pop(subject, None)
            else:
                self.open_subjects[subject] = opened_by
        for _, row in changes.opened:
            self.operations[row.operation_id] = row
        self.exits += (self._exit(audit_seq, ended) for audit_seq, ended in changes.exits)
        for operation_id, legs in changes.legs.items():
            if (running := self.operations.get(operation_id)) is not None and legs > running.legs:
                self.operations[operation_id] = msgspec.structs.replace(running, legs=legs)
        for end in changes.finished:
            if (running := self.operations.get(end.operation_id)) is not None:
                self.operations[end.operation_id] = msgspec.structs.replace(
                    running, finished_at=end.at, success=end.success, flat=end.flat
                )
        for record in changes.pruned:
            self.to_prune = record.through

    def _exit(self, audit_seq: int, ended: LegEnded) -> Exit:
        operation = self.operations[ended.operation_id]
        return Exit(
            audit_seq=audit_seq,
            operation_id=ended.operation_id,
            leg=ended.number,
            at=ended.at,
            venue=ended.lane.venue,
            account=ended.lane.account,
            instrument=ended.lane.instrument,
            held=ended.held,
            closed=ended.closed,
            average_price=ended.average_price,
            remaining=ended.remaining,
            outcome=ended.outcome,
            why=ended.reason,
            proven_at=ended.proven_at,
            api=operation.api,
            principal=operation.principal,
            strategy=operation.strategy,
            reason=operation.reason,
            remote=operation.remote,
            sandboxes=operation.sandboxes,
        )
