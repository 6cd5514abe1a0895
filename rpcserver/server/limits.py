"""What one client may use up. Time is an argument, in seconds of any one monotonic clock."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, durations in seconds."""

    frame_bytes_max: int = 65_536
    final_frame_bytes_max: int = 524_288
    outbox_bytes_max: int = 1_048_576  # beyond half of it progress is coalesced, beyond it skipped
    calls_in_flight_max: int = 16
    connections_per_token_max: int = 8
    malformed_frames_max: int = 10  # in a row
    subscriptions_max: int = 10_000  # instruments of one connection
    auth_timeout: float = 10.0
    stall_timeout: float = 10.0  # a client that reads nothing for so long is cut off
    ping_interval: float = 20.0
    ping_timeout: float = 20.0
    calls_per_second: float = 100.0  # each token, sustained; more is refused
    calls_burst: int = 200
    closing_calls_per_second: float = 20.0  # a bucket of their own: more is delayed, never refused
    closing_calls_burst: int = 100
    dialect_limits: bool = True  # whether calls keep the request limits of their own dialects


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What a bucket has left, once it is worth telling."""

    remaining: int
    reset: float  # seconds until it is full


class TokenBucket:
    """So many at once, so many a second in the long run."""

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = float(burst)
        self._at = now

    def wait_before(self, now: float) -> float:
        """Take one if there is one and return 0, else take none and tell the seconds to wait."""
        if wait := self.peek(now):
            return wait
        self._level -= 1
        return 0.0

    def peek(self, now: float) -> float:
        """The seconds until there is one; none is taken."""
        self._refill(now)
        return 0.0 if self._level >= 1 else (1 - self._level) / self._rate

    def reserve(self, now: float) -> float:
        """Take one in any case, be it of the future, and tell the seconds until it is due."""
        self._refill(now)
        self._level -= 1
        return max(0.0, -self._level / self._rate)

    def left(self, now: float) -> Left | None:
        """What is left, and when all of it is there again; None while it is half or more."""
        self._refill(now)
        if self._level >= self._burst / 2:
            return None
        return Left(
            remaining=max(0, int(self._level)), reset=(self._burst - self._level) / self._rate
        )

    def _refill(self, now: float) -> None:
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now


class Allowance:
    """
    What all connections of one token may use up together.

    Exits come first: closing calls, cancels and attaches have a bucket that delays and never
    refuses. Whoever goes on in spite of refusals, or piles up delays, is flooding.
    """

    REFUSALS_PER_CALL = 10  # refused calls borne for each allowed one
    DELAY_MAX = 60.0  # seconds

    def __init__(self, limits: Limits, now: float) -> None:
        self._calls = TokenBucket(limits.calls_per_second, limits.calls_burst, now)
        self._closing = TokenBucket(
            limits.closing_calls_per_second, limits.closing_calls_burst, now
        )
        self._refusals = TokenBucket(
            limits.calls_per_second * self.REFUSALS_PER_CALL,
            limits.calls_burst * self.REFUSALS_PER_CALL,
            now,
        )
        self.is_flooded = False

    def left_for_calls(self, now: float) -> Left | None:
        return self._calls.left(now)

    def left_for_closing(self, now: float) -> Left | None:
        return self._closing.left(now)

    def call(self, now: float) -> float:
        """0 if an ordinary frame may be carried out, else the seconds after which it may."""
        wait = self._calls.wait_before(now)
        if wait and self._refusals.wait_before(now):
            self.is_flooded = True
        return wait

    def closing(self, now: float, paced: float = 0.0) -> float:
        """The seconds to delay a closing frame by; *paced*: what its api's own row says."""
        delay = max(self._closing.reserve(now), paced)
        if delay > self.DELAY_MAX:
            self.is_flooded = True
        return delay
