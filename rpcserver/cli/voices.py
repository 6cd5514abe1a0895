"""
stdout and stderr whose reader may leave before we are done, as in `rpcserver audit export | head`.

What only tells something ends then, quietly, as a program that SIGPIPE ended. What acts goes on
unheard: that nobody listens is no reason to leave a position open.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

_acts: ContextVar[bool] = ContextVar("acts", default=False)


class ReaderGone(BaseException):
    """Nobody reads on. No `Exception`: nobody on the way takes it for trouble of its own."""


@contextmanager
def acting() -> Iterator[None]:
    """Whatever is done in the block is done to its end, whether somebody reads of it or not."""
    before = _acts.set(True)
    try:
        yield
    finally:
        sys.stdout.flush()
        _acts.reset(before)


class Voice(io.TextIOWrapper):
    """A stream that falls silent for good when its reader has left."""

    def write(self, text: str, /) -> int:
        """
        Say *text*.

        Raises:
            ReaderGone: To nobody.
        """
        try:
            return super().write(text)
        except BrokenPipeError:
            self._fall_silent()
            return len(text)

    def flush(self) -> None:
        """
        Say what is held back.

        Raises:
            ReaderGone: To nobody.
        """
        try:
            super().flush()
        except BrokenPipeError:
            self._fall_silent()

    def _fall_silent(self) -> None:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self.fileno())  # what is still held back goes there, too
        os.close(nothing)
        if not _acts.get():
            raise ReaderGone


def take_voice() -> None:
    """Let stdout and stderr be such streams; one that was closed before us tells nobody."""
    sys.stdout, sys.stderr = _voice(sys.stdout), _voice(sys.stderr)


def _voice(stream: TextIO | None) -> Voice:
    if stream is None:
        return Voice(open(os.devnull, "wb"), encoding="utf-8")
    return Voice(
        open(stream.fileno(), "wb", closefd=False),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.isatty(),
    )
