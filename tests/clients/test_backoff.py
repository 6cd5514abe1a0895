"""Full jitter: anywhere between at once and a bound that doubles."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rpcclient import Backoff


@given(
    failures=st.integers(0, 10_000),
    chance=st.floats(0, 1, exclude_max=True),
    first=st.floats(0, 10),
    longest=st.floats(0, 60),
)
def test_a_delay_stays_between_nothing_and_its_bound(
    failures: int, chance: float, first: float, longest: float
) -> None:
    delay = Backoff(first=first, longest=longest, random=lambda: chance).delay(failures)

    assert 0 <= delay <= min(longest, first * 2.0 ** min(failures, 32))


def test_the_bound_doubles_up_to_the_longest() -> None:
    backoff = Backoff(first=0.25, longest=1.5, random=lambda: 1.0)

    assert [backoff.delay(failures) for failures in range(5)] == [0.25, 0.5, 1.0, 1.5, 1.5]


def test_the_wait_is_spread_over_the_whole_of_it() -> None:
    backoff = Backoff(first=4.0, longest=4.0)

    delays = [backoff.delay(0) for _ in range(500)]

    assert min(delays) < 1.0
    assert max(delays) > 3.0
