"""
How an execution changes a position: netting, averaging, day books and strategies' claims.

Pure functions from position to position. A position keeps its id from opening to flat; turning
through zero closes one position and opens another.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from rpcserver.domain.ids import AccountId, InstrumentId, PositionId, Product, VenueId
from rpcserver.domain.order import ZERO, Holding
from rpcserver.domain.position import DayBook, Position, TaggedQuantity
from rpcserver.venues.paper.contracts import Contract

_PRICE = Decimal("1E-8")
_SHORT = Decimal("1E-2")


class Slot(NamedTuple):
    """Where in an account a position lives: what netting nets."""

    instrument: InstrumentId
    holding: Holding
    product: Product


class Trade(NamedTuple):
    """An execution as a position sees it: *quantity* signed, fees in the coin taken off."""

    quantity: Decimal
    price: Decimal
    tag: str | None
    at: datetime


def flat_position(
    venue: VenueId, account: AccountId, slot: Slot, position_id: PositionId, now: datetime
) -> Position:
    """A position about to be opened."""
    return Position(
        position_id=position_id,
        venue=venue,
        account=account,
        instrument=slot.instrument,
        signed_quantity=ZERO,
        holding=slot.holding,
        product=slot.product,
        average_price=ZERO,
        opened_at=now,
        updated_at=now,
    )


def after_trade(position: Position, contract: Contract, trade: Trade) -> tuple[Position, Decimal]:
    """
    Apply *trade*, which must not carry the position through zero (see `split_at_zero`).

    Returns the position and the profit the trade locked in, in the instrument's currency.
    """
    held = position.signed_quantity
    total = held + trade.quantity
    assert held * total >= 0, "a trade through zero is two: one closes, one opens"
    if held * trade.quantity >= 0:
        realized = ZERO
        average = _averaged(contract, held, position.average_price, trade)
    else:
        realized = contract.profit(-trade.quantity, position.average_price, trade.price)
        average = position.average_price
    changed = msgspec.structs.replace(
        position,
        signed_quantity=total,
        average_price=average,
        tags=_claims_after(position, trade, total),
        day=_day_after(position.day, trade),
        updated_at=trade.at,
    )
    return changed, realized


def split_at_zero(held: Decimal, trade: Trade) -> tuple[Trade, Trade | None]:
    """Cut *trade* into what closes the position and what opens the next, if it goes that far."""
    if held == 0 or held * (held + trade.quantity) >= 0:
        return trade, None
    return trade._replace(quantity=-held), trade._replace(quantity=held + trade.quantity)


def carried_forward(position: Position) -> Position:
    """The position at the day's roll: all of it is carried, today's trades start anew."""
    book = DayBook(carried_quantity=position.signed_quantity, carried_price=position.average_price)
    return msgspec.structs.replace(position, day=book)


def marked(position: Position, contract: Contract, price: Decimal) -> Position:
    """The position as it stands at *price*."""
    return msgspec.structs.replace(
        position,
        market_price=price,
        unrealized=contract.profit(position.signed_quantity, position.average_price, price),
    )


def tidy_price(price: Decimal) -> Decimal:
    """An average price, without the endless digits of a division."""
    if price == (short := price.quantize(_SHORT)):
        return short
    return price.quantize(_PRICE)


def _averaged(contract: Contract, held: Decimal, average: Decimal, trade: Trade) -> Decimal:
    if held == 0:
        return trade.price
    if contract.instrument.inverse:  # the harmonic mean: what conserves coin profit
        mean = (held + trade.quantity) / (held / average + trade.quantity / trade.price)
    else:
        mean = (held * average + trade.quantity * trade.price) / (held + trade.quantity)
    return tidy_price(mean)


def _day_after(day: DayBook, trade: Trade) -> DayBook:
    value = abs(trade.quantity) * trade.price
    if trade.quantity > 0:
        return msgspec.structs.replace(
            day, buy_quantity=day.buy_quantity + trade.quantity, buy_value=day.buy_value + value
        )
    return msgspec.structs.replace(
        day, sell_quantity=day.sell_quantity - trade.quantity, sell_value=day.sell_value + value
    )


def _claims_after(position: Position, trade: Trade, total: Decimal) -> tuple[TaggedQuantity, ...]:
    """
    What strategies claim afterwards: never more than there is, and all of the position's sign.

    Growth belongs to the trade's tag. A reduction first uses up its own tag's claim, then what
    nobody claims, then the oldest claims.
    """
    if not position.tags and trade.tag is None:
        return ()
    claims = {claim.tag: claim.quantity for claim in position.tags}
    grows = position.signed_quantity * trade.quantity >= 0
    if trade.tag is not None and (grows or trade.tag in claims):
        claim = claims.get(trade.tag, ZERO) + trade.quantity
        claims[trade.tag] = claim if claim * total > 0 else ZERO
    excess = abs(sum(claims.values(), ZERO)) - abs(total)
    for tag, claim in claims.items():
        if excess <= 0:
            break
        given_up = min(excess, abs(claim))
        claims[tag] = claim - given_up.copy_sign(claim)
        excess -= given_up
    return tuple(TaggedQuantity(tag=tag, quantity=claim) for tag, claim in claims.items() if claim)
