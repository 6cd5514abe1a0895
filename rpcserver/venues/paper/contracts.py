"""
What the paper venue lists: contract specifications, and how each contract trades there.

The seeds' names ("MES 12-25", "ES 03-26", "NSE:INFY", …) are always listed, whatever the date;
the front months of the futures are computed from the date the venue is opened on.
"""

from __future__ import annotations

import calendar
import enum
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.instrument import Instrument, InstrumentType, ProductGroup
from rpcserver.domain.naming import futures_aliases


class Calendar(enum.Enum):
    """Whose trading hours a contract keeps."""

    ALWAYS = "always"
    CME = "cme"
    NSE = "nse"


class Contract(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    An instrument, and the market the paper venue makes in it.

    The nth price level of the book offers n times `touch`; prices step by at most `swing` ticks.
    """

    instrument: Instrument
    calendar: Calendar = Calendar.ALWAYS
    price: Decimal  # where its price process starts
    swing: int = 4
    spread: int = 1  # ticks between bid and ask
    touch: Decimal  # what is offered at the best price
    levels: int = 8
    margin_rate: Decimal = Decimal("0.05")  # of the notional
    fee: Decimal = Decimal(0)  # per unit traded
    fee_rate: Decimal = Decimal(0)  # of the value traded

    @property
    def instrument_id(self) -> InstrumentId:
        return self.instrument.instrument_id

    @property
    def is_spot(self) -> bool:
        return self.instrument.base is not None

    def notional(self, quantity: Decimal, price: Decimal) -> Decimal:
        """The value of *quantity*, in the instrument's currency."""
        if self.instrument.inverse:
            return (quantity * self.instrument.point_value / price).quantize(_COIN)
        return quantity * self.instrument.point_value * price

    def profit(self, signed_quantity: Decimal, entry: Decimal, exit: Decimal) -> Decimal:
        """What a position earns between two prices, in the instrument's currency."""
        if self.instrument.inverse:
            earned = signed_quantity * self.instrument.point_value * (1 / entry - 1 / exit)
            return earned.quantize(_COIN)
        return signed_quantity * self.instrument.point_value * (exit - entry)

    def in_cash(self, amount: Decimal, price: Decimal) -> Decimal:
        """Tell an *amount* of the instrument's currency in the account's: coins at *price*."""
        return amount * price if self.instrument.inverse else amount

    def margin(self, quantity: Decimal, price: Decimal) -> Decimal:
        """What holding *quantity* ties up, in the account's currency."""
        held = self.in_cash(self.notional(quantity, price), price) * self.margin_rate
        return held.quantize(_CENT_OF_CENT)

    def fee_on(self, quantity: Decimal, price: Decimal) -> Decimal:
        """What trading *quantity* costs, in the instrument's currency."""
        return quantity * self.fee + self.notional(quantity, price) * self.fee_rate


_COIN = Decimal("1E-12")  # the steps in which coins and margins are kept, so that sums are exact
_CENT_OF_CENT = Decimal("1E-4")

_HOURS = {  # an exchange's calendar, by NinjaTrader's name where it has one
    "CME": "CME US Index Futures ETH",
    "NYMEX": "Nymex Metals - Energy ETH",
    "COMEX": "Nymex Metals - Energy ETH",
    "NSE": "NSE Cash Market",
    "PAPER": "Default 24 x 7",
}

# --- futures -------------------------------------------------------------------------------------

_SEEDED_MONTHS = (date(2025, 12, 1), date(2026, 3, 1))  # the months the seeds name
_FRONT_MONTHS = 2

_QUARTERLY = (3, 6, 9, 12)
_EVEN = (2, 4, 6, 8, 10, 12)
_EVERY = tuple(range(1, 13))


class _Family(msgspec.Struct, frozen=True):
    """A futures root: what its contracts have in common."""

    root: str
    description: str
    exchange: str
    point_value: str
    tick: str
    price: str
    carry: str  # how much dearer each later month is
    touch: int
    fee: str
    months: tuple[int, ...]


_FAMILIES = (
    _Family("ES", "E-mini S&P 500", "CME", "50", "0.25", "5774.00", "12.50", 12, "2.25",
            _QUARTERLY),
    _Family("MES", "Micro E-mini S&P 500", "CME", "5", "0.25", "5774.00", "12.50", 20, "0.62",
            _QUARTERLY),
    _Family("NQ", "E-mini Nasdaq-100", "CME", "20", "0.25", "20150.00", "55.00", 8, "2.25",
            _QUARTERLY),
    _Family("MNQ", "Micro E-mini Nasdaq-100", "CME", "2", "0.25", "20150.00", "55.00", 16, "0.62",
            _QUARTERLY),
    _Family("CL", "Crude Oil", "NYMEX", "1000", "0.01", "70.00", "0.15", 10, "2.40", _EVERY),
    _Family("GC", "Gold", "COMEX", "100", "0.1", "2650.0", "9.0", 6, "2.40", _EVEN),
)  # fmt: skip


def _futures(today: date) -> Iterator[Contract]:
    for family in _FAMILIES:
        months = sorted({*_SEEDED_MONTHS, *_front_months(family, today)})
        for place, month in enumerate(months):
            yield _future(family, month, place)


def _front_months(family: _Family, today: date) -> Iterator[date]:
    """The next months of *family* that have not expired."""
    found, month = 0, today.replace(day=1)
    while found < _FRONT_MONTHS:
        if month.month in family.months and _last_day(family.root, month) >= today:
            found += 1
            yield month
        month = _month_after(month)


def _future(family: _Family, month: date, place: int) -> Contract:
    return Contract(
        instrument=Instrument(
            instrument_id=InstrumentId(f"{family.root} {month.month:02}-{month.year % 100:02}"),
            type=InstrumentType.FUTURE,
            lot=Decimal(1),
            tick=Decimal(family.tick),
            point_value=Decimal(family.point_value),
            minimum=Decimal(1),
            description=family.description,
            exchange=family.exchange,
            trading_hours=_HOURS[family.exchange],
            root=family.root,
            expiry=_last_day(family.root, month),
            aliases=futures_aliases(family.root, month),
        ),
        calendar=Calendar.CME,
        price=Decimal(family.price) + place * Decimal(family.carry),
        touch=Decimal(family.touch),
        fee=Decimal(family.fee),
    )


def _last_day(root: str, month: date) -> date:
    """The last day a contract month trades: each exchange counts its own way."""
    match root:
        case "CL":  # three business days before the 25th of the month before
            return _business_days_before((month - timedelta(days=1)).replace(day=25), 3)
        case "GC":  # the third last business day of the month
            return _business_days_before(_month_after(month), 3)
        case _:  # the third Friday
            first_friday = 1 + (calendar.FRIDAY - month.weekday()) % 7
            return month.replace(day=first_friday + 14)


def _month_after(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def _business_days_before(day: date, count: int) -> date:
    while count:
        day -= timedelta(days=1)
        if day.weekday() < calendar.SATURDAY:
            count -= 1
    return day


# --- the National Stock Exchange of India --------------------------------------------------------


def _nse_share(symbol: str, name: str, scrip_token: int, price: str) -> Contract:
    return Contract(
        instrument=Instrument(
            instrument_id=InstrumentId(f"NSE:{symbol}"),
            type=InstrumentType.STOCK,
            lot=Decimal(1),
            tick=Decimal("0.05"),
            minimum=Decimal(1),
            maximum=Decimal(100_000),
            currency="INR",
            description=name,
            exchange="NSE",
            trading_hours=_HOURS["NSE"],
            scrip_token=scrip_token,
            series="EQ",
            aliases=(symbol, f"{symbol}-EQ"),
        ),
        calendar=Calendar.NSE,
        price=Decimal(price),
        touch=Decimal(250),
        margin_rate=Decimal("0.2"),
        fee_rate=Decimal("0.0003"),
    )


def _nifty_option(expiry: date, strike: int, right: str, token: int, price: str) -> Contract:
    month = expiry.strftime("%b").upper()
    return Contract(
        instrument=Instrument(
            instrument_id=InstrumentId(f"NSE:NIFTY{expiry:%y}{month}{strike}{right}"),
            type=InstrumentType.OPTION,
            lot=Decimal(65),
            tick=Decimal("0.05"),
            minimum=Decimal(65),
            maximum=Decimal(1755),  # the freeze quantity: 27 lots
            currency="INR",
            description="Nifty 50 option",
            exchange="NSE",
            trading_hours=_HOURS["NSE"],
            expiry=expiry,
            strike=Decimal(strike),
            option_right=right,
            scrip_token=token,
            aliases=(f"NIFTY{expiry:%y}{month}{strike}{right}",),
        ),
        calendar=Calendar.NSE,
        price=Decimal(price),
        spread=2,
        touch=Decimal(65 * 12),
        margin_rate=Decimal("0.2"),
        fee_rate=Decimal("0.0005"),
    )


# --- coins ---------------------------------------------------------------------------------------


def _spot(instrument_id: str, lot: str, tick: str, price: str, touch: str) -> Contract:
    base = instrument_id.replace("/", "-").split("-")[0]
    grouped = "/" not in instrument_id  # Deepcoin's spelling, and so of its product group
    return Contract(
        instrument=Instrument(
            instrument_id=InstrumentId(instrument_id),
            type=InstrumentType.CRYPTO,
            lot=Decimal(lot),
            tick=Decimal(tick),
            minimum=Decimal(lot),
            currency="USDT",
            description=f"{base} against USDT",
            exchange="PAPER",
            trading_hours=_HOURS["PAPER"],
            product_group=ProductGroup.SPOT if grouped else None,
            base=base,
        ),
        price=Decimal(price),
        swing=40,
        spread=2,
        touch=Decimal(touch),
        margin_rate=Decimal(1),
        fee_rate=Decimal("0.001"),
    )


_COIN_SWAP = Contract(
    instrument=Instrument(
        instrument_id=InstrumentId("BTC-USD-SWAP"),
        type=InstrumentType.CRYPTO,
        lot=Decimal(1),  # one contract is one dollar
        tick=Decimal("0.1"),
        minimum=Decimal(1),
        currency="BTC",
        description="Bitcoin perpetual, coin-margined",
        exchange="PAPER",
        trading_hours=_HOURS["PAPER"],
        product_group=ProductGroup.SWAP,
        inverse=True,
    ),
    price=Decimal("50000.0"),
    swing=80,
    touch=Decimal(25_000),
    fee_rate=Decimal("0.0005"),
)

_USDT_SWAP = Contract(
    instrument=Instrument(
        instrument_id=InstrumentId("BTC-USDT-SWAP"),
        type=InstrumentType.CRYPTO,
        lot=Decimal(1),  # one contract is a thousandth of a bitcoin
        tick=Decimal("0.1"),
        point_value=Decimal("0.001"),
        minimum=Decimal(1),
        currency="USDT",
        description="Bitcoin perpetual, USDT-margined",
        exchange="PAPER",
        trading_hours=_HOURS["PAPER"],
        product_group=ProductGroup.SWAP_U,
    ),
    price=Decimal("50000.0"),
    swing=80,
    touch=Decimal(500),
    fee_rate=Decimal("0.0005"),
)


def listed_contracts(today: date) -> tuple[Contract, ...]:
    """Everything the paper venue lists by itself on the date it is opened."""
    return (
        *_futures(today),
        _nse_share("INFY", "Infosys", 1594, "1550.00"),
        _nse_share("TCS", "Tata Consultancy Services", 11536, "3300.00"),
        _nifty_option(date(2025, 12, 30), 24000, "CE", 43401, "185.00"),
        _nifty_option(date(2025, 12, 30), 24000, "PE", 43402, "142.00"),
        _spot("BTC-USDT", "0.00001", "0.1", "50000.0", "0.4"),
        _COIN_SWAP,
        _USDT_SWAP,
        _spot("ETH/USDT", "0.0001", "0.01", "3000.00", "6"),
        _spot("BTC/USDT", "0.00001", "0.01", "50000.00", "0.4"),
    )


SYNTHETIC = "SYN"


def synthetic_contracts(count: int) -> tuple[Contract, ...]:
    """Contracts `SYN00001`, `SYN00002`, … for portfolios of any size."""
    return tuple(
        Contract(
            instrument=Instrument(
                instrument_id=InstrumentId(f"{SYNTHETIC}{number:05}"),
                type=InstrumentType.STOCK,
                lot=Decimal(1),
                tick=Decimal("0.01"),
                minimum=Decimal(1),
                description="Synthetic share",
                exchange="PAPER",
                trading_hours=_HOURS["PAPER"],
            ),
            price=Decimal("100.00"),
            touch=Decimal(100),
            fee=Decimal("0.01"),
        )
        for number in range(1, count + 1)
    )
