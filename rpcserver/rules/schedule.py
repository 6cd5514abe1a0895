"""
Flattening at a time of day: what is owed at this moment. Pure.

Deadlines of a day follow the wall clock by definition: where the clock jumps forward over one, it
has passed; where it jumps back, an occasion that was settled stays settled. A time that a change
to summer time leaves out is taken as so much later; one that happens twice is the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rpcserver.domain.rule import FlattenAt

LOOK_BACK = 14  # days: no exchange is closed for longer
FIRST_RETRY = 5.0  # seconds between attempts, doubled each time
LONGEST_RETRY = 60.0

Trades = Callable[[date], bool]  # whether the exchange trades on a day


class Occasion(NamedTuple):
    """One day's turn of a rule; times in UTC."""

    day: date
    at: datetime
    until: datetime

    @property
    def name(self) -> str:
        return self.day.isoformat()


class Owed(NamedTuple):
    """It is to be done now."""

    occasion: Occasion


class Missed(NamedTuple):
    """Its second deadline passed before anybody could begin."""

    occasion: Occasion


def occasion_on(terms: FlattenAt, day: date) -> Occasion:
    """The turn of *day*, whether the exchange trades on it or not."""
    return Occasion(day, _moment(terms, day, terms.at), _moment(terms, day, terms.until))


def owed(
    terms: FlattenAt, *, settled: date | None, laid_down: datetime, now: datetime, trades: Trades
) -> Owed | Missed | None:
    """
    What is owed at *now*, if anything.

    Args:
        settled: The last day that was done, missed or given up.
        laid_down: When the rule was; what was due before is not owed.
    """
    for occasion in _backwards(terms, now):
        if occasion.at > now or not trades(occasion.day):
            continue
        is_old = settled is not None and occasion.day <= settled
        if is_old or occasion.at < laid_down:
            return None
        return Owed(occasion) if now < occasion.until else Missed(occasion)
    return None


def following(terms: FlattenAt, now: datetime, trades: Trades) -> Occasion | None:
    """The first turn after *now*."""
    today = now.astimezone(ZoneInfo(terms.zone)).date()
    for ahead in range(LOOK_BACK + 1):
        occasion = occasion_on(terms, today + timedelta(days=ahead))
        if occasion.at > now and trades(occasion.day):
            return occasion
    return None


def retry_after(attempt: int) -> float:
    """Seconds from the end of the *attempt*-th close that was not flat to the next."""
    return float(min(FIRST_RETRY * 2 ** min(attempt - 1, 10), LONGEST_RETRY))


def every_day(day: date) -> bool:
    """Of a rule without a calendar."""
    del day
    return True


def _backwards(terms: FlattenAt, now: datetime) -> Iterator[Occasion]:
    today = now.astimezone(ZoneInfo(terms.zone)).date()
    for back in range(LOOK_BACK + 1):
        yield occasion_on(terms, today - timedelta(days=back))


def _moment(terms: FlattenAt, day: date, of_day: time) -> datetime:
    return datetime.combine(day, of_day, tzinfo=ZoneInfo(terms.zone)).astimezone(UTC)
