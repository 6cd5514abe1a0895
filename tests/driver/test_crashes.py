"""
Crashes at every moment: before and after each message to the venue, and within each commit.

Law 23: whatever the moment, and whatever the venue made of what was under way, the next life ends
flat, nothing is filled twice, and every accepted call gets its one final report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

import anyio
import msgspec
import pytest

from rpcserver.core.records import OperationFinished
from rpcserver.core.report import OperationReport, Outcome
from rpcserver.core.requests import OrderOutcome, ResolveRequest
from rpcserver.domain.capabilities import Capabilities, IdMemory, ReduceOnly
from rpcserver.domain.order import OrderSide
from rpcserver.venues.paper import PaperVenue
from rpcserver.venues.paper.commands import SubmitOrder
from rpcserver.venues.paper.faults import (
    ArriveLate,
    BeUnavailable,
    DelayAnswers,
    FailReads,
    Fault,
    FillBeforeCancel,
    HideOrders,
    LagPositions,
    LoseAnswers,
    LoseEvents,
    LoseRequests,
    RepeatEvents,
    StickCancels,
)
from tests.driver.virtual_time import run
from tests.driver.world import (
    ALICE,
    MES,
    NQ,
    WatchedJournal,
    WatchedVenue,
    fills,
    flatten,
    held,
    open_venue,
    order,
    positions,
    running,
)

# A venue that helps with nothing: an order that may have been lost is never sent again.
BARE = Capabilities(
    position_settle=0.2,
    not_found_settle=0.5,
    id_memory=IdMemory.NEVER,
    reduce_only=ReduceOnly.NONE,
)
# One that would flip a position if it were told to: only we keep it from that.
UNGUARDED = msgspec.structs.replace(BARE, id_memory=IdMemory.FOR_EVER)
# One that refuses what comes too late: what was lost is known to be lost after a while.
EXPIRING = msgspec.structs.replace(BARE, request_expiry=2.0)
REQUEST = flatten(everything=True, key="press-1", deadline=30.0)


Arming = Callable[["Crash", WatchedVenue, WatchedJournal], None]


class Crash:
    """Dies at the n-th time somebody comes by: for good, wherever the engine is at that moment."""

    def __init__(self, moment: int) -> None:
        self.left = moment
        self.scope = anyio.CancelScope()

    async def come_by(self, _: object) -> None:
        self.left -= 1
        if self.left == 0:
            self.scope.cancel()
            await anyio.sleep_forever()

    @property
    def happened(self) -> bool:
        return self.left <= 0


async def _live_and_crash(
    crash: Crash, journal: WatchedJournal, venue: WatchedVenue
) -> OperationReport | None:
    """One life, up to the crash; the report, if it came that far."""
    with crash.scope:
        async with running(journal, venue) as engine:
            admitted = await engine.close(REQUEST)
            return await engine.finished(admitted.operation_id)
    return None


async def _live_on(journal: WatchedJournal, venue: WatchedVenue) -> OperationReport:
    """The life after: the client sends the same again, and hears of the end."""
    async with running(journal, venue) as engine:
        admitted = await engine.close(REQUEST)
        report = await engine.finished(admitted.operation_id)
        assert await engine.load_report(admitted.operation_id) == report
        assert not engine.unfinished
        return report


async def _resolve(
    journal: WatchedJournal, venue: WatchedVenue, report: OperationReport
) -> OperationReport:
    """Where an order's fate cannot be known, a person says it, and presses again."""
    async with running(journal, venue) as engine:
        for leg in report.legs:
            assert leg.outcome in (Outcome.FLAT, Outcome.UNKNOWN)
            for line in leg.orders:
                if line.status == "unknown":
                    word = ResolveRequest(
                        principal=ALICE,
                        client_order_id=line.client_order_id,
                        outcome=OrderOutcome.NEVER_EXISTED,
                        filled=Decimal(0),
                        reason="the venue's desk says so",
                    )
                    await engine.resolve(word)
        admitted = await engine.close(msgspec.structs.replace(REQUEST, idempotency_key="press-2"))
        return await engine.finished(admitted.operation_id)


def _check(paper: PaperVenue, journal: WatchedJournal, report: OperationReport) -> None:
    """What is so after every life; flat or not."""
    held_now = positions(paper)
    for leg in report.legs:
        if leg.outcome is Outcome.FLAT:
            assert (leg.position.account, leg.position.instrument) not in held_now
    taken: Counter[str] = Counter()
    for fill in fills(paper):
        taken[fill.instrument] += int(fill.signed_quantity)
    assert -150 <= taken[MES] <= 0 <= taken[NQ] <= 2, "nothing was closed twice"
    for of_account in paper.exchange.state.orders_of.values():
        assert all(each.report.filled <= each.report.quantity for each in of_account)
    ends = [
        link.entry.record.operation_id
        for link in journal._disk.links
        if isinstance(link.entry.record, OperationFinished)
    ]
    assert ends.count(report.operation_id) == 1, "every accepted call has one end"


async def _scene(
    moment: int,
    arm: Arming,
    capabilities: Capabilities | None,
    lives: int,
    weather: Sequence[Fault] = (),
) -> bool:
    """Lives that each crash at the same moment, and one that does not; False: none crashed."""
    async with open_venue(
        held(150),  # more than the book holds at once: it fills in parts
        held(-2, NQ),
        SubmitOrder(order("resting", OrderSide.SELL, 1, limit="99999")),
    ) as paper:
        for fault in weather:
            await paper.control(fault)
        journal = WatchedJournal()
        for life in range(lives):
            venue, crash = WatchedVenue(paper, capabilities), Crash(moment)
            arm(crash, venue, journal)
            await _live_and_crash(crash, journal, venue)
            journal = journal.reopened()
            if not crash.happened and life == 0:
                return False
        venue = WatchedVenue(paper, capabilities)
        report = await _live_on(journal, venue)
        _check(paper, journal, report)
        if not report.flat:
            assert capabilities is BARE, "elsewhere it can be known"
            journal = journal.reopened()
            report = await _resolve(journal, venue, report)
            _check(paper, journal, report)
        assert report.flat
        assert not positions(paper)
        return True


def _before_messages(crash: Crash, venue: WatchedVenue, journal: WatchedJournal) -> None:
    del journal
    venue.before = crash.come_by


def _after_messages(crash: Crash, venue: WatchedVenue, journal: WatchedJournal) -> None:
    del journal
    venue.after = crash.come_by


def _before_commits(crash: Crash, venue: WatchedVenue, journal: WatchedJournal) -> None:
    del venue
    journal.before = crash.come_by


def _after_commits(crash: Crash, venue: WatchedVenue, journal: WatchedJournal) -> None:
    del venue
    journal.after = crash.come_by


WEATHERS: list[Sequence[Fault]] = [
    (LoseAnswers(count=2), LoseEvents(count=2)),
    (LoseRequests(count=2),),
    (ArriveLate(seconds=0.4, count=2),),
    (DelayAnswers(seconds=15.0, count=1),),  # longer than we wait for one
    (HideOrders(seconds=0.4), LoseAnswers(count=1)),
    (LagPositions(seconds=0.15), RepeatEvents()),
    (StickCancels(seconds=0.5), FillBeforeCancel(count=1)),
    (BeUnavailable(count=3, retry_after=0.3), FailReads(count=3)),
]
MOMENTS = [_before_messages, _after_messages, _before_commits, _after_commits]


@pytest.mark.parametrize("lives", [1, 2, 3])
@pytest.mark.parametrize("capabilities", [None, BARE, EXPIRING], ids=["paper", "bare", "expiring"])
@pytest.mark.parametrize("arm", MOMENTS)
def test_law_23_a_crash_at_any_moment_changes_nothing(
    arm: Arming, capabilities: Capabilities | None, lives: int
) -> None:
    moment = 1
    while run(partial(_scene, moment, arm, capabilities, lives), seed=moment):
        moment += 1
    assert moment > 5, "it crashed at several moments"


@pytest.mark.parametrize("weather", WEATHERS, ids=lambda weather: type(weather[0]).__name__)
@pytest.mark.parametrize("arm", MOMENTS)
def test_law_23_a_crash_in_bad_weather_changes_nothing(
    arm: Arming, weather: Sequence[Fault]
) -> None:
    moment = 1
    while run(partial(_scene, moment, arm, UNGUARDED, 1, weather), seed=moment):
        moment += 1
    assert moment > 5, "it crashed at several moments"
