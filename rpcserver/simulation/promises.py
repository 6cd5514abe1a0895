"""Laws held to in what clients are told: frames, their order, and the one final answer."""

from __future__ import annotations

import json
from typing import Protocol

import msgspec

from rpcserver.core.progress import frames
from rpcserver.core.records import Record
from rpcserver.core.report import Outcome
from rpcserver.domain.ids import OperationId
from rpcserver.simulation.bookkeeping import Bookkeeping
from rpcserver.simulation.verdict import Verdict

# What may refuse new risk, and never an exit (law 10).
LIMITERS = frozenset({"closing_in_progress", "halted", "journal_low", "locked_out", "rate_limited"})


class Told(Protocol):
    """A connection, as far as promises are about it."""

    client: str
    sent: str
    after: int


class _Line(msgspec.Struct):
    """What one connection was told."""

    operation: OperationId | None = None
    seqs: list[int] = msgspec.field(default_factory=list)
    is_final: bool = False


class Promises:
    """Reads every frame that reaches a client."""

    def __init__(self, book: Bookkeeping, verdict: Verdict) -> None:
        self._book = book
        self._verdict = verdict
        self._lines: dict[int, tuple[Told, _Line]] = {}
        self._steps: dict[tuple[OperationId, int], bytes] = {}
        self._tellable: dict[OperationId, list[int]] = {}
        self._finals: dict[OperationId, tuple[str, bytes]] = {}
        self._operation_of_key: dict[str, OperationId] = {}

    def look_at(self, record: Record) -> None:
        """A record is durable: from now on its steps may be told."""
        for progress in frames(record):
            self._tellable.setdefault(progress.operation_id, []).append(progress.seq)

    def told(self, connection: Told, frame: bytes) -> None:
        """One frame reached one connection."""
        line = self._lines.setdefault(id(connection), (connection, _Line()))[1]
        self._verdict.check(35, not line.is_final, "a frame after the final one")
        said = msgspec.json.decode(frame)
        match said.get("type"):
            case "accepted":
                self._accepted(connection, line, OperationId(said["operationId"]))
            case "progress":
                self._progress(connection, line, said, frame)
            case None:
                self._final(connection, line, said)
            case _:
                pass

    def _accepted(self, connection: Told, line: _Line, operation: OperationId) -> None:
        line.operation = operation
        self._verdict.check(
            22, operation in self._book.requests, f"{operation} was accepted before it was durable"
        )
        key = json.loads(connection.sent).get("idempotencyKey")
        if key is not None:
            first = self._operation_of_key.setdefault(key, operation)
            self._verdict.check(25, first == operation, f"{key} named {first} and {operation}")

    def _progress(
        self, connection: Told, line: _Line, said: dict[str, object], frame: bytes
    ) -> None:
        operation, seq = OperationId(str(said["operationId"])), int(str(said["seq"]))
        line.operation = operation
        known = self._steps.setdefault((operation, seq), frame)
        self._verdict.check(35, known == frame, f"step {seq} of {operation} changed its bytes")
        last = line.seqs[-1] if line.seqs else connection.after
        self._verdict.check(35, seq > last, f"step {seq} of {operation} came after {last}")
        durable = self._book.seqs.get(operation, 0)
        self._verdict.check(22, seq <= durable, f"step {seq} was told before it was durable")
        line.seqs.append(seq)

    def _final(self, connection: Told, line: _Line, said: dict[str, object]) -> None:
        line.is_final = True
        data = said["data"]
        assert isinstance(data, dict)
        named = data.get("operationId") or line.operation
        self._verdict.check(
            10,
            data.get("error") not in LIMITERS,
            f"an exit was refused by a limit of ours: {data.get('error')}",
        )
        if named is None:
            return  # it was refused, and nothing was done
        operation = OperationId(str(named))
        record = self._book.finished.get(operation)
        if record is None:
            self._verdict.broken(22, f"the end of {operation} was told before it was durable")
            return
        tellable = [s for s in self._tellable.get(operation, []) if s > connection.after]
        self._verdict.check(
            35, line.seqs == tellable, f"{operation}: told {line.seqs}, there were {tellable}"
        )
        self._check_same(operation, data)
        request = self._book.requests[operation]
        outcomes = [leg.outcome for leg in self._book.ended[operation].values()]
        if data.get("flat") is True and not request.dry_run:
            fine = {Outcome.FLAT, Outcome.DUST}
            self._verdict.check(
                18, set(outcomes) <= fine, f"{operation} is called flat: {outcomes}"
            )
        if data.get("success") is True and not request.dry_run:
            done = {Outcome.FLAT, Outcome.REDUCED, Outcome.EXCLUDED, Outcome.DUST}
            self._verdict.check(20, set(outcomes) <= done, f"{operation} is called a success")

    def _check_same(self, operation: OperationId, data: dict[str, object]) -> None:
        said = msgspec.json.encode(data, order="sorted")
        api = self._book.requests[operation].api
        known = self._finals.setdefault(operation, (api, said))
        self._verdict.check(25, known[1] == said, f"{operation} was answered in two ways")
