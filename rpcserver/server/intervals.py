"""How often a client may ask to be told: the `interval` of `streamPnl` and of `subscribe`."""

from __future__ import annotations

from rpcserver.domain.errors import InvalidRequest

INTERVAL_DEFAULT = 1000  # milliseconds
INTERVAL_MIN = 100
INTERVAL_MAX = 3_600_000


def checked(interval: int) -> int:
    """
    *interval* itself, in milliseconds.

    Raises:
        InvalidRequest: `invalid_argument`: nobody is told as often as that, or as rarely.
    """
    if not INTERVAL_MIN <= interval <= INTERVAL_MAX:
        raise InvalidRequest(
            "invalid_argument", f"`interval`: from {INTERVAL_MIN} to {INTERVAL_MAX} milliseconds"
        )
    return interval
