"""
The journal without a disk, for tests and simulation: the same contract, the same chain.

What it keeps is bytes, as on disk: a record that does not survive being written shows here too.
Its faults are what disks do, and are switched on by context managers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
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
from rpcserver.core.pruning import Pruned
from rpcserver.core.recording import own_order_subject
from rpcserver.core.records import Noted, Record, decode_record
from rpcserver.core.standing import DirectiveSet
from rpcserver.domain.errors import InvalidRequest, JournalBroken
from rpcserver.domain.ids import ClientOrderId, OperationId, PrincipalId, TokenId
from rpcserver.domain.principal import TokenRow
from rpcserver.journal.chain import GENESIS, Link, Walk, entries, seal
from rpcserver.journal.changes import changes_of
from rpcserver.journal.memory_disk import MemoryDisk
from rpcserver.journal.pruning import CHUNK, down_to_whole_operations, older_than, refuse_unless


class MemoryJournal:
    """The `Journal` of `driver/ports.py`, in memory."""

    def __init__(self) -> None:
        self._disk = MemoryDisk()
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

    async def prune(
        self, record: Pruned, tell: Callable[[Sequence[Entry]], None] = lambda _entries: None
    ) -> None:
        """
        Say in the chain what goes, *tell* that, then delete it, in chunks between which others
        append.

        Raises:
            NotPrunable: Something of it is needed still, or is not what it was.
            JournalBroken: As `append`.
        """
        allowed = await down_to_whole_operations(self._unneeded(record.through), self._spanning)
        named = self._disk.after(record.through - 1, 1)
        refuse_unless(record, allowed, named[0].head if named else None)
        tell(await self.append([*self._standing_since(record.through), record]))
        await self.finish_pruning()

    async def finish_pruning(self) -> None:
        """Delete what the chain says is pruned, and a crash may have left."""
        while (anchor := self._disk.anchor.audit_seq) < self._disk.to_prune:
            self._disk.prune(min(anchor + CHUNK, self._disk.to_prune))
            await checkpoint()

    async def anchor(self) -> Head:
        """What the oldest entry continues: the last that was pruned, or the very beginning."""
        return self._disk.anchor

    async def prunable(self, before: datetime) -> int:
        """The last entry that may go: it and all before it are older, and needed by nothing."""
        through = await older_than(before, self._page, self._disk.anchor)
        return await down_to_whole_operations(self._unneeded(through), self._spanning)

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
        newer = [link.entry for link in self._disk.after(after)]
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
        return self._disk.after(after, limit)

    async def entries(self, *, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """The chain, decoded, from *after* on."""
        return [link.entry for link in self._disk.after(after, limit)]

    async def verify(self, *, witness: Head | None = None) -> ChainReport:
        """Walk the whole chain; our own head is witness enough unless another is given."""
        walk = Walk(self._disk.anchor, witness=witness or self._head, is_anchor=True)
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
        return self._disk.links[audit_seq - 1 - self._disk.anchor.audit_seq]

    async def _page(self, after: int, limit: int) -> Sequence[Link]:
        return self._disk.after(after, limit)

    def _unneeded(self, through: int) -> int:
        """At most *through*, and short of everything that recovery would fold."""
        needed = [
            opened_by
            for opened_by in self._disk.open_subjects.values()
            if not isinstance(self._link(opened_by).entry.record, DirectiveSet)
        ]
        return min(through, *(opened_by - 1 for opened_by in needed)) if needed else through

    async def _spanning(self, through: int) -> int | None:
        """The first entry of the oldest operation that has one up to *through*, and one beyond."""
        first = {name: self._disk.first(name) for name in self._disk.operations}
        spanning = (
            opened_by
            for name, opened_by in first.items()
            if opened_by <= through < self._disk.places[name][-1][1]
        )
        return min(spanning, default=None)

    def _standing_since(self, through: int) -> list[Record]:
        """What stands and was laid down up to *through*, and with it all that stands: in order."""
        laid_down = sorted(self._disk.open_subjects.values())
        records = [(each, self._link(each).entry.record) for each in laid_down]
        standing = [(each, r) for each, r in records if isinstance(r, DirectiveSet)]
        if not standing or standing[0][0] > through:
            return []
        return [record for _, record in standing]
