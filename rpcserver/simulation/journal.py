"""The journal of one process life: the one in memory, on a disk that is slow, lies, and dies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from rpcserver.core.entries import Entry
from rpcserver.core.records import Record
from rpcserver.journal.memory import MemoryJournal


class SimulatedJournal(MemoryJournal):
    """
    The real one, with the world at its door.

    `before` and `after` are awaited around each commit: they may wait, switch a fault of the disk
    on, or let the process die there. What *after* holds up is durable.
    """

    def __init__(
        self,
        before: Callable[[SimulatedJournal, Sequence[Record]], Awaitable[None]],
        after: Callable[[Sequence[Entry]], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._before = before
        self._after = after

    def lose_next(self) -> None:
        """The next commit raises, and what it covered is gone."""
        self._is_failing = True

    def lie_next(self) -> None:
        """The next commit raises, and what it covered is there after a restart all the same."""
        self._is_lying = True

    def set_low(self, is_low: bool) -> None:
        """Whether room is short."""
        self._is_low = is_low

    def written(self, after: int) -> list[Entry]:
        """What is on the disk, acknowledged or not."""
        return [link.entry for link in self._disk.links[after:]]

    async def append(self, records: Sequence[Record]) -> Sequence[Entry]:
        await self._before(self, records)
        entries = await super().append(records)
        await self._after(entries)
        return entries

    def reopened(self) -> SimulatedJournal:
        """What the next process finds."""
        plain = super().reopened()
        journal = SimulatedJournal(self._before, self._after)
        journal._disk, journal._head = plain._disk, plain._head
        return journal
