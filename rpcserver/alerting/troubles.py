"""Troubles of venues, which cannot be reached or refuse too much; and the server's own."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from rpcserver.alerting.herald import Herald
from rpcserver.core.commands import UNDECIDED, Alert
from rpcserver.core.entries import Entry
from rpcserver.core.events import Noticed
from rpcserver.core.records import FillCounted, OrderEnd, OrderEnded, OrderKnown
from rpcserver.domain.ids import VenueId
from rpcserver.driver.ports import LinkDown, LinkUp, VenueEvent

RECENT_ORDERS = 100  # of a venue: what the share of the refused ones is reckoned over


class Links:
    """Tells when a venue is lost, and when it is back."""

    def __init__(self, herald: Herald) -> None:
        self._herald = herald
        self._down: set[VenueId] = set()

    def hear(self, venue: VenueId, event: VenueEvent) -> None:
        """For `Engine.watch`."""
        match event:
            case LinkDown(detail=why) if venue not in self._down:
                self._down.add(venue)
                self._tell("venue_down", venue, f"{venue} cannot be reached: {why}")
            case LinkUp() if venue in self._down:
                self._down.discard(venue)
                self._tell("venue_up", venue, f"{venue} can be reached again")
            case _:
                pass  # no news of the link

    def _tell(self, code: str, venue: VenueId, detail: str) -> None:
        self._herald.tell(Noticed(code=code, detail=detail, alert=True, venue=venue))


class Failures:
    """
    Tells of decisions that could not be made: bugs of ours, which the exits that work outlive.

    The engine puts none of them into the journal by itself: what has just failed is not asked for
    a decision more about it. The herald lets only a few pass, so that this comes to an end where
    this alert cannot be decided, either.
    """

    def __init__(self, herald: Herald) -> None:
        self._herald = herald

    def take(self, alert: Alert) -> None:
        """For `Engine.alerts`."""
        if alert.code == UNDECIDED:
            self._herald.tell(Noticed(code="internal_error", detail=alert.detail, alert=True))


class Rejects:
    """
    Tells when a venue refuses an abnormal share of its orders, once until it is normal again.

    Args:
        share: Abnormal from here on; normal again below half of it.
        orders: So many must have been answered before a share means anything.
    """

    def __init__(self, herald: Herald, *, share: float, orders: int) -> None:
        self._herald = herald
        self._share = share
        self._orders = min(orders, RECENT_ORDERS)
        self._recent: dict[VenueId, deque[bool]] = {}  # whether an order was refused
        self._abnormal: set[VenueId] = set()

    def take(self, entries: Sequence[Entry]) -> None:
        """For `Engine.subscribe`."""
        for entry in entries:
            record = entry.record
            match record:
                case OrderEnded(end=OrderEnd.REJECTED):
                    self._count(record.account.venue, is_refused=True)
                case OrderKnown() | OrderEnded():
                    self._count(record.account.venue, is_refused=False)
                case FillCounted() if record.status.is_terminal:
                    self._count(record.account.venue, is_refused=False)
                case _:
                    pass  # says nothing of an order's end

    def _count(self, venue: VenueId, *, is_refused: bool) -> None:
        recent = self._recent.setdefault(venue, deque(maxlen=RECENT_ORDERS))
        recent.append(is_refused)
        if len(recent) < self._orders:
            return
        share = sum(recent) / len(recent)
        if venue in self._abnormal:
            if share < self._share / 2:
                self._abnormal.discard(venue)
        elif share >= self._share:
            self._abnormal.add(venue)
            detail = f"{venue} refused {sum(recent)} of its last {len(recent)} orders"
            self._herald.tell(
                Noticed(code="rejects_abnormal", detail=detail, alert=True, venue=venue)
            )
