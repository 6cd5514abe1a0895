"""
Laws held to in the journal: what was written, in which order, and whether it is true.

What it says of positions and fills is compared with the exchange's own truth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    OperationCancelled,
    OperationExpired,
    OperationFinished,
    OperationOpened,
    OperationPlanned,
    OrderEnded,
    OrderIntended,
    OrderKnown,
    PlanCompleted,
    PlannedLeg,
    PositionAdopted,
    Record,
    Resolved,
    ScopeWidened,
)
from rpcserver.core.requests import Amount, CloseRequest
from rpcserver.domain.ids import (
    AccountId,
    ClientOrderId,
    OperationId,
    TradeId,
    VenueId,
    VenueOrderId,
    client_order_id,
)
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import ZERO, Fill
from rpcserver.domain.position import PositionKey
from rpcserver.simulation.venue import SimulatedVenue
from rpcserver.simulation.verdict import Verdict


class Episode(msgspec.Struct):
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

    def __init__(self, venues: Mapping[VenueId, SimulatedVenue], verdict: Verdict) -> None:
        self._venues = venues
        self._verdict = verdict
        self.life = 0  # the newest one
        self.opened: dict[OperationId, tuple[float, int]] = {}  # when, and in which life
        self.stopped: set[OperationId] = set()  # cancelled or expired: nothing new is sent
        self.fences: set[PositionKey] = set()  # raised, and not passed yet
        self.intents: dict[ClientOrderId, OrderIntended] = {}
        self.acknowledged: set[ClientOrderId] = set()  # intents whose commit returned
        self.acknowledged_seq = 0
        self.cancels: set[tuple[AccountId, VenueOrderId]] = set()  # or made smaller
        self.swept: set[tuple[AccountId, VenueOrderId]] = set()  # those that were to be gone
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
        self.legs_of_orders: dict[ClientOrderId, tuple[OperationId, int]] = {}
        self.episodes: dict[PositionKey, Episode] = {}
        self._episode_of: dict[ClientOrderId, Episode] = {}
        self.known_orders: set[VenueOrderId] = set()
        self.known_ends: set[VenueOrderId] = set()
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

    @property
    def time(self) -> float:
        """Seconds since the history began."""
        return self._verdict.time

    def was_moved(self, key: PositionKey, since: float) -> bool:
        """Whether somebody else moved the position since then."""
        moved = self._venues[key.venue].foreign_at.get(key)
        return moved is not None and moved >= since

    def truly_filled(self, name: ClientOrderId) -> Decimal:
        return sum((fill.quantity for fill in self._fills.get(name, ())), ZERO)

    def pardon(self, name: ClientOrderId) -> None:
        """This order was sent when somebody else had moved the position unseen."""
        if (episode := self._episode_of.get(name)) is not None:
            episode.is_judged = False

    def check_targets(self, name: ClientOrderId, key: PositionKey) -> None:
        """Law 38: joined operations take the target nearest zero, never the sum."""
        episode = self._episode_of.get(name)
        if episode is None or not episode.is_judged or self.was_moved(key, episode.began):
            return
        taken = sum((self.truly_filled(order) for order in episode.orders), ZERO)
        self._verdict.check(
            38,
            taken <= episode.wanted,
            f"{taken} was taken off {episode.base} {key.instrument}, "
            f"and nobody wanted more than {episode.wanted}",
        )

    # --- entries ---------------------------------------------------------------------------------

    def life_began(self, number: int) -> None:
        """A process started: what stands in its way it finds out by itself."""
        self.life = number
        self.fences.clear()

    def acknowledge(self, entry: Entry) -> None:
        """The entry's commit returned, or a restart found it."""
        self.acknowledged_seq = max(self.acknowledged_seq, entry.audit_seq)
        if isinstance(entry.record, OrderIntended):
            self.acknowledged.add(entry.record.order.client_order_id)

    def is_new(self, entry: Entry) -> bool:
        """Whether the entry was not looked at yet."""
        if entry.audit_seq <= self._last_seq:
            return False
        self._verdict.check(
            27,
            entry.audit_seq == self._last_seq + 1,
            f"entry {entry.audit_seq} follows {self._last_seq}",
        )
        self._last_seq = entry.audit_seq
        return True

    def look_at(self, record: Record) -> None:
        """A record is durable."""
        self._check_places(record)
        match record:
            case OperationOpened():
                self._opened(record)
            case PositionAdopted(lane=lane):
                if (episode := self.episodes.get(lane)) is not None:
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
            case PlanCompleted():
                self._verdict.check(
                    36, bool(record.plan_hash), f"the plan of {record.operation_id} has no hash"
                )
            case OperationCancelled() | OperationExpired():
                self.stopped.add(record.operation_id)
            case FenceRaised(lane=lane):
                self.fences.add(lane)
                names = (*record.cancels, *record.shrinks)
                self.cancels |= {(lane.account, name) for name in names}
                self.swept |= {(lane.account, name) for name in record.cancels}
            case CancelIntended() | ChangeIntended():
                self.cancels.add((record.account.account, record.venue_order_id))
                if isinstance(record, CancelIntended):
                    self.swept.add((record.account.account, record.venue_order_id))
            case FencePassed(lane=lane):
                self.fences.discard(lane)
                if record.how == "override":
                    self.overridden.add(lane)
            case OrderKnown(report=report):
                self.known_orders.add(report.venue_order_id)
            case FillCounted():
                self._counted(record)
            case OrderEnded():
                if record.venue_order_id is not None:
                    self.known_ends.add(record.venue_order_id)
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
                self._verdict.check(
                    19,
                    record.operation_id not in self.finished,
                    f"{record.operation_id} ended twice",
                )
                self.finished[record.operation_id] = record
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
        said = json.loads(request.args).get("reason", "")
        self._verdict.check(
            36,
            bool(request.principal and request.api and request.scope.accounts)
            and request.reason == said,
            f"{record.operation_id} does not say who, what, where and why",
        )
        self.opened[record.operation_id] = (record.mono, self.life)
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
            venue = self._venues[leg.key.venue]
            contract = venue.exchange.markets.named(leg.key.instrument).contract
            filters = request.scope.instruments
            self._verdict.check(
                13,
                not filters or any(each.matches(contract.instrument) for each in filters),
                f"{leg.key.instrument} is not in the scope of {operation}",
            )
            if leg.excluded or request.dry_run:
                continue
            self.gates.discard(leg.key)  # somebody works there again
            episode = self.episodes.get(leg.key)
            is_at_work = episode is not None and bool(episode.open_legs)
            self._verdict.check(
                26,
                leg.joined or not is_at_work,
                f"{operation} does not join who works on {leg.key.instrument} already",
            )
            if episode is None or not episode.open_legs:
                episode = self.episodes[leg.key] = Episode(leg.expected, self.time)
                # Others may have moved it since it was read: nobody could know.
                episode.is_judged = venue.position(leg.key) == leg.expected
            wanted = _wanted(request.amount, contract.instrument, abs(episode.base))
            episode.wanted = max(episode.wanted, wanted)
            episode.open_legs.add((operation, leg.number))
            episode.operations.add(operation)
        if self._venues[record.account.venue].traits.buys_first:
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
            self.legs_of_orders[name] = (operation, legs[0])
        self._verdict.check(
            3, record.lane not in self.fences, f"{name} is meant to go before its fence is passed"
        )
        if record.lane is not None and (episode := self.episodes.get(record.lane)) is not None:
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
            episode = self.episodes.get(record.lane) if record.lane is not None else None
            name = (episode.began if episode is not None else None, fill.trade_id)
            self._verdict.check(6, name not in self._trades, f"{fill.trade_id} is counted twice")
            self._trades.add(name)
        if record.status.is_terminal and record.client_order_id is not None:
            self.open_orders.pop(record.client_order_id, None)

    def _leg_ended(self, record: LegEnded) -> None:
        done = self.ended[record.operation_id]
        self._verdict.check(19, record.number not in done, f"leg {record.number} ends twice")
        done[record.number] = record
        if (episode := self.episodes.get(record.lane)) is not None:
            episode.open_legs.discard((record.operation_id, record.number))
            if not episode.open_legs:
                self.fences.discard(record.lane)


def _wanted(amount: Amount, instrument: Instrument, held: Decimal) -> Decimal:
    """How much of *held* a request wants closed, worked out from its own words."""
    asked = amount.quantities.get(instrument.instrument_id, amount.quantity)
    if asked is not None:
        return min(asked, held)
    if amount.fraction is None or amount.fraction == 1:
        return held
    lots = amount.fraction * held / instrument.lot
    return min(lots.to_integral_value(rounding=ROUND_CEILING) * instrument.lot, held)
