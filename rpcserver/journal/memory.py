"""
The journal without a disk, for tests and simulation: the same contract, the same chain.

What it keeps is bytes, as on disk: a record that does not survive being written shows here too.
Its faults are what disks do, and are switched on by context managers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice

import msgspec
from anyio.lowlevel import checkpoint

from rpcserver.core.entries import (
    AlertFilter,
    ChainReport,
    Entry,
    Exit,
    ExitFilter,
    FoundAlert,
    Head,
    OperationRow,
)
from rpcserver.core.recording import own_order_subject
from rpcserver.core.records import LegEnded, Noted, Record, decode_record
from rpcserver.domain.errors import InvalidRequest, JournalBroken
from rpcserver.domain.ids import ClientOrderId, OperationId, PrincipalId, TokenId
from rpcserver.domain.principal import TokenRow
from rpcserver.journal.chain import GENESIS, Link, Walk, entries, seal
from rpcserver.journal.changes import Changes, changes_of


class _Disk:
    """What outlives the process."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.places: dict[str, list[tuple[int, int]]] = {}  # subject: (seq, audit_seq), in order
        self.open_subjects: dict[str, int] = {}  # and the audit_seq that opened it
        self.operations: dict[OperationId, OperationRow] = {}  # oldest first
        self.exits: list[Exit] = []  # oldest first
        self.tokens: dict[bytes, TokenRow] = {}

    @property
    def head(self) -> Head:
        return self.links[-1].head if self.links else GENESIS

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
        )


class MemoryJournal:
    """The `Journal` of `driver/ports.py`, in memory."""

    def __init__(self) -> None:
        self._disk = _Disk()
        self._head = GENESIS
        self._broken: str | None = None
        self._is_failing = False
        self._is_lying = False
        self._is_low = False

    def reopened(self) -> MemoryJournal:
        """What the next process finds. This one is dead: it takes no more records."""
        journal = MemoryJournal()
        journal._disk = self._disk
        journal._head = self._disk.head
        self._broken = "another process has taken over"
        return journal

    @contextmanager
    def failing_commits(self) -> Iterator[None]:
        """Commits raise, and what they covered is gone."""
        self._is_failing = True
        try:
            yield
        finally:
            self._is_failing = False

    @contextmanager
    def lying_commits(self) -> Iterator[None]:
        """Commits raise, and what they covered is there after a restart all the same."""
        self._is_lying = True
        try:
            yield
        finally:
            self._is_lying = False

    @contextmanager
    def filling_disk(self) -> Iterator[None]:
        """Room is short: the ballast is spent."""
        self._is_low = True
        try:
            yield
        finally:
            self._is_low = False

    @property
    def head(self) -> Head:
        return self._head

    @property
    def low(self) -> bool:
        """Whether room is so short that only closing calls should be admitted."""
        return self._is_low

    @property
    def is_in_charge(self) -> bool:
        """Always: no other process can reach this one's memory."""
        return True

    async def append(self, records: Sequence[Record]) -> Sequence[Entry]:
        """
        Keep *records*, all or none, in order.

        Whoever is cancelled in here cannot tell whether they were kept: like a process that is
        killed, which may die before the commit or after it.

        Raises:
            JournalBroken: The commit raised. Only what is `reopened` knows what was kept.
        """
        if not records:
            return ()
        await checkpoint()
        if self._broken is not None:
            raise JournalBroken(self._broken)
        links = seal(records, self._head)
        changes = changes_of(records, links[0].audit_seq)
        if self._is_failing or self._is_lying:
            if self._is_lying:
                self._disk.write(links, changes)
            self._broken = "a commit raised, and may be durable or not"
            raise JournalBroken(self._broken)
        self._disk.write(links, changes)
        self._head = links[-1].head
        await checkpoint()
        return entries(links, records)

    async def unfinished(self) -> Sequence[Record]:
        """Every record of every open subject since it was opened, in the journal's order."""
        wanted = {
            audit_seq
            for subject, opened_by in self._disk.open_subjects.items()
            for _, audit_seq in self._disk.places.get(subject, ())
            if audit_seq >= opened_by
        }
        return [decode_record(self._link(seq).body.encode()) for seq in sorted(wanted)]

    async def operation(
        self, operation_id: OperationId, *, after: int = 0, limit: int | None = None
    ) -> Sequence[Entry]:
        """The entries of one operation whose `seq` in it is greater than *after*, in order."""
        places = self._disk.places.get(operation_id, [])
        start = bisect_right(places, after, key=lambda place: place[0])
        stop = None if limit is None else start + limit
        return [self._link(audit_seq).entry for _, audit_seq in places[start:stop]]

    async def order(self, name: ClientOrderId) -> Sequence[Entry]:
        """The entries of a client's own order, oldest first."""
        places = self._disk.places.get(own_order_subject(name), [])
        return [self._link(audit_seq).entry for _, audit_seq in places]

    async def mentions(self, name: str, *, limit: int) -> Sequence[Entry]:
        """The newest entries that name *name*, oldest first."""
        found = [link.entry for link in self._disk.links if name in link.body]
        return found[-limit:]

    async def operation_row(self, operation_id: OperationId) -> OperationRow | None:
        return self._disk.operations.get(operation_id)

    async def operations(
        self,
        *,
        principal: PrincipalId | None = None,
        before: OperationId | None = None,
        limit: int = 50,
    ) -> Sequence[OperationRow]:
        """The newest operations first; *before* pages on."""
        if before is not None and before not in self._disk.operations:
            return []
        ids = list(self._disk.operations)
        older = ids if before is None else ids[: ids.index(before)]
        rows = (self._disk.operations[operation_id] for operation_id in reversed(older))
        return [row for row in rows if principal in (None, row.principal)][:limit]

    async def exits(
        self, wanted: ExitFilter, *, before: int | None = None, limit: int = 100
    ) -> Sequence[Exit]:
        """The newest exits first; *before*, an `audit_seq`, pages on."""
        newest_first = reversed(self._disk.exits)
        older = (each for each in newest_first if before is None or each.audit_seq < before)
        return list(islice((each for each in older if wanted.matches(each)), limit))

    async def alerts(
        self, wanted: AlertFilter, *, before: int | None = None, limit: int = 100
    ) -> Sequence[FoundAlert]:
        """What people were told, the newest first; *before*, an `audit_seq`, pages on."""
        words: dict[int, Noted] = {}
        found: list[FoundAlert] = []
        for link in reversed(self._disk.links):
            if not isinstance(record := link.entry.record, Noted):
                continue
            if record.acknowledges is not None:
                words.setdefault(record.acknowledges, record)
            word = words.get(link.audit_seq)
            is_older = before is None or link.audit_seq < before
            if record.alert and is_older and wanted.matches(record, is_acknowledged=bool(word)):
                found.append(FoundAlert(link.audit_seq, record, word))
        return found[:limit]

    async def alerts_since(self, after: int, *, limit: int = 100) -> Sequence[FoundAlert]:
        """The alerts that come after entry *after*, the oldest first."""
        newer = [link.entry for link in self._disk.links[after:]]
        return [
            FoundAlert(entry.audit_seq, entry.record)
            for entry in newer
            if isinstance(entry.record, Noted) and entry.record.alert
        ][:limit]

    async def recent(self, since: datetime) -> Sequence[OperationRow]:
        """Operations opened or finished since, oldest first."""
        return [
            row
            for row in self._disk.operations.values()
            if row.opened_at >= since or (row.finished_at is not None and row.finished_at >= since)
        ]

    async def find_key(self, principal: PrincipalId, key: str) -> OperationRow | None:
        """The operation an idempotency key of this principal named, however long ago."""
        for row in self._disk.operations.values():
            if row.principal == principal and row.idempotency_key == key:
                return row
        return None

    async def links(self, *, after: int = 0, limit: int = 1000) -> Sequence[Link]:
        """The chain as it was sealed, byte for byte, from *after* on."""
        return self._disk.links[after : after + limit]

    async def entries(self, *, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """The chain, decoded, from *after* on."""
        return [link.entry for link in self._disk.links[after : after + limit]]

    async def verify(self, *, witness: Head | None = None) -> ChainReport:
        """Walk the whole chain; our own head is witness enough unless another is given."""
        walk = Walk(witness=witness or self._head)
        walk.follow(self._disk.links)
        return walk.finish()

    async def add_token(self, token: TokenRow, token_hash: bytes) -> None:
        names = {known.token_id for known in self._disk.tokens.values()}
        if token_hash in self._disk.tokens or token.token_id in names:
            raise InvalidRequest("token_exists", f"{token.token_id} exists")
        self._disk.tokens[token_hash] = token

    async def revoke_token(self, token_id: TokenId, at: datetime) -> bool:
        for token_hash, token in self._disk.tokens.items():
            if token.token_id == token_id and token.revoked_at is None:
                self._disk.tokens[token_hash] = msgspec.structs.replace(token, revoked_at=at)
                return True
        return False

    async def tokens(self) -> Sequence[TokenRow]:
        """Every token, revoked ones too, oldest first."""
        return sorted(self._disk.tokens.values(), key=lambda row: (row.created_at, row.token_id))

    async def limit_token(self, token_id: TokenId, expires_at: datetime) -> bool:
        """Let a token expire then, or earlier if it would. False: no such token is unrevoked."""
        for token_hash, token in self._disk.tokens.items():
            if token.token_id == token_id and token.revoked_at is None:
                soonest = min(token.expires_at or expires_at, expires_at)
                self._disk.tokens[token_hash] = msgspec.structs.replace(token, expires_at=soonest)
                return True
        return False

    async def token_of(self, token_hash: bytes) -> TokenRow | None:
        """The token with this SHA-256, good or not, or None if there never was one."""
        return self._disk.tokens.get(token_hash)

    def _link(self, audit_seq: int) -> Link:
        return self._disk.links[audit_seq - 1]
