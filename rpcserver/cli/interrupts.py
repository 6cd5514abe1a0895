"""The first interrupt ends a command by way of its clean-up; those that follow change nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Whether somebody wants the command to end: Ctrl-C, `kill`, a terminal that was closed."""

    def __init__(self) -> None:
        self._came = False
        self._is_held = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Raise KeyboardInterrupt in this block when one comes. Main thread only."""
        before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let none come between the steps of this block; one that came is raised after it."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._came:
            raise KeyboardInterrupt

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._came:
            return
        self._came = True
        if not self._is_held:
            raise KeyboardInterrupt
