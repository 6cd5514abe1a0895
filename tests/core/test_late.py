"""What comes late: requests that outlive their sender, orders that outlive their operation."""

from __future__ import annotations

import msgspec
import pytest

from rpcserver.core.commands import CancelOrder, SubmitOrder
from rpcserver.core.events import OrderUpdated
from rpcserver.core.records import GateOpened, OrderKnown
from rpcserver.core.report import Outcome
from rpcserver.core.requests import OrderOutcome
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.capabilities import Capabilities, IdMemory
from rpcserver.domain.ids import AccountId, ClientOrderId
from rpcserver.domain.order import OrderReport
from tests.core.asks import flatten
from tests.core.faults import HEALTH, LOSE_ANSWER, LOSE_REQUEST, Fault, late, slow
from tests.core.venue import ToyVenue
from tests.core.world import World


def remembering(memory: IdMemory) -> ToyVenue:
    """A venue where requests never expire on their way."""
    return ToyVenue(
        capabilities=Capabilities(
            id_memory=memory, id_window=60.0, position_settle=0.5, not_found_settle=1.0
        )
    )


class Nameless(ToyVenue):
    """A venue that shows orders without the names we gave them."""

    def snapshot(
        self, account: AccountId, time: float, *, markets: bool, lag: float = 0.0
    ) -> AccountSnapshot:
        taken = super().snapshot(account, time, markets=markets, lag=lag)
        nameless = tuple(
            msgspec.structs.replace(order, client_order_id=None) for order in taken.orders
        )
        return msgspec.structs.replace(taken, orders=nameless)


def nameless() -> Nameless:
    return Nameless(
        capabilities=Capabilities(
            id_memory=IdMemory.NEVER, position_settle=0.5, not_found_settle=1.0, request_expiry=2.0
        )
    )


def names(world: World) -> set[str]:
    return {order.client_order_id for order in world.submitted()}


@pytest.mark.parametrize("memory", [IdMemory.FOR_EVER, IdMemory.WINDOW, IdMemory.OPEN_ORDERS])
def test_law_07_a_request_that_never_expires_may_land_long_after_the_end(memory: IdMemory) -> None:
    venue = remembering(memory)
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, late(25.0), *[LOSE_REQUEST] * 9)

    first = world.close(flatten(deadline=3))
    second = world.close(flatten(fraction="0.5", deadline=5))
    world.run(30)

    assert [first.legs[0].outcome, second.legs[0].outcome] == [Outcome.UNKNOWN] * 2
    assert len(names(world)) == 1, "a second one would have closed what the first one did"
    assert venue.position(key) == 0
    assert world.told(GateOpened)


@pytest.mark.parametrize("arrives", [late(20.0), LOSE_REQUEST])
def test_law_07_the_next_close_takes_over_what_may_still_land(arrives: Fault) -> None:
    venue = remembering(IdMemory.FOR_EVER)
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, arrives, *[LOSE_REQUEST] * 4)
    first = world.close(flatten(deadline=3))
    assert first.legs[0].outcome is Outcome.UNKNOWN
    world.script(SubmitOrder)
    world.run(3)

    second = world.close(flatten())
    world.run(30)

    assert second.flat
    assert second.legs[0].closed == 10
    assert len(names(world)) == 1, "under the name that may still land: the venue takes one of them"
    assert venue.position(key) == 0
    assert not world.state.operations, "nobody owes anything any more"


def test_law_12_what_was_sent_at_market_is_not_taken_over_by_a_limit() -> None:
    venue = remembering(IdMemory.FOR_EVER)
    venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, *[LOSE_REQUEST] * 6)
    world.close(flatten(deadline=3))
    sent = len(world.submitted())

    second = world.close(flatten(limits={"ES": "99"}, deadline=5))

    assert second.legs[0].outcome is Outcome.UNKNOWN
    assert len(world.submitted()) == sent


def test_law_38_what_was_sent_for_the_whole_is_not_taken_over_by_a_half() -> None:
    venue = remembering(IdMemory.FOR_EVER)
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, *[LOSE_REQUEST] * 6)
    world.close(flatten(deadline=3))
    sent = len(world.submitted())

    world.close(flatten(fraction="0.5", deadline=5))

    assert len(world.submitted()) == sent
    assert venue.position(key) == 10


def test_law_23_what_was_taken_over_is_known_after_a_restart() -> None:
    venue = remembering(IdMemory.FOR_EVER)
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, *[LOSE_REQUEST] * 2)
    world.close(flatten(deadline=3))
    world.run(3)
    second = world.ask(flatten())
    while len(world.submitted()) < 3:
        assert world.step()

    world.crash()
    report = world.finish(second)

    assert report.flat
    assert len(names(world)) == 1
    assert venue.position(key) == 0


def test_law_39_what_an_operation_left_behind_is_canceled_until_it_is_gone() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    operation = world.ask(flatten(limits={"ES": "105"}))
    world.run(1)
    world.script(CancelOrder, *[LOSE_REQUEST] * 8)
    world.cancel(operation)
    assert world.finish(operation).legs[0].outcome is Outcome.UNKNOWN

    world.run(60)

    assert not venue.working(key), "an order that works for nobody would close behind our back"
    assert world.told(GateOpened)


def test_law_29_what_cannot_be_taken_back_is_asked_for_less_and_less() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)
    operation = world.ask(flatten(limits={"ES": "105"}))
    world.run(1)
    world.script(CancelOrder, *[LOSE_REQUEST] * 9999)
    world.cancel(operation)
    world.finish(operation)

    world.run(3600)

    assert 60 <= len(world.sent(CancelOrder)) <= 120


def test_law_39_what_a_stopped_operation_left_behind_does_not_rest_for_another() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    first = world.ask(flatten(limits={"ES": "105"}, request_id="a"))
    world.run(1)
    second = world.ask(flatten(limits={"ES": "104"}, request_id="b"))
    world.run(1)
    world.script(CancelOrder, *[LOSE_REQUEST] * 8)
    world.cancel(first)
    assert world.finish(first).legs[0].outcome is Outcome.UNKNOWN

    world.run(30)

    assert second not in world.ends
    assert [order.limit_price for order in venue.working(key)] == [104]


def test_law_07_a_nameless_order_that_may_be_the_lost_one_keeps_it_alive() -> None:
    """The venue knows no order by our name: what works there since may be the very one."""
    venue = nameless()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_ANSWER)
    operation = world.ask(flatten(fraction="0.5", limits={"ES": "105"}, deadline=20))
    world.run(0.025)
    world.crash()

    report = world.finish(operation)

    assert report.legs[0].outcome is Outcome.UNKNOWN
    assert len(world.submitted()) == 1
    assert [order.quantity for order in venue.working(key)] == [5]


@pytest.mark.parametrize("answer", [HEALTH, slow(0.5)])
def test_law_29_our_own_order_shown_without_its_name_is_no_second_one(answer: Fault) -> None:
    venue = nameless()
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, answer)
    world.script(CancelOrder, *[LOSE_REQUEST] * 2)
    first = world.ask(flatten(limits={"ES": "105"}, request_id="a"))
    world.run(0.1)
    second = world.ask(flatten(limits={"ES": "104"}, request_id="b", deadline=10))
    world.run(2)
    assert len(world.state.lanes[key].orders) == 1
    world.crash()
    world.run(2)

    report = world.finish(first, second)

    assert len(world.told(OrderKnown)) < 10, "the same news again is no news"
    assert report.legs[0].outcome is not None


def test_law_02_a_clients_own_order_counts_until_its_request_has_expired() -> None:
    venue = nameless()
    venue.capabilities = msgspec.structs.replace(
        venue.capabilities, id_memory=IdMemory.FOR_EVER, request_expiry=8.0
    )
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, LOSE_REQUEST)
    assert world.refusal_of_an_order(key) is None
    world.run(5)
    assert world.state.loose, "it may still land"

    world.run(10)

    assert not world.state.loose


def test_law_07_a_clients_own_order_that_never_expires_waits_for_evidence() -> None:
    venue = remembering(IdMemory.FOR_EVER)
    key = venue.hold(10)
    world = World(venue)
    world.streams = False
    world.script(SubmitOrder, late(30.0))
    assert world.refusal_of_an_order(key) is None
    world.run(20)
    assert world.state.loose, "it may still land"
    assert [alert.code for alert in world.alerts] == ["order_unknown"]

    world.run(20)

    assert venue.position(key) == 11
    assert not world.state.loose


def test_law_07_a_persons_word_ends_a_clients_own_order_that_was_lost() -> None:
    venue = remembering(IdMemory.OPEN_ORDERS)
    key = venue.hold(10)
    world = World(venue)
    world.script(SubmitOrder, LOSE_REQUEST)
    assert world.refusal_of_an_order(key) is None
    world.run(20)
    [name] = world.state.loose

    assert world.resolve(ClientOrderId(name), OrderOutcome.NEVER_EXISTED) is None

    assert not world.state.loose
    assert world.close(flatten()).flat


def test_law_06_a_clients_own_order_is_followed_where_news_do_not_name_it() -> None:
    venue = nameless()
    key = venue.hold(10)
    world = World(venue)
    venue.resting_markets = True
    assert world.refusal_of_an_order(key) is None
    world.run(1)
    [name] = world.state.loose
    [order] = venue.working(key)

    venue.cancel(order.venue_order_id, world.time)
    for told in venue.news:
        assert isinstance(told, OrderReport)
        told_of = msgspec.structs.replace(told, client_order_id=None)
        world.feed(OrderUpdated(account=key.account_ref, report=told_of))
    venue.news.clear()

    assert name not in world.state.loose
