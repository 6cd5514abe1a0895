"""
One account, round after round: read, cancel, close what is left, read again.

A round sizes nothing but from a reading that is younger than everything it did before by the
venue's settle time, and takes off what any order might still fill: a working one that refuses to
be canceled, and one whose answer was lost (laws 2, 3, 7). No round knows of an earlier one but by
that; whatever else happened meanwhile, the reading says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b

import anyio
import msgspec

from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.capabilities import Capabilities, ReduceOnly
from rpcserver.domain.errors import OrderRefused, VenueError
from rpcserver.domain.ids import AccountRef, ClientOrderId, VenueOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import OrderReport, OrderRequest, TimeInForce
from rpcserver.domain.position import Position, PositionKey
from rpcserver.panic.calls import Calls
from rpcserver.panic.diary import AccountEnded, Canceling, Diary, Held, Remarked, WasRead
from rpcserver.panic.outstanding import PAUSE, Outstanding
from rpcserver.panic.pricing import Price, price_of

CANCEL_PATIENCE = 5.0  # seconds a working order may refuse to be canceled before it is counted in
CANCEL_AGAIN = 1.0  # seconds between two cancels of one order
REST = 5.0  # seconds a limit of ours may work before it is canceled and priced anew
SLICES_MAX = 50  # orders for one position in one round; the next round goes on


class AccountCloser:
    """Closes one account. Built anew for each run."""

    def __init__(
        self,
        account: AccountRef,
        capabilities: Capabilities,
        calls: Calls,
        diary: Diary,
        *,
        run: str,
        clock: Callable[[], datetime],
        caution: float = 0.0,
    ) -> None:
        """
        Args:
            account: What is closed.
            capabilities: Of its venue.
            calls: The way to the venue.
            diary: Where everything is written down first.
            run: The name of the run: client order ids are made of it.
            clock: What the wall says, in UTC.
            caution: Seconds before the first order: a process that was ended may have sent some
                that arrive late.
        """
        self._account = account
        self._capabilities = capabilities
        self._calls = calls
        self._diary = diary
        self._run = run
        self._clock = clock
        self._caution = caution
        self._round = 0
        self._active_at = anyio.current_time()  # when something was last done to it
        self._cancels: dict[VenueOrderId, tuple[float, float]] = {}  # sent first, sent last
        self._ours = Outstanding(account, capabilities, calls, diary, clock)
        self._why: dict[PositionKey, str] = {}  # it is not closed yet
        self._snapshot: AccountSnapshot | None = None

    async def close(self) -> AccountEnded:
        """Go on until two readings show nothing, or nothing can be done now: the proof."""
        began = anyio.current_time()
        while True:
            self._round += 1
            await self._ours.ask()  # before the reading: it then shows what is found
            snapshot = await self._read()
            if await self._cancel(snapshot.orders):
                continue
            if not snapshot.positions and not snapshot.orders and not self._ours.names:
                again = await self._read(after=self._settle_time)
                if not again.positions and not again.orders:
                    return self._ended(flat=True)
                continue
            if (wait := began + self._caution - anyio.current_time()) > 0:
                await anyio.sleep(wait)
                continue
            orders = tuple(self._orders(snapshot))
            if orders:
                await self._ours.send(orders)
            elif self._can_go_on(snapshot):
                await anyio.sleep(PAUSE)
            else:
                return self._ended(flat=False)

    def _can_go_on(self, snapshot: AccountSnapshot) -> bool:
        """Whether something is under way that may still change what is held."""
        return bool(self._ours.names or snapshot.orders or self._ours.was_refused)

    def abandoned(self) -> AccountEnded:
        """The end where time is up: what the last reading showed, and what is in doubt."""
        return self._ended(flat=False)

    # --- reading -------------------------------------------------------------------------------

    @property
    def _settle_time(self) -> float:
        """Seconds after which a reading shows whatever was done before it."""
        told = self._capabilities
        return max(told.position_settle, told.not_found_settle)

    async def _read(self, *, after: float | None = None) -> AccountSnapshot:
        """A reading that shows whatever was done so far; *after*: so many seconds from now."""
        settled = max(self._active_at, self._ours.active_at) + self._capabilities.position_settle
        if after is not None:
            settled = anyio.current_time() + after
        await anyio.sleep(max(settled - anyio.current_time(), 0))
        while True:
            try:
                snapshot = await self._calls.ask(
                    lambda venue: venue.snapshot(self._account.account, markets=True)
                )
            except VenueError as error:
                self._remark(f"cannot be read: {error}")
                await anyio.sleep(PAUSE)
                continue
            self._snapshot = snapshot
            self._diary.write(
                WasRead(
                    at=self._clock(),
                    account=self._account,
                    positions=tuple(_held(position) for position in snapshot.positions),
                    orders=tuple(order.venue_order_id for order in snapshot.orders),
                )
            )
            return snapshot

    # --- canceling -----------------------------------------------------------------------------

    async def _cancel(self, orders: Sequence[OrderReport]) -> bool:
        """Cancel what works; whether to read again before anything is sized (law 3)."""
        now = anyio.current_time()
        due = [order for order in orders if self._is_to_be_canceled(order, now)]
        if due:
            self._diary.write(
                *(
                    Canceling(
                        at=self._clock(), account=self._account, venue_order_id=order.venue_order_id
                    )
                    for order in due
                ),
                durable=True,
            )
            async with anyio.create_task_group() as tasks:
                for order in due:
                    first, _ = self._cancels.get(order.venue_order_id, (now, now))
                    self._cancels[order.venue_order_id] = (first, now)
                    tasks.start_soon(self._cancel_one, order)
            self._active_at = anyio.current_time()
        is_pending = any(
            order.venue_order_id in self._cancels
            and now - self._cancels[order.venue_order_id][0] < CANCEL_PATIENCE
            for order in orders
        )
        if is_pending:
            await anyio.sleep(PAUSE)
        return is_pending

    def _is_to_be_canceled(self, order: OrderReport, now: float) -> bool:
        """Every working order, a limit of ours after a while alone, and none time after time."""
        if order.venue_order_id in self._cancels:
            patience = CANCEL_PATIENCE if order.cancel_pending else CANCEL_AGAIN
            return now - self._cancels[order.venue_order_id][1] >= patience
        sent_at = self._ours.sent_at(order.client_order_id)
        return sent_at is None or now - sent_at >= REST

    async def _cancel_one(self, order: OrderReport) -> None:
        try:
            await self._calls.tell(
                lambda venue: venue.cancel_order(self._account.account, order.venue_order_id)
            )
        except OrderRefused:
            pass  # it has ended: the next reading shows what it filled (law 4)
        except VenueError as error:
            self._remark(f"order {order.venue_order_id} is not canceled yet: {error}")

    # --- closing -------------------------------------------------------------------------------

    def _orders(self, snapshot: AccountSnapshot) -> Iterator[OrderRequest]:
        """What this round sends."""
        self._why.clear()
        for position in snapshot.positions:
            instrument = snapshot.instruments[position.instrument]
            left = instrument.round_down(
                position.quantity - self._ours.reserved(position, snapshot.orders)
            )
            if position.quantity < instrument.minimum:
                self._why[position.key] = f"the smallest order is {instrument.minimum:f}"
            elif left < instrument.minimum:
                self._why[position.key] = "orders that may still fill are at work"
            elif isinstance(price := self._price(position, snapshot), str):
                self._why[position.key] = price
            else:
                yield from self._slices(position, instrument, left, price)

    def _price(self, position: Position, snapshot: AccountSnapshot) -> Price | str:
        if (refusal := self._ours.refusal(position.key)) is not None:
            return refusal
        return price_of(
            snapshot.markets.get(position.instrument),
            snapshot.instruments[position.instrument],
            position.closing_side,
            limits_only=self._ours.takes_limits_only(position.key),
        )

    def _slices(
        self, position: Position, instrument: Instrument, quantity: Decimal, price: Price
    ) -> Iterator[OrderRequest]:
        most = quantity
        if instrument.maximum is not None:
            most = instrument.round_down(min(quantity, instrument.maximum))
        for number in range(SLICES_MAX):
            size = min(most, quantity)
            if size < instrument.minimum:
                return
            quantity -= size
            yield OrderRequest(
                client_order_id=self._name(position.key, number),
                account=self._account.account,
                instrument=position.instrument,
                side=position.closing_side,
                quantity=size,
                type=price.type,
                limit_price=price.limit,
                time_in_force=TimeInForce.DAY,
                reduce_only=self._capabilities.reduce_only is not ReduceOnly.NONE,
                holding=position.holding,
                product=position.product,
            )

    def _name(self, key: PositionKey, number: int) -> ClientOrderId:
        """A pure function of what the order is for (law 8)."""
        text = "/".join((self._run, *key, str(self._round), str(number)))
        return ClientOrderId(blake2b(text.encode(), digest_size=16).hexdigest())

    # --- the end -------------------------------------------------------------------------------

    def _ended(self, *, flat: bool) -> AccountEnded:
        snapshot = self._snapshot
        if snapshot is None:
            return AccountEnded(
                at=self._clock(), account=self._account, flat=False, detail="it could not be read"
            )
        return AccountEnded(
            at=self._clock(),
            account=self._account,
            flat=flat,
            proven_at=snapshot.taken_at if flat else None,
            left=tuple(
                msgspec.structs.replace(
                    _held(position), why=self._why.get(position.key, "time was up")
                )
                for position in snapshot.positions
            ),
            orders=tuple(order.venue_order_id for order in snapshot.orders),
            doubtful=self._ours.names,
        )

    def _remark(self, detail: str) -> None:
        self._diary.write(
            Remarked(
                at=self._clock(), venue=self._account.venue, account=self._account, detail=detail
            )
        )


def _held(position: Position) -> Held:
    return Held(key=position.key, signed_quantity=position.signed_quantity)
