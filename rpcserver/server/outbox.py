"""
What is to be written to one client, bounded in bytes.

Replies and final frames are never dropped. Progress gives way to them: once the outbox is half
full, only the newest frame of each key waits, and once it is full, new ones are skipped: live
delivery may skip sequence numbers, an attach replays them all (law 35).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable

import anyio

from rpcserver.server.traffic import Traffic


class _Slot:
    """A place in the queue that a newer frame of the same key leaves empty."""

    __slots__ = ("frame", "key")

    def __init__(self, key: Hashable, frame: bytes) -> None:
        self.key = key
        self.frame = frame


class Outbox:
    """
    Frames on their way out, in order. `size_max` in bytes. Those taken are counted in *traffic*.

    `on_first` is called whenever a frame is queued where none was.
    """

    OVERFLOW = 16  # times `size_max`: not even replies may pile up beyond

    def __init__(self, size_max: int, traffic: Traffic | None = None) -> None:
        self._size_max = size_max
        self._traffic = traffic or Traffic()
        self._queue: deque[bytes | _Slot] = deque()
        self._newest: dict[Hashable, _Slot] = {}
        self._size = 0
        self.on_first: Callable[[], None] = lambda: None
        self._room: anyio.Event | None = None

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._size

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take."""
        return not self._queue

    @property
    def is_crowded(self) -> bool:
        """Whether what can be told later, or told once, should be."""
        return self._size * 2 > self._size_max

    @property
    def is_overflowing(self) -> bool:
        """Whether the client has so much unread that only cutting it off helps."""
        return self._size > self._size_max * self.OVERFLOW

    def post(self, frame: bytes) -> None:
        """Queue *frame*. It will be written unless the connection ends before."""
        if not self._queue:
            self.on_first()
        self._queue.append(frame)
        self._size += len(frame)

    def post_newest(self, key: Hashable, frame: bytes) -> None:
        """Queue *frame*, which in a crowd takes the place of an older one of the same *key*."""
        if not self.is_crowded:
            self.post(frame)
            return
        if (older := self._newest.pop(key, None)) is not None:
            self._size -= len(older.frame)
            older.frame = b""
        elif self._size > self._size_max:
            return
        slot = self._newest[key] = _Slot(key, frame)
        self._queue.append(slot)
        self._size += len(frame)

    def take(self, size: int) -> bytes:
        """The next frames, joined for one write: about *size* bytes, or whatever there is."""
        taken: list[bytes] = []
        length = 0
        while self._queue and length < size:
            item = self._queue.popleft()
            if isinstance(item, _Slot):
                if self._newest.get(item.key) is item:
                    del self._newest[item.key]
                item = item.frame
            taken.append(item)
            length += len(item)
        self._size -= length
        self._traffic.frames_out += len(taken)
        self._traffic.bytes_out += length
        if self._room is not None and not self.is_crowded:
            self._room.set()
            self._room = None
        return b"".join(taken)

    async def wait_for_room(self) -> None:
        """Return as soon as the outbox is not crowded: what must not be skipped waits here."""
        while self.is_crowded:
            self._room = self._room or anyio.Event()
            await self._room.wait()
