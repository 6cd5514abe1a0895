"""
Laws held to at the exchange: what is sent, what is on its way, what fills, what is read.

They speak of the position that was *confirmed*. Where somebody else moved a position since the
engine could last have heard of it, nobody can hold it to that: such orders are not judged.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import msgspec

from rpcserver.core.records import OrderIntended
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.capabilities import IdMemory, ReduceOnly
from rpcserver.domain.ids import AccountId, ClientOrderId, VenueOrderId
from rpcserver.domain.order import ZERO, Holding, OrderReport, OrderRequest, OrderSide
from rpcserver.domain.position import Position, PositionKey
from rpcserver.simulation.bookkeeping import Bookkeeping
from rpcserver.simulation.venue import Execution, SimulatedVenue
from rpcserver.simulation.verdict import Verdict

CONFIRMED = 2  # readings after a foreign move until the engine must have taken it in
_INSTANT = 1e-6  # seconds
_A_MOMENT = 0.01  # seconds in which what was heard has been understood
CLOSED_SUBMITS_MAX = 8  # of one position within ten seconds, while its market is closed


class _Sent(msgspec.Struct):
    """A closing order that left the process."""

    order: OrderRequest
    first_at: float
    is_judged: bool
    life: int  # which sent it first
    filled: Decimal = ZERO
    flying: list[float] = msgspec.field(default_factory=list)  # when each copy left


class _Patience(NamedTuple):
    """The venue asked for it: whom, and until when."""

    life: int
    until: float


class Exposure:
    """Sees everything that happens at the exchange, and on the way there."""

    def __init__(self, venue: SimulatedVenue, book: Bookkeeping, verdict: Verdict) -> None:
        self._venue = venue
        self._book = book
        self._verdict = verdict
        self._sent: dict[ClientOrderId, _Sent] = {}
        self._readings: dict[AccountId, list[float]] = {}  # when each one heard was true
        self._shown: Counter[VenueOrderId] = Counter()
        self._read_in_life: set[AccountId] = set()
        self._must_read: frozenset[PositionKey] = frozenset()
        self._messages: deque[float] = deque(maxlen=64)
        self._messages_life = 0
        self._described_life = 0  # which has been told the venue's budget
        self._told_at: dict[PositionKey, float] = {}
        self._throttled: _Patience | None = None
        self._while_closed: dict[PositionKey, deque[float]] = {}

    def life_began(self) -> None:
        """A process started: what its journal holds of open orders must be asked about first."""
        self._read_in_life.clear()
        self._told_at.clear()
        self._must_read = self._book.lanes_with_open_intents()

    # --- sending ---------------------------------------------------------------------------------

    def submitting(self, life: int, order: OrderRequest) -> None:
        """The last moment before the first byte leaves."""
        self._count_message(life)
        name = order.client_order_id
        self._verdict.check(
            26, life == self._book.life, f"{name} was sent by a process that was replaced"
        )
        intent = self._book.intents.get(name)
        if intent is None or name not in self._book.acknowledged:
            self._verdict.broken(22, f"{name} was sent before its intent was known to be durable")
            return
        self._verdict.check(22, intent.order == order, f"{name} is not the order intended")
        if intent.operation_id is None:
            return
        self._check_form(order, intent)
        self._check_side(order, intent)
        key = self._venue.key_of(order)
        known = self._sent.get(name)
        if known is None:
            known = self._sent[name] = _Sent(order, self._venue_time, self._is_confirmed(key), life)
            if not known.is_judged:
                self._book.pardon(name)
        if key in self._must_read:
            is_read = order.account in self._read_in_life
            self._verdict.check(24, is_read, f"{name} was sent before {order.account} was read")
        self._check_phase(key)
        if known.is_judged and self._is_confirmed(key) and key not in self._book.overridden:
            self._check_reservation(key, order)

    def _check_form(self, order: OrderRequest, intent: OrderIntended) -> None:
        assert intent.operation_id is not None
        name, operation = order.client_order_id, intent.operation_id
        ended = operation in self._book.finished
        self._verdict.check(39, not ended, f"{name} was sent after {operation} had ended")
        self._verdict.check(
            13,
            self._book.is_in_scope(operation, self._venue.key_of(order)),
            f"{name} on {order.instrument} is outside the scope of {operation}",
        )
        contract = self._venue.exchange.markets.named(order.instrument).contract.instrument
        self._verdict.check(
            11,
            order.quantity % contract.lot == 0
            and order.quantity >= contract.minimum
            and (contract.maximum is None or order.quantity <= contract.maximum),
            f"{name} of {order.quantity} is no size {order.instrument} takes",
        )
        limits = self._book.requests[operation].execution.limit_prices
        if limits:
            self._verdict.check(
                12,
                order.limit_price == limits.get(order.instrument),
                f"{name} at {order.limit_price} is not at the caller's limit",
            )

    def _check_side(self, order: OrderRequest, intent: OrderIntended) -> None:
        key = self._venue.key_of(order)
        if key.holding is not Holding.NET:
            closing = OrderSide.SELL if key.holding is Holding.LONG else OrderSide.BUY
            name = order.client_order_id
            self._verdict.check(
                15,
                intent.lane == key and order.side is closing,
                f"{name} to {order.side.value} does not close the {key.holding.value} side",
            )

    def _check_reservation(self, key: PositionKey, order: OrderRequest) -> None:
        """Laws 2, 3, 7 and 9, by the exchange's own truth and by what is really on its way."""
        held = self._venue.position(key)
        if order.client_order_id in self._resent_harmlessly(order):
            return
        self._verdict.check(
            9, held * order.side.sign < 0, f"{order.side.value} {key.instrument} of {held}"
        )
        could_fill = self._could_fill(key, order)
        total = sum(could_fill.values(), ZERO) + order.quantity
        laws = [2]
        if any(name not in self._sent for name in could_fill):
            laws.append(3)  # what could not be canceled is counted
        if any(self._flying(ClientOrderId(name)) for name in could_fill):
            laws.append(7)  # what is unknown is alive
        if any(sent.life != self._book.life for sent in self._others(could_fill)):
            laws.append(23)  # what an earlier life sent is alive, too
        if key in self._venue.foreign_at:
            laws.append(14)  # what others did is taken in
        for law in laws:
            self._verdict.check(
                law,
                total <= abs(held),
                f"{total} could be taken off {held} {key.instrument}: {order.quantity} now, "
                f"{ {name[:8]: str(quantity) for name, quantity in could_fill.items()} } before",
            )

    def _resent_harmlessly(self, order: OrderRequest) -> set[ClientOrderId]:
        """The order's own name, where the venue will take no second copy of it."""
        name = order.client_order_id
        remembers = self._venue.traits.id_memory in (IdMemory.FOR_EVER, IdMemory.WINDOW)
        names = self._venue.exchange.state.names
        is_there = (order.account, name) in names or bool(self._flying(name))
        return {name} if remembers and is_there else set()

    def _could_fill(self, key: PositionKey, order: OrderRequest) -> dict[str, Decimal]:
        """What may still reduce the position beside *order*; an OCO group by its largest member."""
        groups: dict[str, Decimal] = {}
        for working in self._venue.working(key):
            name = working.client_order_id
            if working.side is not order.side or name == order.client_order_id:
                continue
            is_ours = name is not None and name in self._sent
            if not is_ours and (
                self._is_harmless(working) or self._shown[working.venue_order_id] < CONFIRMED
            ):
                continue
            group = working.oco_id or working.venue_order_id
            groups[group] = max(groups.get(group, ZERO), working.remaining)
        for name, sent in self._sent.items():
            if name == order.client_order_id or self._venue.key_of(sent.order) != key:
                continue
            is_there = (key.account, name) in self._venue.exchange.state.names
            if sent.order.side is order.side and self._flying(name) and not is_there:
                groups[name] = sent.order.quantity
        return groups

    def _others(self, names: Iterable[str]) -> list[_Sent]:
        return [sent for name in names if (sent := self._sent.get(ClientOrderId(name))) is not None]

    def _check_phase(self, key: PositionKey) -> None:
        if self._venue.phase(key.instrument).takes_orders:
            return
        times = self._while_closed.setdefault(key, deque(maxlen=CLOSED_SUBMITS_MAX + 1))
        times.append(self._venue_time)
        is_storm = len(times) > CLOSED_SUBMITS_MAX and times[-1] - times[0] < 10
        self._verdict.check(31, not is_storm, f"a storm of orders while {key.instrument} is closed")

    def canceling(self, life: int, account: AccountId, name: VenueOrderId) -> None:
        """The last moment before a cancel or a change leaves."""
        self._count_message(life)
        self._verdict.check(
            22,
            (account, name) in self._book.cancels,
            f"a cancel of {name} was sent before it was known to be durable",
        )

    def throttled(self, life: int, seconds: float) -> None:
        """The venue asked for patience before any order message is sent."""
        self._throttled = _Patience(life, self._venue_time + seconds)

    def _count_message(self, life: int) -> None:
        asked = self._throttled
        if asked is not None and asked.life == life:
            self._verdict.check(
                29,
                self._venue_time >= asked.until - _INSTANT,
                f"something was sent before {asked.until:.3f} s, when the venue takes it again",
            )
        budget = self._venue.traits.message_budget
        if budget is None or life != self._described_life:
            return
        if life != self._messages_life:
            self._messages.clear()
            self._messages_life = life
        now = self._venue_time
        self._messages.append(now)
        within = sum(1 for at in self._messages if now - at < 1.0 - _INSTANT)
        self._verdict.check(29, within <= budget, f"{within} messages within a second")

    def flying(self, order: OrderRequest, *, landed: bool) -> None:
        """A copy of an order left, or landed."""
        sent = self._sent.get(order.client_order_id)
        if sent is None:
            return
        if not landed:
            sent.flying.append(self._venue_time)
        elif sent.flying:
            sent.flying.pop(0)

    def may_land(self, name: ClientOrderId) -> bool:
        """Whether a copy of the order is still on its way."""
        return bool(self._flying(name))

    def _flying(self, name: ClientOrderId) -> list[float]:
        sent, expiry = self._sent.get(name), self._venue.traits.request_expiry
        if sent is None:
            return []
        return [at for at in sent.flying if expiry is None or self._venue_time - at <= expiry]

    # --- fills -----------------------------------------------------------------------------------

    def executed(self, execution: Execution) -> None:
        """One fill at the exchange."""
        name, key = execution.fill.client_order_id, execution.key
        sent = self._sent.get(name) if name is not None else None
        if sent is None or name is None:
            self._venue.foreign_at[key] = execution.time  # somebody else's
            return
        sent.filled += execution.fill.quantity
        self._book.filled(name, execution.fill)
        if not sent.is_judged or self._venue.foreign_at.get(key, -1.0) >= sent.first_at:
            return
        if key in self._book.overridden:
            return
        before, after = execution.before, execution.after
        if key.holding is not Holding.NET:
            self._verdict.check(
                15,
                self._book.intents[name].lane == key,
                f"{name} filled on the {key.holding.value} side, which is not its own",
            )
        self._verdict.check(
            1,
            after * before >= 0 and abs(after) < abs(before),
            f"{name} turned {before} {key.instrument} of {key.account} into {after}",
        )
        self._book.check_targets(name, key)

    # --- readings --------------------------------------------------------------------------------

    def told(self, position: Position) -> None:
        """The stream told the newest life of a position as it is."""
        episode = self._book.episodes.get(position.key)
        is_at_work = episode is not None and bool(episode.open_legs)  # else it went unheard
        if is_at_work and position.signed_quantity == self._venue.position(position.key):
            self._told_at[position.key] = self._venue_time

    def described(self, life: int) -> None:
        """A process has been told what the venue bears."""
        self._described_life = life

    def reading(self, snapshot: AccountSnapshot, true_at: float, *, verifies: bool) -> None:
        """A reading reached the engine; what began an operation says nothing to one at work."""
        account = snapshot.account.account
        self._read_in_life.add(account)
        if verifies:
            self._readings.setdefault(account, []).append(true_at)
        for order in snapshot.orders:
            self._shown[order.venue_order_id] += 1

    # --- inside ----------------------------------------------------------------------------------

    @property
    def _venue_time(self) -> float:
        return self._venue.time

    def _is_confirmed(self, key: PositionKey) -> bool:
        """Whether the engine could know of every foreign move of the position."""
        moved = self._venue.foreign_at.get(key)
        if moved is None:
            return True
        if moved < self._told_at.get(key, -1.0) < self._venue_time - _A_MOMENT:
            return True
        readings = self._readings.get(key.account, [])
        return sum(1 for true_at in readings if true_at > moved) >= CONFIRMED

    def _is_harmless(self, order: OrderReport) -> bool:
        return (
            order.reduce_only
            and self._venue.traits.reduce_only is ReduceOnly.AT_FILL
            and not self._venue.traits.counts_resting
        )
