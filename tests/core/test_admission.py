"""Which requests open an operation, which name one that exists, which are refused; and the gate."""

from __future__ import annotations

from decimal import Decimal

from rpcserver.core.decision import Admitted, Refused
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId
from rpcserver.domain.order import OrderRequest, OrderSide
from tests.core.asks import account, exactly, flatten
from tests.core.venue import ToyVenue, instrument
from tests.core.world import World


def refusal(reply: object) -> str:
    assert isinstance(reply, Refused), reply
    return reply.code


def test_law_25_the_same_key_names_the_same_operation() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    first = world.ask(flatten(key="k1"))

    again = world.ask_for(flatten(key="k1", request_id="other"))
    assert again == Admitted(first, duplicate=True)
    world.finish(first)
    venue.hold(10)
    later = world.ask_for(flatten(key="k1"))

    assert later == Admitted(first, duplicate=True)
    assert len(world.submitted()) == 1
    assert venue.position(key) == 10, "a repeated key never closes anew"


def test_law_25_the_same_key_with_another_body_is_a_conflict() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)
    world.close(flatten(key="k1"))

    assert refusal(world.ask_for(flatten(key="k1", fraction="0.5"))) == "idempotency_conflict"


def test_law_25_a_key_belongs_to_its_principal() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)
    first = world.ask(flatten(key="k1"))
    second = world.ask(flatten(key="k1", principal="bob"))

    assert first != second
    world.finish(first, second)


def test_law_25_a_key_names_its_operation_over_a_restart_too() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)
    first = world.ask(flatten(key="k1"))
    world.run(0.025)
    world.crash()
    assert world.ask_for(flatten(key="k1")) == Admitted(first, duplicate=True)
    world.finish(first)
    world.crash()

    assert world.ask_for(flatten(key="k1")) == Admitted(first, duplicate=True)
    assert len(world.submitted()) == 1


def test_law_25_a_key_expires_after_a_day() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)
    world.close(flatten(key="k1"))
    world.run(24 * 3600 + 1)

    assert refusal(world.ask_for(flatten(key="k1"))) == "idempotency_expired"


def test_law_25_a_bare_id_joins_the_call_that_is_running_and_starts_anew_after_it() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    venue.resting_markets = True
    world = World(venue)
    first = world.ask(flatten())
    world.run(0.1)
    assert world.ask_for(flatten()) == Admitted(first, duplicate=True)
    venue.resting_markets = False
    venue.fill(venue.working(key)[0].venue_order_id, 10, world.time)
    world.pass_on_news()
    world.finish(first)
    venue.hold(3)

    second = world.ask(flatten())

    assert second != first
    assert world.finish(second).flat
    assert venue.position(key) == 0


def test_law_25_another_body_under_the_same_id_is_another_call() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)
    first = world.ask(flatten())
    second = world.ask(flatten(instruments=[exactly("ES")]))

    assert first != second


def test_law_25_who_must_not_join_does_not() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)
    first = world.ask(flatten())

    assert world.ask(flatten(), join=False) != first


def test_law_38_a_repeated_partial_without_a_key_is_refused_for_a_minute() -> None:
    venue = ToyVenue()
    key = venue.hold(8)
    world = World(venue)
    world.close(flatten(fraction="0.5"))

    assert refusal(world.ask_for(flatten(fraction="0.5"))) == "repeat_partial"
    assert venue.position(key) == 4
    assert isinstance(world.ask_for(flatten(fraction="0.5", key="meant")), Admitted)
    world.run(70)
    assert venue.position(key) == 2
    assert isinstance(world.ask_for(flatten(fraction="0.5", request_id="x")), Admitted)


def test_law_38_a_repeated_partial_is_refused_over_a_restart_too() -> None:
    venue = ToyVenue()
    venue.hold(8)
    world = World(venue)
    world.close(flatten(fraction="0.5"))
    world.crash()

    assert refusal(world.ask_for(flatten(fraction="0.5"))) == "repeat_partial"


def test_law_38_another_partial_and_another_person_are_not_a_repeat() -> None:
    venue = ToyVenue()
    venue.hold(8)
    world = World(venue)
    world.close(flatten(fraction="0.5"))

    assert isinstance(world.ask_for(flatten(fraction="0.25")), Admitted)
    assert isinstance(world.ask_for(flatten(fraction="0.5", principal="bob")), Admitted)


def test_a_plan_of_a_partial_is_no_partial() -> None:
    venue = ToyVenue()
    venue.hold(8)
    world = World(venue)
    world.close(flatten(fraction="0.5", dry_run=True))

    assert world.close(flatten(fraction="0.5")).success


def buy(name: str, quantity: int = 1, side: OrderSide = OrderSide.BUY) -> OrderRequest:
    return OrderRequest(
        client_order_id=ClientOrderId(f"mine-{name}-{side.value}"),
        account=AccountId("A"),
        instrument=InstrumentId(name),
        side=side,
        quantity=Decimal(quantity),
    )


def test_law_09_new_risk_in_scope_is_refused_from_start_to_release() -> None:
    venue = ToyVenue("toy", instrument("ES"), instrument("NQ"))
    venue.hold(10, "ES")
    world = World(venue)
    operation = world.ask(flatten(instruments=[exactly("ES")]))

    refused = world.place(account(), buy("ES"))
    assert refused is not None
    assert refused.code == "closing_in_progress"
    assert world.place(account(), buy("NQ")) is None, "out of scope"
    world.finish(operation)
    assert world.place(account(), buy("ES")) is None


def test_law_26_a_reducing_order_there_is_refused_too_for_the_engine_alone_reduces() -> None:
    venue = ToyVenue()
    key = venue.hold(10)
    world = World(venue)
    operation = world.ask(flatten())

    refused = world.place(account(), buy("ES", 10, OrderSide.SELL))

    assert refused is not None
    assert world.finish(operation).flat
    assert venue.position(key) == 0


def test_a_dry_run_closes_no_gate() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)
    world.ask(flatten(dry_run=True))

    assert world.place(account(), buy("ES")) is None


def test_law_09_another_account_is_not_in_scope() -> None:
    venue = ToyVenue()
    venue.hold(10)
    world = World(venue)
    world.ask(flatten(account("B")))

    assert world.place(account("A"), buy("ES")) is None
