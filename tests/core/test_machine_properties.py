"""
The machine's own properties, in a world in which anything may happen.

`Watch` holds every step to the laws of safety; what is left to say here is that it all ends, and
how. `CHAOS=5000 pytest tests/core/test_machine_properties.py` looks further than the daily run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rpcserver.core.report import Outcome
from rpcserver.domain.capabilities import IdMemory
from tests.core.asks import flatten
from tests.core.chaos import Chaos
from tests.core.venue import accounts_of

far = settings(
    max_examples=int(os.environ.get("CHAOS", "120")),
    derandomize="CHAOS" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
tapes = st.lists(st.integers(0, 255), max_size=400)


def check_the_end(chaos: Chaos) -> None:
    """Every operation has ended; once all is well, everything can be closed, and is."""
    world = chaos.world
    unfinished = [name for name, each in world.state.operations.items() if not each.finished]
    assert not unfinished, "law 28: every operation ends"
    chaos.heal()
    for report in world.reports.values():
        for leg in report.legs:
            assert leg.outcome is not None or report.request.dry_run or report.error, "law 19"

    gated = set(world.state.lanes)
    forgetful = {
        venue.venue_id for venue in chaos.venues if venue.capabilities.id_memory is IdMemory.NEVER
    }
    assert {key for key in gated if key.venue not in forgetful} == set(), "evidence opens gates"
    working = {
        order.client_order_id
        for venue in chaos.venues
        for order in venue.orders.values()
        if not order.status.is_terminal
    }
    assert set(world.state.loose) <= working, "what became of a client's order is found out"
    last = world.close(flatten(*accounts_of(chaos.venues), everything=True, principal="last"))
    for leg in last.legs:
        if leg.outcome is Outcome.UNKNOWN:
            assert leg.position.venue in forgetful
        else:
            assert leg.outcome in (Outcome.FLAT, Outcome.DUST), leg
    if last.flat:
        assert not any(quantity for venue in chaos.venues for quantity in venue.positions.values())


@far
@given(tapes)
def test_whatever_venues_do_the_laws_hold_and_it_ends(numbers: Sequence[int]) -> None:
    chaos = Chaos(numbers, crashes=False)
    chaos.play()
    check_the_end(chaos)


@far
@given(tapes)
def test_whenever_it_crashes_the_laws_hold_and_it_ends(numbers: Sequence[int]) -> None:
    chaos = Chaos(numbers, crashes=True)
    chaos.play()
    check_the_end(chaos)


@far
@given(tapes)
def test_whoever_else_trades_there_the_laws_hold_and_it_ends(numbers: Sequence[int]) -> None:
    chaos = Chaos(numbers, crashes=True, foreign=True)
    chaos.play()
    check_the_end(chaos)
