"""
Orders of ours that are not proven gone, and what the venue said no to.

An order counts from before its first byte leaves until the venue says that it has ended, or does
not know it once it cannot arrive any more (law 7).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

import anyio
import msgspec

from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueError, VenueUnavailable
from rpcserver.domain.ids import AccountRef, ClientOrderId, InstrumentId, Product
from rpcserver.domain.order import (
    ZERO,
    Holding,
    OrderReport,
    OrderRequest,
    OrderSide,
    RejectReason,
)
from rpcserver.domain.position import Position, PositionKey
from rpcserver.panic.calls import Calls
from rpcserver.panic.diary import Answered, Diary, Sending

PAUSE = 0.25  # seconds before what failed is tried again
PAUSE_MAX = 8.0  # what a position is left alone for at most, after refusals in a row


class Sent(msgspec.Struct, frozen=True):
    """An order of ours that is not proven gone: it may fill what is left of it (law 7)."""

    order: OrderRequest
    sent_at: float  # monotonic
    filled: Decimal = ZERO
    is_known: bool = False  # the venue has told of it

    @property
    def remaining(self) -> Decimal:
        return self.order.quantity - self.filled


class Refusals(msgspec.Struct, frozen=True):
    """What a venue said no to, so many times in a row, and when to try again (law 29)."""

    count: int
    not_before: float  # monotonic
    detail: str


class Outstanding:
    """Sends one account's closing orders, and remembers each until it is proven gone."""

    def __init__(
        self,
        account: AccountRef,
        capabilities: Capabilities,
        calls: Calls,
        diary: Diary,
        clock: Callable[[], datetime],
    ) -> None:
        self._account = account
        self._capabilities = capabilities
        self._calls = calls
        self._diary = diary
        self._clock = clock
        self._sent: dict[ClientOrderId, Sent] = {}
        self._refusals: dict[PositionKey, Refusals] = {}
        self._limits_only: set[PositionKey] = set()  # market orders were refused there
        self.active_at = 0.0  # monotonic: when something was last learned of an order

    # --- what is known -------------------------------------------------------------------------

    @property
    def names(self) -> tuple[ClientOrderId, ...]:
        """Orders that may still fill."""
        return tuple(self._sent)

    @property
    def was_refused(self) -> bool:
        """Whether something the venue refused is to be tried again."""
        return bool(self._refusals)

    def sent_at(self, name: ClientOrderId | None) -> float | None:
        """When an order of ours was sent (monotonic); None: it is not ours."""
        sent = self._sent.get(name) if name is not None else None
        return sent.sent_at if sent is not None else None

    def refusal(self, key: PositionKey) -> str | None:
        """Why nothing is sent for a position yet; None: something may be."""
        refusals = self._refusals.get(key)
        if refusals is None or anyio.current_time() >= refusals.not_before:
            return None
        return refusals.detail

    def takes_limits_only(self, key: PositionKey) -> bool:
        """Whether the venue takes no market orders for a position."""
        return key in self._limits_only or not self._capabilities.market_orders

    def reserved(self, position: Position, orders: Sequence[OrderReport]) -> Decimal:
        """The most that orders not proven gone may still take off *position* (law 2)."""
        side = position.closing_side
        working = [order for order in orders if order.side is side]
        shown = {order.client_order_id for order in working}
        ours = [
            sent
            for name, sent in self._sent.items()
            if name not in shown and sent.order.side is side
        ]
        return sum(
            (order.remaining for order in working if _key(order) == _key(position)), ZERO
        ) + sum((sent.remaining for sent in ours if _key(sent.order) == _key(position)), ZERO)

    # --- sending -------------------------------------------------------------------------------

    async def send(self, orders: Sequence[OrderRequest]) -> None:
        """Send, buys before sells, and write down each order before its first byte leaves."""
        now = self._clock()
        self._diary.write(
            *(Sending(at=now, account=self._account, order=order) for order in orders),
            durable=True,
        )
        for side in (OrderSide.BUY, OrderSide.SELL):
            async with anyio.create_task_group() as tasks:
                for order in orders:
                    if order.side is side:
                        tasks.start_soon(self._send_one, order)
        self.active_at = anyio.current_time()

    async def _send_one(self, order: OrderRequest) -> None:
        name = order.client_order_id
        self._sent[name] = Sent(order, anyio.current_time())
        try:
            report = await self._calls.tell(lambda venue: venue.submit_order(order))
        except OutcomeUnknown as error:
            self._sent[name] = Sent(order, anyio.current_time())
            self._answered(order, f"no answer: {error}")
        except OrderRefused as error:
            if error.reason is RejectReason.DUPLICATE_ID:
                return  # it got there on another way: asked for like one without an answer
            self._refused(order, error)
        except VenueUnavailable as error:
            del self._sent[name]
            self._hold_off(order, str(error), error.retry_after)
        else:
            self._known(report)
            self._refusals.pop(self._position_of(order), None)

    def _refused(self, order: OrderRequest, error: OrderRefused) -> None:
        del self._sent[order.client_order_id]  # it does not exist
        if error.reason is RejectReason.MARKET_ORDERS_BANNED:
            self._limits_only.add(self._position_of(order))
        self._hold_off(order, str(error))

    def _hold_off(self, order: OrderRequest, detail: str, seconds: float | None = None) -> None:
        """Leave the position alone for a while: longer after each refusal in a row."""
        key = self._position_of(order)
        before = self._refusals.get(key)
        count = before.count + 1 if before is not None else 1
        pause = min(PAUSE * 2**count, PAUSE_MAX) if seconds is None else seconds
        self._refusals[key] = Refusals(count, anyio.current_time() + pause, detail)
        self._answered(order, detail)

    def _position_of(self, order: OrderRequest) -> PositionKey:
        return PositionKey(
            self._account.venue, order.account, order.instrument, order.holding, order.product
        )

    def _known(self, report: OrderReport) -> None:
        """The venue has told of an order of ours."""
        name = report.client_order_id
        assert name is not None
        self.active_at = anyio.current_time()
        if report.status.is_terminal:
            self._sent.pop(name, None)
        else:
            self._sent[name] = msgspec.structs.replace(
                self._sent[name], filled=report.filled, is_known=True
            )
        self._diary.write(
            Answered(
                at=self._clock(),
                account=self._account,
                client_order_id=name,
                status=report.status,
                filled=report.filled,
                average_price=report.average_price,
                detail=report.detail,
            )
        )

    def _answered(self, order: OrderRequest, detail: str) -> None:
        self._diary.write(
            Answered(
                at=self._clock(),
                account=self._account,
                client_order_id=order.client_order_id,
                detail=detail,
            )
        )

    # --- asking --------------------------------------------------------------------------------

    async def ask(self) -> None:
        async with anyio.create_task_group() as tasks:
            for name in tuple(self._sent):
                tasks.start_soon(self._ask_for, name)

    async def _ask_for(self, name: ClientOrderId) -> None:
        """Ask for an order by its name. Not found proves nothing until the settle time is over."""
        sent = self._sent[name]
        asked_at = anyio.current_time()
        try:
            report = await self._calls.ask(
                lambda venue: venue.query_order(self._account.account, client_order_id=name)
            )
        except VenueError:
            return  # silence says nothing
        if report is not None:
            self._known(report)
        elif not sent.is_known and asked_at - sent.sent_at > longest_way(self._capabilities):
            del self._sent[name]
            self._answered(sent.order, "the venue does not know it, after the settle time")


def longest_way(capabilities: Capabilities) -> float:
    """Seconds after which an order that the venue does not know will never arrive."""
    return max(capabilities.not_found_settle, capabilities.request_expiry or 0.0)


def _key(thing: OrderReport | OrderRequest | Position) -> tuple[InstrumentId, Holding, Product]:
    """Which position of its account it is, or belongs to."""
    return (thing.instrument, thing.holding, thing.product)
