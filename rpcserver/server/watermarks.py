"""
The highest and the lowest equity of each account, among the readings this server made.

Kept in memory: a restart begins anew, and `since` says from when on they count.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from rpcserver.apis.queries import Watermark
from rpcserver.domain.account import Account
from rpcserver.domain.ids import AccountRef


class Watermarks:
    """Every account that was ever read, with its marks."""

    def __init__(self) -> None:
        self._marks: dict[AccountRef, Watermark] = {}

    def note(self, accounts: Iterable[Account]) -> None:
        """Let the money of *accounts*, read just now, count."""
        now = datetime.now(UTC)
        for account in accounts:
            if account.connected:
                before = self._marks.get(account.ref)
                self._marks[account.ref] = _after(before, account, now)

    def of(self, accounts: Iterable[AccountRef]) -> tuple[Watermark, ...]:
        """The marks of *accounts*; one that was never read has none."""
        return tuple(self._marks[ref] for ref in accounts if ref in self._marks)


def _after(before: Watermark | None, account: Account, now: datetime) -> Watermark:
    equity = account.equity
    rises = before is None or equity > before.high
    falls = before is None or equity < before.low
    return Watermark(
        account=account.ref,
        currency=account.currency,
        equity=equity,
        high=equity if before is None or rises else before.high,
        high_at=now if before is None or rises else before.high_at,
        low=equity if before is None or falls else before.low,
        low_at=now if before is None or falls else before.low_at,
        since=now if before is None else before.since,
    )
