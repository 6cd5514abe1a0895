"""Frames that wait to be sent: whatever is ready when the socket is travels as one message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio

_Frame = TypeVar("_Frame")
FRAMES_MAX = 512  # of one message


class Outbox(Generic[_Frame]):
    """The frames of one connection that are not sent yet."""

    def __init__(self) -> None:
        self._unsent: list[_Frame] = []
        self._news = anyio.Event()

    def post(self, frame: _Frame) -> None:
        self._unsent.append(frame)
        self._news.set()

    async def send_all(self, send: Callable[[list[_Frame]], Awaitable[None]]) -> None:
        """Send frames as they come, until cancelled or *send* raises."""
        while True:
            if not self._unsent:
                self._news = anyio.Event()
                await self._news.wait()
            frames, self._unsent = self._unsent[:FRAMES_MAX], self._unsent[FRAMES_MAX:]
            await send(frames)
