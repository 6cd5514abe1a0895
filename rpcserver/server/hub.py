"""
Progress, from the journal's commits to everyone who follows an operation.

Law 35: the frames of an operation have a gapless sequence, are a pure function of the journal and
can be replayed from any place in it. So a follower first reads the past from the journal, without
skipping, and then goes live in the very moment nothing is left between the two; a frame is encoded
once and its bytes are shared.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from rpcserver.core.entries import Entry
from rpcserver.core.progress import Progress, frames
from rpcserver.core.records import OperationFinished, OperationOpened, Record
from rpcserver.domain.ids import OperationId
from rpcserver.driver.ports import Journal
from rpcserver.server.outbox import Outbox
from rpcserver.server.ports import Engine
from rpcserver.wire.codec import encode
from rpcserver.wire.frames import ProgressFrame
from rpcserver.wire.framing import text_frame

EARLY_MAX = 256  # entries kept of each running operation, for callers who have just begun it
PAGE = 512  # entries read from the journal at once


class _Step(NamedTuple):
    """One progress frame, ready for the socket."""

    seq: int
    leg: int
    frame: bytes


class _Running:
    """What the hub knows of an operation that runs, or that somebody follows."""

    def __init__(self, *, is_whole: bool) -> None:
        self.newest = 0  # seq of the newest committed entry seen
        self.has_ended = False
        self.is_whole = is_whole  # its first entry was seen here
        self.early: list[Entry] | None = [] if is_whole else None
        self.followers: list[Follower] = []

    @property
    def has_listeners(self) -> bool:
        return any(follower.is_live for follower in self.followers)


class Follower:
    """Somebody who is told every step of an operation from a certain one on."""

    def __init__(
        self, operation_id: OperationId, running: _Running, outbox: Outbox, after: int
    ) -> None:
        self.operation_id = operation_id
        self.running = running
        self.last = after  # seq
        self.is_live = False
        self._outbox = outbox

    def tell(self, steps: Sequence[_Step]) -> None:
        """Deliver live steps. What was replayed already is not told again."""
        for step in steps:
            if step.seq > self.last:
                self._outbox.post_newest((self.operation_id, step.leg), step.frame)
                self.last = step.seq

    async def replay(self, entries: Sequence[Entry]) -> None:
        """Deliver steps of the past, every one: they wait for room instead of being skipped."""
        for entry in entries:
            for step in _steps(entry.record, self.operation_id):
                if step.seq > self.last:
                    await self._outbox.wait_for_room()
                    self._outbox.post(step.frame)
            self.last = max(self.last, _seq_in(entry.record, self.operation_id))


class Hub:
    """One subscription to the engine's commits, shared by every follower of every operation."""

    def __init__(self, engine: Engine) -> None:
        self._journal: Journal = engine.journal
        self._operations: dict[OperationId, _Running] = {}
        self._stop = engine.subscribe(self._on_entries)

    def close(self) -> None:
        """Listen no longer."""
        self._stop()

    @asynccontextmanager
    async def following(
        self, operation_id: OperationId, outbox: Outbox, *, after: int = 0
    ) -> AsyncIterator[Follower]:
        """Post every step with a seq greater than *after* to *outbox*, past ones first."""
        running = self._operations.setdefault(operation_id, _Running(is_whole=False))
        follower = Follower(operation_id, running, outbox, after)
        running.followers.append(follower)
        try:
            await self._catch_up(follower)
            yield follower
        finally:
            running.followers.remove(follower)
            unneeded = not running.followers and not running.is_whole
            if unneeded and self._operations.get(operation_id) is running:
                del self._operations[operation_id]

    async def finish(self, follower: Follower) -> None:
        """Tell what is left of an operation that is known to have ended: all before its end."""
        if not follower.running.has_ended:
            # The end was durable before our listener heard of it: the journal has it all.
            follower.is_live = False
            follower.running.early = None
            await self._catch_up(follower)

    async def _catch_up(self, follower: Follower) -> None:
        """
        Replay until nothing committed is missing, then go live.

        The race: an entry is committed between the last read and the moment of going live.
        `newest` counts what the commits told meanwhile, so it cannot be overlooked.
        """
        running = follower.running
        while True:
            if running.early is not None:
                entries, is_last = tuple(running.early), True
            else:
                entries = tuple(
                    await self._journal.operation(
                        follower.operation_id, after=follower.last, limit=PAGE
                    )
                )
                is_last = len(entries) < PAGE
            await follower.replay(entries)
            if is_last and running.newest <= follower.last:
                follower.is_live = True
                return

    def _on_entries(self, entries: Sequence[Entry]) -> None:
        told: dict[OperationId, list[_Step]] = {}
        for entry in entries:
            record = entry.record
            if isinstance(record, OperationOpened):
                self._operations.setdefault(record.operation_id, _Running(is_whole=True))
            has_listeners = False
            for concern in record.concerns:
                running = self._operations.get(concern.operation_id)
                if running is None:
                    continue
                running.newest = concern.seq
                _remember(running, entry)
                has_listeners = has_listeners or running.has_listeners
            if has_listeners:
                for progress in frames(record):
                    told.setdefault(progress.operation_id, []).append(_step(progress))
        for operation_id, steps in told.items():
            if (running := self._operations.get(operation_id)) is not None:
                for follower in running.followers:
                    if follower.is_live:
                        follower.tell(steps)
        for entry in entries:
            if isinstance(entry.record, OperationFinished):
                self._end(entry.record.operation_id)

    def _end(self, operation_id: OperationId) -> None:
        if (running := self._operations.pop(operation_id, None)) is not None:
            running.has_ended = True


def _remember(running: _Running, entry: Entry) -> None:
    if running.early is not None:
        running.early.append(entry)
        if len(running.early) > EARLY_MAX:
            running.early = None


def _steps(record: Record, operation_id: OperationId) -> list[_Step]:
    return [_step(each) for each in frames(record) if each.operation_id == operation_id]


def _seq_in(record: Record, operation_id: OperationId) -> int:
    return max((c.seq for c in record.concerns if c.operation_id == operation_id), default=0)


def _step(progress: Progress) -> _Step:
    return _Step(progress.seq, progress.leg or 0, text_frame(encode(progress_frame(progress))))


def progress_frame(progress: Progress) -> ProgressFrame:
    """A step as it stands on the wire."""
    return ProgressFrame(
        request_id=progress.request_id,
        operation_id=progress.operation_id,
        seq=progress.seq,
        event=progress.event,
        leg=progress.leg,
        venue=progress.venue,
        account=progress.account,
        instrument=progress.instrument,
        side=progress.side,
        quantity=progress.quantity,
        filled=progress.filled,
        remaining=progress.remaining,
        average_price=progress.average_price,
        price=progress.price,
        order_id=progress.order_id,
        outcome=progress.outcome,
        reason=progress.reason,
        detail=progress.detail,
        done=progress.done,
        total=progress.total,
        at=progress.at,
    )
