"""
The journal on disk: SQLite in WAL mode, every commit synced before it is told (law 22).

One batch is one transaction. A commit that raises is an unknown of our own (law 27): its rows may
be there after a restart although it raised, so nothing it covers may be sent or told, and this
journal takes no more records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from time import perf_counter

import aiosqlite
import anyio
from anyio.lowlevel import checkpoint
from loguru import logger

from rpcserver.core.entries import ChainReport, Entry, Head
from rpcserver.core.pruning import Pruned
from rpcserver.core.records import OperationFinished, Record, decode_record
from rpcserver.domain.errors import JournalBroken, NotPrunable
from rpcserver.domain.ids import OperationId, TokenId
from rpcserver.domain.principal import TokenRow
from rpcserver.journal.ballast import BALLAST_BYTES, LOW_WATER_BYTES, Ballast
from rpcserver.journal.chain import Link, Walk, entries, seal
from rpcserver.journal.changes import Changes, changes_of
from rpcserver.journal.checkpoint import Checkpointer
from rpcserver.journal.connection import connect, is_full, opening
from rpcserver.journal.directory import make_directory
from rpcserver.journal.lock import Tenure, hold_directory
from rpcserver.journal.pruning import CHUNK, deletion, down_to_whole_operations, refuse_unless
from rpcserver.journal.reader import JournalReader
from rpcserver.journal.rows import (
    OPERATION_COLUMNS,
    Value,
    exit_values,
    operation_values,
    time_text,
)
from rpcserver.journal.soundness import sound_head
from rpcserver.journal.tokens import TokenStore
from rpcserver.journal.writer import BatchConnection, Statement, Writer, open_writer

_SEAL = "INSERT INTO records (audit_seq, audit_hash, body) VALUES (?, ?, ?)"
_PLACE = "INSERT INTO places (subject, seq, audit_seq) VALUES (?, ?, ?)"
_OPEN = "INSERT OR REPLACE INTO open_subjects (subject, opened_by) VALUES (?, ?)"
_CLOSE = "DELETE FROM open_subjects WHERE subject = ?"
_BEGIN_OPERATION = (
    f"INSERT INTO operations (opened_by, {OPERATION_COLUMNS}) "
    f"VALUES ({', '.join('?' * (1 + len(OPERATION_COLUMNS.split(', '))))})"
)
_LOG_EXIT = f"INSERT INTO exits VALUES ({', '.join('?' * 14)})"
_COUNT_LEGS = "UPDATE operations SET legs = max(legs, ?) WHERE operation_id = ?"
_FINISH_OPERATION = (
    "UPDATE operations SET finished_at = ?, success = ?, flat = ? WHERE operation_id = ?"
)
_PRUNE = "UPDATE pruned SET through = ?"
_TO_PRUNE = "SELECT through FROM pruned"
_STANDING = """
    SELECT opened_by, body FROM open_subjects JOIN records ON audit_seq = opened_by
    WHERE body LIKE '{"kind":"directive_set"%' ORDER BY opened_by
"""


@asynccontextmanager
async def open_journal(
    path: Path,
    *,
    ballast_bytes: int = BALLAST_BYTES,
    low_water_bytes: int = LOW_WATER_BYTES,
    connection: type[BatchConnection] = BatchConnection,
    on_commit: Callable[[int, float], None] = lambda _records, _seconds: None,
) -> AsyncIterator[SqliteJournal]:
    """
    Open the journal at *path*, made when it is not there, and own its directory.

    Args:
        path: The database file. Beside it stand its log, the directory's lock and the ballast.
        ballast_bytes: Room that is kept for the last exits and given back when the disk fills.
        low_water_bytes: With less than that free on the disk, `SqliteJournal.low` says so.
        connection: What every connection to the database is made of.
        on_commit: Told after each commit how many records it held, and the seconds it took.

    Raises:
        DirectoryHeld: Another process owns the directory.
        JournalTooNew: A newer version of this program wrote it.
        JournalDamaged: It is not what was written.
        JournalUnusable: It cannot be opened for another reason.
    """
    make_directory(path.parent)
    async with AsyncExitStack() as stack:
        tenure = stack.enter_context(hold_directory(path.parent))
        path.touch(mode=0o600)
        with opening(path):
            writer = await stack.enter_async_context(open_writer(path, connection))
            reader = await stack.enter_async_context(connect(path, connection))
            tokens = await stack.enter_async_context(connect(path, connection))
            head = await sound_head(reader, path)
        ballast = Ballast(path.with_name(f"{path.name}.ballast"), ballast_bytes)
        if not ballast.reserve():
            logger.warning("the disk has no room for the ballast; only exits should be admitted")
        yield SqliteJournal(
            head=head,
            tenure=tenure,
            writer=writer,
            reader=reader,
            tokens=TokenStore(tokens),
            checkpointer=stack.enter_context(Checkpointer(path, connection)),
            ballast=ballast,
            low_water_bytes=low_water_bytes,
            on_commit=on_commit,
        )


class SqliteJournal(JournalReader):
    """The `Journal` of `driver/ports.py`. `append` is called by one task at a time."""

    def __init__(
        self,
        *,
        head: Head,
        tenure: Tenure,
        writer: Writer,
        reader: aiosqlite.Connection,
        tokens: TokenStore,
        checkpointer: Checkpointer,
        ballast: Ballast,
        low_water_bytes: int,
        on_commit: Callable[[int, float], None],
    ) -> None:
        super().__init__(reader)
        self._head = head
        self._tenure = tenure
        self._writer = writer
        self._tokens = tokens
        self._checkpointer = checkpointer
        self._ballast = ballast
        self._low_water_bytes = low_water_bytes
        self._on_commit = on_commit
        self._legs: dict[OperationId, int] = {}  # as far as the rows of running operations say
        self._broken: str | None = None
        self._turn = anyio.Lock()  # of whoever commits: a pruning does so, too

    @property
    def head(self) -> Head:
        return self._head

    @property
    def low(self) -> bool:
        """Whether room is so short that only closing calls should be admitted."""
        return self._ballast.is_low(self._low_water_bytes)

    @property
    def is_in_charge(self) -> bool:
        """Whether nobody took over meanwhile: asked right before every order message (law 26)."""
        return self._tenure.lasts()

    async def append(self, records: Sequence[Record]) -> Sequence[Entry]:
        """
        Make *records* durable, all or none, in order, in one transaction.

        A busy database is waited for. A full disk is given the ballast, once. Whoever is cancelled
        in here is so before anything was written or after everything was.

        Raises:
            JournalBroken: The commit raised; whether it is durable is unknown. Open the journal
                anew and read what it holds.
        """
        async with self._committing():
            return await self._append(records)

    async def prune(
        self, record: Pruned, tell: Callable[[Sequence[Entry]], None] = lambda _entries: None
    ) -> None:
        """
        Say in the chain what goes, *tell* that, then delete it, in chunks between which others
        append.

        Whatever stands is written down anew before, in its order: see `pruning.py`.

        Raises:
            NotPrunable: Something of it is needed still, or is not what it was.
            JournalBroken: As `append`.
        """
        allowed = await self._unneeded(record.through)
        allowed = await down_to_whole_operations(allowed, self._spanning)
        named = await self.links(after=record.through - 1, limit=1)
        refuse_unless(record, allowed, named[0].head if named else None)
        async with self._committing():
            tell(await self._append([*await self._standing_since(record.through), record]))
        await self.finish_pruning()

    async def finish_pruning(self) -> None:
        """
        Delete what the chain says is pruned, and a crash may have left.

        Raises:
            NotPrunable: It is not what was archived.
            JournalBroken: As `append`.
        """
        [(through,)] = await self._db.execute_fetchall(_TO_PRUNE)
        while (anchor := await self.anchor()).audit_seq < through:
            limit = min(CHUNK, through - anchor.audit_seq)
            links = await self.links(after=anchor.audit_seq, limit=limit)
            walk = Walk(anchor)
            walk.follow(links)
            if not (walk.is_intact and links):
                raise NotPrunable(walk.finish().detail or f"entry {through} is not there")
            since = perf_counter()
            async with self._committing():
                self._refuse_if_broken()
                await self._commit(deletion(links))
                self._checkpointer.committed(sum(len(link.body) for link in links))
            await anyio.sleep(perf_counter() - since)  # the disk is half the others', at least

    async def _append(self, records: Sequence[Record]) -> Sequence[Entry]:
        self._refuse_if_broken()
        if not records:
            return ()
        since = perf_counter()
        links = seal(records, self._head)
        changes = changes_of(records, links[0].audit_seq)
        await self._commit(self._statements(links, changes))
        self._committed(links, changes)
        self._on_commit(len(records), perf_counter() - since)
        return entries(links, records)

    async def _commit(self, statements: Sequence[Statement]) -> None:
        is_committed = False
        while not is_committed:
            with anyio.CancelScope(shield=True):
                is_committed = await self._try_to_commit(statements)
            if not is_committed:
                logger.warning("another program is writing to the journal; waiting")
                await checkpoint()  # nothing is written yet: here the caller may give up
        if self._checkpointer.is_behind:
            with anyio.CancelScope(shield=True):
                await self._catch_up()

    async def verify(self, *, witness: Head | None = None) -> ChainReport:
        """Walk the whole chain; our own head is witness enough unless another is given."""
        return await super().verify(witness=witness or self._head)

    async def add_token(self, token: TokenRow, token_hash: bytes) -> None:
        await self._tokens.add_token(token, token_hash)

    async def revoke_token(self, token_id: TokenId, at: datetime) -> bool:
        return await self._tokens.revoke_token(token_id, at)

    async def tokens(self) -> Sequence[TokenRow]:
        return await self._tokens.tokens()

    async def limit_token(self, token_id: TokenId, expires_at: datetime) -> bool:
        return await self._tokens.limit_token(token_id, expires_at)

    async def token_of(self, token_hash: bytes) -> TokenRow | None:
        return await self._tokens.token_of(token_hash)

    async def _standing_since(self, through: int) -> list[Record]:
        """What stands and was laid down up to *through*, and with it all that stands: in order."""
        rows = [tuple(row) for row in await self._db.execute_fetchall(_STANDING)]
        if not rows or rows[0][0] > through:
            return []
        return [decode_record(body.encode()) for _, body in rows]

    @asynccontextmanager
    async def _committing(self) -> AsyncIterator[None]:
        """Alone. Where nobody else commits there is no wait in which a caller could give up."""
        try:
            self._turn.acquire_nowait()
        except anyio.WouldBlock:
            await self._turn.acquire()
        try:
            yield
        finally:
            self._turn.release()

    def _refuse_if_broken(self) -> None:
        if self._broken is None and (failure := self._checkpointer.failure) is not None:
            self._broken = f"a checkpoint failed: {failure}"
        if self._broken is not None:
            raise JournalBroken(self._broken)

    async def _try_to_commit(self, statements: Sequence[Statement]) -> bool:
        """False: the database is busy, and nothing was written."""
        try:
            return await self._writer.commit(statements)
        except sqlite3.Error as exc:
            if not (is_full(exc) and self._ballast.free()):
                raise self._break(exc) from exc
        logger.warning("the disk is full; the ballast was given back to it")
        return await self._commit_again(statements)

    async def _catch_up(self) -> None:
        """A checkpoint between two commits: the thread's leave something as long as we write."""
        try:
            is_done = await self._writer.checkpoint()
        except sqlite3.Error as exc:
            self._checkpointer.failed(exc)
            raise self._break(exc) from exc
        if is_done:
            self._checkpointer.caught_up()

    async def _commit_again(self, statements: Sequence[Statement]) -> bool:
        try:
            await self._writer.rollback()
            return await self._writer.commit(statements)
        except sqlite3.Error as exc:
            raise self._break(exc) from exc

    def _statements(self, links: Sequence[Link], changes: Changes) -> Sequence[Statement]:
        """The whole transaction, without the statements that have no rows."""
        turned = changes.turned.items()
        legs = changes.legs.items()
        statements: Sequence[Statement] = (
            (_SEAL, links),
            (_PLACE, changes.places),
            (_OPEN, [(subject, seq) for subject, seq in turned if seq is not None]),
            (_CLOSE, [(subject,) for subject, seq in turned if seq is None]),
            (_BEGIN_OPERATION, [operation_values(seq, row) for seq, row in changes.opened]),
            (_LOG_EXIT, [exit_values(seq, ended) for seq, ended in changes.exits]),
            (_COUNT_LEGS, [(total, op) for op, total in legs if total > self._legs.get(op, 0)]),
            (_FINISH_OPERATION, [_finish_values(record) for record in changes.finished]),
            (_PRUNE, [(record.through,) for record in changes.pruned]),
        )
        return [statement for statement in statements if statement[1]]

    def _committed(self, links: list[Link], changes: Changes) -> None:
        self._head = links[-1].head
        self._checkpointer.committed(sum(len(link.body) for link in links))
        for operation_id, legs in changes.legs.items():
            self._legs[operation_id] = max(legs, self._legs.get(operation_id, 0))
        for end in changes.finished:
            self._legs.pop(end.operation_id, None)

    def _break(self, exc: sqlite3.Error) -> JournalBroken:
        self._broken = f"a commit raised, and may be durable or not: {exc}"
        return JournalBroken(self._broken)


def _finish_values(record: OperationFinished) -> tuple[Value, ...]:
    return (time_text(record.at), record.success, record.flat, record.operation_id)
