"""
The laws, checked at every step against the venues' own truth. Shares nothing with the core.

What is checked of orders holds where nobody else trades behind our back: a law that speaks of the
position that was *confirmed* cannot be held to one that changed since (see `_was_moved`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from rpcserver.core.commands import CancelOrder, ChangeOrder, Command, SubmitOrder
from rpcserver.core.machine import apply
from rpcserver.core.records import (
    CancelIntended,
    ChangeIntended,
    FencePassed,
    FenceRaised,
    LegEnded,
    OperationFinished,
    OperationOpened,
    OrderIntended,
    Record,
)
from rpcserver.core.report import OperationReport, Outcome
from rpcserver.core.requests import CloseRequest, Dust
from rpcserver.core.state import State
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.capabilities import ReduceOnly
from rpcserver.domain.ids import (
    AccountRef,
    ClientOrderId,
    OperationId,
    VenueOrderId,
    client_order_id,
)
from rpcserver.domain.order import ZERO, OrderReport, OrderRequest
from rpcserver.domain.position import PositionKey
from tests.core.venue import EPOCH, ToyVenue, Trade

if TYPE_CHECKING:
    from tests.core.world import World

SAMPLE = 5  # every so many decisions, what they left alone is compared
NEWS = 1.0  # seconds after which an order of somebody else's should have been heard of


@dataclass
class _Move:
    """Somebody else's execution, and when the core was first told of it."""

    trade: Trade
    told_at: float | None = None


@dataclass(frozen=True)
class _Sight:
    """What was known when something was decided: a reading true at `known_at`, and the news."""

    known_at: float
    decided_at: float


class Watch:
    """Raises AssertionError, with the law's number, at the first step that breaks one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._decisions = 0
        self._seqs: dict[OperationId, int] = {}
        self._requests: dict[OperationId, CloseRequest] = {}
        self._dones: dict[OperationId, dict[int, Outcome]] = {}
        self._ended: set[OperationId] = set()
        self._intents: dict[ClientOrderId, OrderIntended] = {}
        self._cancels: set[tuple[AccountRef, VenueOrderId]] = set()
        self._overridden: set[PositionKey] = set()
        self._exits: set[ClientOrderId] = set()
        self._sights: dict[ClientOrderId, _Sight] = {}  # what an order was decided by
        self._trades_seen = dict.fromkeys(world.venues, 0)
        self._readings: dict[tuple[AccountRef, datetime], float] = {}
        self._heard: dict[AccountRef, float] = {}  # as of when the last heard reading was true
        self._read_in_life: set[AccountRef] = set()
        self._must_read: set[PositionKey] = set()
        self._moves: list[_Move] = []  # by orders that are not ours

    # --- decide ------------------------------------------------------------------------------

    @contextmanager
    def unchanged(self, state: State) -> Iterator[None]:
        """`decide` is pure: compared on a sample, for it is costly."""
        self._decisions += 1
        if self._decisions % (SAMPLE + len(state.legs)):
            yield
            return
        before = repr(vars(state))
        yield
        assert repr(vars(state)) == before, "decide changed the state"

    def decided(self, changes: Iterable[object]) -> None:
        """What an order was decided by, is what had been heard by then."""
        for change in changes:
            if isinstance(change, OrderIntended):
                name = change.order.client_order_id
                known_at = self._heard.get(change.account, float("-inf"))
                self._sights[name] = _Sight(known_at, self._world.time)

    # --- records -----------------------------------------------------------------------------

    def durable(self, records: Iterable[Record]) -> None:
        for record in records:
            self._check_place(record)
            match record:
                case OperationOpened():
                    self._requests[record.operation_id] = record.request
                    self._dones[record.operation_id] = {}
                case OrderIntended():
                    self._check_intent(record)
                case FenceRaised(lane=lane):
                    names = (*record.cancels, *record.shrinks)
                    self._cancels |= {(lane.account_ref, name) for name in names}
                case CancelIntended() | ChangeIntended():
                    self._cancels.add((record.account, record.venue_order_id))
                case FencePassed(how="override", lane=lane):
                    self._overridden.add(lane)
                case LegEnded():
                    self._check_leg(record)
                case OperationFinished():
                    self._check_end(record)
                case _:
                    pass

    def _check_place(self, record: Record) -> None:
        for concern in record.concerns:
            name = concern.operation_id
            last = self._seqs.get(name, 0)
            assert concern.seq == last + 1, f"law 35: {name} went from {last} to {concern.seq}"
            self._seqs[name] = concern.seq
            if name in self._dones and isinstance(record, LegEnded):
                assert concern.done == len(self._dones[name]) + 1, "law 35: done counts the ended"

    def _check_intent(self, record: OrderIntended) -> None:
        order = record.order
        known = self._intents.get(order.client_order_id)
        if known is not None:
            assert record.resend, "law 8: an id was used for another attempt"
            assert known.order == order, "law 8: a resend is the same order"
        if record.operation_id is not None and known is None:
            operation = record.operation_id
            legs = [c.leg for c in record.concerns if c.operation_id == operation]
            assert len(legs) == 1
            assert order.client_order_id == client_order_id(operation, legs[0], record.attempt), (
                "law 8: the id is a function of operation, leg and attempt"
            )
        self._intents[order.client_order_id] = record

    def _check_leg(self, record: LegEnded) -> None:
        done = self._dones[record.operation_id]
        assert record.number not in done, "law 19: a leg ends once"
        done[record.number] = record.outcome
        key, venue = record.lane, self._world.venues[record.lane.venue]
        claims = record.outcome in (Outcome.FLAT, Outcome.REDUCED)
        if claims:
            assert record.proven_at is not None, "law 18: success is proven"
        if record.proven_at is None:
            return
        proven = (record.proven_at - EPOCH).total_seconds()
        moved = venue.foreign_at.get(key)
        if moved is None or moved < proven - venue.capabilities.position_settle:
            truth = venue.position(key, proven)
            assert truth == record.remaining, (
                f"law 18: {record.outcome} says {record.remaining}, the venue held {truth}"
            )
            if claims and not self._was_moved(venue, key):
                assert venue.position(key) == record.remaining, "law 18: it moved after the proof"
        request = self._requests[record.operation_id]
        whole = request.amount.is_whole and request.scope.strategy_tag is None
        if record.outcome is Outcome.FLAT:
            assert record.remaining == 0, "law 18: flat is zero"
            if whole:
                for order in venue.working(key):
                    assert _opens_nothing(venue, order) or order.created_at > record.proven_at, (
                        f"law 18: {order.venue_order_id} works on after a flat"
                    )

    def _check_end(self, record: OperationFinished) -> None:
        name = record.operation_id
        assert name not in self._ended, "one final record"
        self._ended.add(name)
        outcomes = list(self._dones[name].values())
        counts = {outcome: outcomes.count(outcome) for outcome in set(outcomes)}
        assert counts == dict(record.counts), "law 19: the counts add up"
        report = self._world.reports[name]
        request = report.request
        assert record.success == report.success or request.dry_run, "law 19"
        assert record.flat == report.flat or request.dry_run, "law 19"
        if request.dry_run:
            assert not outcomes
            assert not record.flat, "law 20: a plan is no flat"
            return
        if record.error is None:
            total = record.concerns[0].total
            assert len(outcomes) == total, "law 19: every leg has an outcome"
            fine = {Outcome.FLAT, Outcome.REDUCED, Outcome.EXCLUDED}
            if request.dust is Dust.LEAVE:
                fine.add(Outcome.DUST)
            clean = not report.failures and set(outcomes) <= fine
            clean = clean and record.unplaced is None and bool(total or not request.must_match)
            assert record.success == clean, "law 19: success says every leg reached its target"
        self._check_replay(name)

    def _check_replay(self, name: OperationId) -> None:
        """The operation's own records alone tell the same story (law 37)."""
        state = State()
        for record in self._world.book.operation(name):
            apply(state, record)
        told, replayed = self._world.reports[name], state.reports[name]
        if len(told.legs) and any(leg.joined for leg in told.legs):
            return  # what a lane did before an operation joined it stands in the other's records
        assert _without_clients(replayed) == _without_clients(told), "law 37: a replay differs"

    # --- commands ----------------------------------------------------------------------------

    def performing(self, command: Command) -> None:
        match command:
            case SubmitOrder(exit=True, order=order):
                intent = self._intents.get(order.client_order_id)
                assert intent is not None, "law 22: sent before it was durable"
                assert intent.order == order, "law 22: sent another order than was intended"
                assert intent.operation_id is not None
                assert intent.operation_id not in self._ended, "law 39: sent after the end"
                self._check_reservation(command.account, order)
                self._exits.add(order.client_order_id)
            case SubmitOrder(order=order):
                assert order.client_order_id in self._intents, "law 22: sent before it was durable"
            case CancelOrder() | ChangeOrder():
                name = (command.account, command.venue_order_id)
                assert name in self._cancels, "law 22: canceled before it was durable"
            case _:
                pass

    def _check_reservation(self, account: AccountRef, order: OrderRequest) -> None:
        """Laws 2 and 9, by the venue's own truth and by what is really on its way."""
        venue = self._world.venues[account.venue]
        key = venue.key_of(order)
        if key in self._must_read:
            assert account in self._read_in_life, "law 24: sent before the account was read"
        if key in self._overridden or self._was_moved(venue, key, order.client_order_id):
            return
        held = venue.position(key)
        assert held * order.side.sign < 0, f"law 9: {order.side} of a position of {held}"
        groups: dict[str, Decimal] = {}
        for known in venue.working(key):
            ours = known.client_order_id
            fresh = ours not in self._intents and (
                (known.created_at - EPOCH).total_seconds() > max(self._world.time - NEWS, 0.0)
            )
            if known.side is not order.side or ours == order.client_order_id or fresh:
                continue
            if ours not in self._exits and self._is_harmless(venue, known):
                continue
            group = known.oco_id or known.venue_order_id
            groups[group] = max(groups.get(group, ZERO), known.remaining)
        for name, copies in self._world.in_flight.items():
            for flying in copies:
                if (
                    flying.account == account
                    and venue.key_of(flying.order) == key
                    and flying.order.side is order.side
                    and name != order.client_order_id
                    and not venue.knows(name)
                ):
                    groups[name] = flying.order.quantity
        already = venue.knows(order.client_order_id)
        total = sum(groups.values(), ZERO) + (ZERO if already else order.quantity)
        assert total <= abs(held), f"law 2: {total} could be taken off {held}: {groups}"

    # --- fills and readings ------------------------------------------------------------------

    def landed(self) -> None:
        """Look at every trade there has been since."""
        for venue in self._world.venues.values():
            seen = self._trades_seen[venue.venue_id]
            self._trades_seen[venue.venue_id] = len(venue.trades)
            for trade in venue.trades[seen:]:
                name = trade.order.client_order_id
                if name is None or name not in self._exits:
                    self._moves.append(_Move(trade))
                    continue
                if trade.key in self._overridden or self._was_moved(venue, trade.key, name):
                    continue
                assert abs(trade.after) < abs(trade.before), f"law 1: it grew: {trade}"
                assert trade.after * trade.before >= 0, f"law 1: it flipped: {trade}"

    def reading(self, snapshot: AccountSnapshot, true_at: float) -> None:
        """A reading left its venue, with positions as they were at *true_at*."""
        name = (snapshot.account, snapshot.taken_at)  # of several at one instant, the oldest view
        self._readings[name] = min(true_at, self._readings.get(name, true_at))

    def heard(self, snapshot: AccountSnapshot) -> None:
        """A reading arrived."""
        self._heard[snapshot.account] = self._readings[snapshot.account, snapshot.taken_at]
        self._read_in_life.add(snapshot.account)

    def told(self, account: AccountRef, report: OrderReport) -> None:
        """A report arrived: what it says has filled is known from now on."""
        for move in self._moves:
            order = move.trade.order
            if (
                move.told_at is None
                and move.trade.key.account_ref == account
                and order.venue_order_id == report.venue_order_id
                and order.filled <= report.filled
            ):
                move.told_at = self._world.time

    def crashed(self) -> None:
        self._read_in_life.clear()
        for move in self._moves:
            if move.trade.time > self._world.time - NEWS:
                move.told_at = None  # what was heard last may have been forgotten
        self._must_read = {
            record.lane
            for record in self._world.book.unfinished()
            if isinstance(record, OrderIntended) and record.lane is not None
        }

    # --- inside ------------------------------------------------------------------------------

    def _was_moved(
        self, venue: ToyVenue, key: PositionKey, order: ClientOrderId | None = None
    ) -> bool:
        """Whether others moved the position, and nothing had told the core when it decided."""
        now = _Sight(self._heard.get(key.account_ref, float("-inf")), self._world.time)
        sight = self._sights[order] if order is not None else now
        moved = venue.foreign_at.get(key)
        return (moved is not None and moved >= sight.known_at) or any(
            move.trade.key == key
            and move.trade.time >= sight.known_at
            and (move.told_at is None or move.told_at > sight.decided_at)
            for move in self._moves
        )

    def _is_harmless(self, venue: ToyVenue, order: OrderReport) -> bool:
        counts = venue.capabilities.reduce_only_counts_resting
        return _opens_nothing(venue, order) and not counts


def _without_clients(report: OperationReport) -> OperationReport:
    """A client's own order in a lane has records of its own, that are not the operation's."""
    legs = [
        msgspec.structs.replace(
            leg, canceled=tuple(name for name in leg.canceled if not name.startswith("mine"))
        )
        for leg in report.legs
    ]
    return msgspec.structs.replace(report, legs=tuple(legs))


def _opens_nothing(venue: ToyVenue, order: OrderReport) -> bool:
    return order.reduce_only and venue.capabilities.reduce_only is ReduceOnly.AT_FILL
