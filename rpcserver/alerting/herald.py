"""
Tells people of troubles that come again and again: bounded, and never forgetting to count.

The same trouble of the same subject is told a few times in a window; what comes on top is held
back, and counted in one more alert at the window's end. What people do (approvals, halts) and
what becomes of exits never passes here: each of those is an occasion of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import anyio
import msgspec

from rpcserver.core.events import Event, Noticed
from rpcserver.domain.ids import AccountRef, InstrumentId, OperationId, VenueId

SUBJECTS_MAX = 1000  # beyond it the one that has been quiet longest is forgotten


class _Subject(NamedTuple):
    code: str
    venue: VenueId | None
    instrument: InstrumentId | None
    account: AccountRef | None
    operations: tuple[OperationId, ...]
    about: str


class _Window(msgspec.Struct, kw_only=True):
    ends_at: float
    told: int = 0
    held_back: int = 0
    last: Noticed


class Herald:
    """
    *feed* takes what is told.

    Args:
        repeats: How often the same is told in a window.
        window: In seconds.
    """

    def __init__(self, feed: Callable[[Event], None], *, repeats: int, window: float) -> None:
        self._feed = feed
        self._repeats = repeats
        self._window = window
        self._windows: dict[_Subject, _Window] = {}
        self._held = anyio.Event()

    def tell(self, alert: Noticed, about: str = "") -> None:
        """Tell people of *alert*, unless they were told the same *about* the same often enough."""
        now = anyio.current_time()
        subject = _Subject(
            alert.code, alert.venue, alert.instrument, alert.account, alert.operation_ids, about
        )
        window = self._windows.get(subject)
        if window is None or now >= window.ends_at:
            if window is not None:
                self._close(subject, window)
            window = self._windows[subject] = _Window(ends_at=now + self._window, last=alert)
            self._forget_the_quiet()
        window.last = alert
        if window.told < self._repeats:
            window.told += 1
            self._feed(alert)
        else:
            window.held_back += 1
            self._held.set()

    async def run(self) -> None:
        """Count what was held back, for ever."""
        while True:
            await self._held.wait()
            self._held = anyio.Event()
            while (due := self._next_due()) is not None:
                await anyio.sleep_until(due)
                self._close_those_over()

    def _next_due(self) -> float | None:
        return min((w.ends_at for w in self._windows.values() if w.held_back), default=None)

    def _close_those_over(self) -> None:
        now = anyio.current_time()
        for subject, window in tuple(self._windows.items()):
            if now >= window.ends_at:
                self._close(subject, window)

    def _close(self, subject: _Subject, window: _Window) -> None:
        del self._windows[subject]
        if window.held_back:
            more = f"{window.held_back} times more in {self._window:g} s, last: "
            told = msgspec.structs.replace(window.last, detail=more + window.last.detail)
            self._feed(told)

    def _forget_the_quiet(self) -> None:
        if len(self._windows) > SUBJECTS_MAX:
            subject = min(self._windows, key=lambda each: self._windows[each].ends_at)
            self._close(subject, self._windows[subject])
