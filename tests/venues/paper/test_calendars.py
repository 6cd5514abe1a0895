"""When markets are open."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcserver.venues.paper.calendars import is_open, session_around, trading_date
from rpcserver.venues.paper.contracts import Calendar


@pytest.mark.parametrize(
    ("calendar", "moment", "expected"),
    [
        (Calendar.NSE, "2026-03-03T03:44:59", False),  # 09:14:59 in Mumbai, a Tuesday
        (Calendar.NSE, "2026-03-03T03:45:00", True),
        (Calendar.NSE, "2026-03-03T09:59:59", True),
        (Calendar.NSE, "2026-03-03T10:00:00", False),
        (Calendar.NSE, "2026-03-07T05:00:00", False),  # Saturday
        (Calendar.CME, "2026-03-03T21:59:59", True),  # 15:59:59 in Chicago
        (Calendar.CME, "2026-03-03T22:00:00", False),  # the daily pause
        (Calendar.CME, "2026-03-03T23:00:00", True),
        (Calendar.CME, "2026-03-06T22:00:00", False),  # Friday's close
        (Calendar.CME, "2026-03-07T12:00:00", False),
        (Calendar.CME, "2026-03-08T21:59:59", False),  # Sunday, an hour earlier: summer time
        (Calendar.CME, "2026-03-08T22:00:00", True),
        (Calendar.ALWAYS, "2026-03-07T12:00:00", True),
    ],
)
def test_hours(calendar: Calendar, moment: str, expected: bool) -> None:
    assert is_open(calendar, datetime.fromisoformat(moment).replace(tzinfo=UTC)) is expected


@pytest.mark.parametrize(
    ("calendar", "moment", "expected"),
    [
        (Calendar.CME, "2026-03-03T22:59:59", date(2026, 3, 3)),
        (Calendar.CME, "2026-03-03T23:00:00", date(2026, 3, 4)),  # the evening belongs to tomorrow
        (Calendar.NSE, "2026-03-03T18:29:59", date(2026, 3, 3)),
        (Calendar.NSE, "2026-03-03T18:30:00", date(2026, 3, 4)),  # midnight in Mumbai
        (Calendar.ALWAYS, "2026-03-03T23:59:59", date(2026, 3, 3)),
    ],
)
def test_trading_days(calendar: Calendar, moment: str, expected: date) -> None:
    assert trading_date(calendar, datetime.fromisoformat(moment).replace(tzinfo=UTC)) == expected


moments = st.integers(0, 15 * 365 * 24 * 60).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(calendar=st.sampled_from(Calendar), now=moments)
def test_a_session_is_the_one_around_now(calendar: Calendar, now: datetime) -> None:
    session = session_around(calendar, now)

    assert now < session.ends_at
    assert session.is_open is (session.starts_at <= now)
    bounds = (
        session.starts_at,
        session.ends_at,
        session.next_starts_at,
        session.next_ends_at,
    )
    assert all(earlier <= later for earlier, later in pairwise(bounds))
    assert session.starts_at - now < timedelta(days=4)
