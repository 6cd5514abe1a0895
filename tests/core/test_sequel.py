"""What follows a close: placed when it is proven flat, once, by the first life, or never."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from rpcserver.core.commands import Command, QueryOrder, SubmitOrder
from rpcserver.core.decision import Admitted, Refused
from rpcserver.core.records import OperationFinished, OrderIntended
from rpcserver.core.requests import CloseRequest, Sequel
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, sequel_order_id
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import OrderRequest, OrderSide
from tests.core.asks import account, exactly, flatten
from tests.core.faults import HIDE, LOSE_REQUEST
from tests.core.venue import ToyVenue
from tests.core.world import World


def then_buy(quantity: int = 2, *, must_match: bool = False, **asked: object) -> CloseRequest:
    """Close ES, then buy it."""
    order = OrderRequest(
        client_order_id=ClientOrderId(""),
        account=AccountId("A"),
        instrument=InstrumentId("ES"),
        side=OrderSide.BUY,
        quantity=Decimal(quantity),
    )
    return _with_sequel(order, must_match, asked)


def reverse(**asked: object) -> CloseRequest:
    return _with_sequel(None, True, asked)


def _with_sequel(
    order: OrderRequest | None, must_match: bool, asked: dict[str, object]
) -> CloseRequest:
    plain = flatten(instruments=[exactly("ES")], **asked)  # type: ignore[arg-type]
    contract = ToyVenue().instruments[InstrumentId("ES")]
    sequel = Sequel(account=account(), instrument=contract, order=order)
    return msgspec.structs.replace(plain, sequel=sequel, must_match=must_match)


def opened(world: World) -> list[OrderRequest]:
    """Every order that was sent and is not a closing one."""
    return [
        command.order
        for _, command in world.performed
        if isinstance(command, SubmitOrder) and not command.exit
    ]


def the_end(world: World) -> OperationFinished:
    [end] = world.told(OperationFinished)
    assert isinstance(end, OperationFinished)
    return end


def is_exit(command: Command) -> bool:
    return isinstance(command, SubmitOrder) and command.exit


def test_the_order_follows_the_proof() -> None:
    venue = ToyVenue()
    key = venue.hold(-10)
    world = World(venue)

    operation = world.ask(then_buy(2))
    assert world.finish(operation).flat
    world.run(1)

    [order] = opened(world)
    assert order.client_order_id == sequel_order_id(operation)
    assert venue.position(key) == 2
    assert the_end(world).unplaced is None


def test_the_end_and_the_order_that_follows_are_durable_together() -> None:
    venue = ToyVenue()
    venue.hold(-10)
    world = World(venue)
    world.close(then_buy())

    kinds = [type(record) for record in world.book.records]

    assert kinds[kinds.index(OperationFinished) + 1] is OrderIntended


def test_a_reversal_is_as_large_as_what_was_held() -> None:
    venue = ToyVenue()
    key = venue.hold(7)
    world = World(venue)
    world.close(reverse())
    world.run(1)

    assert venue.position(key) == -7


def test_nothing_is_placed_where_there_was_nothing_to_reverse() -> None:
    world = World(ToyVenue())
    world.close(reverse())
    world.run(1)

    assert opened(world) == []
    end = the_end(world)
    assert (end.success, end.flat, end.unplaced) == (False, True, "position_not_found")


def test_a_flat_place_places_where_nothing_was_held() -> None:
    venue = ToyVenue()
    world = World(venue)
    world.close(then_buy(3))
    world.run(1)

    assert venue.position(venue.key("ES")) == 3


def test_nothing_is_placed_where_flat_is_not_proven() -> None:
    venue = ToyVenue()
    key = venue.hold(-10)
    venue.turn("ES", MarketPhase.CLOSED)
    world = World(venue)
    world.close(then_buy())
    world.run(60)

    assert opened(world) == []
    assert the_end(world).unplaced == "not_flat"
    assert venue.position(key) == -10


def test_nothing_is_placed_while_a_closing_order_is_unknown() -> None:
    venue = ToyVenue()
    key = venue.hold(-10)
    world = World(venue)
    world.script(SubmitOrder, *[LOSE_REQUEST] * 50, when=is_exit)
    world.script(QueryOrder, *[HIDE] * 50)
    world.close(then_buy(deadline=5.0))
    world.run(10)

    assert opened(world) == []
    assert the_end(world).unplaced == "not_flat"
    assert venue.position(key) == -10


def test_nothing_is_placed_by_a_life_that_took_the_operation_up_again() -> None:
    venue = ToyVenue()
    key = venue.hold(-10)
    world = World(venue)
    operation = world.ask(then_buy())
    world.run(0.025)
    world.crash()
    world.finish(operation)
    world.run(10)

    assert venue.position(key) == 0
    assert opened(world) == []
    assert the_end(world).unplaced == "not_placed"


def test_law_08_a_crash_right_after_the_end_never_places_twice() -> None:
    venue = ToyVenue()
    key = venue.hold(-10)
    world = World(venue)
    operation = world.ask(then_buy(2))
    world.finish(operation)
    world.crash()
    world.run(30)

    assert len(opened(world)) <= 1
    assert venue.position(key) in (0, 2)
    assert world.ask(msgspec.structs.replace(then_buy(2), idempotency_key="k")) != operation


def test_a_later_exit_takes_the_sequel_of_an_earlier_one_away() -> None:
    venue = ToyVenue()
    key = venue.hold(-10)
    world = World(venue)
    first = world.ask(then_buy())
    later = world.ask(flatten(request_id="panic"))
    world.finish(first, later)
    world.run(5)

    assert venue.position(key) == 0
    assert opened(world) == []


def test_a_later_exit_elsewhere_does_not() -> None:
    venue = ToyVenue()
    key = venue.hold(-10)
    world = World(venue)
    first = world.ask(then_buy())
    world.ask(flatten(instruments=[exactly("NQ")], request_id="other"))
    world.ask(flatten(dry_run=True, request_id="plan"))
    world.finish(first)
    world.run(5)

    assert venue.position(key) == 2


def test_a_cancelled_operation_places_nothing() -> None:
    venue = ToyVenue()
    venue.hold(-10)
    world = World(venue)
    operation = world.ask(then_buy())
    world.run(0.03)
    world.cancel(operation)
    world.finish(operation)
    world.run(5)

    assert opened(world) == []
    assert the_end(world).unplaced in ("not_flat", "not_placed")


def test_a_dry_run_places_nothing_and_misses_nothing() -> None:
    venue = ToyVenue()
    venue.hold(-10)
    world = World(venue)
    world.close(then_buy(dry_run=True))
    world.run(5)

    assert opened(world) == []
    assert the_end(world).success
    assert the_end(world).unplaced is None


def test_law_38_a_reversal_is_not_turned_back_by_a_repeat_without_a_key() -> None:
    venue = ToyVenue()
    key = venue.hold(7)
    world = World(venue)
    world.close(reverse())
    world.run(1)

    repeated = world.ask_for(reverse())
    world.crash()
    after_a_restart = world.ask_for(reverse())

    for refused in (repeated, after_a_restart):
        assert isinstance(refused, Refused)
        assert refused.code == "repeat_partial"
    assert venue.position(key) == -7
    world.close(reverse(key="meant"))
    world.run(1)
    assert venue.position(key) == 7


def test_what_was_not_placed_may_be_asked_for_again_at_once() -> None:
    venue = ToyVenue()
    world = World(venue)
    world.close(reverse())

    assert isinstance(world.ask_for(reverse()), Admitted)
