"""Instruments: what is traded, in which steps, and the many names people give it."""

from __future__ import annotations

import enum
from datetime import date
from decimal import Decimal

import msgspec

from rpcserver.domain.ids import InstrumentId


class InstrumentType(enum.Enum):
    """NinjaTrader's names, as CrossTrade answers them in `instrumentType`."""

    FUTURE = "Future"
    STOCK = "Stock"
    OPTION = "Option"
    CRYPTO = "CryptoCurrency"


class ProductGroup(enum.Enum):
    """Deepcoin's product groups; None on an instrument that is none of them."""

    SPOT = "Spot"
    SWAP = "Swap"  # coin-margined
    SWAP_U = "SwapU"  # USDT-margined


class Instrument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    One tradable thing.

    Quantities are in units of the venue (contracts, shares, coins) and multiples of `lot`; prices
    are multiples of `tick`; profit is price difference × quantity × `point_value`, in `currency`.
    """

    instrument_id: InstrumentId
    type: InstrumentType
    lot: Decimal
    tick: Decimal
    point_value: Decimal = Decimal(1)
    minimum: Decimal  # the smallest order
    maximum: Decimal | None = None  # the freeze quantity: the largest order
    currency: str = "USD"
    description: str = ""
    exchange: str = ""
    trading_hours: str = ""  # the name of its calendar, as NinjaTrader has it
    root: str | None = None  # "ES" for "ES 12-25"; None where there is no family
    expiry: date | None = None
    product_group: ProductGroup | None = None
    base: str | None = None  # spot: the coin whose balance is the position
    inverse: bool = False  # coin-margined: profit is quantity × (1/entry - 1/exit)
    strike: Decimal | None = None
    option_right: str | None = None  # "CE" or "PE"
    scrip_token: int = 0  # the exchange's number of the scrip, 0 where it has none
    series: str = ""
    aliases: tuple[str, ...] = ()  # other spellings of exactly this instrument, upper case

    def round_down(self, quantity: Decimal) -> Decimal:
        """Round towards zero to the lot (law 11: never up to a minimum)."""
        return quantity - quantity % self.lot
