"""CrossTrade's bars: `GetBars`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import Args, Choices, word
from rpcserver.apis.names import accounts_of, one_instrument
from rpcserver.apis.numbers import money
from rpcserver.apis.queries import Bars, Data, ReadBars
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.domain.errors import InvalidRequest

registry = Registry()

MINUTES_A_DAY: Final = 24 * 60
DAYS_BACK_MAX: Final = 3650
BARS_MAX: Final = 5000


class BarsArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """Bars of so many minutes, or of a day; `from` goes before `daysBack`."""

    choices: ClassVar[Choices] = {"periodType": ("minute", "day")}

    instrument: str | None
    period_type: str = "minute"
    period: int = 1
    days_back: int = 1
    from_: datetime | UnsetType = msgspec.field(default=UNSET, name="from")
    to: datetime | UnsetType = UNSET
    limit: int = BARS_MAX


class BarAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One bar; `time` and `epoch` (milliseconds) are its beginning."""

    time: str
    epoch: int
    open: float
    high: float
    low: float
    close: float
    volume: int


def bars_answer(found: Bars, args: BarsArgs) -> Data:
    """Oldest first. `since`: nothing is known of before; null: nothing at all."""
    rows = [
        BarAnswer(
            time=bar.starts_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
            epoch=round(bar.starts_at.timestamp() * 1000),
            open=money(bar.open),
            high=money(bar.high),
            low=money(bar.low),
            close=money(bar.close),
            volume=bar.volume,
        )
        for bar in found.bars
    ]
    return {
        "instrument": found.instrument.instrument_id,
        "periodType": args.period_type,
        "period": args.period,
        "count": len(rows),
        "bars": rows,
        "since": found.since,
        "success": True,
    }


@registry.query("GetBars", args=BarsArgs)
def get_bars(args: BarsArgs, asked: Asked) -> Ask:
    """What the price of one instrument did while this server listened."""
    for key, value, most in (
        ("period", args.period, MINUTES_A_DAY if args.period_type == "minute" else 1),
        ("daysBack", args.days_back, DAYS_BACK_MAX),
        ("limit", args.limit, BARS_MAX),
    ):
        if not 0 < value <= most:
            raise InvalidRequest("invalid_argument", f"{key}: 1 to {most}")
    until = _instant(args.to, "to")
    since = _instant(args.from_, "from") or asked.now - timedelta(days=args.days_back)
    if until is not None and until <= since:
        raise InvalidRequest("invalid_argument", "to: not later than from")
    name = word(args.instrument) or ""
    venue, instrument = one_instrument(asked, accounts_of(asked), name)
    minutes = args.period if args.period_type == "minute" else MINUTES_A_DAY
    query = ReadBars(venue, instrument.instrument_id, minutes, since, until, args.limit)
    return Ask(query, lambda found: bars_answer(found, args))


def _instant(value: datetime | UnsetType, key: str) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    if value.tzinfo is None:
        raise InvalidRequest("invalid_argument", f"{key}: a time needs its offset, as in …Z")
    return value
