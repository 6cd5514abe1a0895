"""
How large orders that open risk may be, and the positions that they make.

An account is read for each order, and its limited orders are placed one after the other: two that
are asked for at once are not both held against what neither of them has changed yet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal

import anyio

from rpcserver.core.requests import Sequel
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import ZERO, OrderRequest
from rpcserver.domain.policy import SizeLimit
from rpcserver.server.ports import Engine
from rpcserver.server.reading import Reader


class Sizing:
    """Holds orders against the policy's sizes."""

    def __init__(
        self, engine: Engine, read: Reader, sizes: Callable[[], Sequence[SizeLimit]]
    ) -> None:
        self._engine = engine
        self._read = read
        self._sizes = sizes
        self._turns: dict[AccountRef, anyio.Lock] = {}

    @asynccontextmanager
    async def allowed(
        self, account: AccountRef, order: OrderRequest, *, instead: str | None = None
    ) -> AsyncIterator[None]:
        """
        Place *order* in here, if it may be so large. *instead*: of a working order, by its id.

        Raises:
            InvalidRequest: `size_exceeded`; nothing was sent.
            VenueError: The account could not be read; nothing was sent.
        """
        known = self._known(account, order)
        limits = [each for each in self._sizes() if _covers(each, account, order, known)]
        if not limits:
            yield
            return
        async with self._turns.setdefault(account, anyio.Lock()):
            [snapshot] = await self._read.snapshots((account,))
            check_size(limits, snapshot, order, instead)
            yield

    def _known(self, account: AccountRef, order: OrderRequest) -> Instrument | None:
        listed = self._engine.instruments.get(account.venue, ())
        return next((each for each in listed if each.instrument_id == order.instrument), None)


def check_size(
    limits: Sequence[SizeLimit],
    snapshot: AccountSnapshot,
    order: OrderRequest,
    instead: str | None = None,
) -> None:
    """
    Refuse an order that opens more than *limits* allow. What only reduces passes.

    Raises:
        InvalidRequest: `size_exceeded`.
    """
    held = sum(
        (
            position.signed_quantity
            for position in snapshot.positions
            if position.instrument == order.instrument and position.key.holding is order.holding
        ),
        ZERO,
    )
    ahead = [
        (other.oco_id, other.quantity - other.filled)
        for other in snapshot.orders
        if other.instrument == order.instrument
        and other.holding is order.holding
        and other.side is order.side
        and not other.reduce_only
        and instead not in (other.venue_order_id, other.client_order_id)
    ]
    most = _most_that_fills([*ahead, (order.oco_id, order.quantity)])
    after = held * order.side.sign + most  # on the order's side
    if after <= 0 or order.reduce_only:
        return
    for limit in limits:
        _check(limit, order, after)


def _most_that_fills(orders: Sequence[tuple[str | None, Decimal]]) -> Decimal:
    """All of them; of a group of which one cancels the others, the largest."""
    groups: dict[str, Decimal] = {}
    total = ZERO
    for group, quantity in orders:
        if group is None:
            total += quantity
        else:
            groups[group] = max(groups.get(group, ZERO), quantity)
    return total + sum(groups.values(), ZERO)


def _check(limit: SizeLimit, order: OrderRequest, after: Decimal) -> None:
    opens = min(order.quantity, after)  # the part of it that takes nothing off
    if limit.order is not None and opens > limit.order:
        raise InvalidRequest(
            "size_exceeded", f"quantity: {opens:f} {order.instrument}, at most {limit.order:f}"
        )
    if limit.position is not None and after > limit.position:
        raise InvalidRequest(
            "size_exceeded",
            f"quantity: {after:f} {order.instrument} could be held, at most {limit.position:f}",
        )


def check_sequel(limits: Sequence[SizeLimit], sequel: Sequel | None) -> None:
    """
    Refuse what is to follow a proven flat, where it opens more than *limits* allow.

    Raises:
        InvalidRequest: `size_exceeded`; nothing was closed either.
    """
    if sequel is None or sequel.order is None:
        return  # as much as was held, the other way round
    for limit in limits:
        if _covers(limit, sequel.account, sequel.order, sequel.instrument):
            _check(limit, sequel.order, sequel.order.quantity)


def _covers(
    limit: SizeLimit, account: AccountRef, order: OrderRequest, known: Instrument | None
) -> bool:
    """An instrument that is not *known* may be of any family."""
    if limit.accounts and account not in limit.accounts:
        return False
    if (wanted := limit.instrument) is None:
        return True
    if known is not None:
        return wanted.matches(known)
    return wanted.root is not None or wanted.exact == order.instrument
