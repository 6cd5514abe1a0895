"""What of rate limits is told: what is left, and which accounts a call counts for."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from rpcserver.apis.queries import (
    ChangeOrder,
    Query,
    ReadLifecycle,
    ReadSummary,
    ReadWatermarks,
    ReplaceOrder,
)
from rpcserver.domain.ids import AccountRef
from rpcserver.server.limits import Left
from rpcserver.server.sandboxes import accounts_asked
from rpcserver.wire.frames import RateLimit


def rate_limit(left: Left) -> RateLimit:
    """What is left, as it is told."""
    return RateLimit(remaining=left.remaining, reset_ms=round(left.reset * 1000))


def told_if_low(left: Left | None) -> RateLimit | UnsetType:
    return UNSET if left is None else rate_limit(left)


def accounts_reached(query: Query) -> tuple[AccountRef, ...]:
    """The accounts that a query is about."""
    match query:
        case ReadLifecycle() | ReadSummary() | ReadWatermarks() | ChangeOrder():
            return query.accounts
        case ReplaceOrder(order=order):
            return (order.account,)
        case _:
            return accounts_asked(query)
