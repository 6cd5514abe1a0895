"""What rules say: when to flatten, how much may be lost or held, how often to try again."""

from __future__ import annotations

import enum
from datetime import time
from decimal import Decimal

import msgspec

from rpcserver.domain.naming import InstrumentSelector


class StoredCall(msgspec.Struct, frozen=True, kw_only=True):
    """A closing call to be made later: an api of protocol.md and its args, one line of JSON."""

    api: str
    args: str


class Measure(enum.Enum):
    """What a limit is held against."""

    DAILY_LOSS = "daily_loss"  # what the account has lost since the day began
    DRAWDOWN = "drawdown"  # how far its equity is below the highest that was seen
    EXPOSURE = "exposure"  # what it holds, long or short, at market
    POSITION = "position"  # how much it holds of one instrument

    @property
    def is_of_equity(self) -> bool:
        return self in (Measure.DAILY_LOSS, Measure.DRAWDOWN)


class LimitAction(enum.Enum):
    """What happens at a limit, each with an alert."""

    ALERT = "alert"
    HALT = "halt"  # no new risk in the account
    FLATTEN_AND_LOCK = "flatten_and_lock"

    @property
    def weight(self) -> int:
        """A milder action weighs less."""
        return list(LimitAction).index(self)


class FlattenAt(msgspec.Struct, frozen=True, kw_only=True, tag="flatten_at"):
    """
    Flatten at a time of day, and again until it is flat or the second deadline has passed.

    Both are of one day, in `zone`. What was missed is made up for before the second deadline.
    """

    at: time
    until: time
    zone: str  # IANA: "America/Chicago"
    calendar: str | None = None  # an exchange's: only on days on which it trades


class Limit(msgspec.Struct, frozen=True, kw_only=True, tag="limit"):
    """What an account may lose or hold, and what happens beyond."""

    measure: Measure
    amount: Decimal  # > 0; in the account's currency, or units of the instrument
    action: LimitAction
    instrument: InstrumentSelector | None = None  # exposure, position: of this alone
    day_starts_at: time = time()  # daily loss: when the day begins, in `zone`
    zone: str = "UTC"


class Retry(msgspec.Struct, frozen=True, kw_only=True, tag="retry"):
    """
    Close again what a whole close left open: so often, so far apart, so wide, for so long.

    With `offset_ticks` the n-th attempt is a limit so many ticks times n beyond the touch; without
    it, each is as the call was.
    """

    times: int
    every: float  # seconds after the end of what failed
    lasting: float  # seconds since the first call was opened
    offset_ticks: int | None = None


RuleTerms = FlattenAt | Limit | Retry
