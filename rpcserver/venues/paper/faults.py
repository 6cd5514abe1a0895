"""
What goes wrong between a venue and whoever trades there, as values.

A fault is set like any other command and named after what the world does. `Faults` decides what
it does to one message; it is pure (time is an argument), so that the in-process venue, the venue
process and the simulation all suffer from the same weather.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.order import OrderReport, RejectReason
from rpcserver.driver.ports import VenueEvent

SECONDS_MAX = 86_400
OVER_MAX = 100  # faults that are over and still listed

Seconds = Annotated[float, Meta(ge=0, le=SECONDS_MAX, description=f"seconds, 0 to {SECONDS_MAX}")]
Times = Annotated[int, Meta(ge=1, le=10**9, description="a whole number, at least 1")]
Passed = Annotated[int, Meta(ge=0, le=10**9, description="a whole number, at least 0")]
Words = Annotated[str, Meta(max_length=200, description="a text of at most 200 characters")]


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


WRITES = frozenset({Message.SUBMIT, Message.CANCEL, Message.CHANGE})


class FaultBase(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages a fault meets: None is any, without end."""

    name: Words = ""  # to list and to clear it by; "": it is given one
    messages: frozenset[Message] = frozenset(Message)
    account: AccountId | None = None
    instrument: InstrumentId | None = None  # or a root: "ES" is every expiry of it
    skip: Passed = 0  # how many messages it lets pass before it meets the first
    count: Times | None = None  # how many messages it meets before it is over
    lasts: Seconds | None = None  # from when it is set


class LoseRequests(FaultBase, frozen=True, kw_only=True, tag=True):
    """The request never arrives, and its sender cannot know."""

    messages: frozenset[Message] = frozenset({Message.SUBMIT})


class LoseAnswers(FaultBase, frozen=True, kw_only=True, tag=True):
    """The request is carried out, and its sender cannot know."""

    messages: frozenset[Message] = frozenset({Message.SUBMIT})


class DelayRequests(FaultBase, frozen=True, kw_only=True, tag=True):
    """The request arrives late: also when its sender has given up meanwhile."""

    seconds: Seconds
    messages: frozenset[Message] = WRITES


class DelayAnswers(FaultBase, frozen=True, kw_only=True, tag=True):
    """The request is carried out at once, its answer comes late."""

    seconds: Seconds
    messages: frozenset[Message] = WRITES


class ArriveLate(FaultBase, frozen=True, kw_only=True, tag=True):
    """Its sender is told at once that the outcome is unknown; the request lands afterwards."""

    seconds: Seconds
    messages: frozenset[Message] = frozenset({Message.SUBMIT})


class RefuseOrders(FaultBase, frozen=True, kw_only=True, tag=True):
    """Every new order is refused."""

    messages: frozenset[Message] = frozenset({Message.SUBMIT})
    reason: RejectReason = RejectReason.OTHER
    detail: Words = "refused by the risk desk"


class BeUnavailable(FaultBase, frozen=True, kw_only=True, tag=True):
    """Nothing is sent: too many requests, a ban, a 5xx before anything was done."""

    messages: frozenset[Message] = WRITES
    retry_after: Seconds | None = None


class FailReads(FaultBase, frozen=True, kw_only=True, tag=True):
    """Reads fail."""

    messages: frozenset[Message] = frozenset({Message.SNAPSHOT})


class LagPositions(FaultBase, frozen=True, kw_only=True, tag=True):
    """Position reads show what was true `seconds` ago: they lag the fills."""

    seconds: Seconds


class HideOrders(FaultBase, frozen=True, kw_only=True, tag=True):
    """An order cannot be found, nor is it listed, for `seconds` after it was accepted."""

    seconds: Seconds


class StickCancels(FaultBase, frozen=True, kw_only=True, tag=True):
    """A cancel is taken and takes effect `seconds` later; until then the order can fill."""

    messages: frozenset[Message] = frozenset({Message.CANCEL})
    seconds: Seconds


class FillBeforeCancel(FaultBase, frozen=True, kw_only=True, tag=True):
    """The order fills while the cancel is on its way."""

    messages: frozenset[Message] = frozenset({Message.CANCEL})


class LoseEvents(FaultBase, frozen=True, kw_only=True, tag=True):
    """Nobody hears of what happens; `count` is of tellings, each all that one commit did."""


class RepeatEvents(FaultBase, frozen=True, kw_only=True, tag=True):
    """Everybody hears of what happens twice; `count` as for `LoseEvents`."""


class CutLink(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The venue cannot be reached for `seconds`; None: until `ClearFaults`."""

    seconds: Seconds | None = None


class ClearFaults(msgspec.Struct, frozen=True, tag=True):
    """The world is well again; with a name, only that fault is over."""

    name: str | None = None


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


def kind_of(fault: type[FaultBase]) -> str:
    """What a kind of fault is called in scripts: `StickCancels` is "stick_cancels"."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", fault.__name__).lower()


class Armed(msgspec.Struct, frozen=True, kw_only=True):
    """A fault as it stands: `met` is how many messages suffered from it so far."""

    name: str
    fault: Fault
    met: int
    is_over: bool


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
    """The faults now in force, and the last ones that were."""

    def __init__(self) -> None:
        self._active: list[_Active] = []
        self._over: deque[_Active] = deque(maxlen=OVER_MAX)
        self._named = 0  # faults that were given a name

    def set(self, fault: Fault, now: datetime) -> str:
        """Put *fault* in force; its name, which is made up if it bears none."""
        name = fault.name
        if not name:
            self._named += 1
            name = f"{kind_of(type(fault))}-{self._named}"
        until = None if fault.lasts is None else now + timedelta(seconds=fault.lasts)
        self._active.append(_Active(name, fault, fault.skip, fault.count, until))
        return name

    def clear(self, name: str | None = None) -> bool:
        """End the fault called *name*, or all of them; whether there was any."""
        ended = [each for each in self._active if name in (None, each.name)]
        for each in ended:
            self._end(each)
        return bool(ended)

    def listed(self, now: datetime) -> tuple[Armed, ...]:
        """Every fault in force, then those that are over, the latest last."""
        self._expire(now)
        return tuple(
            Armed(name=each.name, fault=each.fault, met=each.met, is_over=is_over)
            for found, is_over in ((self._active, False), (self._over, True))
            for each in found
        )

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
                active.met += 1
                return True
        return False

    def lag(self, account: AccountId, now: datetime) -> timedelta:
        """How far position reads of *account* are behind."""
        behind = 0.0
        for active in self._in_force(LagPositions, now, account, None):
            assert isinstance(active.fault, LagPositions)
            active.met += 1
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
            if message in fault.messages and self._strikes(active):
                return fault
        return None

    def _spend(self, kind: type[FaultBase], now: datetime) -> bool:
        return any(self._strikes(active) for active in self._in_force(kind, now, None, None))

    def _strikes(self, active: _Active) -> bool:
        """Whether the fault meets this message, or lets it pass; count it in either case."""
        if active.passing:
            active.passing -= 1
            return False
        active.met += 1
        if active.left is not None:
            active.left -= 1
            if active.left <= 0:
                self._end(active)
        return True

    def _end(self, active: _Active) -> None:
        self._active.remove(active)
        self._over.append(active)

    def _expire(self, now: datetime) -> None:
        for each in [each for each in self._active if each.until is not None and now >= each.until]:
            self._end(each)

    def _in_force(
        self,
        kind: type[FaultBase],
        now: datetime,
        account: AccountId | None,
        instrument: InstrumentId | None,
    ) -> list[_Active]:
        self._expire(now)
        return [
            each
            for each in self._active
            if isinstance(each.fault, kind)
            and each.fault.account in (None, account)
            and _is_among(instrument, each.fault.instrument)
        ]


class _Active(msgspec.Struct, eq=False):
    """A fault in force: what it still lets pass, what is left of its count, when it is over."""

    name: str
    fault: Fault
    passing: int
    left: int | None
    until: datetime | None
    met: int = 0


def _is_among(instrument: InstrumentId | None, wanted: InstrumentId | None) -> bool:
    """Whether *wanted* names *instrument* or its root: "ES" is "ES 12-25" and "ES 03-26"."""
    if wanted is None or wanted == instrument:
        return True
    return instrument is not None and instrument.startswith(f"{wanted} ")
