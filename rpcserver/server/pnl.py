"""Profit for `streamPnl`: read once for everyone who asks at about the same time."""

from __future__ import annotations

import time
from collections.abc import Sequence

import anyio

from rpcserver.apis.numbers import unsigned_zero
from rpcserver.domain.account import Account
from rpcserver.domain.ids import AccountRef, VenueId
from rpcserver.server.outbox import Outbox
from rpcserver.server.reading import Reader
from rpcserver.wire.codec import encode_numbers
from rpcserver.wire.frames import PnlLine, PnlUpdate
from rpcserver.wire.framing import text_frame


class PnlFeed:
    """Reads accounts, at most once per venue and moment, whoever asks."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._read: dict[VenueId, tuple[float, dict[AccountRef, Account]]] = {}
        self._locks: dict[VenueId, anyio.Lock] = {}

    async def accounts(self, refs: Sequence[AccountRef], max_age: float) -> list[Account]:
        """The accounts of *refs* as they were at most *max_age* seconds ago."""
        found: dict[AccountRef, Account] = {}
        for venue in dict.fromkeys(ref.venue for ref in refs):
            lock = self._locks.setdefault(venue, anyio.Lock())
            async with lock:
                await self._refresh(venue, [ref for ref in refs if ref.venue == venue], max_age)
            found |= self._read[venue][1]
        return [found[ref] for ref in refs if ref in found]

    async def _refresh(self, venue: VenueId, refs: list[AccountRef], max_age: float) -> None:
        now = anyio.current_time()
        read_at, known = self._read.get(venue, (float("-inf"), {}))
        if now - read_at > max_age or any(ref not in known for ref in refs):
            read = {account.ref: account for account in await self._reader.accounts(refs)}
            self._read[venue] = (now, read if now - read_at > max_age else known | read)

    async def stream(self, refs: Sequence[AccountRef], interval: float, outbox: Outbox) -> None:
        """Post a `pnlUpdate` each *interval* seconds, for ever. A crowded outbox misses some."""
        while True:
            if not outbox.is_crowded:
                accounts = await self.accounts(refs, max_age=interval / 2)
                outbox.post_newest("pnlUpdate", text_frame(encode_numbers(_update(accounts))))
            await anyio.sleep(interval)


def _update(accounts: Sequence[Account]) -> PnlUpdate:
    return PnlUpdate(epoch=time.time_ns() // 1_000_000, accounts=[_line(each) for each in accounts])


def _line(account: Account) -> PnlLine:
    return PnlLine(
        account=account.account,
        venue=account.venue,
        currency=account.currency,
        unrealized_pnl=unsigned_zero(account.unrealized),
        realized_pnl=unsigned_zero(account.realized),
        total_pnl=unsigned_zero(account.realized + account.unrealized),
        fees=account.fees,
        equity=account.equity,
        connected=account.connected,
        sandbox=account.sandbox,
    )
