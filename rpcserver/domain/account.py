"""Accounts, and everything one reading of an account tells."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.domain.ids import AccountId, AccountRef, InstrumentId, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market
from rpcserver.domain.order import ZERO, OrderReport
from rpcserver.domain.position import Position

UNREAD = AccountId("*")  # stands for the accounts of a venue that was never read: not none


class PositionMode(enum.Enum):
    """One net position per instrument, or a long and a short one side by side."""

    NETTING = "netting"
    HEDGE = "hedge"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account at a venue, with its money in `currency`."""

    venue: VenueId
    account: AccountId
    user_id: str  # whose it is, in the words of ExitAll's `user_id`
    display_name: str = ""
    currency: str = "USD"
    mode: PositionMode = PositionMode.NETTING
    sandbox: bool = True
    connected: bool = True
    cash: Decimal = ZERO
    realized: Decimal = ZERO  # today's realized profit
    unrealized: Decimal = ZERO
    fees: Decimal = ZERO  # today's
    margin: Decimal = ZERO  # held by positions and working orders
    balances: Mapping[str, Decimal] = {}  # spot coins and currencies

    @property
    def ref(self) -> AccountRef:
        return AccountRef(self.venue, self.account)

    @property
    def equity(self) -> Decimal:
        return self.cash + self.unrealized


class AccountSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """
    One reading of an account: its positions and its working orders, and what they are made of.

    `instruments` describes every instrument that occurs in `positions` or `orders`. `markets`
    holds their market state where it was asked for. Flat positions are left out.
    """

    account: AccountRef
    positions: tuple[Position, ...]
    orders: tuple[OrderReport, ...]  # working orders only
    instruments: Mapping[InstrumentId, Instrument] = {}
    markets: Mapping[InstrumentId, Market] = {}
    taken_at: datetime
