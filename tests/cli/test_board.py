"""The board: what failed or cannot be known is never out of sight."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from rpcserver.cli.answers import Answer, read
from rpcserver.cli.board import Board
from rpcserver.cli.portrait import portrait
from rpcserver.core.report import Outcome
from tests.cli.driving import FLAT, STEPS, drawn, step, told


def board_after(*frames: dict[str, object]) -> Board:
    board = Board("Flatten")
    for frame in frames:
        board.take(told(frame))
    return board


def test_a_leg_is_followed_from_its_order_to_its_end() -> None:
    board = board_after(*STEPS[:2])
    [line] = board.legs
    assert (line.start, line.remaining) == (Decimal(4), Decimal(1))
    shown = drawn(board.render())
    assert "filling" in shown
    assert "1 left" in shown
    assert "@ 5,774.25" in shown

    board.take(told(STEPS[2]))

    shown = drawn(board.render())
    assert "FLAT" in shown
    assert "1/1 legs" in shown


def test_the_unknown_stands_first_and_says_why() -> None:
    ended = [
        step(seq, "leg_ended", leg=seq, done=seq, total=41, outcome="flat", remaining="0")
        for seq in range(1, 41)
    ]
    lost = step(41, "unknown", leg=41, done=40, total=41, instrument="NQ 12-25", detail="no answer")

    board = board_after(*ended, lost)

    shown = drawn(board.render(height=20)).splitlines()
    legs = [line for line in shown if "12-25" in line]
    assert "UNKNOWN" in legs[0]
    assert "NQ 12-25" in legs[0]
    assert "no answer" in legs[0]
    assert any("more" in line for line in shown)
    assert len(shown) <= 20


def test_a_resolved_unknown_is_unknown_no_more() -> None:
    board = board_after(step(1, "unknown"), step(2, "filled", quantity="3", remaining="0"))

    assert not board.legs[0].is_unknown
    assert "verifying" in drawn(board.render())


def test_an_account_that_cannot_be_read_is_said_loudly() -> None:
    frame = step(1, "account_failed", account="Sim102", detail="timed out")
    del frame["leg"]

    assert "account not read   paper:Sim102  timed out" in drawn(board_after(frame).render())


events = st.sampled_from(
    ["opened", "planned", "plan_completed", "sending", "working", "filled", "unknown", "canceling",
     "canceled", "leg_ended", "verified", "cancel_requested", "deadline_passed", "something_new"]
)  # fmt: skip
amounts = st.none() | st.decimals(0, 10**6, places=2).map(str)


@given(
    frames=st.lists(
        st.builds(
            lambda event, leg, amount, left, outcome: step(
                1, event, leg=leg, quantity=amount, filled=amount, remaining=left, outcome=outcome
            ),
            events,
            st.integers(1, 5),
            amounts,
            amounts,
            st.none() | st.sampled_from([outcome.value for outcome in Outcome]),
        ),
        max_size=30,
    ),
    height=st.integers(1, 50),
)
def test_whatever_is_told_can_be_drawn(frames: list[dict[str, object]], height: int) -> None:
    board = board_after(*frames)

    drawn(board.render(height))
    assert all((line.remaining or 0) <= (line.start or 0) for line in board.legs)


def test_a_portrait_is_drawn_from_real_frames() -> None:
    svg = portrait("Flatten", [told(frame) for frame in STEPS], read(FLAT, Answer))

    assert svg.startswith("<svg")
    assert "FLAT" in svg
