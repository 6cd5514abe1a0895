"""
The forty laws, as far as this world can see them, checked at every step by code that shares nothing
with the core but its public types.

* `exposure.py`, by the truth at one exchange, at every send, landing, fill and read;
* `bookkeeping.py`, from each journal entry when it is durable: what was written, in which order;
* `endings.py`, when legs and operations end: what is claimed is held against the exchange;
* `evidence.py`, when something is concluded: what had the engine been told?
* `promises.py`, in the bytes clients got;
* `quiet.py`, at a second venue where nothing goes wrong;
* `world.py`, when everything has healed, and when a process starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rpcserver.core.entries import Entry
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.ids import AccountId, VenueId
from rpcserver.simulation.bookkeeping import Bookkeeping
from rpcserver.simulation.endings import Endings
from rpcserver.simulation.evidence import Evidence
from rpcserver.simulation.exposure import Exposure
from rpcserver.simulation.plan import Quiet
from rpcserver.simulation.promises import Promises, Told
from rpcserver.simulation.quiet import Quietness
from rpcserver.simulation.venue import SimulatedVenue
from rpcserver.simulation.verdict import Verdict

LAWS: Mapping[int, str] = {
    1: "no flip",
    2: "reservation bound",
    3: "fence",
    4: "fill during cancel counts",
    5: "conservation",
    6: "each fill once",
    7: "unknown is live",
    8: "client id discipline",
    9: "no new risk",
    10: "limits never block an exit",
    11: "rounding",
    12: "price bound",
    13: "scope",
    14: "foreign change",
    15: "hedge legs independent",
    16: "protection",
    17: "margin order",
    18: "flat is venue-confirmed",
    19: "complete partition",
    20: "no hidden failure",
    21: "stay-flat watch",
    22: "write-ahead",
    23: "crash equivalence",
    24: "recovery queries first",
    25: "idempotent request",
    26: "single writer per leg",
    27: "journal integrity",
    28: "progress",
    29: "retry budget",
    30: "bulkhead",
    31: "market closed",
    32: "dead-man's switch",
    33: "clock",
    34: "trigger independence",
    35: "gapless stream",
    36: "who, why and what",
    37: "replay",
    38: "targets, not deltas",
    39: "nothing after the end",
    40: "a read never raises the size",
}
UNSEEN: Mapping[int, str] = {
    21: "nothing is watched after an end",
    32: "no switch is armed here (tests/rules/ has them)",
}


class Laws:
    """Everything that watches, behind one face."""

    def __init__(
        self,
        venues: Mapping[VenueId, SimulatedVenue],
        quiet: Quiet | None,
        verdict: Verdict,
        written: Callable[[int], list[Entry]],
    ) -> None:
        self.verdict = verdict
        self._written = written
        self.book = book = Bookkeeping(venues, verdict)
        exposures = {name: Exposure(venue, book, verdict) for name, venue in venues.items()}
        evidence = Evidence(venues, book, exposures, verdict)
        self._endings = Endings(venues, book, verdict)
        self._promises = Promises(book, verdict)
        self.quietness = Quietness(quiet, book, verdict)
        self._evidence = evidence
        self.at = {name: AtVenue(each, evidence, self.book) for name, each in exposures.items()}
        for name, venue in venues.items():
            venue.watch(exposures[name])

    def life_began(self, number: int, kept: int) -> None:
        """A process started, and found *kept* entries in its journal."""
        self.verdict.check(
            23,
            kept >= self.book.acknowledged_seq,
            f"{self.book.acknowledged_seq} entries were acknowledged, {kept} are there",
        )
        self.book.life_began(number)
        self._evidence.life_began()
        self.quietness.life_began()
        for each in self.at.values():
            each.life_began()

    def durable(self, entries: list[Entry], *, acknowledged: bool = True) -> None:
        """Entries are durable. *acknowledged*: their commit returned, or a restart found them."""
        for entry in entries:
            if acknowledged:
                self.book.acknowledge(entry)
            if self.book.is_new(entry):
                self.book.look_at(entry.record)
                self._endings.look_at(entry.record)
                self._evidence.look_at(entry.record)
                self._promises.look_at(entry.record)
                self.quietness.look_at(entry.record)

    def told(self, connection: Told, frame: bytes) -> None:
        """A frame reached a client."""
        # A replay may tell what is on the disk although its commit has not returned yet.
        self.durable(self._written(self.book.last_seq), acknowledged=False)
        self._promises.told(connection, frame)


class AtVenue:
    """What one port tells of what leaves a process, and of what it is told."""

    def __init__(self, exposure: Exposure, evidence: Evidence, book: Bookkeeping) -> None:
        self._book = book
        self._exposure = exposure
        self._evidence = evidence
        self.life_began = exposure.life_began
        self.submitting = exposure.submitting
        self.canceling = exposure.canceling
        self.flying = exposure.flying
        self.throttled = exposure.throttled
        self.described = exposure.described
        self.told = exposure.told

    def reading(
        self, life: int, snapshot: AccountSnapshot, true_at: float, *, verifies: bool
    ) -> None:
        """An account was read; what began an operation proves nothing to one at work."""
        if life != self._book.life:
            return  # a process that was replaced: its successor knows nothing of it
        self._exposure.reading(snapshot, true_at, verifies=verifies)
        if verifies:
            self._evidence.reading(snapshot)

    def trades_read(self, life: int, account: AccountId, asked_at: float) -> None:
        """So were its executions."""
        if life == self._book.life:
            self._evidence.trades_read(account, asked_at)
