"""
Limits of loss, drawdown, exposure and position: what they come to, and when they act. Pure.

What cannot be measured is no measure: a missing quote, a figure that is no number or a currency
that nobody converts is said, and never taken for "no loss".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.directive import Mark
from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import ZERO
from rpcserver.domain.position import Position
from rpcserver.domain.rule import Limit, Measure

STEP = Decimal("0.01")  # of the limit: how far the highest equity rises before it is kept
LEAP = Decimal("0.1")  # of the limit: how far equity moves before it is kept at once
KEPT_EVERY = timedelta(seconds=60)  # the last equity, otherwise
DAY_START_PATIENCE = timedelta(seconds=60)  # a reading that comes so late is not the day's start


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One account as it was just read."""

    account: Account
    snapshot: AccountSnapshot


class Unmeasured(msgspec.Struct, frozen=True):
    """Why there is no figure."""

    why: str


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a limit says of one account now."""

    mark: Mark  # to be kept, where it is another than before
    value: Decimal | None = None  # what was measured
    acts: bool = False  # the limit was passed just now
    missing: str = ""  # why nothing was measured
    carried: str = ""  # how the day's start is known, where nobody could read it


def judge(limit: Limit, mark: Mark, figures: Figures, now: datetime) -> Judgement:
    """
    Hold an account against a limit.

    It acts once each time the limit is passed: what is beyond stays beyond until it is within
    again, or, of a day's loss, until the next day begins.
    """
    measured = _measure(limit, figures)
    if isinstance(measured, Unmeasured):
        return Judgement(mark=mark, missing=measured.why)
    carried = ""
    if limit.measure.is_of_equity:
        carried = _carried(limit, mark, now)
        mark = _marked(limit, mark, measured, now)
        reference = mark.start if limit.measure is Measure.DAILY_LOSS else mark.highest
        assert reference is not None, "it was just marked"
        measured = reference - measured
    is_beyond = measured >= limit.amount
    acts = is_beyond and not mark.is_beyond
    after = msgspec.structs.replace(mark, is_beyond=is_beyond, passed=mark.passed + acts)
    return Judgement(mark=after, value=measured, acts=acts, carried=carried)


def day_of(limit: Limit, now: datetime) -> date:
    """The day that *now* is part of, as the limit counts days."""
    local = now.astimezone(ZoneInfo(limit.zone))
    return local.date() - timedelta(days=local.time() < limit.day_starts_at)


def _carried(limit: Limit, mark: Mark, now: datetime) -> str:
    """
    Why the day begins with what was last known before it; empty: it does not.

    What is lost while the venue, or this server, is away over the day's roll is lost on the new
    day: counted from the first reading after it, nobody would ever count it.
    """
    today = day_of(limit, now)
    if limit.measure is not Measure.DAILY_LOSS or mark.last is None or mark.last_at is None:
        return ""
    if mark.day is None or mark.day >= today:
        return ""
    began = datetime.combine(today, limit.day_starts_at, ZoneInfo(limit.zone))
    if now - began <= DAY_START_PATIENCE:
        return ""
    return (
        f"nothing could be read within {DAY_START_PATIENCE.total_seconds():g} s of the day's start "
        f"at {began.isoformat()}: it begins with {mark.last:f}, of {mark.last_at.isoformat()}"
    )


def _marked(limit: Limit, mark: Mark, equity: Decimal, now: datetime) -> Mark:
    """The mark with the day's start, the last and the highest equity brought up to date."""
    today = day_of(limit, now)
    is_daily = limit.measure is Measure.DAILY_LOSS
    if mark.start is None or mark.day is None or mark.day < today:
        start = mark.last if _carried(limit, mark, now) else equity
        mark = msgspec.structs.replace(
            mark, day=today, start=start, is_beyond=mark.is_beyond and not is_daily
        )
    if is_daily and _is_news(limit, mark, equity, now):
        mark = msgspec.structs.replace(mark, last=equity, last_at=now)
    if mark.highest is None or equity >= mark.highest + limit.amount * STEP:
        mark = msgspec.structs.replace(mark, highest=equity)
    return mark


def _is_news(limit: Limit, mark: Mark, equity: Decimal, now: datetime) -> bool:
    """Whether the last equity is worth a row: a restart knows of no later one."""
    if mark.last is None or mark.last_at is None:
        return True
    moved, since = abs(equity - mark.last), now - mark.last_at
    is_due = since >= KEPT_EVERY or since < timedelta()  # a clock that was set back
    return moved >= limit.amount * LEAP or (is_due and moved > 0)


# --- what is measured ----------------------------------------------------------------------------


def _measure(limit: Limit, figures: Figures) -> Decimal | Unmeasured:
    held = [p for p in figures.snapshot.positions if not p.is_flat]
    instruments = figures.snapshot.instruments
    if (wanted := limit.instrument) is not None:
        unknown = [p.instrument for p in held if p.instrument not in instruments]
        if unknown:
            return Unmeasured(f"{unknown[0]} is held, and the venue does not list it")
        held = [p for p in held if wanted.matches(instruments[p.instrument])]
    match limit.measure:
        case Measure.POSITION:
            return sum((p.quantity for p in held), ZERO)
        case Measure.EXPOSURE:
            return _exposure(held, instruments, figures.account.currency)
        case Measure.DAILY_LOSS | Measure.DRAWDOWN:
            return equity_of(figures)


def equity_of(figures: Figures) -> Decimal | Unmeasured:
    """What the account is worth, in its currency: cash, what is open, coins at what they cost."""
    account, instruments = figures.account, figures.snapshot.instruments
    if not account.connected:
        return Unmeasured("the venue has no connection to the account")
    if not (account.cash.is_finite() and account.unrealized.is_finite()):
        return Unmeasured("the account's figures are no numbers")
    coins = open_profit = ZERO
    is_convertible = True
    for position in figures.snapshot.positions:
        if position.is_flat:
            continue
        if isinstance(priced := _priced(position, instruments), Unmeasured):
            return priced
        instrument, _ = priced
        if position.unrealized is None or not position.unrealized.is_finite():
            return Unmeasured(f"{position.instrument} has no profit figure")
        is_own = instrument.currency == account.currency and not instrument.inverse
        is_convertible = is_convertible and is_own
        open_profit += position.unrealized
        if instrument.base is not None:  # bought with cash: it is worth what was paid, and more
            if not is_own:
                return Unmeasured(f"{position.instrument} is in {instrument.currency}")
            coins += position.signed_quantity * position.average_price
    # A venue that leaves its own figure out says nought: the lower of the two is believed.
    unrealized = min(account.unrealized, open_profit) if is_convertible else account.unrealized
    return account.cash + unrealized + coins


def _exposure(
    held: Iterable[Position], instruments: Mapping[InstrumentId, Instrument], currency: str
) -> Decimal | Unmeasured:
    total = ZERO
    for position in held:
        if isinstance(priced := _priced(position, instruments), Unmeasured):
            return priced
        instrument, price = priced
        if instrument.currency != currency:
            return Unmeasured(
                f"{position.instrument} is in {instrument.currency}, the account in {currency}"
            )
        worth = Decimal(1) if instrument.inverse else price
        total += position.quantity * worth * instrument.point_value
    return total


def _priced(
    position: Position, instruments: Mapping[InstrumentId, Instrument]
) -> tuple[Instrument, Decimal] | Unmeasured:
    instrument, price = instruments.get(position.instrument), position.market_price
    if instrument is None:
        return Unmeasured(f"{position.instrument} is held, and the venue does not list it")
    if price is None or not price.is_finite():
        return Unmeasured(f"{position.instrument} has no quote")
    return instrument, price
