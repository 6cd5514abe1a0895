"""
How a closing order is priced: at market, at the caller's limit, or along a bounded ladder.

Law 12: no order is priced outside what the request allows; every step is intended, and so
journaled, before it is sent. Where a venue takes no market orders (an auction, a reserved
instrument, a ban), a limit that crosses by a bounded number of ticks stands in for one (law 31).
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import msgspec

from rpcserver.core.requests import CloseRequest, LadderStep
from rpcserver.core.state import Lane, SeenMarket
from rpcserver.domain.market import Market
from rpcserver.domain.order import OrderSide, OrderType

CROSSING_TICKS = 20  # how far a limit that stands in for a market order crosses
FRESH = 1.0  # seconds a touch may be old to price an order
INSTANT = 1e-6  # seconds that a difference of two sums of the same times may be off by


class Price(msgspec.Struct, frozen=True, gc=False):
    """`limit` None: at market."""

    type: OrderType
    limit: Decimal | None
    step: int


class NeedsMarket(msgspec.Struct, frozen=True):
    """No price without a fresh look at the market."""


class Unpriced(msgspec.Struct, frozen=True):
    """The request has no price for this instrument."""


def step_of(request: CloseRequest, elapsed: float) -> int:
    """The rung of the ladder that *elapsed* seconds of work have reached."""
    ladder = request.execution.ladder
    reached = [index for index, step in enumerate(ladder) if step.after <= elapsed + INSTANT]
    return max(reached, default=0)


def next_step_after(request: CloseRequest, step: int) -> float | None:
    """When, in seconds of work, the rung after *step* is due."""
    ladder = request.execution.ladder
    return ladder[step + 1].after if step + 1 < len(ladder) else None


def price_of(
    request: CloseRequest,
    lane: Lane,
    side: OrderSide,
    step: int,
    seen: SeenMarket | None,
    mono: float,
) -> Price | NeedsMarket | Unpriced:
    """The price of the next closing order of *lane*, in the market as it was last *seen*."""
    execution = request.execution
    if execution.limit_prices:
        limit = execution.limit_prices.get(lane.key.instrument)
        return Price(OrderType.LIMIT, limit, 0) if limit is not None else Unpriced()
    rung = execution.ladder[step] if execution.ladder else LadderStep(type=OrderType.MARKET)
    if rung.type is OrderType.MARKET:
        if takes_market_orders(lane, seen):
            return Price(OrderType.MARKET, None, step)
        rung = LadderStep(offset_ticks=CROSSING_TICKS)
    if seen is None or mono - seen.seen_at > FRESH:
        return NeedsMarket()
    limit = _at_offset(seen.market, side, rung.offset_ticks, lane.instrument.tick)
    return Price(OrderType.LIMIT, limit, step) if limit is not None else NeedsMarket()


def takes_market_orders(lane: Lane, seen: SeenMarket | None) -> bool:
    """Whether a market order would be taken, as far as is known."""
    return not lane.limits_only and (seen is None or seen.market.phase.takes_market_orders)


def _at_offset(market: Market, side: OrderSide, ticks: int, tick: Decimal) -> Decimal | None:
    """From the own side's best price (0 and below) or beyond the far touch (above 0)."""
    own, far = (market.bid, market.ask) if side is OrderSide.BUY else (market.ask, market.bid)
    start = far if ticks > 0 else own
    if start is None and ticks > 0:
        start = market.upper_band if side is OrderSide.BUY else market.lower_band
    if start is None:
        return None
    limit = start + ticks * tick * side.sign
    limit -= limit % tick
    if market.lower_band is not None:
        limit = max(limit, _to_tick(market.lower_band, tick, ROUND_CEILING))
    if market.upper_band is not None:
        limit = min(limit, _to_tick(market.upper_band, tick, ROUND_FLOOR))
    return limit


def _to_tick(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    return (price / tick).to_integral_value(rounding=rounding) * tick
