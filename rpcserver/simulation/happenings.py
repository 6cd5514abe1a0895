"""What the world does at moments of its own: markets, other people, the network, the machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import anyio
import anyio.abc

from rpcserver.core.requests import PlaceRequest
from rpcserver.domain.errors import InvalidRequest, JournalBroken, VenueError
from rpcserver.domain.ids import AccountRef, ClientOrderId, Product
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import Holding, OrderRequest, OrderSide, OrderType
from rpcserver.domain.position import PositionKey
from rpcserver.driver.engine import Engine
from rpcserver.simulation.desk import ANN
from rpcserver.simulation.faults import FaultKind
from rpcserver.simulation.listing import LOTS, OPTION
from rpcserver.simulation.lives import Lives, Route
from rpcserver.simulation.plan import Happening, Held, Plan, Resting
from rpcserver.simulation.scene import PRICE, VENUE
from rpcserver.venues.paper.commands import (
    ExchangeCommand,
    SetBands,
    SetDepth,
    SetPhase,
    SetPrice,
    SubmitOrder,
    TradeAsOther,
)

_NO_PRODUCT = Product("")
_PHASES = {
    FaultKind.CLOSED_MARKET: MarketPhase.CLOSED,
    FaultKind.AUCTION: MarketPhase.AUCTION,
    FaultKind.RESERVED: MarketPhase.RESERVED,
}
CANCEL_ALL_CAP = 3  # orders that somebody's cancel-all takes; one after the other
BETWEEN_CANCELS = 0.2  # seconds
CLOCK_JUMP = 700  # seconds, for each lot of the happening


class Happenings:
    """Carries out the plan's happenings, each at its time, until everything heals."""

    def __init__(
        self,
        plan: Plan,
        route: Route,
        lives: Lives,
        note: Callable[[str, object], None],
        tasks: anyio.abc.TaskGroup,
    ) -> None:
        self._plan = plan
        self._network = route.network
        self._stream = route.stream
        self._venue = route.network.venue
        self._weather = route.network.weather
        self._lives = lives
        self._note = note
        self._tasks = tasks
        self._names = 0

    def begin(self) -> None:
        """Let everything of the plan happen when it is time."""
        for order in self._plan.resting:
            self._tasks.start_soon(self._rest, order)
        for number, happening in enumerate(self._plan.happenings):
            self._tasks.start_soon(self._happen, happening, number)

    async def _rest(self, order: Resting) -> None:
        await anyio.sleep(order.at)
        if self._weather.is_calm:
            return
        away = Decimal(5) * (1 if (order.side is OrderSide.SELL) != order.stop else -1)
        self._names += 1
        request = OrderRequest(
            client_order_id=ClientOrderId(f"someone-{self._names}"),
            account=order.account,
            instrument=order.instrument,
            side=order.side,
            quantity=order.quantity,
            type=OrderType.STOP_MARKET if order.stop else OrderType.LIMIT,
            stop_price=PRICE + away if order.stop else None,
            limit_price=None if order.stop else PRICE + away,
            holding=order.holding,
            reduce_only=order.reduce_only,
            oco_id=order.oco_id,
        )
        if order.at:
            self._weather.count(FaultKind.FOREIGN_ORDER)
        is_taken = self._venue.others(SubmitOrder(request))
        self._note("someone's order", f"{is_taken} {order}")

    async def _happen(self, what: Happening, number: int) -> None:
        await anyio.sleep(what.at)
        if self._weather.is_calm:
            return
        self._note("happens", f"{what.kind.value} {what.account}:{what.instrument}")
        if self._is_of_machine(what, number) or self._is_of_market(what, number):
            self._weather.count(what.kind)
            return
        match what.kind:
            case FaultKind.FOREIGN_TRADE | FaultKind.LIQUIDATION:
                self._trade_as_other(what)
            case FaultKind.OWN_ORDER:
                self._place(what, number)
            case FaultKind.LOCKED_MARGIN:
                self._lock_margin(what)
            case FaultKind.CANCEL_ALL:
                self._tasks.start_soon(self._cancel_all, what)
            case FaultKind.MODE_SWITCH:
                if not self._venue.switch_mode(what.account):
                    return
            case FaultKind.BAN:
                self._network.banned_until = self._network.clock() + what.lasts
            case FaultKind.LINK_CUT:
                self._stream.set_link(False)
                self._tasks.start_soon(self._mend_link, what.lasts)
            case _:
                raise AssertionError(f"{what.kind} is no happening")
        self._weather.count(what.kind)

    def _is_of_machine(self, what: Happening, number: int) -> bool:
        """Whether it happened to the machine our process runs on."""
        lives = self._lives
        match what.kind:
            case FaultKind.CLOCK_JUMP:
                ahead = CLOCK_JUMP if number % 2 else -CLOCK_JUMP
                lives.jump += timedelta(seconds=float(what.size) * ahead)
            case FaultKind.FULL_DISK:
                lives.is_full = True
                self._tasks.start_soon(self._make_room, what.lasts)
            case FaultKind.STOP if lives.newest is not None:
                lives.newest.die("stopped by the plan")
            case FaultKind.SECOND_SERVER:
                lives.take_over()
            case _:
                return False
        return True

    def _is_of_market(self, what: Happening, number: int) -> bool:
        """Whether it happens to a market, and for how long; then it is over."""
        venue, instrument = self._venue, what.instrument
        lifted: ExchangeCommand
        match what.kind:
            case FaultKind.CLOSED_MARKET | FaultKind.AUCTION | FaultKind.RESERVED:
                venue.others(SetPhase(instrument=instrument, phase=_PHASES[what.kind]))
                lifted = SetPhase(instrument=instrument, phase=None)
            case FaultKind.BANDS:
                bands = SetBands(instrument=instrument, lower=PRICE - 1, upper=PRICE + 1)
                venue.others(bands)
                lifted = SetBands(instrument=instrument)
            case FaultKind.THIN_BOOK:
                touch = Decimal(0) if number % 3 == 0 else LOTS[instrument] / 10
                venue.others(SetDepth(instrument=instrument, touch=touch))
                lifted = SetDepth(instrument=instrument)
            case FaultKind.PRICE_JUMP:
                move = Decimal(6) if what.side is OrderSide.BUY else Decimal(-6)
                venue.others(SetPrice(instrument=instrument, price=PRICE + move))
                return True
            case _:
                return False
        self._tasks.start_soon(self._lift, lifted, what.lasts)
        return True

    async def _lift(self, command: ExchangeCommand, after: float) -> None:
        await anyio.sleep(after)
        self._venue.others(command)

    async def _mend_link(self, after: float) -> None:
        await anyio.sleep(after)
        self._stream.set_link(True)

    async def _make_room(self, after: float) -> None:
        await anyio.sleep(after)
        self._lives.is_full = False

    async def _cancel_all(self, what: Happening) -> None:
        """Somebody presses cancel-all: capped, answered at once, and done one by one."""
        for order in self._venue.orders_of(what.account)[:CANCEL_ALL_CAP]:
            await anyio.sleep(BETWEEN_CANCELS)
            self._venue.end(what.account, order.venue_order_id)

    def _trade_as_other(self, what: Happening) -> None:
        held = self._held(what)
        if held.holding is Holding.NET and self._venue.is_hedged(what.account):
            return  # its mode was switched: there is no net position any more
        key = PositionKey(VENUE, held.account, held.instrument, held.holding, _NO_PRODUCT)
        side, size = what.side, what.size
        position = self._venue.position(key)
        if what.kind is FaultKind.LIQUIDATION:
            if position == 0:
                return
            side = OrderSide.SELL if position > 0 else OrderSide.BUY
            size = abs(position)
        trade = TradeAsOther(
            account=held.account,
            instrument=held.instrument,
            side=side,
            quantity=size,
            holding=held.holding,
        )
        self._venue.others(trade, key)

    def _held(self, what: Happening) -> Held:
        """The position it happens to; any other where a smaller plan has it no more."""
        named = (
            held
            for held in self._plan.held
            if (held.account, held.instrument) == (what.account, what.instrument)
        )
        return next(named, self._plan.held[0])

    def _lock_margin(self, what: Happening) -> None:
        others = [h.instrument for h in self._plan.held if h.account == what.account]
        first = next((name for name in others if name != what.instrument), None)
        if first is not None:
            self._venue.rules.locked = (what.account, what.instrument, first)

    def _place(self, what: Happening, number: int) -> None:
        """A strategy sends an order through the server."""
        server = self._lives.server
        if server is None or server.engine is None or what.account in self._plan.hedge_accounts:
            return
        order = OrderRequest(
            client_order_id=ClientOrderId(f"own-{number}"),
            account=what.account,
            instrument=what.instrument,
            side=what.side,
            quantity=max(what.size, Decimal(10) if what.instrument == OPTION else what.size),
        )
        request = PlaceRequest(
            principal=ANN.principal_id, account=AccountRef(VENUE, what.account), order=order
        )
        self._tasks.start_soon(self._order, server.engine, request)

    async def _order(self, engine: Engine, request: PlaceRequest) -> None:
        try:
            report = await engine.place(request)
            self._note("own order", report.status.value)
        except (InvalidRequest, VenueError, JournalBroken) as error:
            self._note("own order", error)
