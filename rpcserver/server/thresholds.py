"""
What a closing call would lose or close, held against the policy's thresholds. Pure.

What cannot be measured is said, and needs nothing: an exit never waits for a quote (law 34).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from rpcserver.core.report import LegReport, OperationReport
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.order import ZERO
from rpcserver.domain.policy import Exited, Passing, Threshold


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """One threshold and what was held against it, in words for people."""

    threshold: Threshold
    is_reached: bool
    worded: str  # empty: measured, and within


def speaks_of(threshold: Threshold, accounts: Iterable[AccountRef]) -> bool:
    """Whether the threshold is about any of *accounts*."""
    return not threshold.accounts or bool(set(threshold.accounts) & set(accounts))


def weigh(threshold: Threshold, plan: OperationReport) -> Weighed:
    """Hold the dry run of a call against one threshold."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    unknown = [f"{each.account} could not be read" for each in plan.failures]
    for leg in plan.legs:
        if leg.planned_quantity == 0 or not _is_weighed(threshold, leg):
            continue
        figure = _loss(leg) if threshold.of is Exited.LOSS else _exposure(leg)
        if figure is None or not figure.is_finite():
            unknown.append(f"{leg.position.instrument} has no quote")
        else:
            sums[leg.instrument.currency] += figure
    currency, most = max(sums.items(), key=lambda each: each[1], default=("", ZERO))
    is_reached = most >= threshold.amount
    told = []
    if is_reached:
        told.append(f"{_WHAT[threshold.of]} {most:f} {currency}, threshold {threshold.amount:f}")
    if unknown:
        told.append(unmeasured(threshold, unknown))
    return Weighed(threshold=threshold, is_reached=is_reached, worded="; ".join(told))


def _is_weighed(threshold: Threshold, leg: LegReport) -> bool:
    is_its_currency = threshold.currency in (None, leg.instrument.currency)
    return is_its_currency and speaks_of(threshold, [leg.position.account_ref])


def unmeasured(threshold: Threshold, why: Sequence[str]) -> str:
    """That a threshold could not be held against all there is, and why."""
    more = f" and {len(why) - 1} more" if len(why) > 1 else ""
    return f"{threshold.of.value} of {threshold.amount:f}: not all is measured: {why[0]}{more}"


_WHAT = {Exited.LOSS: "it realises a loss of", Exited.EXPOSURE: "it closes an exposure of"}
assert _WHAT.keys() == set(Exited), "a measure has no words"


def strictest(reached: Iterable[Weighed]) -> Passing | None:
    """What a call needs that passes all of these; None: it passes none."""
    order = list(Passing)
    needs = [each.threshold.passing for each in reached if each.is_reached]
    return max(needs, key=order.index, default=None)


def _loss(leg: LegReport) -> Decimal | None:
    """What closing it at the touch would lose; a profit is below zero, and offsets."""
    price = _touch(leg)
    if price is None or not price:
        return None
    position, instrument = leg.position, leg.instrument
    signed = leg.planned_quantity if position.signed_quantity > 0 else -leg.planned_quantity
    if instrument.inverse:
        if not position.average_price:
            return None
        difference = 1 / price - 1 / position.average_price
    else:
        difference = position.average_price - price
    return signed * difference * instrument.point_value


def _exposure(leg: LegReport) -> Decimal | None:
    price = _touch(leg)
    if price is None:
        return None
    if leg.instrument.inverse:
        return leg.planned_quantity * leg.instrument.point_value / price if price else None
    return leg.planned_quantity * price * leg.instrument.point_value


def _touch(leg: LegReport) -> Decimal | None:
    """Where it would close now: the bid of what is sold, the ask of what is bought back."""
    market = leg.market
    if market is not None:
        touch = market.bid if leg.position.signed_quantity > 0 else market.ask
        if touch is not None and touch.is_finite():
            return touch
    return leg.position.market_price
