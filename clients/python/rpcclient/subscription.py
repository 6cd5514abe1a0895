"""What a client hears of without asking each time: events of channels, quotes of instruments."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from .errors import ClientError
from .frames import Notice, Subscribe, Unsubscribe

SUBSCRIBED_TYPES = frozenset({"subscribed", "unsubscribed", "event", "marketData"})
UNREAD_MAX = 10_000  # frames; beyond, the oldest are dropped and counted
INTERVAL_DEFAULT = 1000  # milliseconds


class Subscription:
    """
    Frames of some channels and instruments, as they come.

    ```python
    async with await client.subscribe(["positions"]) as frames:
        async for frame in frames:
            print(frame.type, frame.data)
    ```

    After every (re)connection a `subscribed` frame with a snapshot comes first: it replaces what
    was known. `missed` counts the frames that were dropped because nobody read them.

    *request_id* correlates what the server answers.
    """

    def __init__(
        self,
        request_id: str,
        channels: Iterable[str],
        instruments: Iterable[str],
        interval_ms: int = INTERVAL_DEFAULT,
        *,
        on_close: Callable[[Subscription], Awaitable[None]],
    ) -> None:
        self.asked = Subscribe(
            id=request_id, channels=tuple(channels), instruments=tuple(instruments)
        )
        self.interval_ms = interval_ms
        self.missed = 0
        self._on_close = on_close
        self._frames: deque[Notice] = deque()
        self._changed = asyncio.Event()
        self._end: ClientError | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notice:
        """
        The next frame.

        Raises:
            RpcError: The server refused it; `code` says why.
            ConnectionLost, ConnectionRefused: The client has ended.
        """
        while not self._frames:
            if self._end is not None:
                raise self._end
            self._changed.clear()
            await self._changed.wait()
        return self._frames.popleft()

    async def close(self) -> None:
        """Hear no more."""
        await self._on_close(self)

    # --- told by the client -------------------------------------------------------------------

    def take(self, frame: Notice) -> None:
        """Keep a frame that is meant for this subscription."""
        match frame.type:
            case "event":
                is_meant = frame.data.get("channel") in self.asked.channels
            case "marketData":
                is_meant = bool(self.asked.instruments)
            case "subscribed":
                is_meant = "requestId" not in frame.data or self.is_answered_by(frame)
            case _:
                is_meant = False
        if not is_meant:
            return
        if len(self._frames) == UNREAD_MAX:
            self._frames.popleft()
            self.missed += 1
        self._frames.append(frame)
        self._changed.set()

    def is_answered_by(self, frame: Notice) -> bool:
        """Whether *frame* is the answer to this subscription, and to no other."""
        return frame.data.get("requestId") == self.asked.id

    def end(self, error: ClientError) -> None:
        """There will be no more frames."""
        self._end = error
        self._changed.set()

    def unasked(self, others: Sequence[Subscription]) -> Unsubscribe | None:
        """The frame that ends what none of *others* wants."""
        wanted_channels = {name for other in others for name in other.asked.channels}
        wanted_instruments = {name for other in others for name in other.asked.instruments}
        frame = Unsubscribe(
            channels=tuple(n for n in self.asked.channels if n not in wanted_channels),
            instruments=tuple(n for n in self.asked.instruments if n not in wanted_instruments),
        )
        return frame if frame.channels or frame.instruments else None


def pace(subscriptions: Iterable[Subscription]) -> int | None:
    """The milliseconds between quotes that serve all of *subscriptions*; None: they want none."""
    return min((each.interval_ms for each in subscriptions if each.asked.instruments), default=None)
