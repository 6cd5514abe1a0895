"""A press of the independent path at a venue that misbehaves: what is left, and what is told."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcserver.domain.capabilities import Capabilities, IdMemory, ReduceOnly
from rpcserver.domain.errors import OutcomeUnknown
from rpcserver.domain.ids import AccountId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import OrderSide, OrderType, RejectReason
from rpcserver.panic.diary import AccountEnded, Answered, Diary, Entry, Sending
from rpcserver.panic.run import Pressed, Verdict, press
from rpcserver.venues.paper import Control, PaperVenue
from rpcserver.venues.paper.commands import SetBands, SetPhase, SubmitOrder, TradeAsOther
from rpcserver.venues.paper.faults import (
    ArriveLate,
    BeUnavailable,
    FailReads,
    FillBeforeCancel,
    HideOrders,
    LagPositions,
    LoseAnswers,
    LoseRequests,
    RefuseOrders,
    StickCancels,
)
from rpcserver.venues.paper.forecast import SetWeather
from tests.driver.virtual_time import run
from tests.driver.world import (
    CL,
    MES,
    NQ,
    PAPER,
    SIM,
    SIM2,
    WatchedVenue,
    fills,
    held,
    open_venue,
    order,
    positions,
    wall,
)

pytestmark = pytest.mark.anyio

# It keeps its word, and helps with nothing: no reduce-only, no memory of names.
BARE = Capabilities(position_settle=2.5, not_found_settle=5.0, id_memory=IdMemory.NEVER)


async def pressed(
    venue: WatchedVenue | PaperVenue,
    *,
    accounts: Sequence[str] = (),
    deadline: float = 120.0,
    deposed: int | None = None,
) -> tuple[Verdict, list[Entry]]:
    told: list[Entry] = []
    verdict = await press(
        Pressed(
            run="panic-1",
            who="ops",
            reason="drill",
            accounts=frozenset(accounts),
            deadline=deadline,
            deposed=deposed,
        ),
        {PAPER: venue},
        Diary(None, told.append),
        clock=wall,
    )
    return verdict, told


def limit(name: str, quantity: int = 1, side: OrderSide = OrderSide.SELL) -> SubmitOrder:
    """A client's order that rests."""
    price = "1" if side is OrderSide.BUY else "100000"
    return SubmitOrder(order(name, side, quantity, limit=price))


# --- the ordinary case ---------------------------------------------------------------------------


async def test_everything_is_closed_once_and_proven() -> None:
    async with open_venue(
        held(3), held(-2, NQ), held(5, CL, SIM2), limit("resting"), accounts=(SIM, SIM2)
    ) as venue:
        verdict, told = await pressed(venue)

        assert verdict.flat
        assert not verdict.unknown
        assert not positions(venue)
        assert [end.account.account for end in verdict.accounts] == [SIM, SIM2]
        assert all(end.proven_at is not None for end in verdict.accounts)
        assert len([entry for entry in told if isinstance(entry, Sending)]) == 3


async def test_only_the_accounts_that_were_named() -> None:
    async with open_venue(held(3), held(5, CL, SIM2), accounts=(SIM, SIM2)) as venue:
        verdict, _ = await pressed(venue, accounts=["PAPER:sim102"])

        assert verdict.flat
        assert positions(venue) == {(SIM, MES): 3}


async def test_a_name_that_no_account_has_is_never_flat() -> None:
    async with open_venue(held(3)) as venue:
        verdict, _ = await pressed(venue, accounts=["Sim101", "Sim1o2"])

        assert not positions(venue)
        assert verdict.missed == ("Sim1o2",)
        assert verdict.unknown
        assert not verdict.flat


async def test_law_17_shorts_are_bought_back_before_longs_are_sold() -> None:
    async with open_venue(held(3), held(-2, NQ)) as venue:
        await pressed(venue)

        assert [fill.side for fill in fills(venue)][-2:] == [OrderSide.BUY, OrderSide.SELL]


async def test_nothing_there_is_flat_by_two_readings() -> None:
    async with open_venue() as paper:
        venue = WatchedVenue(paper)

        verdict, told = await pressed(venue)

        assert verdict.flat
        assert len(venue.called("snapshot")) == 2
        assert not venue.called("submit", "cancel")
        assert isinstance(told[-2], AccountEnded)


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [
        [LoseAnswers(count=1)],
        [LoseRequests(count=2)],
        [ArriveLate(seconds=2.0, count=1)],
        [LagPositions(seconds=2.0)],
        [HideOrders(seconds=2.0)],
        [LoseAnswers(count=1), HideOrders(seconds=4.0)],
        [StickCancels(seconds=3.0)],
        [FillBeforeCancel(count=1)],
        [FailReads(lasts=4.0)],
        [BeUnavailable(lasts=3.0)],
        [RefuseOrders(count=2, reason=RejectReason.INSUFFICIENT_MARGIN)],
    ],
    ids=lambda faults: "+".join(type(fault).__name__ for fault in faults),
)
async def test_law_02_it_ends_flat_without_help_and_nothing_is_closed_twice(
    faults: Sequence[Control],
) -> None:
    async with open_venue(held(3), limit("resting"), *faults) as paper:
        venue = WatchedVenue(paper, BARE)

        verdict, _ = await pressed(venue)

        assert verdict.flat
        assert not positions(paper)
        assert sum(fill.quantity for fill in fills(paper)) == 3


async def test_law_07_an_order_nobody_answered_for_is_not_sent_again_while_it_may_live() -> None:
    async with open_venue(held(3), ArriveLate(seconds=4.0, count=1)) as paper:
        venue = WatchedVenue(paper, BARE)

        verdict, _ = await pressed(venue)

        assert verdict.flat
        assert len(venue.called("submit")) == 1


async def test_law_03_an_order_that_will_not_go_is_counted_in() -> None:
    """What it may still fill is left to it; the verdict says that it is there."""
    async with open_venue(
        held(3), limit("stuck", quantity=2), StickCancels(seconds=1000.0)
    ) as paper:
        venue = WatchedVenue(paper, BARE)

        verdict, _ = await pressed(venue, deadline=60)

        assert positions(paper) == {(SIM, MES): 2}
        [end] = verdict.accounts
        assert not end.flat
        assert len(end.orders) == 1
        assert [left.why for left in end.left] == ["orders that may still fill are at work"]


async def test_law_31_a_closed_market_is_told_at_once_and_not_stormed() -> None:
    async with open_venue(
        held(3), held(2, NQ), SetPhase(instrument=MES, phase=MarketPhase.CLOSED)
    ) as paper:
        venue = WatchedVenue(paper)

        began = anyio.current_time()
        verdict, _ = await pressed(venue)

        assert anyio.current_time() - began < 10
        assert positions(paper) == {(SIM, MES): 3}
        [end] = verdict.accounts
        assert not end.flat
        assert [(left.key.instrument, left.why) for left in end.left] == [
            (MES, "the market is closed")
        ]
        assert len(venue.called("submit")) == 1


async def test_law_31_a_pause_takes_limits_within_its_band() -> None:
    async with open_venue(held(3)) as paper:
        [market] = await paper.markets([MES])
        assert market.bid is not None
        await paper.control(SetPhase(instrument=MES, phase=MarketPhase.RESERVED))
        await paper.control(SetBands(instrument=MES, lower=market.bid - 2, upper=market.bid + 100))

        verdict, told = await pressed(paper, deadline=30)

        sent = [entry.order for entry in told if isinstance(entry, Sending)]
        assert {order.type for order in sent} == {OrderType.LIMIT}
        assert all(order.limit_price == market.bid - 2 for order in sent)
        assert len(sent) < 10
        assert verdict.flat == (not positions(paper))


async def test_law_29_a_venue_that_says_no_is_asked_more_and_more_rarely() -> None:
    async with open_venue(held(3), RefuseOrders()) as paper:
        venue = WatchedVenue(paper)

        verdict, _ = await pressed(venue, deadline=60)

        assert not verdict.flat
        assert len(venue.called("submit")) < 15
        assert verdict.accounts[0].left[0].why


async def test_law_18_an_account_that_cannot_be_read_is_never_flat() -> None:
    async with open_venue(FailReads()) as paper:
        verdict, _ = await pressed(WatchedVenue(paper), deadline=20)

        assert not verdict.flat
        assert verdict.unknown


async def test_law_14_what_somebody_trades_meanwhile_is_closed_too() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)

        async with anyio.create_task_group() as tasks:

            async def trade() -> None:
                await anyio.sleep(0.05)
                await paper.control(
                    TradeAsOther(
                        account=SIM, instrument=NQ, side=OrderSide.BUY, quantity=Decimal(1)
                    )
                )

            tasks.start_soon(trade)
            verdict, _ = await pressed(venue)

        assert verdict.flat
        assert not positions(paper)


async def test_law_01_late_orders_of_the_deposed_process_are_waited_for() -> None:
    """It had sent a close that arrives seconds after it was killed: a second one would flip."""
    async with open_venue(held(3), ArriveLate(seconds=2.0, count=1)) as paper:
        venue = WatchedVenue(paper, BARE)
        with pytest.raises(OutcomeUnknown):
            await paper.submit_order(order("theirs", side=OrderSide.SELL, quantity=3))

        verdict, _ = await pressed(venue, deposed=4711)

        assert verdict.flat
        assert not positions(paper)
        assert sum(fill.quantity for fill in fills(paper)) == 3


async def test_law_08_every_order_has_a_name_of_its_own_and_the_diary_knows_it_first() -> None:
    async with open_venue(held(3), held(2, NQ), LoseAnswers(count=1)) as paper:
        _, told = await pressed(paper)

        sent = [entry.order.client_order_id for entry in told if isinstance(entry, Sending)]
        assert len(sent) == len(set(sent))
        known: set[str] = set()
        for entry in told:
            if isinstance(entry, Sending):
                known.add(entry.order.client_order_id)
            elif isinstance(entry, Answered):
                assert entry.client_order_id in known


# --- any weather ---------------------------------------------------------------------------------


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    quantities=st.lists(st.integers(-5, 5).filter(bool), min_size=1, max_size=3),
    reduce_only=st.sampled_from([ReduceOnly.NONE, ReduceOnly.AT_FILL]),
)
def test_law_01_in_any_weather_nothing_flips_and_flat_is_true(
    seed: int, quantities: list[int], reduce_only: ReduceOnly
) -> None:
    told = Capabilities(position_settle=4.5, not_found_settle=9.0, reduce_only=reduce_only)

    async def story() -> None:
        scene = [held(q, i) for q, i in zip(quantities, (MES, NQ, CL), strict=False)]
        async with open_venue(*scene, SetWeather(seed=seed, rate=0.3)) as paper:
            verdict, _ = await pressed(WatchedVenue(paper, told), deadline=600)
            await anyio.sleep(60)
            left = positions(paper)

            assert verdict.flat == (not left) or verdict.unknown
            for quantity, instrument in zip(quantities, (MES, NQ, CL), strict=False):
                traded = sum(
                    fill.signed_quantity for fill in fills(paper) if fill.instrument == instrument
                )
                rest = left.get((AccountId(SIM), instrument), Decimal(0))
                assert rest == quantity + traded
                assert rest * quantity >= 0, "it went through zero"
                assert abs(rest) <= abs(quantity)

    run(story)
