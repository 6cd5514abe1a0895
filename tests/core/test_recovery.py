"""A crash is one more lost answer: what follows is as if it had not happened."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal

import pytest

from rpcserver.core.commands import CancelOrder, QueryOrder, ReadAccount, SubmitOrder
from rpcserver.core.records import OperationFinished, OrderIntended, Recovered
from rpcserver.core.report import Outcome
from rpcserver.core.requests import OnFence
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import OrderSide
from tests.core.asks import flatten
from tests.core.faults import LOSE_ANSWER, LOSE_REQUEST, Fault
from tests.core.venue import ToyVenue, instrument
from tests.core.world import World

SEAMS = ("decided", "committing", "durable", "performed")


def a_portfolio() -> ToyVenue:
    """Positions on both sides, a stop, a target, and an order alone."""
    venue = ToyVenue("toy", instrument("ES"), instrument("NQ", maximum=2), instrument("CL"))
    es = venue.hold(10, "ES")
    venue.hold(-5, "NQ")
    venue.rest(es, OrderSide.SELL, 10)
    venue.rest(venue.key("CL"), OrderSide.BUY, 1)
    return venue


def crashing_at(number: int, seam: str) -> Callable[[str], bool]:
    """Crash at the *number*th time the turn comes to this seam."""
    count = 0

    def crashes(where: str) -> bool:
        nonlocal count
        count += where == seam
        return where == seam and count == number

    return crashes


@pytest.mark.parametrize("seam", SEAMS)
def test_law_23_a_crash_at_any_step_ends_in_the_same_place(seam: str) -> None:
    for number in range(1, 60):
        venue = a_portfolio()
        world = World(venue)
        operation = world.ask(flatten(everything=True))
        world.crashing = crashing_at(number, seam)
        world.run(100)

        if operation not in world.ends:
            pytest.fail(f"no end after a crash at {seam} {number}")
        report = world.reports[operation]
        assert not any(venue.positions.values()), (seam, number)
        assert not any(venue.working(key) for key in venue.positions)
        assert report.flat, (seam, number, report)
        if world.life == 1:
            return
    pytest.fail("it never came to an end without a crash")


def test_law_23_crashes_without_end_are_survived() -> None:
    venue = a_portfolio()
    world = World(venue)
    operation = world.ask(flatten(everything=True))
    seams = itertools.count(1)
    world.crashing = lambda _: (seam := next(seams)) % 11 == 0 and seam < 800
    world.run(300)

    assert world.life > 10
    assert operation in world.ends
    assert not any(venue.positions.values())


def test_law_23_a_request_whose_opening_was_not_durable_was_never_made() -> None:
    venue = a_portfolio()
    world = World(venue)
    world.crashing = crashing_at(1, "committing")

    world.ask_for(flatten())
    world.run(30)

    assert not world.submitted()
    assert not world.ends


def test_law_24_after_a_restart_nothing_is_sent_before_the_order_in_flight_is_known() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.ask(flatten())
    world.run(0.025)  # sent, not landed
    world.crash()
    crashed = world.time

    world.finish(*world.state.operations)

    first = [command for time, command in world.performed if time >= crashed]
    assert isinstance(first[0], QueryOrder | ReadAccount)
    assert len(world.submitted()) == 1
    assert venue.position(key) == 0


def test_law_24_an_order_lost_with_the_process_is_sent_again_under_its_id() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, LOSE_REQUEST)
    world.ask(flatten())
    world.run(0.03)
    world.crash()

    report = world.finish(*world.state.operations)

    assert report.flat
    first, second = world.submitted()
    assert first == second
    assert venue.position(key) == 0


def test_law_28_lives_too_short_for_any_proof_still_come_to_an_end() -> None:
    """The caller is owed an answer: what was lost is told to be unknown, and its gate stays."""
    venue = ToyVenue(capabilities=Capabilities(position_settle=0.5, not_found_settle=5.0))
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, LOSE_REQUEST)
    operation = world.ask(flatten(deadline=5))
    began = world.time
    while operation not in world.ends and world.time < began + 300:
        world.run(2)
        world.crash()

    assert world.time - began < 60
    assert world.reports[operation].legs[0].outcome is Outcome.UNKNOWN
    assert len(world.submitted()) == 1
    assert venue.position(key) == 10


def test_law_24_a_leg_waits_for_its_own_orders_only() -> None:
    good, bad = ToyVenue("good"), ToyVenue("bad")
    here, there = good.hold(10), bad.hold(10)
    good.depth.extend([Decimal(0)])
    world = World(good, bad)
    world.ask(flatten(here.account_ref, there.account_ref))
    world.run(0.035)
    world.crash()
    world.silence(bad, Fault(arrives=None, answered=False, timeout=5.0))
    world.run(3)

    assert good.position(here) == 0


def test_law_23_a_cancel_lost_with_the_process_is_sent_again() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)
    world.script(CancelOrder, LOSE_REQUEST)
    world.ask(flatten())
    world.run(0.025)
    world.crash()

    report = world.finish(*world.state.operations)

    assert report.flat
    assert venue.position(key) == 0


def test_law_23_a_fill_during_the_outage_counts_once() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.resting_markets = True
    world = World(venue)
    operation = world.ask(flatten())
    world.run(0.1)
    venue.fill(venue.working(key)[0].venue_order_id, 4, world.time)
    world.crash()
    world.run(2)
    venue.fill(venue.working(key)[0].venue_order_id, 6, world.time)

    report = world.finish(operation)

    assert report.flat
    assert report.legs[0].closed == 10
    assert len(world.submitted()) == 1


def test_law_33_a_deadline_survives_a_restart_on_the_wall_clock() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.rest(key, OrderSide.SELL, 10)
    venue.stuck_cancels = True
    world = World(venue)
    operation = world.ask(flatten(deadline=30, on_fence=OnFence.WAIT))
    world.run(20)
    world.crash(mono=1e6)

    report = world.finish(operation)

    assert 30 <= world.time < 40
    assert report.legs[0].outcome is Outcome.PARTIAL


def test_law_33_a_market_seen_before_the_restart_is_looked_at_again() -> None:
    """The monotonic clock of an earlier life says nothing about how old a sight is."""
    venue = ToyVenue()
    key = venue.hold(10)
    venue.turn("ES", MarketPhase.CLOSED)
    venue.news.clear()
    world = World(venue)
    world.streams = False
    operation = world.ask(flatten(wait_for_open=True, deadline=600))
    world.run(5)
    world.crash(mono=0.5)
    venue.turn("ES", MarketPhase.OPEN)
    world.run(10)

    assert venue.position(key) == 0
    assert world.finish(operation).flat


def test_law_35_the_sequence_goes_on_after_a_restart_without_a_gap() -> None:
    venue = a_portfolio()
    world = World(venue)
    operation = world.ask(flatten(everything=True))
    world.run(0.03)
    world.crash()
    world.finish(operation)

    seqs = [
        concern.seq
        for record in world.book.records
        for concern in record.concerns
        if concern.operation_id == operation
    ]
    assert seqs == list(range(1, len(seqs) + 1))
    assert isinstance(world.book.operation(operation)[-1], OperationFinished)
    assert world.told(Recovered)


def test_law_39_an_unknown_order_of_an_ended_operation_is_followed_over_a_restart() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_ANSWER)
    operation = world.ask(flatten(deadline=10))
    world.run(0.025)
    world.silence(venue, Fault(arrives=None, answered=False, timeout=0.5))
    assert world.finish(operation).legs[0].outcome is Outcome.UNKNOWN
    world.crash()
    assert world.refusal_of_an_order(key) == "closing_in_progress"

    world.silence(venue, None)
    world.run(30)

    assert world.refusal_of_an_order(key) is None
    assert len(world.told(OrderIntended)) == 2, "the close's, and the client's"
    assert not world.state.operations


def test_law_23_a_gate_that_outlives_two_restarts_still_waits_for_its_order() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_ANSWER)
    operation = world.ask(flatten(deadline=10))
    world.run(0.025)
    world.silence(venue, Fault(arrives=None, answered=False, timeout=0.5))
    world.finish(operation)
    for _ in range(2):
        world.crash()
        world.run(5)

    assert world.refusal_of_an_order(key) == "closing_in_progress"


def test_a_clients_own_order_is_asked_about_after_a_restart() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_ANSWER)
    assert world.refusal_of_an_order(key) is None
    world.run(0.1)
    world.crash()
    world.run(10)

    assert world.sent(QueryOrder)
    assert not world.state.loose
    assert venue.position(key) == 11
