from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcserver.server.limits import Allowance, Limits, TokenBucket
from rpcserver.server.outbox import Outbox


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(rate=10, burst=3, now=0.0)

    assert [bucket.wait_before(0.0) for _ in range(3)] == [0, 0, 0]
    assert bucket.wait_before(0.0) == pytest.approx(0.1)
    assert bucket.wait_before(0.05) == pytest.approx(0.05)
    assert bucket.wait_before(0.11) == 0


@given(st.lists(st.floats(0, 10), max_size=200))
def test_no_bucket_gives_more_than_its_burst_and_rate(pauses: list[float]) -> None:
    bucket = TokenBucket(rate=5, burst=4, now=0.0)
    now, taken = 0.0, 0

    for pause in pauses:
        now += pause
        taken += bucket.wait_before(now) == 0

    assert taken <= 4 + 5 * now + 1e-6


def test_a_reservation_is_never_refused_only_later() -> None:
    bucket = TokenBucket(rate=10, burst=2, now=0.0)

    delays = [bucket.reserve(0.0) for _ in range(5)]

    assert delays == pytest.approx([0, 0, 0.1, 0.2, 0.3])


def test_exits_pass_when_everything_else_is_used_up() -> None:
    allowance = Allowance(Limits(calls_per_second=1, calls_burst=1), 0.0)

    assert allowance.call(0.0) == 0
    assert allowance.call(0.0) > 0
    assert allowance.closing(0.0) == 0
    assert not allowance.is_flooded


def test_whoever_goes_on_in_spite_of_refusals_is_flooding() -> None:
    allowance = Allowance(Limits(calls_per_second=10, calls_burst=2), 0.0)

    for _ in range(2 + 20):
        allowance.call(0.0)
    assert not allowance.is_flooded

    allowance.call(0.0)
    assert allowance.is_flooded


def test_piled_up_exits_are_flooding_too() -> None:
    limits = Limits(closing_calls_per_second=1, closing_calls_burst=1)
    allowance = Allowance(limits, 0.0)

    for _ in range(61):
        allowance.closing(0.0)
    assert not allowance.is_flooded

    allowance.closing(0.0)
    assert allowance.is_flooded


def test_a_row_of_its_own_that_grows_too_long_is_flooding_too() -> None:
    allowance = Allowance(Limits(), 0.0)

    assert allowance.closing(0.0, paced=60.0) == 60
    assert not allowance.is_flooded

    allowance.closing(0.0, paced=61.0)
    assert allowance.is_flooded


# --- the outbox --------------------------------------------------------------------------------


def test_what_was_posted_is_taken_in_order_and_joined() -> None:
    outbox = Outbox(1000)
    for frame in (b"a", b"bb", b"ccc"):
        outbox.post(frame)

    assert outbox.take(2) == b"abb"
    assert outbox.take(1000) == b"ccc"
    assert outbox.take(1000) == b""
    assert outbox.size == 0


def test_with_room_every_step_is_kept() -> None:
    outbox = Outbox(1000)
    for frame in (b"1", b"2", b"3"):
        outbox.post_newest("leg", frame)

    assert outbox.take(1000) == b"123"


def test_in_a_crowd_only_the_newest_of_each_leg_waits() -> None:
    outbox = Outbox(100)
    outbox.post(b"x" * 60)
    for leg, frame in ((1, b"a1"), (2, b"b1"), (1, b"a2"), (1, b"a3")):
        outbox.post_newest(leg, frame)

    assert outbox.size == 64
    assert outbox.take(1000) == b"x" * 60 + b"b1" + b"a3"


def test_a_step_that_was_taken_is_not_replaced() -> None:
    outbox = Outbox(100)
    outbox.post(b"x" * 60)
    outbox.post_newest(1, b"a1")
    assert outbox.take(1000).endswith(b"a1")
    outbox.post(b"y" * 60)
    outbox.post_newest(1, b"a2")

    assert outbox.take(1000) == b"y" * 60 + b"a2"


def test_a_full_outbox_skips_steps_and_keeps_finals() -> None:
    outbox = Outbox(100)
    outbox.post(b"x" * 101)
    outbox.post_newest(1, b"step")
    outbox.post(b"final")

    assert outbox.take(1000) == b"x" * 101 + b"final"


def test_an_outbox_overflows_at_last() -> None:
    outbox = Outbox(10)
    outbox.post(b"x" * 160)
    assert not outbox.is_overflowing

    outbox.post(b"x")
    assert outbox.is_overflowing


_posts = st.lists(
    st.one_of(
        st.tuples(st.just("final"), st.integers(0, 3), st.integers(1, 40)),
        st.tuples(st.just("step"), st.integers(0, 3), st.integers(1, 40)),
        st.tuples(st.just("take"), st.just(0), st.integers(1, 80)),
    ),
    max_size=60,
)


@given(_posts)
def test_finals_are_never_lost_and_nothing_changes_places(
    posts: list[tuple[str, int, int]],
) -> None:
    """Each frame is its own number; what comes out rises, and holds every final one."""
    outbox = Outbox(64)
    finals: list[int] = []
    newest: dict[int, int] = {}
    taken = b""

    for number, (what, leg, size) in enumerate(posts):
        frame = f"{number:04}".encode().ljust(size + 3, b".") + b"|"
        match what:
            case "final":
                outbox.post(frame)
                finals.append(number)
            case "step":
                outbox.post_newest(leg, frame)
                newest[leg] = number
            case _:
                taken += outbox.take(size)
        assert outbox.size >= 0
    taken += outbox.take(1_000_000)

    numbers = [int(frame[:4]) for frame in taken.split(b"|") if frame]
    assert numbers == sorted(set(numbers))
    assert set(finals) <= set(numbers)
    assert outbox.size == 0
