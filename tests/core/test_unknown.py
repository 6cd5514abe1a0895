"""An order whose fate is unknown is live: it is asked about, never guessed at."""

from __future__ import annotations

import pytest

from rpcserver.core.commands import QueryOrder, SubmitOrder
from rpcserver.core.decision import Refused
from rpcserver.core.records import GateClosed, GateOpened, OrderUnknown
from rpcserver.core.report import Outcome
from rpcserver.core.requests import OrderOutcome
from rpcserver.domain.capabilities import Capabilities, IdMemory
from rpcserver.domain.order import RejectReason
from tests.core.asks import flatten
from tests.core.faults import HIDE, LOSE_ANSWER, LOSE_REQUEST, UNSENT, Fault, late, refused
from tests.core.venue import ToyVenue, instrument
from tests.core.world import World


def forgetful(memory: IdMemory, **more: float) -> ToyVenue:
    """A venue that remembers names only so long."""
    return ToyVenue(
        capabilities=Capabilities(
            id_memory=memory,
            id_window=more.get("window", 0.0),
            position_settle=0.5,
            not_found_settle=1.0,
            request_expiry=more.get("expiry"),
        )
    )


def names(world: World) -> list[str]:
    return [order.client_order_id for order in world.submitted()]


def test_law_07_unknown_is_live() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_ANSWER)
    world.script(QueryOrder, *[LOSE_ANSWER] * 5)

    operation = world.ask(flatten())
    world.run(3.0)

    assert len(world.submitted()) == 1, "asked about, and nothing else"
    assert world.told(OrderUnknown)
    report = world.finish(operation)
    assert report.flat
    assert len(world.submitted()) == 1
    assert venue.position(key) == 0


def test_law_07_a_lost_answer_is_found_by_asking() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_ANSWER)

    report = world.close(flatten())

    assert report.flat
    assert report.legs[0].closed == 10
    assert len(world.submitted()) == 1


def test_law_07_not_found_before_the_settle_time_says_nothing() -> None:
    venue = ToyVenue()
    venue.hold(10)
    venue.resting_markets = True
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, Fault(answered=False, timeout=0.1))
    world.script(QueryOrder, HIDE, HIDE, HIDE)

    operation = world.ask(flatten())
    world.run(0.9)
    assert len(world.submitted()) == 1
    venue.fill(venue.working(venue.key())[0].venue_order_id, 10, world.time)

    report = world.finish(operation)
    assert report.flat
    assert len(world.submitted()) == 1


def test_law_08_what_is_proven_not_to_exist_is_sent_again_under_the_same_id() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, LOSE_REQUEST)

    report = world.close(flatten())

    assert report.flat
    assert len(names(world)) == 2
    assert len(set(names(world))) == 1
    assert venue.position(key) == 0


def test_law_07_a_first_copy_that_lands_after_the_resend_is_refused_by_its_name() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.capabilities = Capabilities(
        id_memory=IdMemory.FOR_EVER, position_settle=0.1, not_found_settle=0.2
    )
    world = World(venue)
    world.script(SubmitOrder, late(3.0))  # later than the venue says can be

    report = world.close(flatten())
    world.run(10)

    assert report.flat
    assert len(set(names(world))) == 1
    assert len(names(world)) >= 2
    assert venue.position(key) == 0


def test_law_07_a_resend_refused_as_a_duplicate_proves_that_the_first_exists() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_ANSWER)
    world.script(QueryOrder, HIDE, HIDE, HIDE, HIDE, HIDE, HIDE)

    report = world.close(flatten())

    assert report.flat
    assert len(set(names(world))) == 1
    assert venue.position(key) == 0


@pytest.mark.parametrize("memory", [IdMemory.NEVER, IdMemory.OPEN_ORDERS])
def test_law_07_where_a_second_copy_could_do_harm_it_is_never_sent(memory: IdMemory) -> None:
    venue = forgetful(memory)
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, LOSE_REQUEST)

    operation = world.ask(flatten(deadline=20))
    world.run(19)

    assert len(names(world)) == 1
    assert operation not in world.ends
    assert venue.position(key) == 10


def test_law_07_a_venue_that_forgets_names_leaves_the_leg_unknown_and_the_gate_closed() -> None:
    venue = forgetful(IdMemory.NEVER)
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, LOSE_REQUEST)

    report = world.close(flatten(deadline=20))

    assert report.legs[0].outcome is Outcome.UNKNOWN
    assert report.legs[0].proven_at is None
    assert not report.success
    assert world.told(GateClosed)
    assert "order_unknown" in {alert.code for alert in world.alerts}
    world.run(60)
    assert not world.told(GateOpened), "nothing opens it by itself"
    assert world.refusal_of_an_order(key) == "closing_in_progress"


def test_law_07_a_person_opens_the_gate() -> None:
    venue = forgetful(IdMemory.NEVER)
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, LOSE_REQUEST)
    world.close(flatten(deadline=20))
    [order] = world.submitted()

    assert world.resolve(order.client_order_id, OrderOutcome.NEVER_EXISTED) is None
    world.run(10)

    assert world.told(GateOpened)
    assert world.refusal_of_an_order(key) is None
    again = world.resolve(order.client_order_id, OrderOutcome.NEVER_EXISTED)
    assert isinstance(again, Refused)
    assert again.code == "unknown_order"


def test_law_07_a_persons_word_goes_on_with_the_close_after_a_fresh_read() -> None:
    venue = forgetful(IdMemory.NEVER)
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_REQUEST)
    operation = world.ask(flatten())
    world.run(10)
    [order] = world.submitted()
    asked_at = world.time

    wrong = world.resolve(order.client_order_id, OrderOutcome.FILLED, 11)
    assert isinstance(wrong, Refused)
    assert wrong.code == "invalid_argument"
    assert world.resolve(order.client_order_id, OrderOutcome.CANCELED, 0) is None
    report = world.finish(operation)

    assert report.flat
    assert venue.position(key) == 0
    assert len(set(names(world))) == 2
    assert world.time > asked_at


def test_law_07_a_wrong_word_does_not_close_twice() -> None:
    venue = forgetful(IdMemory.NEVER)
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_ANSWER)  # it was taken, and filled
    operation = world.ask(flatten())
    world.run(10)
    [order] = world.submitted()

    world.resolve(order.client_order_id, OrderOutcome.NEVER_EXISTED)
    report = world.finish(operation)

    assert venue.position(key) == 0
    assert report.legs[0].outcome is Outcome.FLAT
    assert len(world.submitted()) == 1


def test_law_07_evidence_that_comes_after_the_end_opens_the_gate_by_itself() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_ANSWER)
    operation = world.ask(flatten(deadline=10))
    world.run(0.025)
    world.silence(venue, Fault(arrives=None, answered=False, timeout=0.5))
    report = world.finish(operation)
    assert report.legs[0].outcome is Outcome.UNKNOWN
    assert world.refusal_of_an_order(key) == "closing_in_progress"

    world.silence(venue, None)
    world.run(30)

    assert world.told(GateOpened)
    assert world.refusal_of_an_order(key) is None
    assert len(world.submitted()) == 1, "law 39"


def test_an_order_that_never_left_is_sent_anew() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, UNSENT, UNSENT)

    report = world.close(flatten())

    assert report.flat
    assert len(set(names(world))) == 3
    assert [line.status for line in report.legs[0].orders] == ["unsent", "unsent", "filled"]


def test_a_request_that_has_expired_on_its_way_is_followed_by_a_new_one() -> None:
    venue = forgetful(IdMemory.NEVER, expiry=5.0)
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, LOSE_REQUEST)

    report = world.close(flatten())

    assert report.flat
    assert len(set(names(world))) == 2
    assert world.performed[-1][0] > 5.0
    assert venue.position(key) == 0


def test_law_07_a_refusal_that_comes_after_the_fill_is_no_end() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, refused(RejectReason.DUPLICATE_ID))

    report = world.close(flatten())

    assert report.flat, "it was never taken: found out by asking"
    assert venue.position(key) == 0


def test_law_30_a_venue_that_is_down_holds_up_nobody_else() -> None:
    good = ToyVenue("good", instrument("ES"))
    bad = ToyVenue("bad", instrument("ES"))
    here, there = good.hold(10), bad.hold(10)
    world = World(good, bad)
    world.silence(bad, Fault(arrives=None, answered=False, timeout=2.0))

    operation = world.ask(flatten(here.account_ref, there.account_ref))
    world.run(0.5)
    assert good.position(here) == 0

    report = world.finish(operation)
    assert [leg.outcome for leg in report.legs] == [Outcome.FLAT]
    assert [failure.venue for failure in report.failures] == ["bad"]
    assert not report.flat
    assert not report.success


def test_law_30_a_venue_that_dies_after_the_plan_holds_up_nobody_else() -> None:
    good = ToyVenue("good", instrument("ES"))
    bad = ToyVenue("bad", instrument("ES"))
    here, there = good.hold(10), bad.hold(10)
    world = World(good, bad)
    operation = world.ask(flatten(here.account_ref, there.account_ref, deadline=15))
    world.run(0.015)
    world.silence(bad, Fault(arrives=None, answered=False, timeout=2.0))
    world.run(1.0)

    assert good.position(here) == 0
    report = world.finish(operation)
    assert {leg.position.venue: leg.outcome for leg in report.legs} == {
        "good": Outcome.FLAT,
        "bad": Outcome.UNKNOWN,
    }
