"""The message budget of a venue: it delays and never drops (laws 10 and 29)."""

from __future__ import annotations

from collections import deque

REMEMBERED = 1000  # messages: no venue bears more a second
_INSTANT = 1e-9  # seconds: what two sums of the same times may differ by


class Budget:
    """
    At most *rate* messages in any second, as many of them at once as there are; None: no limit.

    A token bucket would let twice as many pass in its first second, and the venue counts.
    Time is an argument, so that tests and simulations need no clock.
    """

    def __init__(self, rate: float | None) -> None:
        self._passed: deque[float] = deque(maxlen=REMEMBERED)  # when the last ones did
        self._shut_until = float("-inf")
        self.adapt(rate)

    def adapt(self, rate: float | None) -> None:
        """Take another rate; what passed before still counts, for the venue counts it too."""
        self._most = max(1, int(rate)) if rate is not None else None
        self._window = 0.0 if rate is None or self._most is None else self._most / rate  # seconds

    def shut(self, until: float) -> None:
        """Let nothing pass before: the venue asked for patience."""
        if until > self._shut_until:
            self._shut_until = until

    def wait(self, now: float) -> float:
        """Let one message pass and answer 0, or answer the seconds until one may."""
        if self._shut_until - now > _INSTANT:
            return self._shut_until - now
        if self._most is not None and len(self._passed) >= self._most:
            free_at = self._passed[-self._most] + self._window
            if free_at - now > _INSTANT:
                return free_at - now
        self._passed.append(now)
        return 0.0

    def give_back(self) -> None:
        """What passed last was not sent, after all: the venue does not count it."""
        self._passed.pop()
