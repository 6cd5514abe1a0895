"""
Orders that take the place of others: changed, replaced, and brackets around what is left.

Whatever is placed instead of something is placed only when that is proven gone: two orders where
one was meant could close a position twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import anyio
import msgspec

from rpcserver.apis.queries import (
    Bracket,
    Bracketed,
    Changed,
    ChangeOrder,
    Condition,
    FoundOrder,
    Placed,
    Replaced,
    ReplaceOrder,
)
from rpcserver.core.requests import CancelRequest, ChangeRequest, PlaceRequest
from rpcserver.core.scoping import covers
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.capabilities import ReduceOnly
from rpcserver.domain.errors import InvalidRequest, VenueError
from rpcserver.domain.ids import AccountRef, ClientOrderId, VenueOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import (
    ZERO,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
)
from rpcserver.domain.policy import SizeLimit
from rpcserver.domain.position import Position, PositionSide
from rpcserver.domain.principal import Principal
from rpcserver.server.failures import told
from rpcserver.server.guarding import (
    filled_meanwhile,
    guards,
    held_by,
    refuse_between_ticks,
    refuse_inside_out,
)
from rpcserver.server.parallel import for_each, read_in_time
from rpcserver.server.ports import Engine
from rpcserver.server.reading import Reader
from rpcserver.server.sizes import Sizing

PROOF_PATIENCE = 5.0  # seconds a cancel may take to be proven; NinjaTrader waits as long
PROOF_AGAIN = 0.1


class Ordering:
    """Carries out what takes the place of a working order. `timeout` in seconds, for a reading."""

    def __init__(
        self,
        engine: Engine,
        read: Reader,
        sizes: Callable[[], Sequence[SizeLimit]],
        timeout: float,
    ) -> None:
        self._engine = engine
        self._sizing = Sizing(engine, read, sizes)
        self._read = read
        self._timeout = timeout

    async def place(self, request: PlaceRequest) -> OrderReport:
        """
        Place one order, if it may be so large.

        Raises:
            InvalidRequest, VenueError: `size_exceeded`, or as `Engine.place`.
        """
        async with self._sizing.allowed(request.account, request.order):
            return await self._engine.place(request)

    # --- conditions ---------------------------------------------------------------------------

    async def check(self, condition: Condition, request: PlaceRequest) -> None:
        """
        Refuse an order whose condition does not hold: by a reading made now, never by memory.

        Raises:
            InvalidRequest: `position_mismatch` or `max_positions`; nothing was sent.
            VenueError: The position could not be read; nothing was sent.
        """
        order = request.order
        snapshot = await self._snapshot(request.account)
        held = sum(
            (
                position.signed_quantity
                for position in snapshot.positions
                if position.instrument == order.instrument
                and position.key.holding is order.holding
                and position.product == order.product
            ),
            ZERO,
        )
        side = None if held == 0 else PositionSide.LONG if held > 0 else PositionSide.SHORT
        if condition.positions and side not in condition.positions:
            name = "flat" if side is None else side.value
            raise InvalidRequest("position_mismatch", f"{order.instrument} is {name}")
        adds = held * order.side.sign >= 0
        if condition.most is not None and adds and abs(held) >= condition.most:
            raise InvalidRequest("max_positions", f"{order.instrument}: {abs(held)} held already")

    # --- change -------------------------------------------------------------------------------

    async def change(self, principal: Principal, query: ChangeOrder, remote: str) -> Changed:
        """Change an order in place; it works on as it was where the venue says no."""
        try:
            found = await self._working(query.accounts, query.order_id)
            return Changed(await self._changed(_change(principal, query, found, remote), found))
        except (InvalidRequest, VenueError) as exc:
            error = told(exc)
            return Changed(error=error.code, detail=error.detail)

    async def _changed(self, request: ChangeRequest, found: FoundOrder) -> OrderReport:
        if request.only_smaller:
            return await self._engine.change_order(request)
        left = request.changed.quantity - found.report.filled
        async with self._sizing.allowed(
            request.account,
            msgspec.structs.replace(request.changed, quantity=left),
            instead=request.venue_order_id,
        ):
            return await self._engine.change_order(request)

    async def _working(self, accounts: tuple[AccountRef, ...], order_id: str) -> FoundOrder:
        found = await self._read.order(accounts, order_id)
        if found is None:
            raise InvalidRequest("unknown_order", f"no order {order_id!r}")
        if found.report.status.is_terminal:
            status = found.report.status.value
            raise InvalidRequest("order_refused", f"the order is {status} already")
        return found

    # --- replace ------------------------------------------------------------------------------

    async def replace(self, principal: Principal, query: ReplaceOrder, remote: str) -> Replaced:
        """Cancel, prove, then place; nothing is placed beside an order that may still fill."""
        account = query.order.account
        canceled = False
        try:
            found = await self._working((account,), query.order_id)
            self._refuse_while_closing(account, found.instrument)
            if (order := query.order.order).instrument == found.instrument.instrument_id:
                refuse_between_ticks(found.instrument, order.stop_price, order.limit_price)
            name = found.report.venue_order_id
            async with self._sizing.allowed(account, query.order.order, instead=name):
                pass  # what could not be placed afterwards takes nothing's place
            ended = await self._canceled(principal, account, found.report, remote)
            canceled = ended.status is OrderStatus.CANCELED
            if not canceled:
                raise InvalidRequest("not_placed", f"the order is {ended.status.value}")
            if (more := ended.filled - found.report.filled) > 0:
                raise InvalidRequest("not_placed", f"it filled {more} more while being canceled")
        except (InvalidRequest, VenueError) as exc:
            error = told(exc)
            return Replaced(query.order_id, canceled, error=error.code, detail=error.detail)
        return Replaced(query.order_id, True, placed=await self._place(query.order))

    # --- bracket ------------------------------------------------------------------------------

    async def bracket(self, principal: Principal, query: Bracket, remote: str) -> Bracketed:
        """Cancel what guards the position, prove it, read what is left, and guard that."""
        gone: list[VenueOrderId] = []
        try:
            before = await self._snapshot(query.account)
            held = held_by(before, query)
            if held is None:
                raise InvalidRequest("position_not_found", f"no position in {query.instrument}")
            instrument = before.instruments[query.instrument]
            refuse_between_ticks(instrument, query.stop_price, query.limit_price)
            refuse_inside_out(query, held)
            self._refuse_while_closing(query.account, instrument)
            guarding = [order for order in before.orders if guards(order, held)]

            async def cancel(order: OrderReport) -> OrderReport:
                try:
                    return await self._canceled(principal, query.account, order, remote)
                except InvalidRequest:
                    return order  # it may still fill: nothing is put in its place

            ended = await for_each(guarding, cancel)
            gone = [order.venue_order_id for order in ended if order.status.is_terminal]
            if len(gone) < len(guarding):
                raise InvalidRequest("cancel_pending", "an order there may still fill")
            left = await self._left(query, held, filled=filled_meanwhile(guarding, ended))
        except (InvalidRequest, VenueError) as exc:
            error = told(exc)
            return Bracketed(
                tuple(gone), error=error.code, detail=error.detail, unprotected=bool(gone)
            )
        if left == 0:
            return Bracketed(tuple(gone), ZERO, error="not_placed", detail="the position is flat")
        placed = [
            await self._place(request)
            for request in await self._bracket_of(principal, query, held, left)
        ]
        works = [one for one in placed if one.report is not None]
        return Bracketed(tuple(gone), left, tuple(placed), unprotected=bool(gone) and not works)

    async def _bracket_of(
        self, principal: Principal, query: Bracket, held: Position, left: Decimal
    ) -> Sequence[PlaceRequest]:
        """The stop first: what fails afterwards fails with the position guarded."""
        venue = self._engine.venues[query.account.venue]
        capabilities = await read_in_time(query.account.venue, self._timeout, venue.capabilities())
        stop, target, group = query.names
        plain = OrderRequest(
            client_order_id=stop,
            account=query.account.account,
            instrument=query.instrument,
            side=OrderSide.SELL if left > 0 else OrderSide.BUY,
            quantity=abs(left),
            time_in_force=query.time_in_force,
            reduce_only=capabilities.reduce_only is not ReduceOnly.NONE,
            holding=query.holding,
            product=held.product,
            tag=query.tag,
            oco_id=group
            if query.stop_price is not None and query.limit_price is not None
            else None,
        )
        orders = []
        if query.stop_price is not None:
            orders.append(
                msgspec.structs.replace(
                    plain, type=OrderType.STOP_MARKET, stop_price=query.stop_price
                )
            )
        if query.limit_price is not None:
            orders.append(
                msgspec.structs.replace(
                    plain,
                    client_order_id=target,
                    type=OrderType.LIMIT,
                    limit_price=query.limit_price,
                )
            )
        return [
            PlaceRequest(principal=principal.principal_id, account=query.account, order=order)
            for order in orders
        ]

    async def _left(self, query: Bracket, held: Position, *, filled: Decimal) -> Decimal:
        """
        The position after the cancels: what a reading shows and the fills we know of agree on.

        Raises:
            InvalidRequest: `not_placed`: they do not agree, or the side is another one.
        """
        expected = held.signed_quantity + held.closing_side.sign * filled
        with anyio.move_on_after(PROOF_PATIENCE):
            while True:
                now = held_by(await self._snapshot(query.account), query)
                quantity = ZERO if now is None else now.signed_quantity
                if quantity == expected:
                    return quantity
                await anyio.sleep(PROOF_AGAIN)
        raise InvalidRequest("not_placed", "the position changed by another hand meanwhile")

    async def _snapshot(self, account: AccountRef) -> AccountSnapshot:
        [snapshot] = await self._read.snapshots((account,))
        return snapshot

    # --- what all of them do ------------------------------------------------------------------

    def _refuse_while_closing(self, account: AccountRef, instrument: Instrument) -> None:
        """Cancel nothing that nothing could be put in the place of."""
        for operation_id in self._engine.unfinished:
            report = self._engine.report(operation_id)
            if report is None or report.finished_at is not None or report.request.dry_run:
                continue
            if covers(report.request.scope, account, instrument):
                raise InvalidRequest(
                    "closing_in_progress", f"operation {operation_id} is closing there"
                )

    async def _canceled(
        self, principal: Principal, account: AccountRef, order: OrderReport, remote: str
    ) -> OrderReport:
        """
        Cancel *order*; how it is proven to have ended.

        Raises:
            InvalidRequest: `cancel_pending`: it may still fill.
        """
        request = CancelRequest(
            principal=principal.principal_id,
            account=account,
            venue_order_id=order.venue_order_id,
            remote=remote,
            why="to be replaced",
        )
        try:
            report: OrderReport | None = await self._engine.cancel_order(request)
        except VenueError:
            report = None  # too late, or no answer: what it is now says the order itself
        with anyio.move_on_after(PROOF_PATIENCE):
            while report is None or not report.status.is_terminal:
                await anyio.sleep(PROOF_AGAIN)
                found = await self._read.order((account,), order.venue_order_id)
                report = None if found is None else found.report
        if report is None or not report.status.is_terminal:
            raise InvalidRequest("cancel_pending", f"{order.venue_order_id} may still fill")
        return report

    async def _place(self, request: PlaceRequest) -> Placed:
        try:
            return Placed(request, report=await self.place(request))
        except (InvalidRequest, VenueError) as exc:
            error = told(exc)
            return Placed(request, error=error.code, detail=error.detail)


def _change(
    principal: Principal, query: ChangeOrder, found: FoundOrder, remote: str
) -> ChangeRequest:
    report = found.report
    quantity = report.quantity if query.quantity is None else query.quantity
    changed = OrderRequest(
        client_order_id=ClientOrderId(report.client_order_id or report.venue_order_id),
        account=report.account,
        instrument=report.instrument,
        side=report.side,
        quantity=quantity,
        type=report.type,
        limit_price=report.limit_price if query.limit_price is None else query.limit_price,
        stop_price=report.stop_price if query.stop_price is None else query.stop_price,
        time_in_force=report.time_in_force,
        reduce_only=report.reduce_only,
        holding=report.holding,
        product=report.product,
        tag=report.tag,
        oco_id=report.oco_id,
    )
    return ChangeRequest(
        principal=principal.principal_id,
        account=found.account,
        venue_order_id=report.venue_order_id,
        changed=changed,
        quantity=query.quantity,
        limit_price=query.limit_price,
        stop_price=query.stop_price,
        only_smaller=quantity <= report.quantity
        and query.limit_price is None
        and query.stop_price is None,
        remote=remote,
    )
