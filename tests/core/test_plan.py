"""What a request means for what an account holds: scope, filters, legs, the plan's hash."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rpcserver.core.commands import ReadAccount
from rpcserver.core.records import OperationPlanned, PlanCompleted
from rpcserver.core.report import Outcome
from rpcserver.core.requests import Pnl
from rpcserver.domain.capabilities import Capabilities, IdMemory
from rpcserver.domain.order import OrderSide, OrderType
from rpcserver.domain.position import PositionKey, PositionSide
from tests.core.asks import account, exactly, flatten, root
from tests.core.faults import LATENCY, LOSE_ANSWER, Fault, slow
from tests.core.venue import ToyVenue, instrument
from tests.core.world import World


def a_family() -> ToyVenue:
    """Roll week: two expiries of one root, and a stranger."""
    return ToyVenue(
        "toy",
        instrument("ES 12-25", root="ES"),
        instrument("ES 03-26", root="ES"),
        instrument("NQ 12-25", root="NQ"),
    )


def closed(venue: ToyVenue) -> set[PositionKey]:
    return {key for key, quantity in venue.positions.items() if quantity == 0}


def test_law_13_a_root_closes_every_expiry_held() -> None:
    venue = a_family()
    front, back = venue.hold(5, "ES 12-25"), venue.hold(-2, "ES 03-26")
    other = venue.hold(3, "NQ 12-25")
    world = World(venue)

    report = world.close(flatten(instruments=[root("ES")]))

    assert report.flat
    assert closed(venue) == {front, back}
    assert venue.position(other) == 3


def test_law_13_an_exact_name_closes_one_expiry() -> None:
    venue = a_family()
    front, back = venue.hold(5, "ES 12-25"), venue.hold(2, "ES 03-26")
    world = World(venue)

    world.close(flatten(instruments=[exactly("ES 12-25")]))

    assert closed(venue) == {front}
    assert venue.position(back) == 2


@pytest.mark.parametrize(("side", "left"), [(PositionSide.LONG, -2), (PositionSide.SHORT, 5)])
def test_a_side_closes_that_side(side: PositionSide, left: int) -> None:
    venue = a_family()
    venue.hold(5, "ES 12-25")
    venue.hold(-2, "ES 03-26")
    world = World(venue)

    world.close(flatten(side=side))

    assert sum(venue.positions.values()) == left


@pytest.mark.parametrize(("pnl", "name"), [(Pnl.WINNERS, "ES 12-25"), (Pnl.LOSERS, "ES 03-26")])
def test_profit_closes_winners_or_losers_and_never_what_has_no_price(pnl: Pnl, name: str) -> None:
    venue = a_family()
    venue.hold(5, "ES 12-25", profit=100)
    venue.hold(5, "ES 03-26", profit=-100)
    venue.hold(5, "NQ 12-25")
    world = World(venue)

    world.close(flatten(pnl=pnl))

    assert [key.instrument for key in closed(venue)] == [name]


def test_exclude_is_told_and_not_touched() -> None:
    venue = a_family()
    venue.hold(5, "ES 12-25")
    kept = venue.hold(5, "NQ 12-25")
    order = venue.rest(kept, OrderSide.SELL, 5)
    world = World(venue)

    report = world.close(flatten(everything=False, exclude=[root("NQ")]))

    assert [leg.outcome for leg in report.legs] == [Outcome.FLAT, Outcome.EXCLUDED]
    assert report.success
    assert not report.flat, "something is held on purpose"
    assert venue.position(kept) == 5
    assert not venue.orders[order].status.is_terminal


def test_oldest_only_closes_the_position_opened_first_and_says_how_many_more_there_were() -> None:
    venue = a_family()
    venue.hold(5, "ES 12-25", age=10)
    oldest = venue.hold(5, "ES 03-26", age=20)
    venue.hold(5, "ES 12-25", "B", age=5)
    world = World(venue)

    report = world.close(flatten(account("A"), account("B"), oldest_only=True))

    assert closed(venue) == {oldest}
    assert report.more_matches == 2
    assert report.success


def test_oldest_only_with_no_match_has_nothing_to_do() -> None:
    world = World(a_family())

    report = world.close(flatten(oldest_only=True))

    assert report.success
    assert report.legs == ()


def test_orders_without_a_position_are_legs_of_their_own() -> None:
    venue = a_family()
    venue.rest(venue.key("ES 12-25"), OrderSide.BUY, 5, OrderType.LIMIT)
    venue.rest(venue.key("NQ 12-25"), OrderSide.BUY, 5, OrderType.LIMIT)
    world = World(venue)

    report = world.close(flatten(instruments=[root("ES")]))

    assert [leg.position.instrument for leg in report.legs] == ["ES 12-25"]
    assert report.legs[0].position.signed_quantity == 0
    assert report.flat
    assert [order.instrument for order in venue.orders.values() if order.status.is_terminal] == [
        "ES 12-25"
    ]


def test_a_filter_that_speaks_of_a_position_selects_no_order_by_itself() -> None:
    venue = a_family()
    name = venue.rest(venue.key("ES 12-25"), OrderSide.BUY, 5, OrderType.LIMIT)
    world = World(venue)

    world.close(flatten(side=PositionSide.LONG))

    assert not venue.orders[name].status.is_terminal


def test_a_tag_cancels_its_own_orders_and_no_others() -> None:
    venue = a_family()
    key = venue.hold(10, "ES 12-25", tags={"mean": 4, "trend": 6})
    own = venue.rest(key, OrderSide.SELL, 4, tag="mean")
    other = venue.rest(key, OrderSide.SELL, 6, tag="trend")
    world = World(venue)

    report = world.close(flatten(tag="mean"))

    assert venue.orders[own].status.value == "canceled"
    assert venue.orders[other].remaining == 6
    assert venue.position(key) == 6
    assert report.legs[0].outcome is Outcome.REDUCED


def test_a_plan_is_executed_by_its_hash() -> None:
    venue = a_family()
    key = venue.hold(10, "ES 12-25")
    world = World(venue)

    plan = world.close(flatten(dry_run=True))
    assert plan.plan_hash
    assert venue.position(key) == 10
    report = world.close(flatten(plan_hash=plan.plan_hash))

    assert report.flat
    assert report.plan_hash == plan.plan_hash


def test_a_plan_that_changed_is_not_executed() -> None:
    venue = a_family()
    key = venue.hold(10, "ES 12-25")
    world = World(venue)
    plan = world.close(flatten(dry_run=True))
    venue.rest(key, OrderSide.SELL, 10)

    report = world.close(flatten(plan_hash=plan.plan_hash))

    assert report.error == "plan_changed"
    assert not report.success
    assert not world.submitted()
    assert venue.position(key) == 10


def test_a_plan_is_valid_for_a_minute() -> None:
    venue = a_family()
    key = venue.hold(10, "ES 12-25")
    world = World(venue)
    plan = world.close(flatten(dry_run=True))
    world.run(61)

    report = world.close(flatten(plan_hash=plan.plan_hash))

    assert report.error == "plan_expired"
    assert venue.position(key) == 10


def test_a_plan_does_not_depend_on_prices() -> None:
    venue = a_family()
    key = venue.hold(10, "ES 12-25", profit=5)
    world = World(venue)
    plan = world.close(flatten(dry_run=True))
    venue.profits[key] = Decimal(-700)

    assert world.close(flatten(plan_hash=plan.plan_hash)).flat


def test_a_dry_run_plans_cancels_and_shrinks_too() -> None:
    venue = a_family()
    key = venue.hold(10, "ES 12-25")
    stop = venue.rest(key, OrderSide.SELL, 10)
    world = World(venue)

    report = world.close(flatten(dry_run=True))

    assert report.legs[0].planned_cancels == (stop,)
    assert not venue.orders[stop].status.is_terminal
    assert report.estimate is not None


def test_law_30_the_first_order_leaves_before_the_last_account_is_read() -> None:
    quick, slow = ToyVenue("quick"), ToyVenue("slow")
    here, there = quick.hold(5), slow.hold(5)
    world = World(quick, slow)
    world.script(
        ReadAccount,
        Fault(arrives=5.0),
        when=lambda command: isinstance(command, ReadAccount) and command.account.venue == "slow",
    )
    operation = world.ask(flatten(here.account_ref, there.account_ref))
    world.run(1.0)

    assert quick.position(here) == 0
    assert not world.told(PlanCompleted)
    assert world.finish(operation).flat
    assert slow.position(there) == 0


def test_law_19_an_account_is_read_as_long_as_readings_come() -> None:
    venue = ToyVenue()
    names = [f"A{number:02}" for number in range(25)]
    keys = [venue.hold(1, account=name) for name in names]
    world = World(venue)
    world.script(ReadAccount, *[slow(1.0 + number) for number in range(len(names))])

    report = world.close(flatten(*(key.account_ref for key in keys), deadline=60))

    assert not report.failures
    assert report.flat
    assert not any(venue.positions.values())


def test_law_28_an_account_that_is_not_read_is_given_up_when_no_other_reading_comes() -> None:
    venue = ToyVenue()
    keys = [venue.hold(1, account=name) for name in ("A", "B", "C")]
    world = World(venue)
    world.script(ReadAccount, slow(6.0), slow(4.0))
    world.script(ReadAccount, *[LOSE_ANSWER] * 99, when=lambda c: getattr(c, "markets", False))

    report = world.close(flatten(*(key.account_ref for key in keys), deadline=60))

    assert [failure.account for failure in report.failures] == ["C"]
    assert 16 <= world.time < 17


def test_a_large_account_is_planned_in_parts_and_worked_on_in_waves() -> None:
    names = [f"C{number:04}" for number in range(600)]
    venue = ToyVenue("toy", *(instrument(name) for name in names))
    for name in names:
        venue.hold(1, name)
    world = World(venue)

    report = world.close(flatten())

    assert report.flat
    assert len(world.told(OperationPlanned)) == 2
    assert len(report.legs) == 600
    assert not any(venue.positions.values())
    assert world.time < 10


def test_law_19_totals_in_the_sequence_grow_to_the_number_of_legs() -> None:
    venue = a_family()
    venue.hold(5, "ES 12-25")
    venue.hold(5, "NQ 12-25", "B")
    world = World(venue)
    operation = world.ask(flatten(account("A"), account("B")))
    world.finish(operation)

    totals = [
        concern.total for record in world.book.operation(operation) for concern in record.concerns
    ]
    assert totals == sorted(totals)
    assert totals[-1] == 2


def test_the_estimate_comes_from_the_message_budget() -> None:
    venue = ToyVenue(
        capabilities=Capabilities(
            id_memory=IdMemory.FOR_EVER, message_budget=0.5, position_settle=LATENCY
        )
    )
    key = venue.hold(5)
    venue.rest(key, OrderSide.SELL, 5)
    world = World(venue)

    assert world.close(flatten(dry_run=True)).estimate == 4.0


def test_law_40_a_reading_asked_for_at_the_very_instant_of_a_fill_may_lag_it() -> None:
    venue = ToyVenue(capabilities=Capabilities(id_memory=IdMemory.FOR_EVER, position_settle=0.0))
    key = venue.hold(10)
    state = World(venue).state
    state.note_traded(key, 5.0)

    assert key in state.traded_since(key.account_ref, 5.0)
    assert key not in state.traded_since(key.account_ref, 5.1)
