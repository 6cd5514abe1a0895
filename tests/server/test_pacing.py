"""Rates and windows in a time of the test's own: never more than allowed, and no exit dropped."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcserver.domain.ids import AccountId, AccountRef, PrincipalId, TokenId, VenueId
from rpcserver.domain.policy import Rate, RateOf
from rpcserver.domain.principal import Principal, Role
from rpcserver.server.pacing import DIALECT_LIMITS, Pacer, WindowLimit, Windows

BUSY, CALM = (
    Principal(
        principal_id=PrincipalId(name), token_id=TokenId(name), roles=frozenset({Role.TRADER})
    )
    for name in ("busy", "calm")
)
A1, B1 = (AccountRef(VenueId("paper"), AccountId(name)) for name in ("A1", "B1"))
SLACK = 1e-6  # of a sum of floats

_pauses = st.lists(st.floats(0, 3) | st.just(0.0), min_size=1, max_size=120)


def pacer(*rates: Rate, with_dialects: bool = True) -> Pacer:
    return Pacer(lambda: rates, with_dialects=with_dialects)


def most_in_a_window(times: list[float], seconds: float) -> int:
    """The most of *times* that any half-open window of so many seconds sees."""
    return max(sum(at <= each < at + seconds - SLACK for each in times) for at in times)


@given(_pauses, st.integers(1, 12), st.sampled_from([0.5, 1.0, 2.0]))
def test_no_window_sees_more_than_allowed_and_nothing_is_dropped(
    pauses: list[float], count: int, seconds: float
) -> None:
    windows = Windows([WindowLimit(count=count, seconds=seconds)])
    now, done = 0.0, []

    for pause in pauses:
        now += pause
        delay = windows.reserve(now)
        assert delay >= 0
        done.append(now + delay)

    assert len(done) == len(pauses)
    assert done == sorted(done), "in the order asked"
    assert most_in_a_window(done, seconds) <= count


@given(_pauses)
def test_every_limit_holds_where_several_are_kept(pauses: list[float]) -> None:
    limits = (WindowLimit(count=3, seconds=1.0), WindowLimit(count=8, seconds=5.0))
    windows = Windows(limits)
    now, done = 0.0, []

    for pause in pauses:
        now += pause
        done.append(now + windows.reserve(now))

    for limit in limits:
        assert most_in_a_window(done, limit.seconds) <= limit.count


@given(_pauses)
def test_batch_close_goes_once_a_second(pauses: list[float]) -> None:
    paced = pacer()
    now, done = 0.0, []

    for pause in pauses:
        now += pause
        done.append(now + paced.exit(BUSY, "BatchClose", now))

    assert len(done) == len(pauses)
    gaps = [then - at for at, then in pairwise(done)]
    assert all(gap >= 1 - SLACK for gap in gaps)


@given(st.integers(1, 200), st.sampled_from(sorted(DIALECT_LIMITS)), st.floats(1, 20))
def test_one_token_never_starves_anothers_exits(floods: int, api: str, per_second: float) -> None:
    rate = Rate(of=RateOf.API, name=api, per_second=per_second, burst=1)
    paced = pacer(rate)
    for _ in range(floods):
        paced.exit(BUSY, api, 0.0)

    assert paced.exit(CALM, api, 0.0) == 0


@given(_pauses, st.floats(1, 20), st.integers(1, 5))
def test_a_paced_exit_is_never_refused_and_keeps_its_place(
    pauses: list[float], per_second: float, burst: int
) -> None:
    rate = Rate(of=RateOf.API, name="Flatten", per_second=per_second, burst=burst)
    paced = pacer(rate)
    now, done = 0.0, []

    for pause in pauses:
        now += pause
        done.append(now + paced.exit(BUSY, "Flatten", now))

    assert all(then >= at - SLACK for at, then in pairwise(done))
    assert most_in_a_window(done, 1.0) <= burst + per_second + 1


@pytest.mark.parametrize("of", [RateOf.ROLE, RateOf.TOKEN, RateOf.ACCOUNT])
def test_only_the_rate_of_an_api_touches_an_exit(of: RateOf) -> None:
    name = {RateOf.ROLE: "trader", RateOf.TOKEN: "busy", RateOf.ACCOUNT: str(A1)}[of]
    paced = pacer(Rate(of=of, name=name, per_second=0.01, burst=1))

    assert [paced.exit(BUSY, "Flatten", 0.0) for _ in range(5)] == [0] * 5


def test_a_role_is_counted_token_by_token_and_an_account_altogether() -> None:
    paced = pacer(
        Rate(of=RateOf.ROLE, name="trader", per_second=1.0, burst=1),
        Rate(of=RateOf.ACCOUNT, name=str(A1), per_second=1.0, burst=1),
    )

    assert paced.call(BUSY, "GetQuote", 0.0) == 0
    assert paced.call(BUSY, "GetQuote", 0.0) == pytest.approx(1.0)
    assert paced.call(CALM, "GetQuote", 0.0) == 0
    assert paced.accounts([A1], 0.0) == 0
    assert paced.accounts([A1, B1], 0.5) == pytest.approx(0.5)
    assert paced.accounts([B1], 0.5) == 0


def test_a_refused_call_takes_no_place_in_any_rate() -> None:
    paced = pacer(
        Rate(of=RateOf.TOKEN, name="busy", per_second=1.0, burst=2),
        Rate(of=RateOf.API, name="GetBars", per_second=1.0, burst=1),
    )
    assert paced.call(BUSY, "GetBars", 0.0) == 0

    for _ in range(10):
        assert paced.call(BUSY, "GetBars", 0.0) > 0

    assert paced.call(BUSY, "GetQuote", 0.0) == 0, "the token's other call is still there"


def test_upstox_counts_by_the_second_the_minute_and_the_half_hour() -> None:
    paced = pacer()
    done: list[float] = []
    now = 0.0
    while len(done) < 501:
        if wait := paced.call(BUSY, "PlaceMultiOrder", now):
            now += wait
        else:
            done.append(now)

    assert most_in_a_window(done, 1.0) == 10
    assert done[500] >= 60 - SLACK, "the 501st waits for the next minute"
    assert pacer(with_dialects=False).exit(BUSY, "BatchClose", 0.0) == 0


def test_a_changed_rate_holds_at_once() -> None:
    rates = [Rate(of=RateOf.API, name="GetQuote", per_second=0.1, burst=1)]
    paced = Pacer(lambda: tuple(rates), with_dialects=True)
    assert paced.call(BUSY, "GetQuote", 0.0) == 0
    assert paced.call(BUSY, "GetQuote", 0.0) > 0

    rates.clear()

    assert paced.call(BUSY, "GetQuote", 0.0) == 0
