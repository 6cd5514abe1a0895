"""What can go wrong with one message between the core and a venue."""

from __future__ import annotations

from dataclasses import dataclass

from rpcserver.domain.order import RejectReason

LATENCY = 0.01  # seconds, one way


@dataclass(frozen=True)
class Fault:
    """How one command fares. The default is health."""

    arrives: float | None = LATENCY  # None: it never does
    answered: bool = True  # False: the sender hears nothing, and knows no more after `timeout`
    back: float = LATENCY  # how long the answer takes
    timeout: float = 1.0
    copies: int = 1  # of the answer
    unsent: bool = False  # it never left, and its sender knows
    retry_after: float | None = None
    refused: RejectReason | None = None
    lag: float | None = None  # a reading shows positions as they were so many seconds ago
    hidden: bool = False  # a query finds nothing, whatever there is


HEALTH = Fault()
LOSE_ANSWER = Fault(answered=False)
LOSE_REQUEST = Fault(arrives=None, answered=False)
UNSENT = Fault(unsent=True)
TWICE = Fault(copies=2)
HIDE = Fault(hidden=True)


def late(seconds: float) -> Fault:
    """It lands so late that its sender has given up."""
    return Fault(arrives=seconds, answered=False, timeout=min(seconds / 2, 1.0))


def slow(seconds: float) -> Fault:
    """It lands at once, and the answer takes its time."""
    return Fault(back=seconds, timeout=seconds + 1)


def refused(reason: RejectReason) -> Fault:
    return Fault(refused=reason)


def stale(seconds: float) -> Fault:
    return Fault(lag=seconds)
