"""
Laws held to in the journal: what was written, in which order, and whether it is true.

What it says of positions and fills is compared with the exchange's own truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

import msgspec

from rpcserver.core.entries import Entry
from rpcserver.core.records import (
    CancelIntended,
    ChangeIntended,
    FencePassed,
    FenceRaised,
    FillCounted,
    GateClosed,
    GateOpened,
    LegEnded,
    OperationFinished,
    OperationOpened,
    OperationPlanned,
    OrderEnded,
    OrderIntended,
    PlannedLeg,
    PositionAdopted,
    Record,
    Resolved,
    ScopeWidened,
)
from rpcserver.core.report import Outcome
from rpcserver.core.requests import Amount, CloseRequest, Dust
from rpcserver.domain.capabilities import IdMemory, ReduceOnly
from rpcserver.domain.ids import (
    AccountId,
    ClientOrderId,
    OperationId,
    TradeId,
    VenueOrderId,
    client_order_id,
)
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import ZERO, Fill, OrderReport, OrderStatus
from rpcserver.domain.position import PositionKey
from rpcserver.simulation.venue import EPOCH, SimulatedVenue
from rpcserver.simulation.verdict import Verdict

_STOPPED = (Outcome.UNKNOWN, Outcome.EXCLUDED)


class _Episode(msgspec.Struct):
    """One position from the first leg that works on it to the last one's end (law 38)."""

    base: Decimal
    began: float
    wanted: Decimal = ZERO  # the most that one of its operations wants closed, unsigned
    open_legs: set[tuple[OperationId, int]] = msgspec.field(default_factory=set)
    orders: set[ClientOrderId] = msgspec.field(default_factory=set)
    is_judged: bool = True  # nobody else moved it without our knowing
    operations: set[OperationId] = msgspec.field(default_factory=set)


class Bookkeeping:
    """Reads every entry when it is durable, and remembers what later ones must agree with."""

    def __init__(self, venue: SimulatedVenue, verdict: Verdict) -> None:
        self._venue = venue
        self._verdict = verdict
        self.intents: dict[ClientOrderId, OrderIntended] = {}
        self.acknowledged: set[ClientOrderId] = set()  # intents whose commit returned
        self.cancels: set[tuple[AccountId, VenueOrderId]] = set()
        self.requests: dict[OperationId, CloseRequest] = {}
        self.finished: dict[OperationId, OperationFinished] = {}
        self.overridden: set[PositionKey] = set()
        self.legs: dict[OperationId, dict[int, PlannedLeg]] = {}
        self.ended: dict[OperationId, dict[int, LegEnded]] = {}
        self.seqs: dict[OperationId, int] = {}
        self.gates: set[PositionKey] = set()  # closed although their operations have ended
        self.open_orders: dict[ClientOrderId, None] = {}  # of ours: not known to have ended
        self._keys: dict[str, OperationId] = {}
        self._trades: set[tuple[float | None, TradeId]] = set()
        self._fills: dict[ClientOrderId, list[Fill]] = {}
        self._legs_of_orders: dict[ClientOrderId, tuple[OperationId, int]] = {}
        self._episodes: dict[PositionKey, _Episode] = {}
        self._episode_of: dict[ClientOrderId, _Episode] = {}
        self._known_ends: set[VenueOrderId] = set()
        self._last_seq = 0

    # --- what others ask -------------------------------------------------------------------------

    @property
    def last_seq(self) -> int:
        """The newest entry that was looked at."""
        return self._last_seq

    def lanes_with_open_intents(self) -> frozenset[PositionKey]:
        """Positions with an order of an operation that has not ended."""
        return frozenset(
            intent.lane
            for intent in self.intents.values()
            if intent.lane is not None and intent.operation_id not in self.finished
        )

    def is_in_scope(self, operation: OperationId, key: PositionKey) -> bool:
        legs = self.legs.get(operation, {})
        return any(leg.key == key and not leg.excluded for leg in legs.values())

    def filled(self, name: ClientOrderId, fill: Fill) -> None:
        """An order of ours filled at the exchange."""
        self._fills.setdefault(name, []).append(fill)

    def truly_filled(self, name: ClientOrderId) -> Decimal:
        return sum((fill.quantity for fill in self._fills.get(name, ())), ZERO)

    def pardon(self, name: ClientOrderId) -> None:
        """This order was sent when somebody else had moved the position unseen."""
        if (episode := self._episode_of.get(name)) is not None:
            episode.is_judged = False

    def check_targets(self, name: ClientOrderId, key: PositionKey) -> None:
        """Law 38: joined operations take the target nearest zero, never the sum."""
        episode = self._episode_of.get(name)
        if episode is None or not episode.is_judged or self._was_moved(key, episode.began):
            return
        taken = sum((self.truly_filled(order) for order in episode.orders), ZERO)
        self._verdict.check(
            38,
            taken <= episode.wanted,
            f"{taken} was taken off {episode.base} {key.instrument}, "
            f"and nobody wanted more than {episode.wanted}",
        )

    # --- entries ---------------------------------------------------------------------------------

    def durable(self, entries: Iterable[Entry], *, acknowledged: bool = True) -> None:
        """Entries are durable. *acknowledged*: their commit returned, or a restart found them."""
        for entry in entries:
            if acknowledged and isinstance(entry.record, OrderIntended):
                self.acknowledged.add(entry.record.order.client_order_id)
            if entry.audit_seq <= self._last_seq:
                continue
            self._verdict.check(
                27,
                entry.audit_seq == self._last_seq + 1,
                f"entry {entry.audit_seq} follows {self._last_seq}",
            )
            self._last_seq = entry.audit_seq
            self._look_at(entry.record)

    def _look_at(self, record: Record) -> None:
        self._check_places(record)
        match record:
            case OperationOpened():
                self._opened(record)
            case PositionAdopted(lane=lane):
                if (episode := self._episodes.get(lane)) is not None:
                    episode.is_judged = False  # it began from what was not so any more
            case ScopeWidened():
                request = self.requests[record.operation_id]
                accounts = (*request.scope.accounts, *record.accounts)
                scope = msgspec.structs.replace(request.scope, accounts=accounts)
                self.requests[record.operation_id] = msgspec.structs.replace(request, scope=scope)
            case OperationPlanned():
                self._planned(record)
            case OrderIntended():
                self._intended(record)
            case FenceRaised(lane=lane):
                names = (*record.cancels, *record.shrinks)
                self.cancels |= {(lane.account, name) for name in names}
            case CancelIntended() | ChangeIntended():
                self.cancels.add((record.account.account, record.venue_order_id))
            case FencePassed(how="override", lane=lane):
                self.overridden.add(lane)
            case FillCounted():
                self._counted(record)
            case OrderEnded():
                if record.venue_order_id is not None:
                    self._known_ends.add(record.venue_order_id)
                if record.client_order_id is not None:
                    self.open_orders.pop(record.client_order_id, None)
            case Resolved(client_order_id=name):
                self.open_orders.pop(name, None)
            case GateClosed(lane=lane):
                self.gates.add(lane)
            case GateOpened(lane=lane):
                self.gates.discard(lane)
            case LegEnded():
                self._leg_ended(record)
            case OperationFinished():
                self._finished(record)
            case _:
                pass

    def _check_places(self, record: Record) -> None:
        for concern in record.concerns:
            name = concern.operation_id
            last = self.seqs.get(name, 0)
            self._verdict.check(
                35, concern.seq == last + 1, f"{name} went from {last} to {concern.seq}"
            )
            self.seqs[name] = concern.seq

    def _opened(self, record: OperationOpened) -> None:
        request = record.request
        self._verdict.check(
            36,
            bool(request.principal and request.api and request.scope.accounts),
            f"{record.operation_id} does not say who, what and where",
        )
        if request.idempotency_key is not None:
            first = self._keys.setdefault(request.idempotency_key, record.operation_id)
            self._verdict.check(
                25,
                first == record.operation_id,
                f"{request.idempotency_key} opened {first} and {record.operation_id}",
            )
        self.requests[record.operation_id] = request
        self.legs[record.operation_id] = {}
        self.ended[record.operation_id] = {}

    def _planned(self, record: OperationPlanned) -> None:
        operation = record.operation_id
        request = self.requests[operation]
        for leg in record.legs:
            known = self.legs[operation]
            self._verdict.check(19, leg.number not in known, f"leg {leg.number} is planned twice")
            known[leg.number] = leg
            self._verdict.check(
                13,
                leg.key.account_ref in request.scope.accounts,
                f"{leg.key.account} is not in the scope of {operation}",
            )
            contract = self._venue.exchange.markets.named(leg.key.instrument).contract
            filters = request.scope.instruments
            self._verdict.check(
                13,
                not filters or any(each.matches(contract.instrument) for each in filters),
                f"{leg.key.instrument} is not in the scope of {operation}",
            )
            if leg.excluded or request.dry_run:
                continue
            self.gates.discard(leg.key)  # somebody works there again
            episode = self._episodes.get(leg.key)
            if episode is None or not episode.open_legs:
                episode = self._episodes[leg.key] = _Episode(leg.expected, self._venue.time)
            wanted = _wanted(request.amount, contract.instrument, abs(episode.base))
            episode.wanted = max(episode.wanted, wanted)
            episode.open_legs.add((operation, leg.number))
            episode.operations.add(operation)
        if self._venue.traits.buys_first:
            signs = [leg.expected > 0 for leg in record.legs if leg.expected and leg.quantity]
            self._verdict.check(17, signs == sorted(signs), "longs are sold before shorts")

    def _intended(self, record: OrderIntended) -> None:
        name = record.order.client_order_id
        known = self.intents.get(name)
        if known is not None:
            self._verdict.check(
                8,
                record.resend and known.order == record.order,
                f"{name} names two different orders",
            )
        if record.operation_id is None:
            self._check_gate(record)
        elif known is None:
            self._attempt(record, record.operation_id)
        self.intents[name] = record
        self.open_orders[name] = None

    def _attempt(self, record: OrderIntended, operation: OperationId) -> None:
        name = record.order.client_order_id
        legs = [each.leg for each in record.concerns if each.operation_id == operation]
        self._verdict.check(
            8,
            len(legs) == 1 and name == client_order_id(operation, legs[0], record.attempt),
            f"{name} is not the name of attempt {record.attempt} of {operation}",
        )
        if legs:
            self._legs_of_orders[name] = (operation, legs[0])
        if record.lane is not None and (episode := self._episodes.get(record.lane)) is not None:
            episode.orders.add(name)
            self._episode_of[name] = episode

    def _check_gate(self, record: OrderIntended) -> None:
        """Law 9: new risk in scope is refused from the start of an operation to its end."""
        key = PositionKey(
            record.account.venue,
            record.account.account,
            record.order.instrument,
            record.order.holding,
            record.order.product,
        )
        for operation, request in self.requests.items():
            if operation in self.finished or request.dry_run:
                continue
            planned = self.is_in_scope(operation, key)
            whole = request.scope.everything and record.account in request.scope.accounts
            self._verdict.check(
                9,
                not planned and not whole,
                f"an order of a client's passed the gate of {operation}",
            )

    def _counted(self, record: FillCounted) -> None:
        # What lives longer than a lane is counted anew by the next one, from its own reading on.
        for fill in record.fills if record.client_order_id in self.intents else ():
            episode = self._episodes.get(record.lane) if record.lane is not None else None
            name = (episode.began if episode is not None else None, fill.trade_id)
            self._verdict.check(6, name not in self._trades, f"{fill.trade_id} is counted twice")
            self._trades.add(name)
        if record.status.is_terminal and record.client_order_id is not None:
            self.open_orders.pop(record.client_order_id, None)

    # --- ends ------------------------------------------------------------------------------------

    def _leg_ended(self, record: LegEnded) -> None:
        done = self.ended[record.operation_id]
        self._verdict.check(19, record.number not in done, f"leg {record.number} ends twice")
        done[record.number] = record
        if (episode := self._episodes.get(record.lane)) is not None:
            episode.open_legs.discard((record.operation_id, record.number))
        claims = record.outcome in (Outcome.FLAT, Outcome.REDUCED)
        self._verdict.check(
            18, not claims or record.proven_at is not None, "a success without a proof"
        )
        if record.proven_at is not None:
            self._check_proof(record, record.proven_at, claims=claims)
        self._check_fills(record)
        self._check_protection(record)

    def _check_proof(self, record: LegEnded, proven_at: datetime, *, claims: bool) -> None:
        # Wall times are told in microseconds: one more, or what happened at the instant is missed.
        key, proven = record.lane, (proven_at - EPOCH).total_seconds() + 2e-6
        settle = self._venue.traits.position_settle
        if self._was_moved(key, proven - settle - 1e-5):
            return
        truth = self._venue.position_at(key, proven)
        self._verdict.check(
            18,
            truth == record.remaining,
            f"{record.outcome.value} says {record.remaining} {key.instrument} of {key.account}, "
            f"the exchange held {truth} when it was read",
        )
        if not claims:
            return
        now = self._venue.position(key)
        self._verdict.check(
            18, now == record.remaining, f"{key.instrument} is {now} when the end is told"
        )
        self._verdict.check(18, record.outcome is not Outcome.FLAT or now == 0, "flat is zero")
        request = self.requests[record.operation_id]
        if record.outcome is Outcome.FLAT and request.amount.is_whole:
            for order in self._venue.working(key):
                late = order.created_at > proven_at
                self._verdict.check(
                    18,
                    late or self._cannot_open(order),
                    f"{order.venue_order_id[:8]} still works on {key.instrument} after a flat",
                )

    def _check_fills(self, record: LegEnded) -> None:
        """Laws 5 and 6: what was closed is what our orders filled, each fill once."""
        leg, key = self.legs[record.operation_id][record.number], record.lane
        episode = self._episodes.get(key)
        if record.outcome in _STOPPED or leg.joined or episode is None:
            return
        if len(episode.operations) > 1 or record.proven_at is None:
            return
        if self._venue.traits.id_memory is IdMemory.NEVER:
            return  # whose fills they were may never be known
        mine = (record.operation_id, record.number)
        orders = [name for name, owner in self._legs_of_orders.items() if owner == mine]
        truly = sum((self.truly_filled(name) for name in orders), ZERO)
        self._verdict.check(
            5,
            record.closed == truly,
            f"leg {record.number} says {record.closed} was closed, {truly} was",
        )

    def _check_protection(self, record: LegEnded) -> None:
        """Law 16: who took the guard away and left the position says so."""
        key = record.lane
        if record.remaining == 0 or record.outcome in _STOPPED or record.unprotected:
            return
        closing = -1 if record.remaining > 0 else 1
        for order in self._venue.exchange.state.orders_of[key.account]:
            report = order.report
            taken = (
                (key.account, report.venue_order_id) in self.cancels
                and report.venue_order_id in self._known_ends
                and report.status is OrderStatus.CANCELED
                and report.detail == "canceled as asked"
                and report.stop_price is not None
                and report.side.sign == closing
                and (report.instrument, report.holding) == (key.instrument, key.holding)
                and self._episodes[key].began <= (report.updated_at - EPOCH).total_seconds()
                if key in self._episodes
                else False
            )
            self._verdict.check(
                16,
                not taken,
                f"{key.instrument} lost its stop, and {record.outcome.value}"
                f" ({record.reason}) does not say so",
            )

    def _finished(self, record: OperationFinished) -> None:
        operation = record.operation_id
        self._verdict.check(19, operation not in self.finished, f"{operation} ended twice")
        self.finished[operation] = record
        request, done = self.requests[operation], self.ended[operation]
        outcomes = [leg.outcome for leg in done.values()]
        counts = {outcome: outcomes.count(outcome) for outcome in set(outcomes)}
        self._verdict.check(19, counts == dict(record.counts), "the counts do not add up")
        if request.dry_run:
            self._verdict.check(20, not record.flat and not outcomes, "a plan is told as a deed")
            return
        if record.error is None:
            self._verdict.check(
                19, done.keys() == self.legs[operation].keys(), "a leg has no outcome"
            )
        fine = {Outcome.FLAT, Outcome.REDUCED, Outcome.EXCLUDED}
        flat = {Outcome.FLAT}
        if request.dust is Dust.LEAVE:
            fine.add(Outcome.DUST)
            flat.add(Outcome.DUST)
        self._verdict.check(20, not record.success or set(outcomes) <= fine, "a hidden failure")
        self._verdict.check(20, not record.flat or set(outcomes) <= flat, "a flat that is none")

    # --- inside ----------------------------------------------------------------------------------

    def _was_moved(self, key: PositionKey, since: float) -> bool:
        moved = self._venue.foreign_at.get(key)
        return moved is not None and moved >= since

    def _cannot_open(self, order: OrderReport) -> bool:
        return order.reduce_only and self._venue.traits.reduce_only is ReduceOnly.AT_FILL


def _wanted(amount: Amount, instrument: Instrument, held: Decimal) -> Decimal:
    """How much of *held* a request wants closed, worked out from its own words."""
    asked = amount.quantities.get(instrument.instrument_id, amount.quantity)
    if asked is not None:
        return min(asked, held)
    if amount.fraction is None or amount.fraction == 1:
        return held
    lots = amount.fraction * held / instrument.lot
    return min(lots.to_integral_value(rounding=ROUND_CEILING) * instrument.lot, held)
