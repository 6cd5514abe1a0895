"""
Waiting for a market that takes no orders: looked at now and then, and nothing is stormed (law 31).
"""

from __future__ import annotations

from rpcserver.core.commands import ReadMarket
from rpcserver.core.decision import Pen
from rpcserver.core.state import Lane
from rpcserver.domain.order import RejectReason

MARKET_POLL = 1.0  # seconds between looks at a market that is waited for


def takes_no_orders(pen: Pen, lane: Lane) -> bool:
    """Whether the lane's market is closed, as far as is known."""
    seen = pen.draft.find_market(lane.key.venue, lane.key.instrument)
    if seen is not None and not seen.market.phase.takes_orders:
        return True
    # A refusal knows better than what was seen before it.
    refused = lane.rejected is RejectReason.MARKET_CLOSED
    return refused and (seen is None or seen.seen_at < lane.rejected_at)


def watch_market(pen: Pen, lane: Lane) -> float:
    """Look at the market if nobody has for a while; when to look again."""
    seen = pen.draft.find_market(lane.key.venue, lane.key.instrument)
    if seen is None or pen.now.mono - seen.seen_at >= MARKET_POLL:
        pen.order(ReadMarket(venue=lane.key.venue, instrument=lane.key.instrument))
    return pen.now.mono + MARKET_POLL
