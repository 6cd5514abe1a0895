"""What was held when: readings lag, and proofs speak of the moment they were taken."""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal

from rpcserver.domain.ids import AccountId
from rpcserver.domain.order import ZERO
from rpcserver.domain.position import Position, PositionKey


class Past:
    """Every position at every moment of a history."""

    def __init__(self) -> None:
        self._states: dict[PositionKey, tuple[list[float], list[Position | None]]] = {}

    def note(self, position: Position, time: float) -> None:
        """From *time* on it is this."""
        times, states = self._states.setdefault(position.key, ([], []))
        times.append(time)
        states.append(None if position.is_flat else position)

    def quantity(self, key: PositionKey, time: float) -> Decimal:
        """What was held at *time*, signed."""
        held = self._as_of(key, time)
        return ZERO if held is None else held.signed_quantity

    def positions(self, account: AccountId, time: float) -> tuple[Position, ...]:
        """Everything an account held at *time*."""
        found = [self._as_of(key, time) for key in self._states if key.account == account]
        return tuple(position for position in found if position is not None)

    def _as_of(self, key: PositionKey, time: float) -> Position | None:
        times, states = self._states.get(key, ([], []))
        if not times:
            return None
        place = bisect_right(times, time)
        return states[place - 1] if place else states[0]
