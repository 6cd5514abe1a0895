"""What the simulator found: each a moment in which one of several truths was overlooked."""

from __future__ import annotations

from collections.abc import Callable

from rpcserver.core.commands import Command, QueryOrder, ReadAccount, SubmitOrder
from rpcserver.core.pricing import step_of
from rpcserver.core.report import Outcome
from rpcserver.core.requests import LadderStep
from rpcserver.domain.capabilities import Capabilities, IdMemory
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import OrderType, RejectReason
from tests.core.asks import account, flatten
from tests.core.faults import HIDE, LOSE_ANSWER, LOSE_REQUEST, late, refused
from tests.core.venue import ToyVenue, instrument
from tests.core.world import World


def test_law_23_a_deadline_that_passes_while_nobody_lives_ends_the_operation() -> None:
    venue = ToyVenue()
    venue.hold(10)
    venue.turn("ES", MarketPhase.CLOSED)
    world = World(venue)
    operation = world.ask(flatten(wait_for_open=True, deadline=2.0))
    world.run(1.0)

    world.time = 30.0
    world.crash()
    report = world.finish(operation)

    assert not report.flat
    assert not world.submitted()


def test_law_28_a_rung_is_reached_at_its_very_instant() -> None:
    rungs = (LadderStep(offset_ticks=-2), LadderStep(type=OrderType.MARKET, after=1.5))
    began = 1.34
    woken = began + 1.5  # less *began*, this is not quite 1.5

    assert step_of(flatten(ladder=rungs), woken - began) == 1


def test_law_07_a_refused_second_copy_proves_nothing_of_the_first() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    # The first copy lands after the second one was refused.
    world.script(SubmitOrder, late(12.0), refused(RejectReason.INSUFFICIENT_MARGIN))

    world.finish(world.ask(flatten(deadline=40.0)))
    world.run(30.0)

    assert venue.position(key) == 0, "neither closed twice nor turned around"
    assert len({order.client_order_id for order in world.submitted()}) == 1


def test_law_02_a_lost_order_that_has_become_too_large_is_not_sent_again() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, LOSE_REQUEST)
    world.script(QueryOrder, *[LOSE_ANSWER] * 4)
    operation = world.ask(flatten(deadline=15.0))
    world.run(0.5)
    venue.move(key, -7, world.time)

    world.finish(operation)
    world.run(30.0)

    assert venue.position(key) >= 0


def test_law_07_a_venue_is_asked_by_its_own_name_once_it_has_told_it() -> None:
    venue = ToyVenue(
        capabilities=Capabilities(
            id_memory=IdMemory.NEVER, position_settle=0.5, not_found_settle=1.0
        )
    )
    venue.hold(10)
    world = World(venue)
    world.streams = False
    resting = (LadderStep(type=OrderType.LIMIT, offset_ticks=-2),)
    operation = world.ask(flatten(ladder=resting, deadline=3.0))
    world.run(2.0)
    world.silence(venue, LOSE_ANSWER)
    report = world.finish(operation)
    world.silence(venue, None)
    world.run(30.0)

    assert report.legs[0].outcome is not Outcome.FLAT
    assert not world.state.lanes, "its end was learned, and the gate is open"


def test_law_07_a_late_request_is_waited_for_until_it_has_expired() -> None:
    venue = ToyVenue(
        capabilities=Capabilities(
            id_memory=IdMemory.FOR_EVER,
            position_settle=0.5,
            not_found_settle=1.0,
            request_expiry=9.0,
        )
    )
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, late(7.0))
    operation = world.ask(flatten(deadline=2.0))
    world.run(1.5)
    world.cancel(operation)
    world.run(3.0)

    world.finish(world.ask(flatten(request_id="another")))
    world.run(30.0)

    assert venue.position(key) == 0


def test_law_29_a_lost_order_beside_a_resting_one_storms_nobody_with_reads() -> None:
    venue = ToyVenue("toy", instrument("ES", maximum=10))
    venue.hold(20)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_ANSWER, LOSE_REQUEST)
    resting = (LadderStep(type=OrderType.LIMIT, offset_ticks=-2),)

    world.ask(flatten(ladder=resting, deadline=20.0))
    world.run(19.0)

    assert len(world.sent(ReadAccount)) < 60


def test_law_18_no_old_proof_stands_beside_an_order_that_may_still_fill() -> None:
    """One operation ends while another works on in the same lane, and an order is unknown."""
    venue = ToyVenue()
    key = venue.hold(-3)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, late(25.0))
    world.script(QueryOrder, *[HIDE] * 40)
    first = world.ask(flatten(deadline=8.0))
    world.run(0.5)
    venue.move(key, 3, world.time)  # somebody else bought it back
    world.ask(flatten(deadline=60.0, request_id="another"))

    report = world.finish(first)

    assert report.legs[0].outcome is Outcome.UNKNOWN


def test_law_40_what_an_earlier_life_read_is_doubted_before_it_is_sent() -> None:
    """The whole is planned when the last account was given up: the others were read long ago."""
    venue = ToyVenue()
    key = venue.hold(5)
    world = World(venue)
    world.script(ReadAccount, *[LOSE_REQUEST] * 60, when=_reads("B"))
    operation = world.ask(flatten(account("A"), account("B"), oldest_only=True))
    world.run(1.0)
    world.crash()
    venue.move(key, -5, world.time)  # nobody listens

    world.finish(operation)

    assert not world.submitted()
    assert venue.position(key) == 0


def _reads(name: str) -> Callable[[Command], bool]:
    return lambda command: isinstance(command, ReadAccount) and command.account.account == name
