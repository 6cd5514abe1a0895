"""
What goes wrong between a venue and whoever trades there, as values.

A fault is set like any other command and named after what the world does. `Faults` decides what
it does to one message; it is pure (time is an argument), so that the in-process venue, the venue
process and the simulation all suffer from the same weather.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.order import OrderReport, RejectReason
from rpcserver.domain.position import Position
from rpcserver.driver.ports import VenueEvent
from rpcserver.venues.paper.positions import Slot


class Message(enum.Enum):
    """The messages a fault can meet."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    CHANGE = "change"
    SNAPSHOT = "snapshot"
    QUERY = "query"
    ORDERS = "orders"
    TRADES = "trades"
    ACCOUNTS = "accounts"
    MARKETS = "markets"


_WRITES = frozenset({Message.SUBMIT, Message.CANCEL, Message.CHANGE})


class FaultBase(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages a fault meets: None is any, without end."""

    messages: frozenset[Message] = frozenset(Message)
    account: AccountId | None = None
    instrument: InstrumentId | None = None
    count: int | None = None  # how many messages it meets before it is over
    lasts: float | None = None  # seconds from when it is set


class LoseRequests(FaultBase, frozen=True, kw_only=True, tag=True):
    """The request never arrives, and its sender cannot know."""

    messages: frozenset[Message] = frozenset({Message.SUBMIT})


class LoseAnswers(FaultBase, frozen=True, kw_only=True, tag=True):
    """The request is carried out, and its sender cannot know."""

    messages: frozenset[Message] = frozenset({Message.SUBMIT})


class DelayRequests(FaultBase, frozen=True, kw_only=True, tag=True):
    """The request arrives late: also when its sender has given up meanwhile."""

    seconds: float
    messages: frozenset[Message] = _WRITES


class DelayAnswers(FaultBase, frozen=True, kw_only=True, tag=True):
    """The request is carried out at once, its answer comes late."""

    seconds: float
    messages: frozenset[Message] = _WRITES


class ArriveLate(FaultBase, frozen=True, kw_only=True, tag=True):
    """Its sender is told at once that the outcome is unknown; the request lands afterwards."""

    seconds: float
    messages: frozenset[Message] = frozenset({Message.SUBMIT})


class RefuseOrders(FaultBase, frozen=True, kw_only=True, tag=True):
    """Every new order is refused."""

    messages: frozenset[Message] = frozenset({Message.SUBMIT})
    reason: RejectReason = RejectReason.OTHER
    detail: str = "refused by the risk desk"


class BeUnavailable(FaultBase, frozen=True, kw_only=True, tag=True):
    """Nothing is sent: too many requests, a ban, a 5xx before anything was done."""

    messages: frozenset[Message] = _WRITES
    retry_after: float | None = None


class FailReads(FaultBase, frozen=True, kw_only=True, tag=True):
    """Reads fail."""

    messages: frozenset[Message] = frozenset({Message.SNAPSHOT})


class LagPositions(FaultBase, frozen=True, kw_only=True, tag=True):
    """Position reads show what was true `seconds` ago: they lag the fills."""

    seconds: float


class HideOrders(FaultBase, frozen=True, kw_only=True, tag=True):
    """An order cannot be found, nor is it listed, for `seconds` after it was accepted."""

    seconds: float


class StickCancels(FaultBase, frozen=True, kw_only=True, tag=True):
    """A cancel is taken and takes effect `seconds` later; until then the order can fill."""

    messages: frozenset[Message] = frozenset({Message.CANCEL})
    seconds: float


class FillBeforeCancel(FaultBase, frozen=True, kw_only=True, tag=True):
    """The order fills while the cancel is on its way."""

    messages: frozenset[Message] = frozenset({Message.CANCEL})


class LoseEvents(FaultBase, frozen=True, kw_only=True, tag=True):
    """Nobody hears of what happens; `count` is of tellings, each all that one commit did."""


class RepeatEvents(FaultBase, frozen=True, kw_only=True, tag=True):
    """Everybody hears of what happens twice; `count` as for `LoseEvents`."""


class CutLink(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The venue cannot be reached for `seconds`; None: until `ClearFaults`."""

    seconds: float | None = None


class ClearFaults(msgspec.Struct, frozen=True, tag=True):
    """The world is well again."""


Fault = (
    LoseRequests
    | LoseAnswers
    | DelayRequests
    | DelayAnswers
    | ArriveLate
    | RefuseOrders
    | BeUnavailable
    | FailReads
    | LagPositions
    | HideOrders
    | StickCancels
    | FillBeforeCancel
    | LoseEvents
    | RepeatEvents
)
_F = TypeVar("_F", bound=FaultBase)


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one message."""

    unavailable: BeUnavailable | None = None
    refused: RefuseOrders | None = None
    fails: bool = False
    request_lost: bool = False
    answer_lost: bool = False
    arrives_late: bool = False  # its sender is told "unknown" first
    request_delay: float = 0.0
    answer_delay: float = 0.0
    stuck_for: float = 0.0
    fills_first: bool = False


UNTOUCHED = Fate()


class Faults:
    """The faults now in force."""

    def __init__(self) -> None:
        self._active: list[_Active] = []

    def set(self, fault: Fault, now: datetime) -> None:
        until = None if fault.lasts is None else now + timedelta(seconds=fault.lasts)
        self._active.append(_Active(fault, fault.count, until))

    def clear(self) -> None:
        self._active.clear()

    def meet(
        self,
        message: Message,
        now: datetime,
        *,
        account: AccountId | None = None,
        instrument: InstrumentId | None = None,
    ) -> Fate:
        """Decide what becomes of one message, and count it."""
        if not self._active:
            return UNTOUCHED

        def met(kind: type[_F]) -> _F | None:
            return self._met(kind, message, now, account, instrument)

        unavailable = met(BeUnavailable)
        if unavailable is not None:
            return Fate(unavailable=unavailable)
        if met(FailReads) is not None:
            return Fate(fails=True)
        if met(LoseRequests) is not None:
            return Fate(request_lost=True)
        delay, answer_delay, late = met(DelayRequests), met(DelayAnswers), met(ArriveLate)
        sticks = met(StickCancels)
        return Fate(
            refused=met(RefuseOrders),
            answer_lost=met(LoseAnswers) is not None,
            arrives_late=late is not None,
            request_delay=(delay.seconds if delay else 0.0) + (late.seconds if late else 0.0),
            answer_delay=answer_delay.seconds if answer_delay else 0.0,
            stuck_for=sticks.seconds if sticks else 0.0,
            fills_first=met(FillBeforeCancel) is not None,
        )

    def hides(self, report: OrderReport, now: datetime) -> bool:
        """Whether *report* cannot be found yet."""
        for active in self._in_force(HideOrders, now, report.account, report.instrument):
            assert isinstance(active.fault, HideOrders)
            if now < report.created_at + timedelta(seconds=active.fault.seconds):
                return True
        return False

    def lag(self, account: AccountId, now: datetime) -> timedelta:
        """How far position reads of *account* are behind."""
        behind = 0.0
        for active in self._in_force(LagPositions, now, account, None):
            assert isinstance(active.fault, LagPositions)
            behind = max(behind, active.fault.seconds)
        return timedelta(seconds=behind)

    def heard(self, events: Iterable[VenueEvent], now: datetime) -> Iterable[VenueEvent]:
        """What listeners hear of *events*."""
        if not self._active:
            return events
        if self._spend(LoseEvents, now):
            return ()
        heard = tuple(events)
        return heard + heard if self._spend(RepeatEvents, now) else heard

    def _met(
        self,
        kind: type[_F],
        message: Message,
        now: datetime,
        account: AccountId | None,
        instrument: InstrumentId | None,
    ) -> _F | None:
        for active in self._in_force(kind, now, account, instrument):
            fault = active.fault
            assert isinstance(fault, kind)
            if message in fault.messages:
                self._count(active)
                return fault
        return None

    def _spend(self, kind: type[FaultBase], now: datetime) -> bool:
        for active in self._in_force(kind, now, None, None):
            self._count(active)
            return True
        return False

    def _count(self, active: _Active) -> None:
        if active.left is not None:
            active.left -= 1
            if active.left <= 0:
                self._active.remove(active)

    def _in_force(
        self,
        kind: type[FaultBase],
        now: datetime,
        account: AccountId | None,
        instrument: InstrumentId | None,
    ) -> list[_Active]:
        self._active = [each for each in self._active if each.until is None or now < each.until]
        return [
            each
            for each in self._active
            if isinstance(each.fault, kind)
            and each.fault.account in (None, account)
            and each.fault.instrument in (None, instrument)
        ]


class _Active(msgspec.Struct):
    """A fault in force, what is left of its count, and when it is over."""

    fault: Fault
    left: int | None
    until: datetime | None


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
