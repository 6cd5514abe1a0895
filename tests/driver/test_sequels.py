"""The order that follows a close: waited for, told, and the same truth for whoever asks again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal

import anyio
import msgspec
import pytest

from rpcserver.core.records import OperationFinished, OrderIntended, Record
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import CloseRequest, Sequel
from rpcserver.domain.ids import AccountRef, ClientOrderId, sequel_order_id
from rpcserver.domain.order import RejectReason
from rpcserver.driver.engine import Engine
from rpcserver.venues.paper.faults import LoseAnswers, RefuseOrders
from tests.driver.world import (
    MES,
    PAPER,
    SIM,
    WatchedJournal,
    WatchedVenue,
    dying,
    flatten,
    held,
    open_venue,
    order,
    positions,
    running,
)

pytestmark = pytest.mark.anyio


def then_buy(engine: Engine, quantity: int = 2) -> CloseRequest:
    """Close MES, then buy it; the same press each time."""
    [contract] = [each for each in engine.instruments[PAPER] if each.instrument_id == MES]
    sequel = Sequel(
        account=AccountRef(PAPER, SIM),
        instrument=contract,
        order=msgspec.structs.replace(order(quantity=quantity), client_order_id=ClientOrderId("")),
    )
    return msgspec.structs.replace(flatten(instruments=[MES], key="press"), sequel=sequel)


async def press(engine: Engine) -> OperationReport:
    admitted = await engine.close(then_buy(engine))
    return await engine.finished(admitted.operation_id)


async def test_the_report_waits_for_the_venues_word_and_a_resend_repeats_it() -> None:
    async with open_venue(held(-3)) as paper:
        journal, venue = WatchedJournal(), WatchedVenue(paper)
        async with running(journal, venue) as engine:
            first = await press(engine)
            again = await press(engine)
        async with running(journal.reopened(), venue) as engine:
            restarted = await press(engine)

        assert first.success
        assert first.flat
        assert first.placement is not None
        assert first.placement.line is not None
        assert first.placement.line.status == "filled"
        assert first.placement.line.client_order_id == sequel_order_id(first.operation_id)
        assert again == restarted == first
        assert positions(paper)[SIM, MES] == Decimal(2)
        assert len(venue.called("submit")) == 2


async def test_an_order_that_is_refused_is_told_as_refused() -> None:
    async with open_venue(held(-3)) as paper:
        await paper.control(RefuseOrders(skip=1, reason=RejectReason.INSUFFICIENT_MARGIN))
        async with running(WatchedJournal(), paper) as engine:
            report = await press(engine)

        assert report.flat
        assert not report.success
        assert report.placement is not None
        assert report.placement.error == "order_refused"
        assert positions(paper).get((SIM, MES), Decimal(0)) == 0


async def test_an_answer_that_is_lost_is_unknown_and_becomes_known() -> None:
    async with open_venue(held(-3)) as paper:
        await paper.control(LoseAnswers(skip=1, count=1))
        async with running(WatchedJournal(), paper) as engine:
            report = await press(engine)
            assert report.placement is not None
            assert report.placement.error in (None, "outcome_unknown")
            await anyio.sleep(30)
            later = await press(engine)

        assert later.placement is not None
        assert later.placement.error is None
        assert positions(paper)[SIM, MES] == Decimal(2)


async def test_a_crash_before_the_end_is_durable_places_nothing_and_the_resend_says_so() -> None:
    async with open_venue(held(-3)) as paper:
        journal, venue = WatchedJournal(), WatchedVenue(paper)

        async def fail_at_the_end(records: Sequence[Record]) -> None:
            if any(isinstance(record, OperationFinished) for record in records):
                stack.enter_context(journal.failing_commits())

        with ExitStack() as stack, dying():
            journal.before = fail_at_the_end
            async with running(journal, venue) as engine:
                await press(engine)
        async with running(journal.reopened(), venue) as engine:
            report = await press(engine)

        assert report.flat
        assert not report.success
        assert report.placement is not None
        assert (report.placement.error, report.placement.line) == ("not_placed", None)
        assert positions(paper).get((SIM, MES), Decimal(0)) == 0
        assert len(venue.called("submit")) == 1


async def test_a_crash_after_the_end_is_durable_never_places_by_recovery() -> None:
    async with open_venue(held(-3)) as paper:
        journal, venue = WatchedJournal(), WatchedVenue(paper)

        async def lie_at_the_end(records: Sequence[Record]) -> None:
            if any(isinstance(record, OrderIntended) and record.lane is None for record in records):
                stack.enter_context(journal.lying_commits())

        with ExitStack() as stack, dying():
            journal.before = lie_at_the_end
            async with running(journal, venue) as engine:
                await press(engine)
        async with running(journal.reopened(), venue) as engine:
            at_once = await press(engine)
            await anyio.sleep(60)
            later = await press(engine)

        assert at_once.flat
        assert not at_once.success
        assert later.placement is not None
        assert later.placement.error == "not_placed"
        assert positions(paper).get((SIM, MES), Decimal(0)) == 0
        assert len(venue.called("submit")) == 1
