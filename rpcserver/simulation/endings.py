"""
Laws held to when a leg or an operation ends: what is claimed is held against the exchange.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rpcserver.core.records import LegEnded, OperationFinished, Record
from rpcserver.core.report import Outcome
from rpcserver.core.requests import Dust
from rpcserver.domain.capabilities import IdMemory, ReduceOnly
from rpcserver.domain.ids import VenueId
from rpcserver.domain.order import ZERO, OrderReport, OrderStatus
from rpcserver.simulation.bookkeeping import Bookkeeping
from rpcserver.simulation.scene import EPOCH
from rpcserver.simulation.venue import SimulatedVenue
from rpcserver.simulation.verdict import Verdict

_STOPPED = (Outcome.UNKNOWN, Outcome.EXCLUDED)


class Endings:
    """Reads how everything ends, after the book has."""

    def __init__(
        self, venues: Mapping[VenueId, SimulatedVenue], book: Bookkeeping, verdict: Verdict
    ) -> None:
        self._venues = venues
        self._book = book
        self._verdict = verdict

    def look_at(self, record: Record) -> None:
        match record:
            case LegEnded():
                self._leg_ended(record)
            case OperationFinished():
                self._finished(record)
            case _:
                pass

    def _leg_ended(self, record: LegEnded) -> None:
        claims = record.outcome in (Outcome.FLAT, Outcome.REDUCED)
        self._verdict.check(
            18, not claims or record.proven_at is not None, "a success without a proof"
        )
        if record.proven_at is not None:
            self._check_proof(record, record.proven_at, claims=claims)
        self._check_fills(record)
        self._check_protection(record)

    def _check_proof(self, record: LegEnded, proven_at: datetime, *, claims: bool) -> None:
        # Wall times are told in microseconds: one more, or what happened at the instant is missed.
        key, proven = record.lane, (proven_at - EPOCH).total_seconds() + 2e-6
        settle = self._venues[key.venue].traits.position_settle
        if self._book.was_moved(key, proven - settle - 1e-5):
            return
        truth = self._venues[key.venue].past.quantity(key, proven)
        self._verdict.check(
            18,
            truth == record.remaining,
            f"{record.outcome.value} says {record.remaining} {key.instrument} of {key.account}, "
            f"the exchange held {truth} when it was read",
        )
        if not claims:
            return
        now = self._venues[key.venue].position(key)
        self._verdict.check(
            18, now == record.remaining, f"{key.instrument} is {now} when the end is told"
        )
        self._verdict.check(18, record.outcome is not Outcome.FLAT or now == 0, "flat is zero")
        request = self._book.requests[record.operation_id]
        if record.outcome is Outcome.FLAT and request.amount.is_whole:
            for order in self._venues[key.venue].working(key):
                late = order.created_at > proven_at
                self._verdict.check(
                    18,
                    late or self._cannot_open(key.venue, order),
                    f"{order.venue_order_id[:8]} still works on {key.instrument} after a flat",
                )

    def _check_fills(self, record: LegEnded) -> None:
        """Laws 5 and 6: what was closed is what our orders filled, each fill once."""
        leg, key = self._book.legs[record.operation_id][record.number], record.lane
        episode = self._book.episodes.get(key)
        if record.outcome in _STOPPED or leg.joined or episode is None:
            return
        if len(episode.operations) > 1 or record.proven_at is None:
            return
        if self._venues[key.venue].traits.id_memory is IdMemory.NEVER:
            return  # whose fills they were may never be known
        mine = (record.operation_id, record.number)
        orders = [name for name, owner in self._book.legs_of_orders.items() if owner == mine]
        truly = sum((self._book.truly_filled(name) for name in orders), ZERO)
        self._verdict.check(
            5,
            record.closed == truly,
            f"leg {record.number} says {record.closed} was closed, {truly} was",
        )

    def _check_protection(self, record: LegEnded) -> None:
        """Law 16: who took the guard away and left the position says so."""
        key = record.lane
        if record.remaining == 0 or record.outcome in _STOPPED or record.unprotected:
            return
        closing = -1 if record.remaining > 0 else 1
        for order in self._venues[key.venue].exchange.state.orders_of[key.account]:
            report = order.report
            taken = (
                (key.account, report.venue_order_id) in self._book.swept
                and report.venue_order_id in self._book.known_ends
                and report.status is OrderStatus.CANCELED
                and report.detail == "canceled as asked"
                and report.stop_price is not None
                and report.side.sign == closing
                and (report.instrument, report.holding) == (key.instrument, key.holding)
                and self._book.episodes[key].began <= (report.updated_at - EPOCH).total_seconds()
                if key in self._book.episodes
                else False
            )
            self._verdict.check(
                16,
                not taken,
                f"{key.instrument} lost its stop, and {record.outcome.value}"
                f" ({record.reason}) does not say so",
            )

    def _finished(self, record: OperationFinished) -> None:
        operation = record.operation_id
        request, done = self._book.requests[operation], self._book.ended[operation]
        outcomes = [leg.outcome for leg in done.values()]
        counts = {outcome: outcomes.count(outcome) for outcome in set(outcomes)}
        self._verdict.check(19, counts == dict(record.counts), "the counts do not add up")
        if request.dry_run:
            self._verdict.check(20, not record.flat and not outcomes, "a plan is told as a deed")
            return
        if record.error is None:
            self._verdict.check(
                19, done.keys() == self._book.legs[operation].keys(), "a leg has no outcome"
            )
        fine = {Outcome.FLAT, Outcome.REDUCED, Outcome.EXCLUDED}
        flat = {Outcome.FLAT}
        if request.dust is Dust.LEAVE:
            fine.add(Outcome.DUST)
            flat.add(Outcome.DUST)
        self._verdict.check(20, not record.success or set(outcomes) <= fine, "a hidden failure")
        self._verdict.check(20, not record.flat or set(outcomes) <= flat, "a flat that is none")

    def _cannot_open(self, venue: VenueId, order: OrderReport) -> bool:
        return order.reduce_only and self._venues[venue].traits.reduce_only is ReduceOnly.AT_FILL
