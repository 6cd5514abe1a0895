"""Commands performed at one venue: bounded, exits first, within a budget, and given up in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcserver.core.commands import (
    CancelOrder,
    QueryOrder,
    QueryTrades,
    ReadAccount,
    ReadMarket,
    SubmitOrder,
)
from rpcserver.core.events import (
    CancelLost,
    CancelRejected,
    Event,
    MarketUnread,
    OrderAbsent,
    OrderLost,
    OrderQueryFailed,
    OrderRejected,
    OrderUnsent,
    OrderUpdated,
    SnapshotFailed,
    SnapshotRead,
    TradesFailed,
)
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueUnavailable
from rpcserver.domain.ids import AccountRef, ClientOrderId, VenueOrderId
from rpcserver.domain.order import RejectReason
from rpcserver.driver.budget import Budget
from rpcserver.driver.performer import (
    CALL_DEADLINE,
    CALLS_A_BREATH,
    WATCH_INTERVAL,
    Performer,
    VenueCommand,
)
from tests.driver.world import EPOCH, MES, PAPER, SIM, Call, WatchedVenue, open_venue, order

pytestmark = pytest.mark.anyio

ACCOUNT = AccountRef(PAPER, SIM)
READ = ReadAccount(account=ACCOUNT, operation_id=None, markets=False)
LATEST = CALL_DEADLINE + WATCH_INTERVAL * 2  # when a call is given up at the latest


@dataclass
class Desk:
    """A performer, its venue, and what it fed back."""

    performer: Performer
    venue: WatchedVenue
    fed: list[tuple[VenueCommand, Event]] = field(default_factory=list)

    def submit(self, name: str, *, exit: bool = True) -> None:
        self.performer.perform(SubmitOrder(account=ACCOUNT, order=order(name), exit=exit))

    async def events(self, count: int) -> list[Event]:
        """Wait for so many events."""
        with anyio.fail_after(600):
            while len(self.fed) < count:
                await anyio.sleep(0.01)
        return [event for _, event in self.fed]


@asynccontextmanager
async def _desk(
    capabilities: Capabilities | None = None, *, latency: float = 0.01
) -> AsyncIterator[Desk]:
    async with open_venue(latency=latency) as paper, anyio.create_task_group() as tasks:
        venue = WatchedVenue(paper)
        fed: list[tuple[VenueCommand, Event]] = []
        performer = Performer(venue, lambda command, event: fed.append((command, event)), tasks)
        if capabilities is not None:
            performer.adapt(capabilities)
        tasks.start_soon(performer.watch)
        yield Desk(performer, venue, fed)
        tasks.cancel_scope.cancel()


async def _forever(call: Call) -> None:
    del call
    await anyio.sleep_forever()


# --- how many at once, and who first -------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 3, 20])
async def test_a_venue_is_never_asked_more_at_once_than_it_bears(concurrency: int) -> None:
    async with _desk(Capabilities(concurrency=concurrency)) as desk:
        for number in range(50):
            desk.submit(f"o{number}")
        await desk.events(50)

        assert desk.venue.most_under_way == concurrency


async def test_a_venue_that_turns_out_to_bear_less_is_asked_less() -> None:
    async with _desk() as desk:
        for number in range(8):
            desk.submit(f"a{number}")
        await desk.events(8)
        assert desk.venue.most_under_way == 8
        desk.performer.adapt(Capabilities(concurrency=2))
        desk.venue.most_under_way = 0
        for number in range(20):
            desk.submit(f"b{number}")
        await desk.events(28)

        assert desk.venue.most_under_way == 2


async def test_a_venue_that_turns_out_to_bear_more_is_asked_what_waits_already() -> None:
    async with _desk() as desk:
        desk.venue.before = _forever
        for number in range(20):
            desk.submit(f"o{number}")
        await anyio.sleep(0.1)
        assert desk.venue.under_way == 8
        desk.performer.adapt(Capabilities(concurrency=15))
        await anyio.sleep(0.1)

        assert desk.venue.under_way == 15


async def test_exits_go_first_then_questions_then_everything_else() -> None:
    async with _desk(Capabilities(concurrency=1)) as desk:
        desk.submit("under way")
        await anyio.sleep(0)
        desk.submit("entry", exit=False)
        desk.performer.perform(QueryTrades(account=ACCOUNT, since=EPOCH))
        desk.performer.perform(READ)
        desk.submit("exit 1")
        desk.performer.perform(CancelOrder(account=ACCOUNT, venue_order_id=VenueOrderId("v")))
        desk.submit("exit 2")
        await desk.events(7)

        kinds = [(call.kind, call.name) for call in desk.venue.calls]
        assert kinds == [
            ("submit", "under way"),
            ("submit", "exit 1"),
            ("cancel", "v"),
            ("submit", "exit 2"),
            ("snapshot", SIM),
            ("submit", "entry"),
            ("trades", SIM),
        ]


async def test_a_worker_that_rested_is_used_again() -> None:
    async with _desk(Capabilities(concurrency=4)) as desk:
        for round_ in range(5):
            for number in range(4):
                desk.submit(f"{round_}/{number}")
            await desk.events(4 * (round_ + 1))
            await anyio.sleep(1)

        assert len(desk.performer._workers) == 4
        assert desk.venue.most_under_way == 4


# --- the budget ----------------------------------------------------------------------------------


async def test_law_29_a_budget_delays_and_never_drops() -> None:
    async with _desk(Capabilities(message_budget=10.0, concurrency=64)) as desk:
        for number in range(55):
            desk.submit(f"o{number}")
        await desk.events(55)

        times = [call.at for call in desk.venue.called("submit")]
        assert len(times) == 55
        assert all(sum(begin <= at < begin + 0.999 for at in times) <= 10 for begin in times), (
            "no second holds more than ten"
        )
        assert times[-1] == pytest.approx(5.0), "and none is wasted"


async def test_what_the_budget_holds_up_does_not_hold_up_questions() -> None:
    """Ten thousand exits may wait for minutes; what is asked meanwhile must not (law 30)."""
    async with _desk(Capabilities(message_budget=1.0, concurrency=4)) as desk:
        for number in range(20):
            desk.submit(f"o{number}")
        await anyio.sleep(2.5)
        asked = anyio.current_time()
        desk.performer.perform(READ)
        while not desk.venue.called("snapshot"):
            await anyio.sleep(0.01)

        assert anyio.current_time() - asked < 0.1
        await desk.events(21)
        assert len(desk.venue.called("submit")) == 20


async def test_a_more_urgent_order_takes_the_token_that_another_waited_for() -> None:
    async with _desk(Capabilities(message_budget=1.0, concurrency=4)) as desk:
        for name in ("first", "entry 1", "entry 2"):
            desk.submit(name, exit=False)
        await anyio.sleep(0.5)
        desk.submit("exit")
        await desk.events(4)

        names = [call.name for call in desk.venue.calls]
        assert names == ["first", "exit", "entry 1", "entry 2"]


@given(
    rate=st.sampled_from([0.5, 1.0, 2.5, 10.0]),
    pauses=st.lists(st.floats(0, 3), max_size=60),
)
def test_law_29_no_window_of_a_budget_holds_more_than_its_rate(
    rate: float, pauses: list[float]
) -> None:
    budget, now, passed = Budget(rate), 100.0, list[float]()
    for pause in pauses:
        now += pause
        while wait := budget.wait(now):
            assert 0 < wait <= max(1.0, 1 / rate) + 1e-6
            now += wait
        passed.append(now)

    most = max(1, int(rate))
    for index, last in enumerate(passed[most:]):
        assert last - passed[index] >= most / rate - 1e-6


def test_no_budget_is_no_limit() -> None:
    assert not any(Budget(None).wait(0.0) for _ in range(1000))


async def test_law_29_what_is_queued_gives_the_patience_that_was_asked_for() -> None:
    """A slice was refused as one too many; its fellows wait at the same door."""
    async with _desk(Capabilities(concurrency=2)) as desk:
        refusals = iter([3.0])

        async def ask_for_patience(call: Call) -> None:
            if call.kind == "submit" and (seconds := next(refusals, None)) is not None:
                raise VenueUnavailable("too many requests", seconds)

        desk.venue.before = ask_for_patience
        for number in range(6):
            desk.submit(f"o{number}")
        desk.performer.perform(CancelOrder(account=ACCOUNT, venue_order_id=VenueOrderId("v")))
        desk.performer.perform(READ)
        await desk.events(8)

        refused, *sent = [call.at for call in desk.venue.called("submit", "cancel")]
        assert all(at == refused or at >= refused + 3.0 for at in sent)
        assert len([at for at in sent if at == refused]) <= 1, "only what had left before"
        assert sum(isinstance(event, OrderUnsent) for _, event in desk.fed) == 1, "none is dropped"
        [read] = desk.venue.called("snapshot")
        assert read.at < 1.0, "questions go on"


@pytest.mark.parametrize("seconds", [float("nan"), -1.0, 0.0, None])
async def test_patience_for_no_time_at_all_holds_up_nobody(seconds: float | None) -> None:
    async with _desk(Capabilities(concurrency=1)) as desk:

        async def refuse(_: Call) -> None:
            raise VenueUnavailable("away", seconds)

        desk.venue.before = refuse
        for number in range(4):
            desk.submit(f"o{number}")
        await desk.events(4)

        assert anyio.current_time() < 1.0


async def test_what_is_called_off_while_it_waits_is_told_at_once() -> None:
    async with _desk(Capabilities(message_budget=0.1, concurrency=2)) as desk:
        for number in range(5):
            desk.submit(f"o{number}")
        desk.performer.perform(CancelOrder(account=ACCOUNT, venue_order_id=VenueOrderId("v")))
        await desk.events(1)
        desk.performer.call_off(
            lambda command: (
                OrderUnsent(
                    account=ACCOUNT, client_order_id=command.order.client_order_id, detail="enough"
                )
                if isinstance(command, SubmitOrder) and command.order.client_order_id != "o3"
                else None
            )
        )
        events = await desk.events(4)

        assert anyio.current_time() < 1.0
        assert sum(isinstance(event, OrderUnsent) for event in events) == 3
        await desk.events(6)
        assert [call.name for call in desk.venue.calls] == ["o0", "o3", "v"]


# --- the watchdog --------------------------------------------------------------------------------


async def test_a_submit_that_hangs_is_lost_and_its_worker_lives_on() -> None:
    async with _desk(Capabilities(concurrency=1)) as desk:

        async def hang(call: Call) -> None:
            if call.name == "hangs":
                await anyio.sleep_forever()

        desk.venue.before = hang
        desk.submit("hangs")
        desk.submit("waits")
        events = await desk.events(2)

        assert anyio.current_time() <= LATEST
        assert [type(event) for event in events] == [OrderLost, OrderUpdated]


async def test_a_call_is_given_its_whole_time() -> None:
    async with _desk() as desk:

        async def slow(call: Call) -> None:
            del call
            await anyio.sleep(CALL_DEADLINE - 0.1)

        desk.venue.before = slow
        desk.submit("slow")
        [event] = await desk.events(1)

        assert isinstance(event, OrderUpdated)


async def test_a_call_that_comes_back_as_it_is_given_up_costs_the_next_one_nothing() -> None:
    """The race: the watchdog cancels the worker in the very instant its call returns."""
    async with _desk(Capabilities(concurrency=1)) as desk:
        released = anyio.Event()

        async def until_released(call: Call) -> None:
            if call.name == "racing":
                await released.wait()

        desk.venue.after = until_released
        desk.submit("racing")
        desk.submit("next")
        await anyio.sleep(0.5)
        [worker] = desk.performer._workers
        released.set()
        worker.scope.cancel()
        racing, following = await desk.events(2)

        assert isinstance(racing, OrderUpdated | OrderLost)
        assert isinstance(following, OrderUpdated)
        desk.submit("and on")
        assert isinstance((await desk.events(3))[2], OrderUpdated)


async def test_the_hung_calls_of_one_venue_are_all_given_up() -> None:
    async with _desk(Capabilities(concurrency=3)) as desk:
        desk.venue.before = _forever
        for number in range(7):
            desk.submit(f"o{number}")
        events = await desk.events(7)

        assert all(isinstance(event, OrderLost) for event in events)
        assert anyio.current_time() <= 3 * LATEST


async def _nothing(call: Call) -> None:
    del call


# --- what an adapter may raise -------------------------------------------------------------------

NAMED = QueryOrder(account=ACCOUNT, client_order_id=ClientOrderId("o"), venue_order_id=None)
SUBMIT = SubmitOrder(account=ACCOUNT, order=order("o"), exit=True)
CANCEL = CancelOrder(account=ACCOUNT, venue_order_id=VenueOrderId("v"))
REFUSED = OrderRefused(RejectReason.INSUFFICIENT_MARGIN, "no money")
AWAY = VenueUnavailable("too many requests", 3.0)
LOST = OutcomeUnknown("no answer came")
BUG = KeyError("filled_qty")


@pytest.mark.parametrize(
    ("command", "raised", "expected"),
    [
        (SUBMIT, REFUSED, OrderRejected),
        (SUBMIT, AWAY, OrderUnsent),
        (SUBMIT, LOST, OrderLost),
        (SUBMIT, BUG, OrderLost),
        (SUBMIT, TimeoutError(), OrderLost),
        (SUBMIT, asyncio.CancelledError(), OrderLost),
        (CANCEL, REFUSED, CancelRejected),
        (CANCEL, AWAY, CancelLost),
        (CANCEL, BUG, CancelLost),
        (NAMED, AWAY, OrderQueryFailed),
        (NAMED, REFUSED, OrderQueryFailed),
        (NAMED, BUG, OrderQueryFailed),
        (NAMED, asyncio.CancelledError(), OrderQueryFailed),
        (READ, AWAY, SnapshotFailed),
        (READ, BUG, SnapshotFailed),
        (QueryTrades(account=ACCOUNT, since=EPOCH), BUG, TradesFailed),
        (ReadMarket(venue=PAPER, instrument=MES), BUG, MarketUnread),
    ],
)
async def test_law_30_whatever_an_adapter_raises_is_an_answer(
    command: VenueCommand, raised: BaseException, expected: type[Event]
) -> None:
    async with _desk(Capabilities(concurrency=1)) as desk:

        async def break_down(call: Call) -> None:
            del call
            raise raised

        desk.venue.before = break_down
        desk.performer.perform(command)
        [event] = await desk.events(1)
        assert type(event) is expected

        desk.venue.before = _nothing
        desk.performer.perform(READ)
        assert isinstance((await desk.events(2))[1], SnapshotRead), "its worker lives on"


async def test_what_the_venue_said_travels_with_the_event() -> None:
    async with _desk() as desk:

        async def refuse(call: Call) -> None:
            raise AWAY if call.name == "away" else REFUSED

        desk.venue.before = refuse
        desk.submit("refused")
        desk.submit("away")
        refused, away = await desk.events(2)

        assert isinstance(refused, OrderRejected)
        assert (refused.reason, refused.detail) == (REFUSED.reason, "no money")
        assert isinstance(away, OrderUnsent)
        assert (away.retry_after, away.detail) == (3.0, "too many requests")


async def test_an_order_nobody_knows_is_absent() -> None:
    async with _desk() as desk:
        desk.performer.perform(NAMED)
        [event] = await desk.events(1)

        assert isinstance(event, OrderAbsent)
        assert event.client_order_id == "o"


async def test_law_30_a_broken_call_ends_no_other() -> None:
    async with _desk(Capabilities(concurrency=4)) as desk:

        async def break_some(call: Call) -> None:
            if int(call.name) % 3 == 0:
                raise BUG

        desk.venue.before = break_some
        for number in range(30):
            desk.submit(str(number))
        await desk.events(30)

        lost = {c.order.client_order_id for c, e in desk.fed
                if isinstance(c, SubmitOrder) and isinstance(e, OrderLost)}  # fmt: skip
        assert lost == {str(number) for number in range(0, 30, 3)}


# --- everybody has a turn ------------------------------------------------------------------------


async def _most_fed_at_once(desk: Desk, count: int) -> int:
    """How many of *count* answers were fed between two turns of somebody else: of one or of two."""
    told, most = 0, 0
    with anyio.fail_after(600):
        while len(desk.fed) < count:
            for _ in range(count * 2):
                await anyio.sleep(0)
                most, told = max(most, len(desk.fed) - told), len(desk.fed)
            await anyio.sleep(0.001)
    return max(most, len(desk.fed) - told)


async def test_what_a_reading_decides_is_not_held_up_by_the_other_readings() -> None:
    """All are read at once; between two of them the engine commits, and orders leave."""
    async with _desk(Capabilities(concurrency=50)) as desk:
        for _ in range(50):
            desk.performer.perform(READ)

        assert await _most_fed_at_once(desk, 50) <= 2


async def test_a_venue_that_answers_at_once_lets_others_go_on() -> None:
    async with _desk(Capabilities(concurrency=1), latency=0) as desk:
        for _ in range(100):
            desk.performer.perform(QueryTrades(account=ACCOUNT, since=EPOCH))

        assert await _most_fed_at_once(desk, 100) <= 2 * CALLS_A_BREATH
