"""Position reads that lag the fills: what they show, and when the past has caught up."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from rpcserver.domain.position import Position
from rpcserver.venues.paper.positions import Slot


class LaggingPositions:
    """
    What position reads of one account show while they lag.

    It knows the positions of then, and what moved since; reading lets the past catch up.
    """

    def __init__(self, positions: Iterable[Position]) -> None:
        self._shown = {_slot(position): position for position in positions}
        self._moved: deque[tuple[datetime, Position]] = deque()

    def move(self, position: Position, now: datetime) -> None:
        self._moved.append((now, position))

    def read(self, now: datetime, lag: timedelta) -> tuple[Position, ...]:
        while self._moved and self._moved[0][0] <= now - lag:
            position = self._moved.popleft()[1]
            if position.is_flat:
                self._shown.pop(_slot(position), None)
            else:
                self._shown[_slot(position)] = position
        return tuple(self._shown.values())


def _slot(position: Position) -> Slot:
    return Slot(position.instrument, position.holding, position.product)
