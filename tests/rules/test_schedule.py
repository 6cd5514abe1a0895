"""What a rule with a time of day owes: by day, zone and calendar, and when the clock jumps."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcserver.domain.rule import FlattenAt
from rpcserver.rules.schedule import (
    LONGEST_RETRY,
    Missed,
    Owed,
    every_day,
    following,
    occasion_on,
    owed,
    retry_after,
)

CHICAGO = FlattenAt(at=time(15, 50), until=time(16, 10), zone="America/Chicago")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
TUESDAY = date(2026, 3, 3)  # in winter time: 15:50 in Chicago is 21:50


def utc(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=UTC)


def due(
    clock: str, *, day: date = TUESDAY, settled: date | None = None, laid_down: datetime = LONG_AGO
) -> Owed | Missed | None:
    return owed(
        CHICAGO, settled=settled, laid_down=laid_down, now=utc(day, clock), trades=every_day
    )


YESTERDAY = TUESDAY - timedelta(days=1)
TURN = occasion_on(CHICAGO, TUESDAY)


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("21:49:59", None),
        ("21:50:00", Owed(TURN)),
        ("22:09:59", Owed(TURN)),
        ("22:10:00", Missed(TURN)),
        ("23:59:00", Missed(TURN)),
    ],
)
def test_it_is_owed_from_its_time_to_its_second_deadline(clock: str, expected: object) -> None:
    assert due(clock, settled=YESTERDAY) == expected


def test_what_was_settled_is_settled_whatever_the_clock_says_then() -> None:
    assert due("21:55", settled=TUESDAY) is None
    assert due("21:51", settled=TUESDAY) is None, "the clock jumped back"


def test_a_rule_laid_down_too_late_begins_with_the_next_turn() -> None:
    assert due("21:55", laid_down=utc(TUESDAY, "21:50:01")) is None
    assert due("21:55", laid_down=utc(TUESDAY, "21:50:00")) == Owed(TURN)


def test_of_many_days_away_the_last_turn_is_missed_once() -> None:
    later = TUESDAY + timedelta(days=3)

    missed = due("12:00", day=later, settled=YESTERDAY)

    assert missed == Missed(occasion_on(CHICAGO, later - timedelta(days=1)))


def test_summer_time_moves_it() -> None:
    summer = occasion_on(CHICAGO, date(2026, 7, 1))

    assert TURN.at == utc(TUESDAY, "21:50")
    assert summer.at == utc(date(2026, 7, 1), "20:50")


def test_a_time_that_summer_time_leaves_out_is_so_much_later_and_one_twice_is_the_first() -> None:
    early = FlattenAt(at=time(2, 30), until=time(4), zone="America/Chicago")
    autumn = FlattenAt(at=time(1, 30), until=time(4), zone="America/Chicago")

    assert occasion_on(early, date(2026, 3, 8)).at == utc(date(2026, 3, 8), "08:30")
    assert occasion_on(autumn, date(2026, 11, 1)).at == utc(date(2026, 11, 1), "06:30")


def test_the_next_turn_skips_days_without_trade() -> None:
    weekdays = following(CHICAGO, utc(date(2026, 3, 6), "23:00"), lambda day: day.weekday() < 5)

    assert weekdays is not None
    assert weekdays.day == date(2026, 3, 9)
    assert following(CHICAGO, utc(TUESDAY, "12:00"), lambda _: False) is None


@given(minutes=st.integers(0, 60 * 24 * 400), step=st.integers(5, 600))
@settings(max_examples=40, deadline=None)
def test_whoever_looks_often_enough_misses_nothing_and_does_nothing_twice(
    minutes: int, step: int
) -> None:
    """Through a week, through changes of summer time, at any interval."""
    start = LONG_AGO + timedelta(minutes=minutes)
    now, settled, done = start, None, []
    while now < start + timedelta(days=7):
        match owed(CHICAGO, settled=settled, laid_down=start, now=now, trades=every_day):
            case Owed(occasion) | Missed(occasion):
                done.append(occasion.day)
                settled = occasion.day
        now += timedelta(minutes=step)

    assert done == sorted(set(done))
    assert len(done) >= 6


def test_attempts_come_less_and_less_often() -> None:
    waits = [retry_after(attempt) for attempt in range(1, 12)]

    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_RETRY
