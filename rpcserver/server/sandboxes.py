"""Sandbox or live: what every answer that names an account says of the venues it names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.apis.legs import sandbox_keys
from rpcserver.apis.order_queries import ChangeOrder, ReplaceOrder
from rpcserver.apis.queries import (
    CancelOrders,
    Data,
    PlaceOrders,
    Query,
    ReadAccounts,
    ReadExecutions,
    ReadOrder,
    ReadOrders,
    ReadPositions,
)
from rpcserver.apis.read_queries import ReadLifecycle, ReadSummary, ReadWatermarks
from rpcserver.domain.account import UNREAD
from rpcserver.domain.ids import AccountRef, VenueId
from rpcserver.server.ports import Engine


def sandboxes(engine: Engine, accounts: Collection[AccountRef]) -> tuple[VenueId, ...] | None:
    """
    Those venues of *accounts* that are sandboxes, as they say themselves.

    None: one of them was never read, and what it is is not known.
    """
    if any(account.account == UNREAD for account in accounts):
        return None
    venues = sorted({account.venue for account in accounts})
    return tuple(venue for venue in venues if engine.capabilities(venue).sandbox)


def marked(engine: Engine, query: Query, data: Data) -> Data:
    """*data* with what its accounts are, if it is the answer to a question about accounts."""
    accounts = accounts_asked(query)
    found = sandboxes(engine, accounts)
    if not accounts or found is None:
        return data
    return with_keys(data, sandbox_keys(found, {account.venue for account in accounts}))


def with_keys(data: Data, keys: Mapping[str, object]) -> Data:
    """*data* with further keys, where it is an object."""
    if isinstance(data, Mapping):
        return {**data, **keys}
    if isinstance(data, msgspec.Struct):
        return {**msgspec.to_builtins(data, builtin_types=(Decimal, datetime)), **keys}
    return data


def accounts_asked(query: Query) -> tuple[AccountRef, ...]:
    """The accounts that a question, a cancel or an order names."""
    match query:
        case ReadAccounts() | ReadPositions() | ReadOrders() | ReadOrder() | ReadExecutions():
            return query.accounts
        case ReadLifecycle() | ReadSummary() | ReadWatermarks() | CancelOrders() | ChangeOrder():
            return query.accounts
        case ReplaceOrder(order=order):
            return (order.account,)
        case PlaceOrders(orders):
            return tuple(order.account for order in orders)
        case _:
            account = getattr(query, "account", None)
            return (account,) if isinstance(account, AccountRef) else ()
