"""CrossTrade's reads of whole accounts: the snapshot, the marks, the connections."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from rpcserver.apis.arguments import NoArgs
from rpcserver.apis.crosstrade_reads import (
    AccountAnswer,
    HeldPosition,
    account_answer,
    held_position,
)
from rpcserver.apis.names import accounts_of
from rpcserver.apis.numbers import money
from rpcserver.apis.queries import (
    Data,
    ReadAccounts,
    ReadSummary,
    ReadWatermarks,
    Summarized,
    Watermark,
)
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.domain.account import Account

registry = Registry()


class SummaryAccount(AccountAnswer, frozen=True, kw_only=True, rename="camel"):
    """An account of the snapshot; `isAccountFlat` is null where its positions were not read."""

    type: str = "NinjaTrader.Cbi.Account"
    is_account_flat: bool | None


class SummaryLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One account and its positions; null: not read, and so unknown, never flat."""

    account: SummaryAccount
    positions: Sequence[HeldPosition] | None


def summary_answer(found: Sequence[Summarized], now: datetime) -> Data:
    """`success` says that every account could be read."""
    return {
        "type": "snapshot",
        "timestamp": now.isoformat(),
        "epoch": round(now.timestamp() * 1000),
        "accounts": [_summary_line(each) for each in found],
        "success": all(each.snapshot is not None for each in found),
    }


def _summary_line(found: Summarized) -> SummaryLine:
    snapshot = found.snapshot
    plain = account_answer(found.account)
    fields = {name: getattr(plain, name) for name in plain.__struct_fields__}
    return SummaryLine(
        account=SummaryAccount(
            **fields, is_account_flat=None if snapshot is None else not snapshot.positions
        ),
        positions=None
        if snapshot is None
        else [
            held_position(position, snapshot.instruments[position.instrument])
            for position in snapshot.positions
        ],
    )


@registry.query("GetAccountSummary", args=NoArgs)
def get_account_summary(_: NoArgs, asked: Asked) -> Ask:
    """Every account of the caller with its money and its positions."""
    query = ReadSummary(asked.refs(accounts_of(asked)))
    return Ask(query, lambda found: summary_answer(found, asked.now))


class WatermarkAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The marks of one account, in its currency."""

    account: str
    venue: str
    currency: str
    equity: float
    high_watermark: float
    high_watermark_at: datetime
    low_watermark: float
    low_watermark_at: datetime
    drawdown: float  # how far the equity is below the high mark
    since: datetime


@registry.query("GetWatermarks", args=NoArgs)
def get_watermarks(_: NoArgs, asked: Asked) -> Ask:
    """The highest and the lowest equity of each account of the caller."""

    def answer(found: Sequence[Watermark]) -> Data:
        return {"watermarks": [_watermark(mark) for mark in found], "success": True}

    return Ask(ReadWatermarks(asked.refs(accounts_of(asked))), answer)


def _watermark(mark: Watermark) -> WatermarkAnswer:
    return WatermarkAnswer(
        account=mark.account.account,
        venue=mark.account.venue,
        currency=mark.currency,
        equity=money(mark.equity),
        high_watermark=money(mark.high),
        high_watermark_at=mark.high_at,
        low_watermark=money(mark.low),
        low_watermark_at=mark.low_at,
        drawdown=money(mark.high - mark.equity),
        since=mark.since,
    )


class ConnectionAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One venue, as it was reached just now."""

    name: str
    status: str  # Connected or Disconnected
    sandbox: bool
    accounts: int


@registry.query("GetConnections", args=NoArgs)
def get_connections(_: NoArgs, asked: Asked) -> Ask:
    """The venues of the caller's accounts, and whether they answer."""

    def answer(found: Sequence[Account]) -> Data:
        venues = dict.fromkeys(account.venue for account in found)
        rows = []
        for venue in venues:
            there = [account for account in found if account.venue == venue]
            is_up = all(account.connected for account in there)
            rows.append(
                ConnectionAnswer(
                    name=venue,
                    status="Connected" if is_up else "Disconnected",
                    sandbox=all(account.sandbox for account in there),
                    accounts=len(there),
                )
            )
        return {"connections": rows, "count": len(rows), "success": True}

    return Ask(ReadAccounts(asked.refs(accounts_of(asked))), answer)
