"""The message budget of a venue: a token bucket that delays and never drops (laws 10 and 29)."""

from __future__ import annotations


class Budget:
    """
    At most *rate* messages a second, with a burst of one second's worth; None: no limit.

    Time is an argument, so that tests and simulations need no clock.
    """

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._tokens = rate or 0.0
        self._at: float | None = None

    def wait(self, now: float) -> float:
        """Take a token and answer 0, or answer the seconds until there is one."""
        if self._rate is None:
            return 0.0
        if self._at is not None:
            self._tokens = min(self._rate, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate
