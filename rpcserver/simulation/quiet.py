"""
Laws 30 and 34: whatever goes wrong at one venue is not felt at another.

A second venue answers everything at once; it may know no market at all. Whatever the first one
does, hangs or throws, positions at the second are planned and closed as if it were alone. Only
what stops the whole process (a crash, a broken disk) may hold them up, and only so long; and a
request that is planned as a whole waits for the other accounts as long as any of them comes.
"""

from __future__ import annotations

from collections.abc import Iterable

from rpcserver.core.records import (
    LegEnded,
    OperationCancelled,
    OperationExpired,
    OperationFinished,
    OperationOpened,
    OperationPlanned,
    Record,
    ScopeWidened,
    SnapshotTaken,
)
from rpcserver.core.report import Outcome
from rpcserver.domain.account import UNREAD
from rpcserver.domain.ids import AccountRef, OperationId
from rpcserver.simulation.bookkeeping import Bookkeeping
from rpcserver.simulation.plan import Quiet
from rpcserver.simulation.scene import QUIET
from rpcserver.simulation.verdict import Verdict

WITHIN = 15.0  # seconds; commits of a slow disk take 1.5 each, and a close needs several
AS_A_WHOLE = 30.0  # since an account came: another is heard late, and read again late


class Quietness:
    """Watches the venue where nothing goes wrong."""

    def __init__(self, quiet: Quiet | None, book: Bookkeeping, verdict: Verdict) -> None:
        self._law = 34 if quiet is not None and quiet.is_blind else 30
        self._book = book
        self._verdict = verdict
        self._began = 0.0  # the process that lives now, or its last word so far
        self._unplanned: dict[OperationId, float] = {}
        self._legs: dict[tuple[OperationId, int], float] = {}

    def life_began(self) -> None:
        """A process that has just started has all its time."""
        self._began = self._book.time

    def look_at(self, record: Record) -> None:
        match record:
            case OperationOpened() if _are_there(record.request.scope.accounts):
                self._unplanned[record.operation_id] = self._book.time
            case ScopeWidened() if _are_there(record.accounts):
                self._unplanned[record.operation_id] = self._book.time
            case SnapshotTaken(after=False):
                self._account_read(record)
            case OperationPlanned() if record.account.venue == QUIET:
                self._planned(record)
            case LegEnded() if record.lane.venue == QUIET:
                self._leg_ended(record)
            case OperationCancelled() | OperationExpired() | OperationFinished():
                self._forget(record.operation_id)
            case _:
                pass

    def tick(self) -> None:
        """Time passed: whoever waits, waits too long?"""
        for operation, since in self._unplanned.items():
            as_a_whole = self._book.requests[operation].plans_as_a_whole
            within = AS_A_WHOLE if as_a_whole else WITHIN
            self._hold(since, within, f"{operation} has not read the quiet venue yet")
        for (operation, number), since in self._legs.items():
            what = f"leg {number} of {operation}, at the quiet venue, has not ended"
            self._hold(since, WITHIN, what)

    def _hold(self, since: float, within: float, what: str) -> None:
        waited = self._book.time - max(since, self._began)
        if waited > within:
            self._verdict.broken(self._law, f"{waited:.1f} s on, {what}")

    def _account_read(self, record: SnapshotTaken) -> None:
        operation = record.operation_id
        if record.account.venue == QUIET and not record.positions:
            self._read(operation)  # there is nothing to plan before the others
        elif operation in self._unplanned and self._book.requests[operation].plans_as_a_whole:
            self._unplanned[operation] = self._book.time  # the others are waited for

    def _planned(self, record: OperationPlanned) -> None:
        if not self._read(record.operation_id):
            return
        request = self._book.requests[record.operation_id]
        if request.execution.ladder or request.execution.limit_prices:
            return  # what rests at a price takes its time
        for leg in record.legs:
            if not leg.excluded and not leg.joined:
                self._legs[record.operation_id, leg.number] = self._book.time

    def _read(self, operation: OperationId) -> bool:
        """It was read and planned in time; False: it had been before."""
        if self._unplanned.pop(operation, None) is None:
            return False
        self._verdict.check(self._law, True, "in time")
        return True

    def _leg_ended(self, record: LegEnded) -> None:
        if self._legs.pop((record.operation_id, record.number), None) is None:
            return
        self._verdict.check(
            self._law,
            record.outcome is Outcome.FLAT,
            f"a leg at the quiet venue ends {record.outcome.value} ({record.reason})",
        )

    def _forget(self, operation: OperationId) -> None:
        self._unplanned.pop(operation, None)
        for name in [name for name in self._legs if name[0] == operation]:
            del self._legs[name]


def _are_there(accounts: Iterable[AccountRef]) -> bool:
    """Whether any of the accounts is at the quiet venue, and known."""
    return any(each.venue == QUIET and each.account != UNREAD for each in accounts)
