"""What the exchange tells when it is asked: accounts, positions, orders, executions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.ids import AccountId, AccountRef
from rpcserver.domain.order import ZERO, Fill, OrderReport
from rpcserver.domain.position import Position
from rpcserver.venues.paper.admission import held_by_orders
from rpcserver.venues.paper.exchange import Exchange
from rpcserver.venues.paper.positions import marked
from rpcserver.venues.paper.state import AccountRecord, State


def positions(state: State, account: AccountId) -> tuple[Position, ...]:
    """Every open position of the account, as it stands at the current prices."""
    markets = state.markets
    return tuple(
        marked(position, (market := markets[position.instrument]).contract, market.last)
        for position in state.positions[account].values()
    )


def working_orders(state: State, account: AccountId) -> tuple[OrderReport, ...]:
    return tuple(order.report for order in state.working.of_account(account))


def orders(state: State, account: AccountId) -> tuple[OrderReport, ...]:
    return tuple(order.report for order in state.orders_of[account])


def trades(state: State, account: AccountId, since: datetime | None) -> Sequence[Fill]:
    fills = state.fills_of[account]
    return tuple(fill for fill in fills if since is None or fill.at >= since)


def account(state: State, record: AccountRecord) -> Account:
    """The account and its money, in its own currency."""
    held = positions(state, record.account)
    return Account(
        venue=state.venue,
        account=record.account,
        user_id=record.user_id,
        display_name=record.display_name,
        currency=record.currency,
        mode=record.mode,
        cash=record.cash.get(record.currency, ZERO),
        realized=record.realized,
        unrealized=sum((_unrealized(state, position) for position in held), ZERO),
        fees=record.fees,
        margin=record.margin + held_by_orders(state, record),
        balances=_balances(state, record, held),
    )


def snapshot(
    exchange: Exchange,
    account: AccountId,
    held: tuple[Position, ...],
    now: datetime,
    *,
    markets: bool,
) -> AccountSnapshot:
    """One reading of an account that shows the positions *held*, which may lag the truth."""
    state = exchange.state
    working = working_orders(state, account)
    named = {position.instrument for position in held} | {order.instrument for order in working}
    found = {instrument: state.markets[instrument] for instrument in named}
    readings = {}
    if markets:
        readings = {name: exchange.markets.reading(found[name], now) for name in named}
    return AccountSnapshot(
        account=AccountRef(state.venue, account),
        positions=held,
        orders=working,
        instruments={name: market.contract.instrument for name, market in found.items()},
        markets=readings,
        taken_at=now,
    )


def _unrealized(state: State, position: Position) -> Decimal:
    market = state.markets[position.instrument]
    return market.contract.in_cash(position.unrealized or ZERO, market.last)


def _balances(
    state: State, record: AccountRecord, held: tuple[Position, ...]
) -> dict[str, Decimal]:
    """Money by currency, and coins bought on spot markets; coin margin is told apart from them."""
    balances = dict(record.cash)
    coins: dict[str, Decimal] = {}
    for position in held:
        base = state.markets[position.instrument].contract.instrument.base
        if base is not None:
            coins[base] = coins.get(base, ZERO) + position.signed_quantity
    for coin, amount in coins.items():
        if coin in balances:
            balances[f"{coin} margin"] = balances.pop(coin)
        balances[coin] = amount
    return balances
