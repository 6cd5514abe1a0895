"""
Whoever shows no good token: answered more and more slowly, and told of in the audit.

Only the answer *no* is slowed. A good token is let in at once, from whatever address, so that
nobody can lock a trader out by failing in his place. What is kept of sources, what waits and what
is journaled are all bounded.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network

import anyio
from anyio import CancelScope, move_on_after
from loguru import logger

from rpcserver.core.events import Noticed
from rpcserver.domain.errors import RpcServerError
from rpcserver.server.ports import Engine
from rpcserver.server.traffic import EntryRefused

FREE = 3  # failures of one source that are answered at once: people mistype
DELAY_FIRST = 0.25  # seconds; of each further failure twice as long
DELAY_MAX = 5.0  # seconds: less than a handshake may take
FORGIVEN_AFTER = 600.0  # seconds without a failure
SOURCES_MAX = 4096  # beyond it the one that has been quiet longest is forgotten
WAITING_MAX = 256  # answers held back at once; beyond it they are given right away
ROUND = 60.0  # seconds between two rounds of records
RECORDS_A_ROUND = 20  # one a source; the other sources share one more
MANY = 20  # failures of one source in a round: people are told


class _Source:
    """One address, or one network of addresses that a single host can choose among."""

    def __init__(self) -> None:
        self.failures = 0
        self.last = float("-inf")


class Strangers:
    """The failures since the start. `run` puts them into the audit; *stopping* ends all waits."""

    def __init__(self, engine: Engine, stopping: anyio.Event) -> None:
        self._engine = engine
        self._stopping = stopping
        self._sources: OrderedDict[str, _Source] = OrderedDict()  # the longest quiet first
        self._waiting = 0
        self._unrecorded: dict[str, Counter[EntryRefused]] = {}
        self._others = 0  # failures of sources that have no room in `_unrecorded`
        self._failed = anyio.Event()

    @property
    def known(self) -> int:
        """How many sources are remembered."""
        return len(self._sources)

    async def turned_away(self, remote: str, why: EntryRefused) -> None:
        """Count a failure from *remote*, `host:port`, and wait until it may be answered."""
        source = source_of(remote)
        self._remember(source, why)
        delay = self._delay(source)
        if delay and self._waiting < WAITING_MAX:
            self._waiting += 1
            try:
                with move_on_after(delay):
                    await self._stopping.wait()
            finally:
                self._waiting -= 1

    async def run(self) -> None:
        """Journal what failed: the first failure at once, then what has come together."""
        try:
            while True:
                await self._failed.wait()
                await self._record()
                await anyio.sleep(ROUND)
        finally:
            with CancelScope(shield=True):
                await self._record()

    def _delay(self, name: str) -> float:
        now = anyio.current_time()
        source = self._sources.setdefault(name, _Source())
        if now - source.last > FORGIVEN_AFTER:
            source.failures = 0
        source.failures += 1
        source.last = now
        self._sources.move_to_end(name)
        if len(self._sources) > SOURCES_MAX:
            self._sources.popitem(last=False)
        if source.failures <= FREE:
            return 0.0
        doublings = min(source.failures - FREE - 1, 10)
        return float(min(DELAY_FIRST * 2**doublings, DELAY_MAX))

    def _remember(self, source: str, why: EntryRefused) -> None:
        if source in self._unrecorded or len(self._unrecorded) < RECORDS_A_ROUND:
            self._unrecorded.setdefault(source, Counter())[why] += 1
        else:
            self._others += 1
        self._failed.set()

    async def _record(self) -> None:
        self._failed = anyio.Event()
        failed, self._unrecorded = self._unrecorded, {}
        others, self._others = self._others, 0
        notes = [
            Noticed(
                code="entry_refused",
                detail=_worded(reasons),
                alert=reasons.total() >= MANY,
                remote=source,
            )
            for source, reasons in failed.items()
        ]
        if others:
            notes.append(
                Noticed(code="entry_refused", detail=f"{others} from further addresses", alert=True)
            )
        if notes and self._engine.journal.low:
            logger.warning("entries refused, and no room to say so", records=len(notes))
            return
        try:
            for note in notes:
                await self._engine.note(note)
        except RpcServerError as exc:
            logger.warning("refused entries could not be journaled", error=str(exc))


def source_of(remote: str) -> str:
    """The host of `host:port`; of IPv6 the /64 network, which is one site's to number freely."""
    host = remote.rpartition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return host if address.is_loopback else str(ip_network((address, 64), strict=False))


def _worded(reasons: Counter[EntryRefused]) -> str:
    told = ", ".join(f"{why.value} {count}" for why, count in reasons.items())
    return f"{reasons.total()} times: {told}"
