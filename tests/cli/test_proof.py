"""The proof table: before, after, and the evidence; and the plan that comes before it."""

from __future__ import annotations

import pytest

from rpcserver.cli.answers import Answer, Plan, read
from rpcserver.cli.proof import LINES_MAX, plan, proof
from tests.cli.driving import FLAT, PLAN, answer, drawn, leg
from tests.clients.scripted import Frame


def proven(data: Frame) -> str:
    return drawn(proof(read(data, Answer)))


def test_flat_is_said_with_its_evidence() -> None:
    shown = proven(FLAT)

    assert "FLAT   proven at 2025-11-20 15:00:00Z by reading the venue" in shown
    assert "took 21 ms" in shown


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (answer(leg(1, "reduced"), success=True), "TARGET REACHED, NOT FLAT"),
        (answer(leg(1, "partial")), "NOT FLAT"),
        (answer(leg(1, "unknown")), "UNKNOWN"),
        (answer(leg(1, "waiting_market")), "NOT FLAT: MARKET CLOSED"),
        (answer(leg(1, "cancelled"), cancelled=True), "CANCELLED, NOT FLAT"),
        (answer(success=False, flat=False, error="plan_changed"), "REFUSED: NOTHING WAS DONE"),
    ],
)
def test_what_is_not_flat_is_never_called_so(data: Frame, verdict: str) -> None:
    first = proven(data).splitlines()[0]

    assert verdict in first
    assert "proven" not in first


def test_what_is_left_of_an_unknown_leg_is_not_guessed() -> None:
    line = next(line for line in proven(answer(leg(1, "unknown"))).splitlines() if "MES" in line)

    assert "?" in line


def test_what_went_wrong_stands_above_what_went_well() -> None:
    data = answer(leg(1, "flat"), leg(2, "rejected", detail="insufficient margin"))

    rows = [line for line in proven(data).splitlines() if "MES" in line]
    assert "insufficient margin" in rows[0]


def test_the_worst_is_spelled_out() -> None:
    data = answer(
        leg(1, "partial", flipped=True, unprotected=True),
        unprotected=True,
        failures=[{"venue": "paper", "account": "Sim102", "detail": "timed out"}],
    )

    shown = proven(data)
    assert "FLIPPED" in shown
    assert "UNPROTECTED" in shown
    assert "a protective order was canceled" in shown
    assert "account not read   paper:Sim102  timed out" in shown


def test_a_long_list_is_cut_and_says_so() -> None:
    data = answer(*(leg(n, "flat") for n in range(1, LINES_MAX + 11)), legsOmitted=5)

    assert "… and 15 more" in proven(data)


def test_nothing_to_close_is_said() -> None:
    assert "there was nothing to close" in proven(answer())


def test_a_plan_shows_what_would_be_sent() -> None:
    shown = drawn(plan(read(PLAN, Plan)))

    assert "would be closed" in shown
    assert "MES 12-25" in shown
    assert "open" in shown


def test_a_plan_tells_what_it_could_not_read_and_what_it_leaves() -> None:
    data = {
        **PLAN,
        "legs": [],
        "planned": False,
        "moreMatches": 2,
        "error": "below_minimum",
        "detail": "less than one lot",
        "failures": [{"venue": "paper", "account": "Sim102", "detail": "timed out"}],
    }

    shown = drawn(plan(read(data, Plan)))
    assert "nothing to close" in shown
    assert "not read: paper:Sim102  timed out" in shown
    assert "below_minimum  less than one lot" in shown
    assert "2 more positions match" in shown
