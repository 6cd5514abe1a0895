"""What happened in one history, line by line, and a hash over all of it: same seed, same hash."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b


class History:
    """The event log. Every line bears its virtual time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._hash = blake2b(digest_size=16)
        self.lines: list[str] = []

    def note(self, what: str, of: object = "") -> None:
        line = f"{self._clock():12.6f} {what} {of}"
        self.lines.append(line)
        self._hash.update(line.encode() + b"\n")

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()
