"""What kind of order a market takes now; None where it takes none."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market
from rpcserver.domain.order import OrderSide, OrderType

CROSSING_TICKS = 20  # how far a limit that stands in for a market order goes beyond the touch


class Price(msgspec.Struct, frozen=True):
    """`limit` None: at market."""

    type: OrderType = OrderType.MARKET
    limit: Decimal | None = None


def price_of(
    market: Market | None, instrument: Instrument, side: OrderSide, *, limits_only: bool
) -> Price | str:
    """
    How to close on *side* now, or why that cannot be done.

    An unknown market is sent a market order: an exit never waits for a quote (law 34). An auction
    and a pause take limits alone: as far as the price band lets them go.
    """
    if market is None:
        return Price() if not limits_only else "the market takes limits alone and has no quote"
    if not market.phase.takes_orders:
        return f"the market is {market.phase.value}"
    if market.phase.takes_market_orders and not limits_only:
        return Price()
    is_buy = side is OrderSide.BUY
    band = market.upper_band if is_buy else market.lower_band
    touch = market.ask if is_buy else market.bid
    reach = CROSSING_TICKS * instrument.tick * side.sign
    limit = band if touch is None else touch + reach
    if limit is None:
        return "the market takes limits alone and has no quote"
    if band is not None:
        limit = min(limit, band) if is_buy else max(limit, band)
    # Towards the touch: a tick beyond the band would be refused.
    steps = (limit / instrument.tick).to_integral_value(
        rounding="ROUND_FLOOR" if is_buy else "ROUND_CEILING"
    )
    return Price(OrderType.LIMIT, steps * instrument.tick)
