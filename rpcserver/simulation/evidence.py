"""
Laws held to in what is concluded: what the engine had been told when it wrote it down, and whether
it is so at the exchange.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from rpcserver.core.records import (
    FillCounted,
    OperationExpired,
    OrderEnd,
    OrderEnded,
    PositionAdopted,
    Record,
)
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.ids import AccountId, AccountRef, VenueId, VenueOrderId
from rpcserver.domain.order import ZERO
from rpcserver.domain.position import PositionKey
from rpcserver.simulation.bookkeeping import Bookkeeping
from rpcserver.simulation.exposure import Exposure
from rpcserver.simulation.venue import SimulatedVenue
from rpcserver.simulation.verdict import Verdict

_GONE = (OrderEnd.CANCELED, OrderEnd.EXPIRED, OrderEnd.FILLED)
_NEVER_WAS = (OrderEnd.NEVER_EXISTED, OrderEnd.REJECTED, OrderEnd.UNSENT)
_INSTANT = 1e-6
EXPIRES_WITHIN = 5.0  # seconds after its deadline an operation must have been stopped


class Evidence:
    """What this life was told of each account, and what it made of it."""

    def __init__(
        self,
        venues: Mapping[VenueId, SimulatedVenue],
        book: Bookkeeping,
        exposures: Mapping[VenueId, Exposure],
        verdict: Verdict,
    ) -> None:
        self._venues = venues
        self._book = book
        self._exposures = exposures
        self._verdict = verdict
        self._readings: dict[AccountId, list[tuple[float, dict[PositionKey, Decimal]]]] = {}
        self._trades: dict[AccountId, list[float]] = {}  # when each answered question was asked

    def life_began(self) -> None:
        """Nothing that an earlier life was told counts."""
        self._readings.clear()
        self._trades.clear()

    def reading(self, snapshot: AccountSnapshot) -> None:
        """A reading meant to verify reached the engine."""
        held = {position.key: position.signed_quantity for position in snapshot.positions}
        self._readings.setdefault(snapshot.account.account, []).append((self._book.time, held))

    def trades_read(self, account: AccountId, asked_at: float) -> None:
        self._trades.setdefault(account, []).append(asked_at)

    def look_at(self, record: Record) -> None:
        match record:
            case PositionAdopted():
                self._adopted(record)
            case FillCounted() if record.status.is_terminal:
                self._check_cancel(record.account, record.venue_order_id, record.filled)
            case OrderEnded() if record.end in _GONE and record.venue_order_id is not None:
                self._check_cancel(record.account, record.venue_order_id, record.filled)
            case OrderEnded() if record.end in _NEVER_WAS:
                self._check_never_was(record)
            case OperationExpired():
                self._check_clock(record)
            case _:
                pass

    def _adopted(self, record: PositionAdopted) -> None:
        """Law 40: a read raises what may be sent only after trades were asked for, and repeated."""
        key, now = record.lane, record.quantity
        if record.expected * now >= 0 and abs(now) <= abs(record.expected):
            return
        settle = self._venues[key.venue].traits.position_settle
        showed: list[float] = []
        for at, held in reversed(self._readings.get(key.account, [])):
            if held.get(key, ZERO) != now:
                break
            showed.append(at)
        repeated = len(showed) > 1 and showed[0] - showed[-1] >= settle - _INSTANT
        asked = any(at >= showed[-1] - _INSTANT for at in self._trades.get(key.account, ()))
        self._verdict.check(
            40,
            repeated and asked,
            f"{record.expected} {key.instrument} became {now} by readings at "
            f"{[round(at, 3) for at in reversed(showed)]}",
        )

    def _check_cancel(self, account: AccountRef, name: VenueOrderId, filled: Decimal) -> None:
        """Law 4: what filled while a cancel was on its way is counted."""
        if (account.account, name) not in self._book.cancels:
            return
        order = self._venues[account.venue].order(account.account, name)
        if order is not None:
            self._verdict.check(
                4,
                order.status.is_terminal and order.filled == filled,
                f"{name[:8]} is {order.status.value} with {order.filled} filled, not {filled}",
            )

    def _check_never_was(self, record: OrderEnded) -> None:
        """Law 7: of an order it is said that it never was only when it cannot come to be."""
        name = record.client_order_id
        intent = self._book.intents.get(name) if name is not None else None
        if intent is None or name is None or intent.operation_id is None:
            return
        venue, account = self._venues[record.account.venue], record.account.account
        order = venue.own_order(account, name)
        is_alive = (
            order is not None
            and not order.status.is_terminal
            and order.venue_order_id not in self._book.known_orders  # as somebody's: it counts
        )
        may_land = order is None and self._exposures[venue.venue_id].may_land(name)
        self._verdict.check(
            7,
            not is_alive and not may_land,
            f"{name} is written off as {record.end.value}, and it may still fill",
        )

    def _check_clock(self, record: OperationExpired) -> None:
        """Law 33: a deadline passes by the clock that does not jump."""
        opened_at, life = self._book.opened[record.operation_id]
        if life != self._book.life:
            return  # of a deadline that outlived its process only the wall can tell
        deadline = self._book.requests[record.operation_id].deadline
        lasted = self._book.time - opened_at
        self._verdict.check(
            33,
            deadline - 1e-6 <= lasted <= deadline + EXPIRES_WITHIN,
            f"{record.operation_id} expired after {lasted:.3f} s of {deadline:g}",
        )
