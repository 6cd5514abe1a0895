"""
A world in which anything may happen, out of a tape of small numbers.

Every choice reads the next number; where the tape ends, all is well: zeros are health. So whatever
Hypothesis finds it can shorten, and every story ends with venues that answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from rpcserver.core.commands import (
    CancelOrder,
    ChangeOrder,
    Command,
    QueryOrder,
    ReadAccount,
    SubmitOrder,
)
from rpcserver.core.requests import CloseRequest, LadderStep, OnFence
from rpcserver.domain.capabilities import Capabilities, IdMemory, ReduceOnly
from rpcserver.domain.ids import AccountId, ClientOrderId, OperationId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import (
    Holding,
    OrderRequest,
    OrderSide,
    OrderType,
    RejectReason,
)
from tests.core.asks import flatten
from tests.core.faults import (
    HEALTH,
    HIDE,
    LOSE_ANSWER,
    LOSE_REQUEST,
    TWICE,
    UNSENT,
    Fault,
    late,
    refused,
    slow,
    stale,
)
from tests.core.venue import ToyVenue, accounts_of, instrument
from tests.core.world import World

Choice = TypeVar("Choice")

SETTLE = 0.5  # how long positions lag at most
FIND = 1.0  # how long an order hides at most

_ANY = (LOSE_ANSWER, LOSE_REQUEST, slow(0.3), slow(3.0))
_FAULTS: dict[type[Command], tuple[Fault, ...]] = {
    SubmitOrder: (
        *_ANY,
        late(0.5),
        late(0.1),
        TWICE,
        UNSENT,
        Fault(unsent=True, retry_after=1.0),
        refused(RejectReason.INSUFFICIENT_MARGIN),
        refused(RejectReason.MARKET_ORDERS_BANNED),
    ),
    CancelOrder: (*_ANY, late(0.5), TWICE, UNSENT),
    ChangeOrder: (*_ANY, late(0.5), TWICE, UNSENT, refused(RejectReason.OTHER)),
    QueryOrder: (*_ANY, HIDE, TWICE),
    ReadAccount: (LOSE_ANSWER, slow(0.3), stale(SETTLE * 0.8), stale(SETTLE * 0.3)),
}


class Tape:
    """Choices to come. At its end every choice is the first: health, nothing, the plainest."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = list(reversed(numbers))

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def pick(self, choices: Sequence[Choice]) -> Choice:
        return choices[self._numbers.pop() % len(choices) if self._numbers else 0]

    def happens(self, one_in: int) -> bool:
        return bool(self._numbers) and self._numbers.pop() % one_in == one_in - 1


class Chaos:
    """A portfolio, requests that overlap, faults, crashes: all of it read from one tape."""

    def __init__(self, numbers: Sequence[int], *, crashes: bool, foreign: bool = False) -> None:
        self.tape = Tape(numbers)
        self._foreign = foreign
        self.venues = [self._venue("one"), *([self._venue("two")] if self.tape.happens(4) else [])]
        self.world = World(*self.venues, commit_delay=self.tape.pick([0.0, 0.0, 0.005]))
        self.world.streams = self.tape.pick([True, True, False])
        self.world.news_delay = self.tape.pick([0.01, 0.0, 0.03, 0.3])
        self.world.chance = self._fate
        if crashes:
            self.world.crashing = lambda _: self.tape.happens(40)
        self.operations: list[OperationId] = []
        self._orders = 0

    def play(self) -> None:
        """Let it all happen, until the tape is at its end and every operation has ended."""
        for _ in range(self.tape.pick([1, 2, 3])):
            self._ask()
            self._live()
        while self.tape:
            self._live()
        self.world.run(150.0)

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self.world.chance = None
        self.world.crashing = None
        for venue in self.venues:
            venue.depth.clear()
            venue.resting_markets = False
            venue.unstick(self.world.time)
            for name in venue.instruments:
                venue.turn(name, MarketPhase.OPEN)
        self.world.streams = True
        self.world.pass_on_news()
        self.world.meet_venues()
        self.world.run(60.0)

    # --- how it begins -------------------------------------------------------------------------

    def _venue(self, name: str) -> ToyVenue:
        memory = self.tape.pick(
            [IdMemory.FOR_EVER, IdMemory.WINDOW, IdMemory.OPEN_ORDERS, IdMemory.NEVER]
        )
        venue = ToyVenue(
            name,
            instrument("ES", maximum=self.tape.pick([None, 4])),
            instrument("BTC", lot="0.1", minimum="0.2"),
            capabilities=Capabilities(
                position_settle=SETTLE,
                not_found_settle=FIND,
                id_memory=memory,
                id_window=60.0,
                request_expiry=5.0 if memory is IdMemory.NEVER else None,
                reduce_only=self.tape.pick(
                    [ReduceOnly.NONE, ReduceOnly.ON_ARRIVAL, ReduceOnly.AT_FILL]
                ),
                reduce_only_counts_resting=self.tape.pick([True, False]),
                change_orders=self.tape.pick([True, False]),
            ),
        )
        for name_, sizes in (("ES", ["10", "-3", "0"]), ("BTC", ["0", "1.2", "-0.75"])):
            for account in ("A", "B")[: self.tape.pick([1, 2])]:
                holding = self.tape.pick([Holding.NET, Holding.NET, Holding.LONG])
                size = self.tape.pick(sizes)
                size = size.lstrip("-") if holding is Holding.LONG else size
                key = venue.hold(size, name_, account, holding=holding)
                self._guard(venue, key.instrument, key.account, holding)
        venue.resting_markets = self.tape.happens(5)
        return venue

    def _guard(self, venue: ToyVenue, name: str, account: str, holding: Holding) -> None:
        """Orders of others: stops and targets, alone and as a pair."""
        key = venue.key(name, account, holding)
        for _ in range(self.tape.pick([0, 1, 2])):
            venue.rest(
                key,
                self.tape.pick([OrderSide.SELL, OrderSide.BUY]),
                self.tape.pick(["2", "10", "1"]),
                self.tape.pick([OrderType.STOP_MARKET, OrderType.LIMIT]),
                reduce_only=self.tape.pick([False, True]),
                oco_id=self.tape.pick([None, "pair"]),
            )

    def _ask(self) -> None:
        refs = accounts_of(self.venues)
        amount = self.tape.pick(["whole", "half", "three"])
        how = self.tape.pick(["market", "market", "ladder", "limit"])
        request: CloseRequest = flatten(
            *(refs if self.tape.pick([True, False]) else refs[:1]),
            everything=amount == "whole" and self.tape.pick([True, False]),
            fraction="0.5" if amount == "half" else None,
            quantity=3 if amount == "three" else None,
            ladder=[
                LadderStep(offset_ticks=-1),
                LadderStep(offset_ticks=3, after=1.0),
                LadderStep(type=OrderType.MARKET, after=3.0),
            ]
            if how == "ladder"
            else [],
            limits={"ES": "105", "BTC": "95"} if how == "limit" else None,
            deadline=self.tape.pick([60.0, 20.0, 3.0]),
            on_fence=self.tape.pick([OnFence.UNCONTESTED, OnFence.WAIT]),
            request_id=f"r{len(self.operations)}",
            key=f"k{len(self.operations)}",
        )
        known = set(self.world.state.operations)
        self.world.ask_for(request)
        self.operations += set(self.world.state.operations) - known

    # --- what happens --------------------------------------------------------------------------

    def _live(self) -> None:
        """A while, in which things happen."""
        self.world.run(self.tape.pick([0.0, 0.013, 0.1, 0.7, 3.0]))
        venue = self.tape.pick(self.venues)
        working = [order for order in venue.orders.values() if not order.status.is_terminal]
        match self.tape.pick(
            ["", "fill", "stick", "unstick", "thin", "phase", "cancel", "client", "ask", "foreign"]
        ):
            case "fill" if working:
                order = self.tape.pick(working)
                venue.fill(
                    order.venue_order_id, self.tape.pick([Decimal(1), Decimal(20)]), self.world.time
                )
            case "stick":
                venue.stuck_cancels = True
            case "unstick":
                venue.unstick(self.world.time)
            case "thin":
                venue.depth.append(self.tape.pick([Decimal(0), Decimal(1), Decimal(2)]))
            case "phase":
                venue.turn(
                    self.tape.pick(["ES", "BTC"]),
                    self.tape.pick([MarketPhase.OPEN, MarketPhase.CLOSED, MarketPhase.AUCTION]),
                )
            case "cancel" if self.operations:
                self.world.cancel(self.tape.pick(self.operations))
            case "client":
                self._client(venue)
            case "ask" if len(self.operations) < 4:
                self._ask()
            case "foreign" if self._foreign:
                key = self.tape.pick(list(venue.positions))
                venue.move(
                    key, self.tape.pick([Decimal(-2), Decimal(4), Decimal(-12)]), self.world.time
                )
        self.world.pass_on_news()

    def _client(self, venue: ToyVenue) -> None:
        """Somebody wants an order of their own."""
        self._orders += 1
        order = OrderRequest(
            client_order_id=ClientOrderId(f"mine-{self._orders}"),
            account=AccountId("A"),
            instrument=self.tape.pick(list(venue.instruments)),
            side=self.tape.pick([OrderSide.BUY, OrderSide.SELL]),
            quantity=Decimal(2),
        )
        self.world.place(venue.key().account_ref, order)

    def _fate(self, command: Command) -> Fault:
        if not self.tape.happens(6):
            return HEALTH
        return self.tape.pick(_FAULTS.get(type(command), (LOSE_ANSWER, slow(0.3))))
