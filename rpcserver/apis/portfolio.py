"""
The portfolio positions dialect: `GetPortfolioPositions`.

One position makes up to two rows: *daily*, today's trades, and *expiry*, what was carried in.
They are two views of one position. Closing calls never read them, so that their sum can never be
closed; whoever adds up `all` by hand must know that the two together are the position.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Final

import msgspec
from msgspec import UNSET

from rpcserver.apis.arguments import Args, Choices, WordFilter, words
from rpcserver.apis.names import accounts_named
from rpcserver.apis.numbers import number, text
from rpcserver.apis.queries import ReadPositions
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.instrument import Instrument, InstrumentType
from rpcserver.domain.order import ZERO
from rpcserver.domain.position import DayBook, Position

registry = Registry()

ALL: Final = "all"
DAILY: Final = "daily"
EXPIRY: Final = "expiry"
PAISE: Final = 100  # in a rupee
_CENT: Final = Decimal("0.01")

_INSTRUMENT_WORDS: Final[Mapping[InstrumentType, str]] = {
    InstrumentType.STOCK: "EQUITIES",
    InstrumentType.FUTURE: "FUTURES",
    InstrumentType.OPTION: "OPTIONS",
    InstrumentType.CRYPTO: "CRYPTO",
}
assert _INSTRUMENT_WORDS.keys() == set(InstrumentType), "an instrument type has no word"


class PortfolioArgs(Args, frozen=True, kw_only=True):
    """`type` is needed: a caller must know whether it reads both views or one."""

    choices: ClassVar[Choices] = {"type": (ALL, DAILY, EXPIRY)}

    type: str
    account: WordFilter = UNSET


class PortfolioRow(msgspec.Struct, frozen=True, kw_only=True):
    """One view of one position: quantities are integers, prices and values strings."""

    exchange: str
    scrip_token: int
    product_type: str
    symbol: str
    series: str
    instrument: str
    expiry_date: str
    strike_price: str  # in paise
    option_type: str
    buy_quantity: int | float  # a float only where the venue trades parts of a unit
    avg_buy_price: str
    buy_value: str
    sell_quantity: int | float
    avg_sell_price: str
    sell_value: str
    net_quantity: int | float  # buy - sell
    net_price: str
    net_value: str
    multiplier: str
    daily_or_expiry: str
    account: str
    position_id: str


def portfolio_answer(kind: str, snapshots: Sequence[AccountSnapshot]) -> Mapping[str, object]:
    """The rows of one kind, or of both."""
    rows = [
        row
        for snapshot in snapshots
        for position in snapshot.positions
        for row in _rows(position, snapshot.instruments[position.instrument])
        if kind in (ALL, row.daily_or_expiry.casefold())
    ]
    return {
        "status": "success",
        "code": "s-101",
        "message": f"{len(rows)} rows",
        "data": rows,
        "success": True,
        "statusCode": 200,
    }


def refuse_at_portfolio(error: InvalidRequest) -> Mapping[str, object]:
    """The portfolio's `status`, `code` and `message`, then the plain words."""
    return {
        "status": "error",
        "code": "e-101",
        "message": error.detail,
        **refuse_plainly(error),
    }


@registry.query("GetPortfolioPositions", args=PortfolioArgs, refuse=refuse_at_portfolio)
def get_portfolio_positions(args: PortfolioArgs, asked: Asked) -> Ask:
    """Today's trades and what was carried in, of every account or one."""
    accounts = accounts_named(asked, words(args.account, UNSET, "account"))
    return Ask(
        ReadPositions(asked.refs(accounts)),
        lambda snapshots: portfolio_answer(args.type, snapshots),
    )


def _rows(position: Position, instrument: Instrument) -> Iterator[PortfolioRow]:
    book = _consistent(position)
    if book.buy_quantity or book.sell_quantity:
        yield _row(
            position,
            instrument,
            DAILY,
            buy=(book.buy_quantity, book.buy_value),
            sell=(book.sell_quantity, book.sell_value),
        )
    carried = (abs(book.carried_quantity), abs(book.carried_quantity) * book.carried_price)
    if book.carried_quantity > 0:
        yield _row(position, instrument, EXPIRY, buy=carried, sell=(ZERO, ZERO))
    elif book.carried_quantity < 0:
        yield _row(position, instrument, EXPIRY, buy=(ZERO, ZERO), sell=carried)


def _consistent(position: Position) -> DayBook:
    """The position's day book; where a venue keeps none, all of it is today's."""
    book = position.day
    if book.carried_quantity + book.buy_quantity - book.sell_quantity == position.signed_quantity:
        return book
    value = position.quantity * position.average_price
    if position.signed_quantity > 0:
        return DayBook(buy_quantity=position.quantity, buy_value=value)
    return DayBook(sell_quantity=position.quantity, sell_value=value)


def _row(
    position: Position,
    instrument: Instrument,
    kind: str,
    *,
    buy: tuple[Decimal, Decimal],
    sell: tuple[Decimal, Decimal],
) -> PortfolioRow:
    (bought, buy_value), (sold, sell_value) = buy, sell
    net = bought - sold
    average_buy, average_sell = _average(bought, buy_value), _average(sold, sell_value)
    net_price = ZERO if net == 0 else average_buy if net > 0 else average_sell
    return PortfolioRow(
        exchange=instrument.exchange,
        scrip_token=instrument.scrip_token,
        product_type=position.product,
        symbol=_symbol(instrument),
        series=instrument.series,
        instrument=_INSTRUMENT_WORDS[instrument.type],
        expiry_date="" if instrument.expiry is None else instrument.expiry.isoformat(),
        strike_price=_money((instrument.strike or ZERO) * PAISE),
        option_type=instrument.option_right or "",
        buy_quantity=number(bought),
        avg_buy_price=_money(average_buy),
        buy_value=_money(buy_value),
        sell_quantity=number(sold),
        avg_sell_price=_money(average_sell),
        sell_value=_money(sell_value),
        net_quantity=number(net),
        net_price=_money(net_price),
        net_value=_money(net * net_price),
        multiplier=_money(instrument.point_value),
        daily_or_expiry=kind.upper(),
        account=position.account,
        position_id=position.position_id,
    )


def _symbol(instrument: Instrument) -> str:
    """The scrip master's code: "INFY" of "NSE:INFY"."""
    return instrument.root or instrument.instrument_id.rpartition(":")[2]


def _average(quantity: Decimal, value: Decimal) -> Decimal:
    return value / quantity if quantity else ZERO


def _money(value: Decimal) -> str:
    return text(value, like=_CENT)
