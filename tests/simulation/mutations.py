"""
Planted faults: each is a mistake somebody could make, as a patch of the real code. The simulator
has to catch every one of them; `SEEDS` holds the first seed that did.

    python -m tests.simulation.mutations            finds the seeds anew and prints the table
    python -m tests.simulation.mutations NAME …     of these faults alone
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from decimal import Decimal

import anyio
import msgspec
import pytest

from rpcserver.core import (
    ending,
    fence,
    leaving,
    ledger,
    leg,
    machine,
    operation,
    orders,
    plan,
    pricing,
    sent,
    unknown,
)
from rpcserver.core import rearm as rearming
from rpcserver.core.commands import Alert, Command, SubmitOrder
from rpcserver.core.decision import Admitted, Pen, Refused
from rpcserver.core.events import (
    Event,
    Now,
    OrderLost,
    OrderRejected,
    OrderRequested,
    OrderUpdated,
    SnapshotRead,
)
from rpcserver.core.passing import PositionRead
from rpcserver.core.records import (
    Concern,
    LegEnded,
    OperationFinished,
    PlannedLeg,
    PositionAdopted,
    Record,
    Recovered,
)
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import CloseRequest
from rpcserver.core.state import Lane, LedgerOrder, Leg, Operation, State
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.errors import InvalidRequest, VenueError, VenueUnavailable
from rpcserver.domain.ids import AccountRef, ClientOrderId, OperationId, client_order_id
from rpcserver.domain.order import (
    ZERO,
    Fill,
    Holding,
    OrderReport,
    OrderSide,
    OrderStatus,
    OrderType,
    RejectReason,
)
from rpcserver.domain.position import Position, PositionKey
from rpcserver.driver.engine import Engine
from rpcserver.driver.folding import folded_report
from rpcserver.driver.performer import Performer, VenueCommand, failed
from rpcserver.journal.chain import Link
from rpcserver.journal.changes import Changes
from rpcserver.journal.memory import MemoryJournal
from rpcserver.journal.memory_disk import MemoryDisk
from rpcserver.simulation.run import Outcome, run_seed
from rpcserver.simulation.scene import EPOCH

Patch = pytest.MonkeyPatch
Mutation = Callable[[Patch], None]
SEEDS_MAX = 1000


def always(answer: object) -> Callable[..., object]:
    """A function that answers so, whatever it is asked."""

    def answering(*_: object, **__: object) -> object:
        return answer

    return answering


# --- the fence and the reservation -------------------------------------------------------------


def remove_the_fence(patch: Patch) -> None:
    """Conflicting orders are neither canceled nor waited for, nor counted."""
    patch.setattr(leg, "pass_fence", always(None))
    patch.setattr(ledger, "others_remaining", always(ZERO))


def pass_the_fence_at_once(patch: Patch) -> None:
    """Cancels are sent, and nobody waits for them."""
    pass_fence = fence.pass_fence

    def hasty(pen: Pen, lane: Lane, begun: list[tuple[Operation, Leg]]) -> None:
        pass_fence(pen, lane, begun)

    patch.setattr(leg, "pass_fence", hasty)


def send_half_lots(patch: Patch) -> None:
    """Sizes are no multiples of the lot."""
    sendable = leg._sendable

    def uneven(pen: Pen, lane: Lane, leg_: Leg) -> Decimal:
        quantity = sendable(pen, lane, leg_)
        return quantity - lane.instrument.lot / 2 if quantity else quantity

    patch.setattr(leg, "_sendable", uneven)


def ignore_foreign_orders_in_the_reservation(patch: Patch) -> None:
    """What others' orders could still take off does not count."""
    patch.setattr(ledger, "others_remaining", always(ZERO))


def ignore_our_own_orders_in_the_reservation(patch: Patch) -> None:
    """What is on its way already is sent once more."""
    patch.setattr(ledger, "own_remaining", always(ZERO))


def raise_a_remainder_to_the_minimum(patch: Patch) -> None:
    """Dust is closed by an order that is too large for it."""
    sendable = leg._sendable

    def raised(pen: Pen, lane: Lane, leg_: Leg) -> Decimal:
        quantity = sendable(pen, lane, leg_)
        is_left = lane.sign != 0 and not lane.own_live and abs(lane.expected) > abs(leg_.target)
        return lane.instrument.minimum if not quantity and is_left else quantity

    patch.setattr(leg, "_sendable", raised)


def close_on_the_wrong_side(patch: Patch) -> None:
    """What is long is bought."""

    def wrong(lane: Lane) -> OrderSide:
        return OrderSide.BUY if lane.expected > 0 else OrderSide.SELL

    patch.setattr(leg, "closing_side", wrong)
    patch.setattr(leaving, "fits", always(True))


# --- what is unknown ---------------------------------------------------------------------------


def guess_instead_of_asking(patch: Patch) -> None:
    """A lost answer is taken for a refusal."""

    def guessed(pen: Pen, event: OrderLost) -> PositionKey | None:
        return sent.order_rejected(
            pen,
            OrderRejected(
                account=event.account,
                client_order_id=event.client_order_id,
                reason=RejectReason.NO_LIQUIDITY,
                detail=event.detail,
            ),
        )

    patch.setattr(machine, "order_lost", guessed)


def send_what_waited_without_another_look(patch: Patch) -> None:
    """An order leaves though the position has become smaller since it was intended."""
    patch.setattr(leaving, "fits", always(True))


def take_not_found_for_never_sent(patch: Patch) -> None:
    """What is not found is replaced by another order, under another id."""

    def replaced(pen: Pen, lane: Lane, order: LedgerOrder, _: OperationId) -> None:
        unknown._never_existed(pen, lane, order)

    patch.setattr(unknown, "_send_again", replaced)


def give_up_what_may_still_land(patch: Patch) -> None:
    """What is not found, and not wanted any more, is taken for never sent."""
    settle = unknown.settle_unknown

    def impatient(pen: Pen, lane: Lane, at_work: tuple[Operation, Leg] | None) -> float | None:
        wake = settle(pen, lane, at_work)
        for order in lane.own_live:
            if at_work is None and order.absent_at is not None and lane.proof is not None:
                unknown._never_existed(pen, lane, order)
        return wake

    patch.setattr(unknown, "settle_unknown", impatient)
    patch.setattr(leg, "settle_unknown", impatient)


def send_again_what_no_longer_fits(patch: Patch) -> None:
    """A lost order is sent again, though the position has become smaller."""
    patch.setattr(unknown, "fits", always(True))
    patch.setattr(leaving, "fits", always(True))


# --- fills -------------------------------------------------------------------------------------


def forget_a_fill(patch: Patch) -> None:
    """What filled in parts is not counted."""
    updated = orders.order_updated

    def forgetful(pen: Pen, event: OrderUpdated) -> PositionKey | None:
        if event.report.fills and event.report.filled < event.report.quantity:
            return None
        return updated(pen, event)

    patch.setattr(machine, "order_updated", forgetful)


def forget_what_filled_before_a_cancel(patch: Patch) -> None:
    """A canceled order is taken for one that never filled."""
    updated = orders.order_updated

    def forgetful(pen: Pen, event: OrderUpdated) -> PositionKey | None:
        if event.report.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED):
            blank = msgspec.structs.replace(event.report, fills=(), filled=ZERO, average_price=None)
            event = msgspec.structs.replace(event, report=blank)
        return updated(pen, event)

    patch.setattr(machine, "order_updated", forgetful)


def count_a_fill_twice(patch: Patch) -> None:
    """Replayed trades are counted again."""

    def every(order: LedgerOrder, fills: Iterable[Fill]) -> tuple[Fill, ...]:
        del order
        return tuple(fills)

    patch.setattr(orders, "new_fills", every)
    patch.setattr(ledger, "new_fills", every)


# --- readings ----------------------------------------------------------------------------------


def count_a_failed_read_as_flat(patch: Patch) -> None:
    """No answer is read as no position."""

    def flat(pen: Pen, account: AccountRef) -> None:
        snapshot = AccountSnapshot(account=account, positions=(), orders=(), taken_at=pen.now.wall)
        machine._verified(pen, SnapshotRead(operation_id=None, snapshot=snapshot))

    patch.setattr(machine, "read_failed", flat)


def believe_every_reading_at_once(patch: Patch) -> None:
    """A read raises the size by itself, without trades, without a second look."""

    def believe(
        pen: Pen,
        key: PositionKey,
        read: Decimal,
        working: Sequence[OrderReport],
        snapshot: AccountSnapshot,
    ) -> None:
        del working
        lane = pen.draft.lane(key)
        if read != lane.expected:
            pen.write(
                PositionAdopted(
                    at=pen.now.wall,
                    mono=pen.now.mono,
                    concerns=pen.concerns(lane),
                    lane=key,
                    expected=lane.expected,
                    quantity=read,
                    taken_at=snapshot.taken_at,
                )
            )
        pen.write(PositionRead(key, snapshot.taken_at))

    patch.setattr("rpcserver.core.verifying._compare", believe)


def call_it_flat_without_a_reading(patch: Patch) -> None:
    """The ledger's own word is taken for the venue's."""

    def sure(pen: Pen, lane: Lane) -> float | None:
        pen.write(PositionRead(lane.key, pen.now.wall))
        return pen.now.mono

    patch.setattr(leg, "want_read", sure)


# --- durability --------------------------------------------------------------------------------


def send_before_the_commit(patch: Patch) -> None:
    """Commands are performed when they are decided, not when they are durable."""
    queue = Engine._queue

    def hasty(
        engine: Engine,
        changes: Sequence[object],
        commands: Sequence[Command],
        tell: Callable[[], None] | None = None,
    ) -> None:
        for command in commands:
            if not isinstance(command, Alert):
                engine._perform(command)
        queue(engine, changes, [each for each in commands if isinstance(each, Alert)], tell)

    patch.setattr(Engine, "_queue", hasty)


def act_although_deposed(patch: Patch) -> None:
    """A server that was replaced sends what it had queued."""
    init = Performer.__init__

    def careless(performer: Performer, *given: object, **named: object) -> None:
        init(performer, *given, **named)  # type: ignore[arg-type]
        patch.setattr(performer, "_is_in_charge", always(True))

    patch.setattr(Performer, "__init__", careless)


def wait_for_the_slowest_venue(patch: Patch) -> None:
    """One queue for all venues: who hangs holds up the others."""
    turn = anyio.Lock()
    performed = Performer._performed

    async def in_turn(performer: Performer, command: VenueCommand) -> Event:
        async with turn:
            return await performed(performer, command)

    patch.setattr(Performer, "_performed", in_turn)


def run_deadlines_by_the_wall(patch: Patch) -> None:
    """What the clock on the wall says is taken for the time that passed."""

    def jumpy(engine: Engine) -> Now:
        wall = engine._clock()
        return Now((wall - EPOCH).total_seconds(), wall)

    patch.setattr(Engine, "_now", jumpy)


def let_a_limit_refuse_an_exit(patch: Patch) -> None:
    """A limit that is for new risk stops a close."""
    close = Engine.close

    async def limited(engine: Engine, request: CloseRequest, *, join: bool = True) -> Admitted:
        if engine.unfinished:
            raise InvalidRequest("rate_limited", "one at a time")
        return await close(engine, request, join=join)

    patch.setattr(Engine, "close", limited)


def close_the_other_side_too(patch: Patch) -> None:
    """Long and short of one instrument are netted."""

    def netted(lane: Lane) -> OrderSide:
        return OrderSide.SELL if lane.key.holding is Holding.SHORT else closing(lane)

    closing = ledger.closing_side
    patch.setattr(leg, "closing_side", netted)
    patch.setattr(leaving, "fits", always(True))


def sell_longs_first(patch: Patch) -> None:
    """The order of work ignores what margin asks for."""

    def upside_down(positions: Iterable[Position], *_: object) -> list[Position]:
        return sorted(positions, key=lambda position: position.signed_quantity < 0)

    patch.setattr(plan, "_in_order_of_work", upside_down)


def forget_to_say_why(patch: Patch) -> None:
    """The journal does not hold the reason that was given."""
    close = Engine.close

    async def forgetful(engine: Engine, request: CloseRequest, *, join: bool = True) -> Admitted:
        return await close(engine, msgspec.structs.replace(request, reason=""), join=join)

    patch.setattr(Engine, "close", forgetful)


def work_beside_each_other(patch: Patch) -> None:
    """A second operation does not join the leg at work."""
    planned = plan._plan_position

    def alone(*given: object, **named: object) -> PlannedLeg:
        leg_: PlannedLeg = planned(*given, **named)  # type: ignore[arg-type]
        return msgspec.structs.replace(leg_, joined=False)

    patch.setattr(plan, "_plan_position", alone)


def give_up_at_a_broken_adapter(patch: Patch) -> None:
    """What an adapter raises ends everything."""

    async def open_wall(call: Awaitable[object]) -> object:
        return await call

    patch.setattr("rpcserver.driver.performer.contained", open_wall)


def forget_to_finish(patch: Patch) -> None:
    """An operation whose legs have all ended goes on for ever."""
    patch.setattr("rpcserver.core.machine.finish_if_done", always(None))


def let_a_commit_be_lost(patch: Patch) -> None:
    """An acknowledged commit is not on the disk."""
    write = MemoryDisk.write

    def leaky(disk: MemoryDisk, links: Sequence[Link], changes: Changes) -> None:
        if len(disk.links) % 23 != 22:
            write(disk, links, changes)

    patch.setattr(MemoryDisk, "write", leaky)


def look_at_markets_first(patch: Patch) -> None:
    """Without a quote nothing is sent."""
    submit = Performer._performed

    async def cautious(performer: Performer, command: VenueCommand) -> Event:
        if isinstance(command, SubmitOrder) and command.exit:
            try:
                await performer._venue.quotes([command.order.instrument])
            except VenueError as error:
                return failed(command, VenueUnavailable(str(error)))
        return await submit(performer, command)

    patch.setattr(Performer, "_performed", cautious)


def tell_before_the_commit(patch: Patch) -> None:
    """An acceptance is told when it is decided."""
    queue = Engine._queue

    def hasty(
        engine: Engine,
        changes: Sequence[object],
        commands: Sequence[Command],
        tell: Callable[[], None] | None = None,
    ) -> None:
        queue(engine, changes, commands)
        if tell is not None:
            tell()

    patch.setattr(Engine, "_queue", hasty)


def reuse_an_attempt_id(patch: Patch) -> None:
    """Every attempt at a leg bears the name of the first."""

    def same(operation_id: OperationId, number: int, attempt: int) -> ClientOrderId:
        del attempt
        return client_order_id(operation_id, number, 1)

    patch.setattr(leg, "client_order_id", same)


def forget_operations_at_a_restart(patch: Patch) -> None:
    """What was unfinished is not taken up again."""

    async def nothing(journal: MemoryJournal) -> Sequence[Record]:
        del journal
        return []

    patch.setattr(MemoryJournal, "unfinished", nothing)


def send_at_once_after_a_restart(patch: Patch) -> None:
    """Open orders are forgotten, and nothing is read first."""
    rearm = rearming.rearm

    def trusting(state: State, recovered: Recovered) -> None:
        rearm(state, recovered)
        for key in list(state.lanes):
            lane = state.lane(key)
            lane.stale = False
            lane.orders = {}

    patch.setattr("rpcserver.core.apply.rearm", trusting)


def forget_idempotency_keys(patch: Patch) -> None:
    """A resent call opens a second operation."""

    def unknown_key(pen: Pen, request: CloseRequest) -> Admitted | Refused | None:
        del pen, request
        return None

    patch.setattr(operation, "_by_key", unknown_key)


# --- ends, targets, scopes ---------------------------------------------------------------------


def send_after_the_end(patch: Patch) -> None:
    """What was lost is sent again for an operation that has ended."""
    watch = unknown.watch_abandoned

    def restless(pen: Pen, key: PositionKey) -> None:
        lane = pen.draft.lane(key)
        for order in lane.own_live:
            if order.absent_at is not None and order.operation_id is not None:
                unknown._send_again(pen, lane, order, order.operation_id)
        watch(pen, key)

    patch.setattr(machine, "watch_abandoned", restless)
    patch.setattr("rpcserver.driver.engine.objection", always(None))


def let_joined_targets_add_up(patch: Patch) -> None:
    """A second half is counted from what the first one left."""
    plan_position = plan._plan_position

    def added(
        request: CloseRequest, position: Position, *rest: object, **named: Decimal
    ) -> PlannedLeg:
        named["base"] = named["expected"]
        planned: PlannedLeg = plan_position(request, position, *rest, **named)  # type: ignore[arg-type]
        return planned

    patch.setattr(plan, "_plan_position", added)


def close_whatever_the_account_holds(patch: Patch) -> None:
    """A lost filter closes everything."""
    patch.setattr(plan, "selects", always(True))


def call_everything_a_success(patch: Patch) -> None:
    """Every end is told as flat."""

    def bold(**fields: object) -> OperationFinished:
        return OperationFinished(**{**fields, "flat": True, "success": True})  # type: ignore[arg-type]

    patch.setattr(operation, "OperationFinished", bold)


def lose_count(patch: Patch) -> None:
    """The counts of an end leave legs out."""

    def careless(**fields: object) -> OperationFinished:
        return OperationFinished(**{**fields, "counts": {}})  # type: ignore[arg-type]

    patch.setattr(operation, "OperationFinished", careless)


def say_that_nothing_was_closed(patch: Patch) -> None:
    """What a leg's orders filled is not what its end says."""

    def modest(**fields: object) -> LegEnded:
        return LegEnded(**{**fields, "closed": ZERO})  # type: ignore[arg-type]

    patch.setattr(ending, "LegEnded", modest)


def tell_it_otherwise_after_a_restart(patch: Patch) -> None:
    """What is folded from the journal is not what was told."""

    async def embellished(journal: MemoryJournal, name: OperationId) -> OperationReport | None:
        report = await folded_report(journal, name)
        return report and msgspec.structs.replace(report, detail="as far as anyone recalls")

    patch.setattr("rpcserver.driver.engine.folded_report", embellished)


def touch_up_the_journal(patch: Patch) -> None:
    """An entry is changed after it was sealed."""
    write = MemoryDisk.write

    def forged(disk: MemoryDisk, links: Sequence[Link], changes: Changes) -> None:
        kept = [each._replace(body=each.body.replace(":", ": ", 1)) for each in links]
        write(disk, kept, changes)

    patch.setattr(MemoryDisk, "write", forged)


def hide_that_it_is_unprotected(patch: Patch) -> None:
    """The stop is gone, the position is not, and nobody says so."""

    def silent(**fields: object) -> LegEnded:
        return LegEnded(**{**fields, "unprotected": False})  # type: ignore[arg-type]

    patch.setattr(ending, "LegEnded", silent)


def leave_the_gate_open(patch: Patch) -> None:
    """New risk is let in while an operation closes."""

    def open_gate(pen: Pen, event: OrderRequested, *, by: OperationId | None = None) -> None:
        del pen, event, by
        return None

    patch.setattr("rpcserver.core.clients.gate", open_gate)


# --- prices, budgets, streams ------------------------------------------------------------------


def ignore_the_price_bound(patch: Patch) -> None:
    """What should be a limit goes at market."""
    market = pricing.Price(OrderType.MARKET, None, 0)
    patch.setattr(leg, "price_of", always(market))


def ignore_the_message_budget(patch: Patch) -> None:
    """The venue's cap is exceeded."""
    patch.setattr("rpcserver.driver.budget.Budget.wait", always(0.0))


def storm_a_closed_market(patch: Patch) -> None:
    """A refusal is answered by the same order, at once, for ever."""
    patch.setattr(leg, "_not_yet", always(None))


def skip_a_number(patch: Patch) -> None:
    """Progress has gaps."""
    concern = Pen.concern

    def gappy(pen: Pen, of: Operation, number: int = 0, *, ended: bool = False) -> Concern:
        honest = concern(pen, of, number, ended=ended)
        skips = honest.seq % 5 == 0
        return Concern(
            honest.operation_id,
            honest.request_id,
            honest.seq + skips,
            honest.leg,
            honest.done,
            honest.total,
        )

    patch.setattr(Pen, "concern", gappy)


def tell_every_reduce_only_order_harmless(patch: Patch) -> None:
    """Reduce-only is taken for a proof where the venue checks it on arrival alone."""

    def trusting(order: LedgerOrder, capabilities: Capabilities) -> bool:
        del capabilities
        return order.reduce_only

    patch.setattr(ledger, "is_harmless", trusting)
    patch.setattr("rpcserver.core.fence.is_harmless", trusting)


MUTATIONS: tuple[Mutation, ...] = (
    remove_the_fence,
    pass_the_fence_at_once,
    send_half_lots,
    ignore_foreign_orders_in_the_reservation,
    ignore_our_own_orders_in_the_reservation,
    raise_a_remainder_to_the_minimum,
    close_on_the_wrong_side,
    guess_instead_of_asking,
    take_not_found_for_never_sent,
    give_up_what_may_still_land,
    send_what_waited_without_another_look,
    send_again_what_no_longer_fits,
    forget_a_fill,
    forget_what_filled_before_a_cancel,
    count_a_fill_twice,
    count_a_failed_read_as_flat,
    believe_every_reading_at_once,
    call_it_flat_without_a_reading,
    send_before_the_commit,
    tell_before_the_commit,
    act_although_deposed,
    let_a_commit_be_lost,
    reuse_an_attempt_id,
    forget_operations_at_a_restart,
    send_at_once_after_a_restart,
    forget_idempotency_keys,
    send_after_the_end,
    let_joined_targets_add_up,
    close_whatever_the_account_holds,
    call_everything_a_success,
    lose_count,
    say_that_nothing_was_closed,
    tell_it_otherwise_after_a_restart,
    touch_up_the_journal,
    hide_that_it_is_unprotected,
    leave_the_gate_open,
    ignore_the_price_bound,
    ignore_the_message_budget,
    storm_a_closed_market,
    skip_a_number,
    tell_every_reduce_only_order_harmless,
    close_the_other_side_too,
    sell_longs_first,
    work_beside_each_other,
    forget_to_say_why,
    forget_to_finish,
    run_deadlines_by_the_wall,
    let_a_limit_refuse_an_exit,
    wait_for_the_slowest_venue,
    give_up_at_a_broken_adapter,
    look_at_markets_first,
)

SEEDS: dict[str, int] = {
    "remove_the_fence": 1,  # law 2
    "pass_the_fence_at_once": 1,  # law 3
    "send_half_lots": 1,  # law 11
    "ignore_foreign_orders_in_the_reservation": 171,  # law 2
    "ignore_our_own_orders_in_the_reservation": 1,  # law 2
    "raise_a_remainder_to_the_minimum": 44,  # law 38
    "close_on_the_wrong_side": 0,  # law 15
    "guess_instead_of_asking": 22,  # law 7
    "take_not_found_for_never_sent": 22,  # law 7
    "give_up_what_may_still_land": 428,  # law 7
    "send_what_waited_without_another_look": 157,  # law 9
    "send_again_what_no_longer_fits": 8,  # law 9
    "forget_a_fill": 696,  # law 17
    "forget_what_filled_before_a_cancel": 591,  # law 4
    "count_a_fill_twice": 0,  # law 6
    "count_a_failed_read_as_flat": 25,  # law 18
    "believe_every_reading_at_once": 22,  # law 40
    "call_it_flat_without_a_reading": 14,  # law 18
    "send_before_the_commit": 0,  # law 22
    "tell_before_the_commit": 0,  # law 22
    "act_although_deposed": 1521,  # law 26
    "let_a_commit_be_lost": 2,  # law 35
    "reuse_an_attempt_id": 2,  # law 8
    "forget_operations_at_a_restart": 0,  # law 22
    "send_at_once_after_a_restart": 1,  # law 24
    "forget_idempotency_keys": 1,  # law 25
    "send_after_the_end": 8,  # law 39
    "let_joined_targets_add_up": 989,  # law 38
    "close_whatever_the_account_holds": 5,  # law 13
    "call_everything_a_success": 0,  # law 20
    "lose_count": 0,  # law 19
    "say_that_nothing_was_closed": 3,  # law 5
    "tell_it_otherwise_after_a_restart": 0,  # law 37
    "touch_up_the_journal": 0,  # law 27
    "hide_that_it_is_unprotected": 5,  # law 16
    "leave_the_gate_open": 9,  # law 9
    "ignore_the_price_bound": 1,  # law 12
    "ignore_the_message_budget": 2,  # law 29
    "storm_a_closed_market": 77,  # law 29
    "skip_a_number": 0,  # law 35
    "tell_every_reduce_only_order_harmless": 48,  # law 2
    "close_the_other_side_too": 0,  # law 15
    "sell_longs_first": 16,  # law 17
    "work_beside_each_other": 0,  # law 26
    "forget_to_say_why": 2,  # law 36
    "forget_to_finish": 0,  # law 28
    "run_deadlines_by_the_wall": 0,  # law 29
    "let_a_limit_refuse_an_exit": 0,  # law 10
    "wait_for_the_slowest_venue": 20,  # law 29
    "give_up_at_a_broken_adapter": 3,  # law 30
    "look_at_markets_first": 5,  # law 34
}


def run_mutated(mutation: Mutation, seed: int) -> Outcome:
    """The history of *seed*, with the fault planted."""
    with pytest.MonkeyPatch.context() as patch:
        mutation(patch)
        return run_seed(seed)


def first_catch(mutation: Mutation, seeds: Iterable[int] = range(SEEDS_MAX)) -> Outcome | None:
    """The first history in which the fault breaks a law that the real code keeps."""
    for seed in seeds:
        outcome = run_mutated(mutation, seed)
        if outcome.broken is not None and run_seed(seed).broken is None:
            return outcome
    return None


def main(arguments: Sequence[str]) -> int:
    """Print the table of seeds; 1 if a planted fault was not caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutations")
    parser.add_argument("names", nargs="*", help="of the faults; none: all of them")
    parser.add_argument("--seconds", type=float, default=math.inf, help="plant none after so long")
    options = parser.parse_args(arguments)
    ends = time.monotonic() + options.seconds
    chosen = [each for each in MUTATIONS if each.__name__ in (options.names or SEEDS)]
    caught, planted = 0, 0
    for mutation in chosen:
        if time.monotonic() > ends:
            break
        planted += 1
        outcome = first_catch(mutation)
        caught += outcome is not None
        found = "NOT CAUGHT" if outcome is None else f"{outcome.plan.seed},  # {outcome.broken}"
        sys.stdout.write(f'    "{mutation.__name__}": {found}\n')
        sys.stdout.flush()
    sys.stdout.write(
        f"{caught} of {planted} planted faults caught, each within {SEEDS_MAX} seeds"
        f" ({len(chosen) - planted} left out for want of time)\n"
    )
    return 0 if caught == planted else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
