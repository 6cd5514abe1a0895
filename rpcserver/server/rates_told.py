"""What of rate limits is told: what is left."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from rpcserver.server.limits import Left
from rpcserver.wire.frames import RateLimit


def rate_limit(left: Left) -> RateLimit:
    """What is left, as it is told."""
    return RateLimit(remaining=left.remaining, reset_ms=round(left.reset * 1000))


def told_if_low(left: Left | None) -> RateLimit | UnsetType:
    return UNSET if left is None else rate_limit(left)
