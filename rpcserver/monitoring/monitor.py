"""
Everything that is measured, and the pages that tell it: `/livez`, `/readyz`, `/metrics`.

A page is made of what is known at the moment, on the event loop, without waiting for anything: it
is answered while ten thousand positions close, and while a venue or the disk hangs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import anyio
import msgspec
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from rpcserver.core.commands import Alert
from rpcserver.core.events import Noticed
from rpcserver.driver.engine import Engine
from rpcserver.driver.statistics import EngineStatistics, Link
from rpcserver.monitoring.history import History
from rpcserver.monitoring.machine import Machine
from rpcserver.monitoring.readiness import Readiness, readiness
from rpcserver.monitoring.tallies import QUICK, SIZES, Count, Distribution
from rpcserver.monitoring.venue import Requests
from rpcserver.server.settings import Page, Pages
from rpcserver.server.traffic import Traffic
from rpcserver.wire.close_codes import CloseCode
from rpcserver.wire.errors import ERRORS

JSON = "application/json"
OTHER = "other"  # an error code that protocol.md does not list: a venue's own


class Commits:
    """How long the journal took to commit, and how much at once."""

    def __init__(self) -> None:
        self._seconds = Distribution(
            "rpcserver_journal_commit_seconds", "From a batch to its durability.", QUICK
        )
        self._records = Distribution(
            "rpcserver_journal_batch_records", "Records made durable by one commit.", SIZES
        )

    def committed(self, records: int, seconds: float) -> None:
        """So many *records* took so many *seconds*."""
        self._records.observe(records)
        self._seconds.observe(seconds)

    def families(self) -> Iterator[Metric]:
        """Everything, as Prometheus is told."""
        yield self._seconds.family()
        yield self._records.family()


class Posting(Protocol):
    """A webhook, as far as it is measured."""

    @property
    def name(self) -> str: ...
    @property
    def taken(self) -> int: ...
    @property
    def not_taken(self) -> int: ...
    @property
    def given_up(self) -> int: ...
    @property
    def waiting(self) -> int: ...


class Monitor(Collector):
    """One server's measurements. Built by `open_monitor`."""

    def __init__(
        self,
        engine: Engine,
        *,
        requests: Requests,
        commits: Commits,
        traffic: Traffic,
        webhooks: Sequence[Posting],
        by_account: bool,
        feed: Callable[[Noticed], None],
    ) -> None:
        self._engine = engine
        self._requests = requests
        self._commits = commits
        self._traffic = traffic
        self._webhooks = webhooks
        self._history = History(by_account=by_account)
        self._alerts = Count("rpcserver_alerts", "Alerts told.", ("code",))
        self.machine = Machine(feed, lambda: engine.journal.low)
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._stops: tuple[Callable[[], None], ...] = (
            engine.subscribe(self._history.take),
            engine.alerts(self._alert),
        )

    def close(self) -> None:
        """Listen to the engine no longer."""
        for stop in self._stops:
            stop()

    def readiness(self) -> Readiness:
        """Whether positions can be closed now, and why not."""
        return readiness(
            self._engine.statistics(),
            is_journal_low=self.machine.is_disk_low,
            is_in_charge=self._engine.journal.is_in_charge,
        )

    # --- pages ---------------------------------------------------------------------------------

    @property
    def pages(self) -> Pages:
        """For everybody."""
        return {"/livez": lambda: Page(body=b"alive\n")}

    @property
    def private_pages(self) -> Pages:
        """For those who run the server."""
        return {"/readyz": self._readyz, "/metrics": self._metrics}

    def _readyz(self) -> Page:
        found = self.readiness()
        return Page(
            status=200 if found.ready else 503,
            content_type=JSON,
            body=msgspec.json.encode(found) + b"\n",
        )

    def _metrics(self) -> Page:
        return Page(content_type=CONTENT_TYPE_PLAIN_0_0_4, body=generate_latest(self._registry))

    # --- metrics -------------------------------------------------------------------------------

    def describe(self) -> Iterator[Metric]:
        """Nothing is known before it is asked for."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Everything that is measured, at this moment."""
        statistics = self._engine.statistics()
        yield from self._history.families()
        yield from self._requests.families()
        yield from self._commits.families()
        yield self._alerts.family()
        yield from self._of_the_engine(statistics)
        yield from _of_the_venues(statistics)
        yield from self._of_the_traffic()
        yield from _of_the_webhooks(self._webhooks)
        yield _gauge("rpcserver_ready", "Whether positions can be closed.", self.readiness().ready)
        yield _gauge(
            "rpcserver_loop_lag_seconds",
            "The latest that the event loop came to a timer since the last scrape.",
            self.machine.take_lag(),
        )
        yield _count("rpcserver_clock_jumps", "Jumps of the wall clock.", self.machine.clock_jumps)

    def _alert(self, alert: Alert) -> None:
        self._alerts.add(alert.code)

    def _of_the_engine(self, statistics: EngineStatistics) -> Iterator[Metric]:
        yield _gauge("rpcserver_operations_running", "Operations at work.", statistics.running)
        yield _gauge(
            "rpcserver_operations_recovering",
            "Operations at work that an earlier life left.",
            statistics.recovering,
        )
        yield _gauge(
            "rpcserver_turns_waiting", "Decisions not yet durable.", statistics.turns_waiting
        )
        yield _gauge("rpcserver_journal_broken", "Whether it cannot commit.", statistics.is_broken)
        yield _gauge(
            "rpcserver_journal_low", "Whether the disk is nearly full.", self.machine.is_disk_low
        )
        yield _gauge(
            "rpcserver_audit_seq", "The newest entry's place.", self._engine.journal.head.audit_seq
        )

    def _of_the_traffic(self) -> Iterator[Metric]:
        traffic = self._traffic
        connections = GaugeMetricFamily(
            "rpcserver_connections", "Connections by state.", labels=("state",)
        )
        for state, count in traffic.census().items():
            connections.add_metric((state.value,), count)
        yield connections
        closed = CounterMetricFamily(
            "rpcserver_connections_closed", "Connections by how they ended.", labels=("code",)
        )
        for code, count in traffic.closed.items():
            closed.add_metric((code,), count)
        yield closed
        yield _count(
            "rpcserver_slow_consumers_cut",
            "Clients that did not read what they asked for.",
            traffic.closed[str(CloseCode.SLOW_CONSUMER.value)],
        )
        refused = CounterMetricFamily(
            "rpcserver_auth_failures", "Those who did not get in.", labels=("how",)
        )
        for why, count in traffic.entries_refused.items():
            refused.add_metric((why.value,), count)
        yield refused
        yield _refusals(traffic.calls_refused)
        yield _count(
            "rpcserver_calls_rate_limited",
            "Calls over the limit.",
            traffic.calls_refused["rate_limited"],
        )
        yield _count("rpcserver_frames_in", "Frames from clients.", traffic.frames_in)
        yield _count("rpcserver_frames_out", "Frames to clients.", traffic.frames_out)
        yield _count("rpcserver_bytes_out", "Bytes to clients.", traffic.bytes_out)


@asynccontextmanager
async def open_monitor(
    engine: Engine,
    *,
    requests: Requests,
    commits: Commits,
    traffic: Traffic,
    webhooks: Sequence[Posting] = (),
    by_account: bool = False,
    feed: Callable[[Noticed], None] | None = None,
) -> AsyncIterator[Monitor]:
    """
    Measure until the block is left, and look after the machine meanwhile.

    *requests*, *commits* and *traffic* are fed by the venues, the journal and the listener;
    *webhooks* count for themselves.
    *by_account*: legs are told apart by account, too. *feed* takes the machine's own troubles; by
    default the engine does.
    """
    monitor = Monitor(
        engine,
        requests=requests,
        commits=commits,
        traffic=traffic,
        webhooks=webhooks,
        by_account=by_account,
        feed=feed or engine.feed,
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(monitor.machine.watch, name="watch the machine")
        try:
            yield monitor
        finally:
            monitor.close()
            tasks.cancel_scope.cancel()


def _of_the_venues(statistics: EngineStatistics) -> Iterator[Metric]:
    link = GaugeMetricFamily(
        "rpcserver_venue_link", "1 for what the server has of the venue.", labels=("venue", "link")
    )
    queue = GaugeMetricFamily(
        "rpcserver_venue_queue", "What waits before a venue.", labels=("venue", "queue")
    )
    waits = CounterMetricFamily(
        "rpcserver_budget_waits", "Times orders waited for the budget.", labels=("venue",)
    )
    waited = CounterMetricFamily(
        "rpcserver_budget_wait_seconds", "How long they waited.", labels=("venue",)
    )
    for venue in statistics.venues:
        load = venue.queue
        for each in Link:
            link.add_metric((venue.venue, each.value), venue.link is each)
        queue.add_metric((venue.venue, "orders"), load.orders_waiting)
        queue.add_metric((venue.venue, "reads"), load.reads_waiting)
        queue.add_metric((venue.venue, "under_way"), load.under_way)
        waits.add_metric((venue.venue,), load.budget_waits)
        waited.add_metric((venue.venue,), load.budget_waited)
    yield from (link, queue, waits, waited)


def _of_the_webhooks(webhooks: Sequence[Posting]) -> Iterator[Metric]:
    posts = CounterMetricFamily(
        "rpcserver_webhook_posts",
        "Posts, and whether they were taken.",
        labels=("webhook", "result"),
    )
    given_up = CounterMetricFamily(
        "rpcserver_webhook_alerts_given_up", "Alerts not taken in time.", labels=("webhook",)
    )
    waiting = GaugeMetricFamily(
        "rpcserver_webhook_waiting", "Alerts and heads not taken yet.", labels=("webhook",)
    )
    for webhook in webhooks:
        posts.add_metric((webhook.name, "taken"), webhook.taken)
        posts.add_metric((webhook.name, "not_taken"), webhook.not_taken)
        given_up.add_metric((webhook.name,), webhook.given_up)
        waiting.add_metric((webhook.name,), webhook.waiting)
    yield from (posts, given_up, waiting)


def _refusals(calls: Counter[str]) -> Metric:
    """By the codes of protocol.md, so that nobody can make up labels."""
    told: Counter[str] = Counter()
    for code, count in calls.items():
        told[code if code in ERRORS else OTHER] += count
    family = CounterMetricFamily(
        "rpcserver_calls_refused", "Calls answered with an error.", labels=("code",)
    )
    for code, count in told.items():
        family.add_metric((code,), count)
    return family


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value)


def _count(name: str, meaning: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, meaning, value=value)
