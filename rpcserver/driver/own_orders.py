"""Clients' own orders: placed, changed and canceled, and whoever waits for the venue's answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from rpcserver.core.commands import CancelOrder, ChangeOrder, SubmitOrder
from rpcserver.core.events import (
    Event,
    OrderCancelRequested,
    OrderChangeRequested,
    OrderRequested,
    OrderUpdated,
)
from rpcserver.core.requests import CancelRequest, ChangeRequest
from rpcserver.domain.errors import InvalidRequest, RpcServerError
from rpcserver.domain.order import OrderReport
from rpcserver.driver.answers import Answers, answer_cancel, answer_order
from rpcserver.driver.performer import VenueCommand

Ask = Callable[[Event], Awaitable[object]]  # feeds an event, and waits until it is durable
Tell = Callable[[], None]
Name = tuple[str, str]  # of an order: its account and the venue's id


class OwnOrders:
    """Every answer that some client waits for."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._placed: Answers[str] = Answers()
        self._canceled: Answers[Name] = Answers()
        self._changed: Answers[Name] = Answers()

    def __len__(self) -> int:
        """How many answers somebody waits for."""
        return len(self._placed) + len(self._canceled) + len(self._changed)

    async def place(self, event: OrderRequested) -> OrderReport:
        """Send an order, and tell what became of it. Raises as `Engine.place`."""
        with self._placed.expect(event.request.order.client_order_id) as answer:
            await self._ask(event)
            return await answer.get()

    async def cancel(self, request: CancelRequest) -> OrderReport:
        """Cancel an order, and tell what became of it. Raises as `Engine.cancel_order`."""
        name = (str(request.account), str(request.venue_order_id))
        is_under_way = self._canceled.expects(name)  # then that one's answer is everybody's
        with self._canceled.expect(name) as answer:
            if not is_under_way:
                try:
                    await self._ask(OrderCancelRequested(request=request))
                except RpcServerError as error:
                    self._canceled.fail(name, error)
            return await answer.get()

    async def change(self, request: ChangeRequest, as_new: OrderRequested) -> OrderReport:
        """Change an order, and tell what became of it. Raises as `Engine.change_order`."""
        name = (str(request.account), str(request.venue_order_id))
        if self._changed.expects(name):
            raise InvalidRequest("order_pending", "another change of this order is under way")
        with self._changed.expect(name) as answer:
            await self._ask(OrderChangeRequested(request=request, as_new=as_new))
            return await answer.get()

    def answered(self, command: VenueCommand, event: Event) -> Tell | None:
        """How to tell whoever waits for *command* what *event* means; None: nobody does."""
        match command:
            case SubmitOrder(order=order) if self._placed.expects(order.client_order_id):
                return partial(answer_order, self._placed, order.client_order_id, event)
            case CancelOrder(account=account, venue_order_id=venue_order_id):
                name = (str(account), str(venue_order_id))
                if self._canceled.expects(name):
                    return partial(answer_cancel, self._canceled, name, event)
            case ChangeOrder(account=account, venue_order_id=venue_order_id):
                name = (str(account), str(venue_order_id))
                if self._changed.expects(name):
                    return partial(answer_cancel, self._changed, name, event)
        return None

    def overheard(self, event: Event) -> Tell | None:
        """The same of news that nobody asked for: it serves where the answer itself is lost."""
        if isinstance(event, OrderUpdated) and event.report.client_order_id is not None:
            name = event.report.client_order_id
            if self._placed.expects(name):
                return partial(self._placed.note, name, event.report)
        return None

    def fail_all(self, error: RpcServerError) -> None:
        """Nobody will be answered any more."""
        for answers in (self._canceled, self._changed):
            answers.fail_all(error)
        self._placed.fail_all(error)
