"""Sandbox or live: what every answer that names an account says of the venues it names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

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
from rpcserver.apis.sandboxes import kind_of
from rpcserver.domain.ids import AccountRef, VenueId


def marked(known: Mapping[VenueId, bool], query: Query, data: Data) -> Data:
    """*data* with what its accounts are, if it is the answer to a question about accounts."""
    keys = kind_of(accounts_asked(query), known).keys
    return with_keys(data, keys) if keys else data


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
