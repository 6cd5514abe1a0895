"""
Trading hours, as pure functions of an instant.

A trading day is (open, close) in the exchange's own time. Globex opens the evening before its
trading day and pauses for an hour each afternoon; coins never rest, their days are cut at
midnight UTC. Holidays are not modelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rpcserver.domain.market import Session
from rpcserver.venues.paper.contracts import Calendar

_SATURDAY = 5


class _Hours(NamedTuple):
    """A trading day opens *day_before* days before its date."""

    zone: ZoneInfo
    opens: time
    closes: time
    day_before: int = 0
    weekends: bool = False


_HOURS = {
    Calendar.ALWAYS: _Hours(ZoneInfo("UTC"), time(0), time(0), day_before=1, weekends=True),
    Calendar.CME: _Hours(ZoneInfo("America/Chicago"), time(17), time(16), day_before=1),
    Calendar.NSE: _Hours(ZoneInfo("Asia/Kolkata"), time(9, 15), time(15, 30)),
}
assert _HOURS.keys() == set(Calendar), "a calendar has no row in the table"


def is_open(calendar: Calendar, now: datetime) -> bool:
    return session_around(calendar, now).is_open


def session_around(calendar: Calendar, now: datetime) -> Session:
    """The session running at *now*, or the next one if none runs; and the one after it."""
    hours = _HOURS[calendar]
    days = _trading_days(hours, now)
    starts_at, ends_at = next((start, end) for start, end in days if now < end)
    next_starts_at, next_ends_at = next(days)
    return Session(
        is_open=starts_at <= now,
        starts_at=starts_at,
        ends_at=ends_at,
        next_starts_at=next_starts_at,
        next_ends_at=next_ends_at,
        time_zone=hours.zone.key,
    )


def trading_date(calendar: Calendar, now: datetime) -> date:
    """The day a trade made at *now* belongs to: when it changes, the day rolls."""
    hours = _HOURS[calendar]
    local = now.astimezone(hours.zone)
    if calendar is Calendar.CME and local.time() >= hours.opens:
        return local.date() + timedelta(days=1)
    return local.date()


def _trading_days(hours: _Hours, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    day = now.astimezone(hours.zone).date() - timedelta(days=1)
    while True:
        if hours.weekends or day.weekday() < _SATURDAY:
            yield (
                datetime.combine(day - timedelta(days=hours.day_before), hours.opens, hours.zone),
                datetime.combine(day, hours.closes, hours.zone),
            )
        day += timedelta(days=1)
