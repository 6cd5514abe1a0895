"""CrossTrade's market reads: `GetQuote` and `MarketInfo`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import Args, WordFilter, word, words
from rpcserver.apis.names import accounts_named, one_instrument
from rpcserver.apis.queries import Data, FoundQuote, MarketInfo, ReadMarketInfo, ReadQuotes
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import VenueId

registry = Registry()

QUOTES_MAX = 100
DEFAULT_ROOT = "ES"


class QuoteArgs(Args, frozen=True, kw_only=True):
    """One instrument, or several with commas between them."""

    instrument: str | None
    account: WordFilter = UNSET


class MarketInfoArgs(Args, frozen=True, kw_only=True):
    """An instrument, or the front month of a root; without either, of ES."""

    instrument: WordFilter = UNSET
    root: WordFilter = UNSET


class DataSource(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a quote comes from."""

    status: str  # Live or Simulated
    connected_feeds: tuple[str, ...]


class QuoteAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One quote, as CrossTrade names its parts. Times are UTC; `epoch` is in seconds."""

    description: str
    type: str
    tick_size: float
    point_value: float
    tick_value: float
    exchange: str
    expiration: str | None
    trading_hours: str
    instrument: str
    bid: float
    ask: float
    last: float
    open: float
    high: float
    low: float
    close: float
    volume: int
    quote_time: str
    quote_time_utc: str
    epoch: int
    data_source: DataSource
    is_market_open: bool
    currency: str
    success: bool | UnsetType = UNSET


def quote_answer(found: FoundQuote, venue: VenueId, status: str) -> QuoteAnswer:
    quote, instrument = found.quote, found.instrument
    at = quote.at.astimezone(UTC)
    return QuoteAnswer(
        description=instrument.description,
        type=instrument.type.value,
        tick_size=float(instrument.tick),
        point_value=float(instrument.point_value),
        tick_value=float(instrument.tick * instrument.point_value),
        exchange=instrument.exchange,
        expiration=None if instrument.expiry is None else instrument.expiry.isoformat(),
        trading_hours=instrument.trading_hours,
        instrument=instrument.instrument_id,
        bid=float(quote.bid),
        ask=float(quote.ask),
        last=float(quote.last),
        open=float(quote.open),
        high=float(quote.high),
        low=float(quote.low),
        close=float(quote.close),
        volume=quote.volume,
        quote_time=at.strftime("%m/%d/%Y %I:%M:%S %p"),
        quote_time_utc=at.strftime("%Y-%m-%d %H:%M:%S"),
        epoch=int(at.timestamp()),
        data_source=DataSource(status=status, connected_feeds=(venue,)),
        is_market_open=quote.is_open,
        currency=instrument.currency,
    )


@registry.query("GetQuote", args=QuoteArgs)
def get_quote(args: QuoteArgs, asked: Asked) -> Ask:
    """One quote, or for several instruments an array of quotes."""
    accounts = accounts_named(asked, words(args.account, UNSET, "account"))
    names = [name.strip() for name in (word(args.instrument) or "").split(",")]
    if not all(names) or len(names) > QUOTES_MAX:
        raise InvalidRequest("invalid_argument", f"instrument: 1 to {QUOTES_MAX} names")
    wanted = [one_instrument(asked, accounts, name) for name in names]
    simulated = {account.venue for account in accounts if account.sandbox}

    def answer(found: Sequence[FoundQuote]) -> Data:
        rows = [
            quote_answer(quote, venue, "Simulated" if venue in simulated else "Live")
            for quote, (venue, _) in zip(found, wanted, strict=True)
        ]
        return rows if len(rows) > 1 else msgspec.structs.replace(rows[0], success=True)

    pairs = tuple((venue, instrument.instrument_id) for venue, instrument in wanted)
    return Ask(ReadQuotes(pairs), answer)


# --- market hours --------------------------------------------------------------------------------


class MarketStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether orders are taken, and the market's phase as NinjaTrader would write it."""

    is_open: bool
    state: str


class SessionSpan(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One trading session, in UTC and in the exchange's own time."""

    label: str | None = None
    utc_start: datetime
    utc_end: datetime
    local_start: str | None = None
    local_end: str | None = None
    countdown: str | None = None
    action: str | None = None
    seconds_remaining: float | None = None


def market_info_answer(found: MarketInfo, now: datetime) -> Data:
    """The running session, or the next one, and how long until it changes."""
    session = found.session
    zone = _zone(session.time_zone)
    is_open = session.is_open
    left = max((session.ends_at if is_open else session.starts_at) - now, timedelta(0))
    return {
        "success": True,
        "timestamp": now,
        "instrument": found.instrument.instrument_id,
        "tradingHours": found.instrument.trading_hours,
        "timeZone": session.time_zone,
        "status": MarketStatus(
            is_open=is_open and found.market.phase.takes_orders,
            state=found.market.phase.value.capitalize(),
        ),
        "session": SessionSpan(
            label="Current Session" if is_open else "Next Session",
            utc_start=session.starts_at,
            utc_end=session.ends_at,
            local_start=_local(session.starts_at, zone),
            local_end=_local(session.ends_at, zone),
            countdown=_countdown(left),
            action="Until Close" if is_open else "Until Open",
            seconds_remaining=round(left.total_seconds(), 3),
        ),
        "upcoming": SessionSpan(utc_start=session.next_starts_at, utc_end=session.next_ends_at),
    }


@registry.query("MarketInfo", args=MarketInfoArgs)
def market_info(args: MarketInfoArgs, asked: Asked) -> Ask:
    """Whether a market is open, and until when."""
    name, root = word(args.instrument), word(args.root)
    if name is not None and root is not None:
        raise InvalidRequest("invalid_argument", "instrument and root: give one of them")
    accounts = accounts_named(asked, ())
    venue, instrument = one_instrument(asked, accounts, name or root or DEFAULT_ROOT)
    return Ask(
        ReadMarketInfo(venue, instrument.instrument_id),
        lambda found: market_info_answer(found, asked.now),
    )


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return UTC  # a venue's own word for its zone: show the time we are sure of


def _local(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _countdown(left: timedelta) -> str:
    minutes, seconds = divmod(int(left.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"
