"""What the pages say while a real engine closes positions at a paper venue, in virtual time."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import msgspec
import pytest
from prometheus_client.metrics_core import Metric

from rpcserver.core.records import Noted
from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueUnavailable
from rpcserver.domain.ids import AccountId, OperationId
from rpcserver.domain.order import RejectReason
from rpcserver.driver.engine import Engine
from rpcserver.driver.statistics import EngineStatistics, Link
from rpcserver.monitoring.machine import LOOK_INTERVAL
from rpcserver.monitoring.monitor import Commits, Monitor, open_monitor
from rpcserver.monitoring.readiness import Readiness, readiness
from rpcserver.monitoring.venue import MeasuredVenue, Requests
from rpcserver.server.traffic import EntryRefused, Traffic
from rpcserver.venues.paper import Control
from tests.driver.world import (
    NQ,
    SIM,
    SIM2,
    Call,
    WatchedJournal,
    WatchedVenue,
    flatten,
    held,
    open_venue,
    order,
    placing,
    running,
)
from tests.monitoring.scrape import Scrape
from tests.monitoring.test_readiness import venues

pytestmark = pytest.mark.anyio

TEXT = (Path(__file__).parents[2] / "protocol.md").read_text(encoding="utf-8")
HEALTHY = Readiness(ready=True, reasons=())


@dataclass
class Desk:
    """An engine, the venue it trades at, and the monitor over both."""

    engine: Engine
    venue: WatchedVenue
    journal: WatchedJournal
    monitor: Monitor
    traffic: Traffic

    async def flatten(self, *accounts: AccountId, dry_run: bool = False) -> OperationId:
        admitted = await self.engine.close(flatten(*accounts, dry_run=dry_run))
        await self.engine.finished(admitted.operation_id)
        return admitted.operation_id

    @property
    def scrape(self) -> Scrape:
        return Scrape(self.monitor)

    @property
    def readiness(self) -> Readiness:
        page = self.monitor.private_pages["/readyz"]()
        found = msgspec.json.decode(page.body, type=Readiness)
        assert page.status == (200 if found.ready else 503)
        return found

    @property
    def reasons(self) -> list[str]:
        return [reason.code for reason in self.readiness.reasons]


@asynccontextmanager
async def a_desk(
    *scene: Control, by_account: bool = False, known: bool = True
) -> AsyncIterator[Desk]:
    traffic, requests = Traffic(), Requests()
    async with open_venue(*scene, accounts=(SIM, SIM2)) as paper:
        watched, journal = WatchedVenue(paper), WatchedJournal()
        async with (
            running(journal, MeasuredVenue(watched, requests), known=known) as engine,
            open_monitor(
                engine,
                requests=requests,
                commits=Commits(),
                traffic=traffic,
                by_account=by_account,
            ) as monitor,
        ):
            if known:
                await engine.settled_in()
            yield Desk(engine, watched, journal, monitor, traffic)


async def test_what_a_close_does_is_counted() -> None:
    async with a_desk(held(3), held(-2, NQ), held(1, account=SIM2)) as desk:
        await desk.flatten(SIM, SIM2)
        scrape = desk.scrape

    assert scrape("operations_opened_total", api="Flatten") == 1
    assert scrape("operations_total", api="Flatten", outcome="flat") == 1
    assert scrape("operations_running") == 0
    assert scrape("legs_total", venue="paper", outcome="flat") == 3
    assert scrape("orders_sent_total", venue="paper", origin="exit") == 3
    assert scrape("orders_ended_total", venue="paper", end="filled") == 3
    assert scrape("fills_total", venue="paper") >= 3
    assert scrape("order_reject_ratio", venue="paper") == 0
    assert scrape("venue_request_seconds_count", venue="paper", request="submit_order") == 3
    assert scrape("time_to_first_order_seconds_count", api="Flatten") == 1
    first = scrape("time_to_first_order_seconds_sum", api="Flatten")
    assert 0 < first < scrape("time_to_flat_seconds_sum", api="Flatten")


async def test_a_dry_run_and_a_close_of_nothing_are_no_time_to_flat_of_others() -> None:
    async with a_desk(held(3)) as desk:
        await desk.flatten(SIM, dry_run=True)
        assert desk.scrape("operations_total", api="Flatten", outcome="planned") == 1
        assert desk.scrape("time_to_flat_seconds_count", api="Flatten") == 0
        assert desk.scrape("orders_sent_total", venue="paper", origin="exit") == 0


async def test_orders_that_fail_are_counted_by_how() -> None:
    async with a_desk(held(3), held(1, NQ)) as desk:

        async def refuse(call: Call) -> None:
            if call.kind == "submit":
                raise OrderRefused(RejectReason.INSUFFICIENT_MARGIN, "no money")

        desk.venue.before = refuse
        await desk.flatten(SIM)
        scrape = desk.scrape

    refused = scrape("orders_rejected_total", venue="paper", reason="insufficient_margin")
    assert refused >= 2
    assert scrape("orders_ended_total", venue="paper", end="rejected") == refused
    assert scrape("order_reject_ratio", venue="paper") == 1
    assert scrape("legs_total", venue="paper", outcome="rejected") == 2
    assert scrape("operations_total", api="Flatten", outcome="not_flat") == 1
    assert scrape("alerts_total", code="exit_failed") == 1
    failed = "venue_request_failures_total"
    assert scrape(failed, venue="paper", request="submit_order", failure="refused") == refused


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (OutcomeUnknown("lost"), "unknown"),
        (VenueUnavailable("away"), "unavailable"),
        (ZeroDivisionError("a bug of the adapter"), "broken"),
    ],
)
async def test_requests_that_fail_are_counted_by_what_is_known(error: Exception, word: str) -> None:
    async with a_desk(held(3)) as desk:
        failures = 0

        async def fail(call: Call) -> None:
            nonlocal failures
            if call.kind == "submit" and not failures:
                failures += 1
                raise error

        desk.venue.before = fail
        await desk.flatten(SIM)
        scrape = desk.scrape

    failed = "venue_request_failures_total"
    assert scrape(failed, venue="paper", request="submit_order", failure=word) == 1
    assert scrape("orders_unknown_total", venue="paper") == (word != "unavailable")
    assert scrape("operations_total", api="Flatten", outcome="flat") == 1


async def test_a_request_that_is_given_up_is_a_failure_of_its_own() -> None:
    async with a_desk(held(3)) as desk:
        hung = False

        async def hang(call: Call) -> None:
            nonlocal hung
            if call.kind == "submit" and not hung:
                hung = True
                await anyio.sleep_forever()

        desk.venue.before = hang
        await desk.flatten(SIM)
        scrape = desk.scrape

    failed = "venue_request_failures_total"
    assert scrape(failed, venue="paper", request="submit_order", failure="given_up") == 1
    assert scrape("operations_total", api="Flatten", outcome="flat") == 1


async def test_cancels_and_the_wait_for_them_are_counted() -> None:
    async with a_desk(held(3)) as desk:
        await desk.engine.place(placing(order("resting", limit="1.00")))
        await desk.flatten(SIM)
        scrape = desk.scrape

    assert scrape("orders_sent_total", venue="paper", origin="client") == 1
    assert scrape("cancels_total", venue="paper") == 1
    assert scrape("fence_wait_seconds_count", how="clear") == 1
    assert scrape("fence_wait_seconds_sum", how="clear") > 0


@pytest.mark.parametrize("by_account", [False, True])
async def test_accounts_are_labels_only_where_they_are_asked_for(by_account: bool) -> None:
    async with a_desk(held(3), by_account=by_account) as desk:
        operation_id = await desk.flatten(SIM)
        text = desk.scrape.text

    assert ("Sim101" in text) is by_account
    assert operation_id not in text
    assert "MES" not in text
    assert "alice" not in text


async def test_codes_that_clients_could_make_up_are_no_labels() -> None:
    async with a_desk() as desk:
        desk.traffic.calls_refused["rate_limited"] += 2
        desk.traffic.calls_refused["made-up-1"] += 1
        desk.traffic.calls_refused["made-up-2"] += 1
        desk.traffic.entries_refused[EntryRefused.FRAME_TOKEN] += 3
        scrape = desk.scrape

    assert scrape("calls_refused_total", code="rate_limited") == 2
    assert scrape("calls_rate_limited_total") == 2
    assert scrape("calls_refused_total", code="other") == 2
    assert scrape("auth_failures_total", how="frame_token") == 3


async def test_a_server_is_ready_when_it_can_close_and_not_while_it_stops() -> None:
    async with a_desk(held(3)) as desk:
        assert desk.readiness == HEALTHY
        assert desk.scrape("ready") == 1
        desk.engine.stop_admitting()

        assert not desk.readiness.ready
        assert desk.reasons == ["stopping"]
        assert desk.scrape("ready") == 0


async def test_a_venue_never_read_is_told_and_heals() -> None:
    async with a_desk(known=False) as desk:
        assert desk.reasons == ["starting", "venue_never_read"]
        assert desk.scrape("venue_link", venue="paper", link="never_read") == 1
        await desk.engine.accounts_read()
        await desk.engine.settled_in()

        assert desk.readiness == HEALTHY
        assert desk.scrape("venue_link", venue="paper", link="up") == 1


async def test_a_page_is_answered_while_the_engine_waits_for_its_venue_and_its_disk() -> None:
    """It never waits itself: a page is a plain function."""
    async with a_desk(held(3)) as desk:
        held_up = anyio.Event()

        async def hold(call: Call) -> None:
            if call.kind == "submit":
                held_up.set()
                await anyio.sleep(5)

        desk.venue.before = hold
        await desk.engine.close(flatten(SIM))
        await held_up.wait()

        assert desk.scrape("operations_running") == 1
        assert desk.scrape("venue_queue", venue="paper", queue="under_way") >= 1
        assert desk.readiness == HEALTHY


async def test_a_disk_that_fills_is_told_at_every_place() -> None:
    async with a_desk(held(3)) as desk:
        with desk.journal.filling_disk():
            await anyio.sleep(LOOK_INTERVAL * 2)

            assert desk.reasons == ["journal_low"]
            assert desk.readiness.ready, "exits are admitted"
            assert desk.scrape("journal_low") == 1
            assert desk.scrape("alerts_total", code="disk_low") == 1
            told = [entry.record for entry in await desk.journal.entries()]
            assert any(isinstance(each, Noted) and each.code == "disk_low" for each in told)
        await anyio.sleep(LOOK_INTERVAL * 2)

        assert desk.readiness == HEALTHY


async def test_two_monitors_in_one_process_share_nothing() -> None:
    async with a_desk(held(3)) as one, a_desk(held(3)) as other:
        await one.flatten(SIM)

        assert one.scrape("operations_total", api="Flatten", outcome="flat") == 1
        assert other.scrape("operations_total", api="Flatten", outcome="flat") == 0


async def test_the_table_of_metrics_is_the_code() -> None:
    async with a_desk() as desk:
        expected = [
            [f"`{_told(metric)}`", metric.type, ", ".join(_labels(metric)), metric.documentation]
            for metric in desk.monitor.collect()
        ]

    table = re.findall(r"^\| metric \| type .*\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()]
    assert rows == expected, "\n".join(f"| {' | '.join(row)} |" for row in expected)


def _told(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def _labels(metric: Metric) -> list[str]:
    found: list[str] = [f"`{name}`" for name in metric._labelnames]  # type: ignore[attr-defined]
    return found


def test_the_table_of_reasons_is_the_code() -> None:
    """What is told of a server that has everything wrong at once, and of one that is well."""
    table = re.findall(r"^\| reason \| blocks .*\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    told = dict(re.findall(r"^\| `(\w+)` \| ([\w ]+) \|", table[0], re.MULTILINE))
    ill = EngineStatistics(
        is_broken=True,
        is_stopping=True,
        has_settled_in=False,
        running=1,
        recovering=1,
        turns_waiting=0,
        venues=venues(Link.DOWN, Link.NEVER_READ),
    )

    found = readiness(ill, is_journal_low=True, is_in_charge=False)

    assert told.keys() == {reason.code for reason in found.reasons}
    assert {code for code, blocks in told.items() if blocks == "no"} == {
        reason.code for reason in found.reasons if not reason.blocks
    }
