"""What became of operations, legs and orders, counted from what the journal committed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import anyio
import msgspec
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from rpcserver.core.entries import Entry
from rpcserver.core.records import (
    AccountFailed,
    CancelIntended,
    FencePassed,
    FenceRaised,
    FillCounted,
    LegEnded,
    OperationFinished,
    OperationOpened,
    OrderEnd,
    OrderEnded,
    OrderIntended,
    OrderUnknown,
    Record,
)
from rpcserver.core.report import Outcome
from rpcserver.domain.ids import OperationId, VenueId
from rpcserver.domain.order import OrderStatus
from rpcserver.domain.position import PositionKey
from rpcserver.monitoring.tallies import PATIENT, Count, Distribution

RECENT_ORDERS = 100  # of a venue: what the share of the refused ones is reckoned over

Clock = Callable[[], float]


class _Running(msgspec.Struct, kw_only=True):
    """An operation that was opened in this life and has not ended."""

    api: str
    dry_run: bool
    since: float  # monotonic
    has_ordered: bool = False


class History:
    """
    Listens to the engine's commits. *by_account*: legs are told apart by account, too.

    Labels are words of ours and the names of venues, never the ids of anything.
    """

    def __init__(self, *, by_account: bool = False, clock: Clock = anyio.current_time) -> None:
        self._by_account = by_account
        self._clock = clock
        self._running: dict[OperationId, _Running] = {}
        self._fences: dict[PositionKey, float] = {}  # when they were raised
        self._recent: dict[VenueId, deque[bool]] = {}  # whether an order was refused
        account = ("account",) if by_account else ()
        self.operations = Count(
            "rpcserver_operations", "Operations that ended.", ("api", "outcome")
        )
        self.opened = Count("rpcserver_operations_opened", "Operations admitted.", ("api",))
        self.legs = Count("rpcserver_legs", "Legs that ended.", ("venue", "outcome", *account))
        self.unread = Count(
            "rpcserver_accounts_unread", "Accounts that an operation could not read.", ("venue",)
        )
        self.first_order = Distribution(
            "rpcserver_time_to_first_order_seconds",
            "From the request to the first order that was durable and on its way.",
            PATIENT,
            ("api",),
        )
        self.to_flat = Distribution(
            "rpcserver_time_to_flat_seconds",
            "From the request to the proof, of operations that ended flat.",
            PATIENT,
            ("api",),
        )
        self.sent = Count(
            "rpcserver_orders_sent", "Orders that were sent, or about to be.", ("venue", "origin")
        )
        self.ended = Count("rpcserver_orders_ended", "Orders by their end.", ("venue", "end"))
        self.rejected = Count(
            "rpcserver_orders_rejected", "Orders that a venue refused.", ("venue", "reason")
        )
        self.unknown = Count(
            "rpcserver_orders_unknown", "Orders that no answer came for.", ("venue",)
        )
        self.cancels = Count("rpcserver_cancels", "Cancels that were sent.", ("venue",))
        self.fills = Count("rpcserver_fills", "Executions of orders.", ("venue",))
        self.fence = Distribution(
            "rpcserver_fence_wait_seconds",
            "How long closing waited until canceled orders were proven gone.",
            PATIENT,
            ("how",),
        )

    def take(self, entries: Sequence[Entry]) -> None:
        """Count what was committed. For `Engine.subscribe`."""
        for entry in entries:
            self._count(entry.record)

    def families(self) -> Iterator[Metric]:
        """Everything, as Prometheus is told."""
        for tally in (
            self.opened,
            self.operations,
            self.legs,
            self.unread,
            self.first_order,
            self.to_flat,
            self.sent,
            self.ended,
            self.rejected,
            self.unknown,
            self.cancels,
            self.fills,
            self.fence,
        ):
            yield tally.family()
        ratio = GaugeMetricFamily(
            "rpcserver_order_reject_ratio",
            f"The share of the last {RECENT_ORDERS} orders that a venue refused.",
            labels=("venue",),
        )
        for venue, recent in self._recent.items():
            ratio.add_metric((venue,), sum(recent) / len(recent))
        yield ratio

    # --- records -------------------------------------------------------------------------------

    def _count(self, record: Record) -> None:
        match record:  # the frequent ones first
            case FillCounted():
                self._filled(record)
            case OrderIntended():
                self._intended(record)
            case LegEnded():
                self._leg_ended(record)
            case CancelIntended(account=account):
                self.cancels.add(account.venue)
            case FenceRaised():
                self._fence_raised(record)
            case FencePassed():
                self._fence_passed(record)
            case OrderEnded():
                self._order_ended(record)
            case OrderUnknown(account=account):
                self.unknown.add(account.venue)
            case OperationOpened():
                self._opened(record)
            case OperationFinished():
                self._finished(record)
            case AccountFailed(account=account):
                self.unread.add(account.venue)
            case _:
                pass  # says nothing that is counted

    def _opened(self, record: OperationOpened) -> None:
        request = record.request
        self.opened.add(request.api)
        self._running[record.operation_id] = _Running(
            api=request.api, dry_run=request.dry_run, since=record.mono
        )

    def _finished(self, record: OperationFinished) -> None:
        # What an earlier life began is counted by its outcome: how long it took, nobody can tell.
        running = self._running.pop(record.operation_id, None)
        api = running.api if running is not None else "recovered"
        dry_run = running is not None and running.dry_run
        self.operations.add(api, outcome_of(record, dry_run=dry_run))
        if running is not None and record.flat and not dry_run:
            self.to_flat.observe(self._clock() - running.since, api)

    def _leg_ended(self, record: LegEnded) -> None:
        lane = record.lane
        self._fences.pop(lane, None)
        account = (lane.account,) if self._by_account else ()
        self.legs.add(lane.venue, record.outcome.value, *account)

    def _intended(self, record: OrderIntended) -> None:
        venue = record.account.venue
        self.sent.add(venue, "client" if record.operation_id is None else "exit")
        if record.operation_id is None:
            return
        running = self._running.get(record.operation_id)
        if running is not None and not running.has_ordered:
            running.has_ordered = True
            self.first_order.observe(self._clock() - running.since, running.api)

    def _order_ended(self, record: OrderEnded) -> None:
        venue = record.account.venue
        self.ended.add(venue, record.end.value)
        is_rejected = record.end is OrderEnd.REJECTED
        if is_rejected:
            self.rejected.add(venue, record.reason.value if record.reason else "none")
        self._remember(venue, is_rejected)

    def _filled(self, record: FillCounted) -> None:
        venue = record.account.venue
        self.fills.add(venue, by=len(record.fills))
        if record.status is OrderStatus.FILLED:
            self.ended.add(venue, OrderEnd.FILLED.value)
            self._remember(venue, False)

    def _fence_raised(self, record: FenceRaised) -> None:
        self._fences[record.lane] = self._clock()
        if record.cancels:
            self.cancels.add(record.lane.venue, by=len(record.cancels))

    def _fence_passed(self, record: FencePassed) -> None:
        since = self._fences.pop(record.lane, None)
        if since is not None:
            self.fence.observe(self._clock() - since, record.how)

    def _remember(self, venue: VenueId, is_rejected: bool) -> None:
        recent = self._recent.get(venue)
        if recent is None:
            recent = self._recent[venue] = deque(maxlen=RECENT_ORDERS)
        recent.append(is_rejected)


def outcome_of(record: OperationFinished, *, dry_run: bool) -> str:
    """One word for the end of an operation, the worst that is true of it."""
    if dry_run:
        return "planned"
    if record.error is not None:
        return "refused"
    if record.flat:
        return "flat"
    if record.success:
        return "reached"  # its target, which was not zero
    if record.counts.get(Outcome.UNKNOWN):
        return "unknown"
    return "not_flat"
