"""
Where prices come from, and what a market offers at them.

Prices walk in whole ticks by a seeded generator: the same seed and the same number of steps give
the same path. Every order meets a full book: the paper venue's market maker renews its quotes
between two orders, so that the rest of an order that was too large finds something to trade with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import NamedTuple

import msgspec

from rpcserver.domain.market import MarketPhase, Quote
from rpcserver.domain.order import OrderSide
from rpcserver.venues.paper.contracts import Contract

_LEASH = 40  # ticks: so far a price strays freely, further it is drawn back to where it started


class Market(msgspec.Struct):
    """The state of one contract's market; prices in ticks."""

    contract: Contract
    anchor: int
    middle: int  # between bid and ask, rounded down
    open: int
    high: int
    low: int
    close: int  # of the day before
    volume: int = 0
    ordered_phase: MarketPhase | None = None  # set by command; None: as the calendar says
    lower_band: Decimal | None = None
    upper_band: Decimal | None = None
    touch: Decimal | None = None  # set by command; None: as the contract says

    @property
    def bid(self) -> Decimal:
        return (self.middle - self.contract.spread // 2) * self.contract.instrument.tick

    @property
    def ask(self) -> Decimal:
        spread = self.contract.spread
        return (self.middle - spread // 2 + spread) * self.contract.instrument.tick

    @property
    def last(self) -> Decimal:
        return self.middle * self.contract.instrument.tick

    def move_to(self, middle: int) -> None:
        """Let the price be *middle*, but never nothing."""
        middle = max(middle, 2 * self.contract.spread)
        self.middle = middle
        self.high = max(self.high, middle)
        self.low = min(self.low, middle)

    def roll_day(self) -> None:
        self.close = self.open = self.high = self.low = self.middle
        self.volume = 0

    def quote(self, now: datetime, *, is_open: bool) -> Quote:
        tick = self.contract.instrument.tick
        return Quote(
            instrument=self.contract.instrument_id,
            bid=self.bid,
            ask=self.ask,
            last=self.last,
            open=self.open * tick,
            high=self.high * tick,
            low=self.low * tick,
            close=self.close * tick,
            volume=self.volume,
            at=now,
            is_open=is_open,
        )


def new_market(contract: Contract) -> Market:
    start = in_ticks(contract, contract.price)
    return Market(
        contract=contract,
        anchor=start,
        middle=start,
        open=start,
        high=start,
        low=start,
        close=start,
    )


def in_ticks(contract: Contract, price: Decimal) -> int:
    return int(price / contract.instrument.tick)


class PriceWalk(msgspec.Struct):
    """The generator's whole state: what to save, and what to restore."""

    seed: int
    step: int = 0

    def moves(self) -> Iterator[int]:
        """Numbers for one step of every market, one each, in the order of listing."""
        self.step += 1
        random = Random(f"{self.seed}/{self.step}")
        while True:
            yield random.getrandbits(31)


def walk(market: Market, number: int) -> None:
    """Move *market* by one step."""
    swing = market.contract.swing
    strayed = market.middle - market.anchor
    pull = -(strayed // _LEASH) if strayed > 0 else -strayed // _LEASH
    market.move_to(market.middle + number % (2 * swing + 1) - swing + pull)
    market.volume += number % 7


class Print(NamedTuple):
    """What one price level gives."""

    price: Decimal
    quantity: Decimal


def has_depth(market: Market) -> bool:
    """Whether anybody trades at all."""
    return market.touch is None or market.touch > 0


def sweep(
    market: Market, side: OrderSide, quantity: Decimal, limit: Decimal | None
) -> Iterator[Print]:
    """
    What an order of *quantity* trades at, level by level, as far as *limit* and the book reach.

    Levels lie a tick apart and grow: a large order slips, and can come to the end of the book.
    """
    tick, lot = market.contract.instrument.tick, market.contract.instrument.lot
    touch = market.contract.touch if market.touch is None else market.touch
    price = market.ask if side is OrderSide.BUY else market.bid
    for level in range(1, market.contract.levels + 1):
        if quantity <= 0 or touch <= 0 or price <= 0 or not _within(side, price, limit):
            return
        # What is left may be less than a lot (spot dust after fees); it still trades whole.
        taken = min(quantity, max(touch * level, lot))
        yield Print(price, taken)
        quantity -= taken
        price += side.sign * tick


def available(market: Market, side: OrderSide, limit: Decimal | None) -> Decimal:
    """How much *side* could trade at once within *limit*."""
    everything = Decimal("1E30")
    return sum((taken for _, taken in sweep(market, side, everything, limit)), Decimal(0))


def _within(side: OrderSide, price: Decimal, limit: Decimal | None) -> bool:
    if limit is None:
        return True
    return price <= limit if side is OrderSide.BUY else price >= limit
