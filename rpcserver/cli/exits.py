"""
The exit codes. A script that checks for 0 checks for *flat*, and for nothing less.

Reading and managing commands end with 0 when they did what was asked.
"""

from __future__ import annotations

import enum

from rpcclient import (
    ClientError,
    ConnectionLost,
    ConnectionRefused,
    Forbidden,
    OutcomeUnknown,
    RpcError,
    Unauthenticated,
)
from rpcserver.cli.answers import Answer, Plan


class Exit(enum.IntEnum):
    """What the exit code says."""

    OK = 0
    ERROR = 1
    NOT_FLAT = 2
    UNKNOWN = 3
    REFUSED = 4
    FORBIDDEN = 5
    NO_CONNECTION = 6
    CANCELLED = 7
    MARKET_CLOSED = 8
    DECLINED = 9
    TARGET_REACHED = 10
    UNHEALTHY = 11
    INTERRUPTED = 130
    READER_GONE = 141

    @property
    def meaning(self) -> str:
        """One line for people."""
        return _MEANING[self]


_MEANING: dict[Exit, str] = {
    Exit.OK: "flat, and proven; or a command that closes nothing did what was asked",
    Exit.ERROR: "wrong usage, or an unexpected error",
    Exit.NOT_FLAT: "not flat: something is known to be left that should not be",
    Exit.UNKNOWN: "unknown: something cannot be told yet; look before you act",
    Exit.REFUSED: "refused: nothing was done",
    Exit.FORBIDDEN: "the token is missing, unknown, or lacks the right",
    Exit.NO_CONNECTION: "cannot connect: nothing was sent",
    Exit.CANCELLED: "cancelled by the caller before all was sent",
    Exit.MARKET_CLOSED: "a market is closed: what it holds is still open",
    Exit.DECLINED: "not confirmed: nothing was done",
    Exit.TARGET_REACHED: "what was asked is reached and proven, and it is not flat",
    Exit.UNHEALTHY: "doctor or audit verify found something wrong",
    Exit.INTERRUPTED: "interrupted: an accepted operation goes on at the server",
    Exit.READER_GONE: "nobody read on, as in a pipe to head; what closes goes on to its own code",
}
assert _MEANING.keys() == set(Exit), "an exit code has no meaning"


_NOTHING_DONE = frozenset({"plan_changed", "plan_expired"})


def of_answer(answer: Answer) -> Exit:
    """The exit code of a closing call's final answer: the worst of what its legs say."""
    if answer.error in _NOTHING_DONE:
        return Exit.REFUSED
    if answer.flat:
        # "Nothing there" is flat where a scope was asked for, and a mistake where one position was.
        is_flat = answer.success or answer.error == "no_open_positions"
        return Exit.OK if is_flat else Exit.REFUSED
    if answer.failures or answer.counts.get("unknown") or answer.counts.get("running"):
        return Exit.UNKNOWN
    if answer.success:
        return Exit.TARGET_REACHED
    if any(answer.counts.get(outcome) for outcome in ("partial", "rejected", "dust")):
        return Exit.NOT_FLAT
    if answer.counts.get("waiting_market"):
        return Exit.MARKET_CLOSED
    if answer.cancelled or answer.counts.get("cancelled"):
        return Exit.CANCELLED
    return Exit.REFUSED if answer.error is not None and not answer.counts else Exit.NOT_FLAT


def of_plan(plan: Plan) -> Exit:
    """The exit code of a dry run: whether there is a plan."""
    if plan.planned:
        return Exit.OK
    return Exit.UNKNOWN if plan.failures else Exit.REFUSED


def of_error(error: ClientError, *, accepted: bool = False) -> Exit:
    """
    The exit code of an error. *accepted*: an operation was under way when it came, so that
    whatever became of the connection says nothing about the positions.
    """
    match error:
        case OutcomeUnknown():
            return Exit.UNKNOWN
        case RpcError(code="unauthenticated" | "forbidden"):
            return Exit.FORBIDDEN
        case RpcError(code="outcome_unknown" | "journal_broken" | "internal"):
            return Exit.UNKNOWN
        case RpcError():
            return Exit.REFUSED
        case _ if accepted:
            return Exit.UNKNOWN
        case Unauthenticated() | Forbidden():
            return Exit.FORBIDDEN
        case ConnectionLost() | ConnectionRefused():
            return Exit.NO_CONNECTION
        case _:
            return Exit.ERROR


def explain() -> str:
    """The table of exit codes, for `--help`."""
    lines = (f"{code.value:>4}  {code.meaning}" for code in Exit)
    return "Exit codes:\n\n\b\n" + "\n".join(lines)
