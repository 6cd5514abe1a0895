"""
The forty laws, as far as this world can see them, checked at every step by code that shares nothing
with the core but its public types.

* `exposure.py`, by the truth at the exchange, at every send, landing, fill and read: 1 no flip,
  2 reservation, 3 fence and 7 unknown (both are what keeps 2), 9 strictly reducing, 11 rounding,
  12 price bound, 13 scope, 22 write-ahead, 24 queries first, 29 budget, 31 closed market,
  39 nothing after the end, 40 (what a read raises wrongly breaks 1 or 2).
* `bookkeeping.py`, from each journal entry when it is durable: 4, 5 and 6 (what a leg says was
  closed is what its orders filled), 8 ids, 9 gates, 13 scope, 14 and 18 (what is claimed is held
  against the exchange), 15 hedge legs, 16 protection, 17 margin order, 19 partition, 20 no hidden
  failure, 25 keys, 26 and 27 sequence and chain, 35 places, 36 who and what, 38 targets.
* `promises.py`, in the bytes clients got: 18, 20, 22, 25, 35.
* `world.py`: 10 and 28 (after everything heals everything ends and gates open), 37 replay.
* By what the plan does while all of these hold: 23 crashes at every seam, 30 broken and hung
  adapters, 33 jumping clocks, 34 unreadable markets.

Not seen here: 21 (stay-flat watch) and 32 (dead-man's switch) concern what this server does not do
yet; the bytes of the disk (27), real processes (23, 26) and sockets (35) are tested by
`tests/journal`, `tests/acceptance` and `tests/server`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from rpcserver.core.entries import Entry
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.ids import AccountId, VenueOrderId
from rpcserver.domain.order import OrderReport, OrderRequest
from rpcserver.simulation.bookkeeping import Bookkeeping
from rpcserver.simulation.exposure import Exposure
from rpcserver.simulation.promises import Promises, Told
from rpcserver.simulation.venue import Execution, SimulatedVenue
from rpcserver.simulation.verdict import Verdict

SEEN = frozenset(range(1, 41)) - {21, 32}


class Laws:
    """Everything that watches, behind one face."""

    def __init__(self, verdict: Verdict, written: Callable[[int], list[Entry]]) -> None:
        self.verdict = verdict
        self._written = written
        self._parts: tuple[Exposure, Bookkeeping, Promises] | None = None

    def meet(self, venue: SimulatedVenue) -> None:
        """Begin to watch; what set the scene is not judged."""
        book = Bookkeeping(venue, self.verdict)
        self._parts = Exposure(venue, book, self.verdict), book, Promises(book, self.verdict)

    @property
    def book(self) -> Bookkeeping:
        assert self._parts is not None
        return self._parts[1]

    @property
    def exposure(self) -> Exposure:
        assert self._parts is not None
        return self._parts[0]

    def durable(self, entries: list[Entry], *, acknowledged: bool = True) -> None:
        assert self._parts is not None
        self._parts[1].durable(entries, acknowledged=acknowledged)
        self._parts[2].durable(entries)

    def told(self, connection: Told, frame: bytes) -> None:
        assert self._parts is not None
        # A replay may tell what is on the disk although its commit has not returned yet.
        self.durable(self._written(self.book.last_seq), acknowledged=False)
        self._parts[2].told(connection, frame)

    # What the venue and its port tell of.

    def executed(self, execution: Execution) -> None:
        if self._parts is not None:
            self._parts[0].executed(execution)

    def order_moved(self, report: OrderReport) -> None:
        if self._parts is not None:
            self._parts[0].order_moved(report)

    def submitting(self, life: int, order: OrderRequest) -> None:
        self.exposure.submitting(life, order)

    def canceling(
        self, life: int, account: AccountId, name: VenueOrderId, quantity: Decimal | None
    ) -> None:
        self.exposure.canceling(life, account, name, quantity)

    def flying(self, order: OrderRequest, *, landed: bool) -> None:
        self.exposure.flying(order, landed=landed)

    def described(self, life: int) -> None:
        self.exposure.described(life)

    def reading(self, snapshot: AccountSnapshot, true_at: float, *, verifies: bool) -> None:
        self.exposure.reading(snapshot, true_at, verifies=verifies)
