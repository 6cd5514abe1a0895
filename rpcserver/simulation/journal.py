"""The journal of one process life: the one in memory, on a disk that is slow, lies, and dies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rpcserver.core.entries import Entry
from rpcserver.core.records import Record
from rpcserver.journal.memory import MemoryJournal


class Door(Protocol):
    """What the world does at the door of a journal: wait, switch a fault of the disk on, kill."""

    async def before(self, journal: SimulatedJournal, records: Sequence[Record]) -> None: ...

    async def after(self, entries: Sequence[Entry]) -> None:
        """What this holds up is durable."""


class SimulatedJournal(MemoryJournal):
    """The real one, as one process has it open."""

    def __init__(self, door: Door) -> None:
        super().__init__()
        self._door = door
        self._is_taken = False

    @property
    def is_in_charge(self) -> bool:
        """Whether this process is still the one that may act."""
        return not self._is_taken

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
        return [link.entry for link in self._disk.after(after)]

    async def append(self, records: Sequence[Record]) -> Sequence[Entry]:
        await self._door.before(self, records)
        entries = await super().append(records)
        await self._door.after(entries)
        return entries

    def taken_over(self, door: Door) -> SimulatedJournal:
        """What the next process finds; this one takes no more records."""
        self._is_taken = True
        plain = super().reopened()
        journal = SimulatedJournal(door)
        journal._disk, journal._head = plain._disk, plain._head
        return journal
