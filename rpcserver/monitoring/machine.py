"""
The machine under the server: its clocks, its disk, and how late the event loop runs.

A wall clock that jumps makes times in the audit lie and schedules fire wrongly; deadlines run on
the other clock and do not care. People are told (`clock_jumped`, `disk_low`), nothing is stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
from loguru import logger

from rpcserver.core.events import Noticed, Now

LOOK_INTERVAL = 1.0  # seconds
JUMP = timedelta(seconds=1)  # the two clocks may drift apart by so much from look to look


class Clocks:
    """Compares both clocks, look by look."""

    def __init__(self) -> None:
        self._last: Now | None = None
        self.jumps = 0

    def look(self, now: Now) -> timedelta | None:
        """How far the wall clock jumped since the last look, or None: it went as it should."""
        last, self._last = self._last, now
        if last is None:
            return None
        jump = (now.wall - last.wall) - timedelta(seconds=now.mono - last.mono)
        if abs(jump) < JUMP:
            return None
        self.jumps += 1
        return jump


class Machine:
    """Looks at the machine again and again. *feed* takes what people should know."""

    def __init__(
        self,
        feed: Callable[[Noticed], None],
        is_disk_low: Callable[[], bool],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._feed = feed
        self._is_disk_low = is_disk_low
        self._clock = clock
        self._clocks = Clocks()
        self._is_low = False
        self._lag = 0.0

    @property
    def clock_jumps(self) -> int:
        """Since the start."""
        return self._clocks.jumps

    @property
    def is_disk_low(self) -> bool:
        """As of the last look: nobody who asks waits for the disk."""
        return self._is_low

    def take_lag(self) -> float:
        """The latest that a look came since this was last asked, in seconds."""
        lag, self._lag = self._lag, 0.0
        return lag

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            self.look()
            due = anyio.current_time() + LOOK_INTERVAL
            await anyio.sleep_until(due)
            self._lag = max(self._lag, anyio.current_time() - due)

    def look(self) -> None:
        """Look once, and tell of what is new."""
        jump = self._clocks.look(Now(anyio.current_time(), self._clock()))
        if jump is not None:
            self._tell("clock_jumped", f"the wall clock jumped by {jump.total_seconds():+.1f} s")
        was_low, self._is_low = self._is_low, self._is_disk_low()
        if self._is_low and not was_low:
            self._tell("disk_low", "the disk is nearly full: only exits are admitted")
        elif was_low and not self._is_low:
            logger.info("the disk has room again")

    def _tell(self, code: str, detail: str) -> None:
        self._feed(Noticed(code=code, detail=detail, alert=True))
