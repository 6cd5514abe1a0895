"""CrossTrade's reads of accounts and positions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import Args, NoArgs, word, words
from rpcserver.apis.crosstrade import PositionAnswer, position_answer
from rpcserver.apis.names import (
    accounts_of,
    one_account,
    one_instrument,
    selectors_of,
)
from rpcserver.apis.numbers import money, text
from rpcserver.apis.paging import Paged, page
from rpcserver.apis.queries import (
    Data,
    ReadAccounts,
    ReadPositions,
)
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.position import Position

registry = Registry()

_NINJA_CURRENCIES = {"USD": "UsDollar", "EUR": "Euro", "GBP": "BritishPound"}


class AccountArgs(Args, frozen=True, kw_only=True):
    """One account, by name."""

    account: str | None


class AccountRowsArgs(Paged, frozen=True, kw_only=True):
    """What one account has many of."""

    account: str | None


class AllPositionsArgs(Paged, frozen=True, kw_only=True, rename="camel"):
    """`includeFlat` adds the instruments that only have working orders."""

    include_flat: bool = False


class PositionArgs(Args, frozen=True, kw_only=True):
    """One position: a root finds it in any expiry."""

    account: str | None
    instrument: str | None


# --- accounts ------------------------------------------------------------------------------------


class AccountItems(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """NinjaTrader's account items that any venue has."""

    buying_power: float
    cash_value: float
    fee: float
    gross_realized_profit_loss: float
    initial_margin: float
    excess_initial_margin: float
    net_liquidation: float
    realized_profit_loss: float
    total_cash_balance: float
    unrealized_profit_loss: float


class AccountAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One account, as CrossTrade names its parts; then ours."""

    id: str
    name: str
    display_name: str
    primary_user: str
    provider: str
    denomination: str
    status: str
    connection: str = "NinjaTrader.Cbi.Connection"
    connection_status: str
    item: AccountItems
    venue: str
    currency: str
    mode: str
    sandbox: bool
    balances: dict[str, str]
    success: bool | UnsetType = UNSET


def account_answer(account: Account) -> AccountAnswer:
    return AccountAnswer(
        id=str(account.ref),
        name=account.account,
        display_name=account.display_name or account.account,
        primary_user=account.user_id,
        provider="Simulator" if account.sandbox else account.venue,
        denomination=_NINJA_CURRENCIES.get(account.currency, account.currency),
        status="Enabled",
        connection_status="Connected" if account.connected else "Disconnected",
        item=AccountItems(
            buying_power=money(account.equity - account.margin),
            cash_value=money(account.cash),
            fee=money(account.fees),
            gross_realized_profit_loss=money(account.realized),
            initial_margin=money(account.margin),
            excess_initial_margin=money(account.equity - account.margin),
            net_liquidation=money(account.equity),
            realized_profit_loss=money(account.realized - account.fees),
            total_cash_balance=money(account.cash),
            unrealized_profit_loss=money(account.unrealized),
        ),
        venue=account.venue,
        currency=account.currency,
        mode=account.mode.value,
        sandbox=account.sandbox,
        balances={coin: text(amount) for coin, amount in account.balances.items()},
    )


@registry.query("ListAccounts", args=NoArgs)
def list_accounts(_: NoArgs, asked: Asked) -> Ask:
    """Every account of the caller, with its money as it is now."""

    def answer(accounts: Sequence[Account]) -> Data:
        return {"accounts": [account_answer(account) for account in accounts], "success": True}

    return Ask(ReadAccounts(asked.refs(accounts_of(asked))), answer)


@registry.query("GetAccount", args=AccountArgs)
def get_account(args: AccountArgs, asked: Asked) -> Ask:
    """One account."""

    def answer(accounts: Sequence[Account]) -> Data:
        return msgspec.structs.replace(account_answer(accounts[0]), success=True)

    return Ask(ReadAccounts(asked.refs((one_account(asked, word(args.account)),))), answer)


# --- positions -----------------------------------------------------------------------------------


class HeldPosition(PositionAnswer, frozen=True, kw_only=True, rename="camel"):
    """A position as a read shows it: CrossTrade's fields, then ours."""

    tag: str | None
    venue: str
    position_id: str | UnsetType = UNSET
    product: str | UnsetType = UNSET
    success: bool | UnsetType = UNSET
    positions: Sequence[HeldPosition] | UnsetType = UNSET  # where one name means several


def held_position(position: Position, instrument: Instrument) -> HeldPosition:
    return HeldPosition(
        **msgspec.structs.asdict(position_answer(position, instrument)),
        tag=position.tags[0].tag if len(position.tags) == 1 else None,
        venue=position.venue,
        position_id=position.position_id,
        product=position.product or UNSET,
    )


def _flat_position(account: AccountRef, instrument: Instrument) -> HeldPosition:
    return HeldPosition(
        account=account.account,
        instrument=instrument.instrument_id,
        instrument_type=instrument.type.value,
        market_position="Flat",
        quantity=0,
        average_price=0.0,
        market_price=None,
        unrealized_profit_loss=0.0,
        tag=None,
        venue=account.venue,
    )


def _positions(
    snapshots: Sequence[AccountSnapshot], *, with_flat: bool = False
) -> list[HeldPosition]:
    rows: list[HeldPosition] = []
    for snapshot in snapshots:
        held = {position.instrument for position in snapshot.positions}
        rows += (
            held_position(position, snapshot.instruments[position.instrument])
            for position in snapshot.positions
        )
        if with_flat:
            waiting = dict.fromkeys(order.instrument for order in snapshot.orders)
            rows += (
                _flat_position(snapshot.account, snapshot.instruments[name])
                for name in waiting
                if name not in held
            )
    return rows


def positions_answer(rows: Sequence[HeldPosition], args: Paged) -> Data:
    shown, more = page(rows, args, _row_name)
    return {"positions": shown, "count": len(shown), **more, "success": True}


def _row_name(row: HeldPosition) -> str:
    """A position by its id; an instrument that only has orders by where it is."""
    if isinstance(row.position_id, str):
        return row.position_id
    return f"{row.venue}:{row.account}/{row.instrument}"


@registry.query("ListPositions", args=AccountRowsArgs)
def list_positions(args: AccountRowsArgs, asked: Asked) -> Ask:
    """The positions of one account."""
    return Ask(
        ReadPositions(asked.refs((one_account(asked, word(args.account)),))),
        lambda snapshots: positions_answer(_positions(snapshots), args),
    )


@registry.query("GetAllPositions", args=AllPositionsArgs)
def get_all_positions(args: AllPositionsArgs, asked: Asked) -> Ask:
    """The positions of every account of the caller."""
    return Ask(
        ReadPositions(asked.refs(accounts_of(asked))),
        lambda snapshots: positions_answer(
            _positions(snapshots, with_flat=args.include_flat), args
        ),
    )


@registry.query("GetPosition", args=PositionArgs)
def get_position(args: PositionArgs, asked: Asked) -> Ask:
    """One position; a flat one is told as such. Where several match, `positions` holds them all."""
    account = one_account(asked, word(args.account))
    names = words(args.instrument, UNSET, "instrument")
    selectors = selectors_of(asked, (account,), names)
    _, front = one_instrument(asked, (account,), names[0])

    def answer(snapshots: Sequence[AccountSnapshot]) -> Data:
        return _one_position(snapshots[0], selectors, front)

    return Ask(ReadPositions((account.ref,)), answer)


def _one_position(
    snapshot: AccountSnapshot, selectors: Sequence[InstrumentSelector], front: Instrument
) -> HeldPosition:
    rows = [
        held_position(position, instrument)
        for position in snapshot.positions
        if (instrument := snapshot.instruments[position.instrument])
        and any(selector.matches(instrument) for selector in selectors)
    ]
    first = rows[0] if rows else _flat_position(snapshot.account, front)
    return msgspec.structs.replace(first, success=True, positions=rows if len(rows) > 1 else UNSET)
