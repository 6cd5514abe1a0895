"""
Seeded weather: which fault the next message meets, drawn from one seed.

Every message to the venue meets, with probability `rate`, one fault of a kind that can meet it.
The draws depend on nothing but the seed and the order of the messages: the same seed and the
same messages make the same weather, whatever the clock says.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Annotated, get_args

import msgspec
from msgspec import Meta

from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.order import RejectReason
from rpcserver.venues.paper.faults import (
    WRITES,
    ArriveLate,
    BeUnavailable,
    DelayAnswers,
    DelayRequests,
    FailReads,
    Fault,
    FaultBase,
    FillBeforeCancel,
    HideOrders,
    LagPositions,
    LoseAnswers,
    LoseEvents,
    LoseRequests,
    Message,
    RefuseOrders,
    RepeatEvents,
    StickCancels,
    kind_of,
)

KINDS: Mapping[str, type[FaultBase]] = {kind_of(kind): kind for kind in get_args(Fault)}
"""Every kind of fault by the name it has in scripts."""

READS = frozenset(Message) - WRITES
MEETS: Mapping[type[FaultBase], frozenset[Message]] = {
    LoseRequests: frozenset(Message),
    LoseAnswers: frozenset(Message),
    DelayRequests: frozenset(Message),
    DelayAnswers: frozenset(Message),
    ArriveLate: WRITES,
    RefuseOrders: frozenset({Message.SUBMIT}),
    BeUnavailable: frozenset(Message),
    FailReads: READS,
    LagPositions: frozenset({Message.SNAPSHOT}),
    HideOrders: frozenset({Message.QUERY, Message.ORDERS, Message.SNAPSHOT}),
    StickCancels: frozenset({Message.CANCEL}),
    FillBeforeCancel: frozenset({Message.CANCEL}),
    LoseEvents: WRITES,  # what a write makes happen is told in events
    RepeatEvents: WRITES,
}
"""Which messages a fault of each kind can meet."""
assert MEETS.keys() == set(KINDS.values()), "a kind of fault has no row"

_SHORT, _LONG = 0.05, 2.0  # seconds that a drawn fault takes
_PASSING = (RejectReason.INSUFFICIENT_MARGIN, RejectReason.NO_LIQUIDITY, RejectReason.OTHER)

Rate = Annotated[float, Meta(ge=0, le=1, description="a probability, 0 to 1")]
Seed = Annotated[int, Meta(ge=0, le=2**53, description="a whole number, at least 0")]


class SetWeather(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From now on each message meets a fault with probability `rate`; 0: no more of them."""

    seed: Seed = 1
    rate: Rate = 0.05
    kinds: tuple[str, ...] = ()  # of `KINDS`; () is every kind


class Forecast:
    """The faults that are still to come."""

    def __init__(self, weather: SetWeather) -> None:
        self._rate = weather.rate
        self._random = random.Random(weather.seed)
        self._kinds = [
            kind for name, kind in KINDS.items() if not weather.kinds or name in weather.kinds
        ]
        self._drawn = 0

    def draw(
        self, message: Message, account: AccountId | None, instrument: InstrumentId | None
    ) -> Fault | None:
        """The fault that this message is to meet, if any; it is over once it did."""
        if self._random.random() >= self._rate:
            return None
        candidates = [kind for kind in self._kinds if message in MEETS[kind]]
        if not candidates:
            return None
        kind = self._random.choice(candidates)
        self._drawn += 1
        drawn = _DRAW[kind](self._random)
        name = f"seeded-{self._drawn}-{kind_of(kind)}"
        if isinstance(drawn, LagPositions | HideOrders):
            return msgspec.structs.replace(drawn, name=name, account=account)
        if isinstance(drawn, LoseEvents | RepeatEvents):
            return msgspec.structs.replace(drawn, name=name, count=1)
        return msgspec.structs.replace(
            drawn,
            name=name,
            count=1,
            messages=frozenset({message}),
            account=account,
            instrument=instrument,
        )


def _seconds(source: random.Random) -> float:
    return round(source.uniform(_SHORT, _LONG), 3)


_DRAW: Mapping[type[FaultBase], Callable[[random.Random], Fault]] = {
    LoseRequests: lambda _: LoseRequests(),
    LoseAnswers: lambda _: LoseAnswers(),
    DelayRequests: lambda source: DelayRequests(seconds=_seconds(source)),
    DelayAnswers: lambda source: DelayAnswers(seconds=_seconds(source)),
    ArriveLate: lambda source: ArriveLate(seconds=_seconds(source)),
    RefuseOrders: lambda source: RefuseOrders(reason=source.choice(_PASSING)),
    BeUnavailable: lambda source: BeUnavailable(retry_after=_seconds(source)),
    FailReads: lambda _: FailReads(),
    LagPositions: lambda source: LagPositions(seconds=_seconds(source), lasts=_LONG),
    HideOrders: lambda source: HideOrders(seconds=_seconds(source), lasts=_LONG),
    StickCancels: lambda source: StickCancels(seconds=_seconds(source)),
    FillBeforeCancel: lambda _: FillBeforeCancel(),
    LoseEvents: lambda _: LoseEvents(),
    RepeatEvents: lambda _: RepeatEvents(),
}
assert _DRAW.keys() == set(KINDS.values()), "a kind of fault is never drawn"
