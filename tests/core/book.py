"""The journal of the tests: bytes in order, and which of them recovery folds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from rpcserver.core.passing import KeyRemembered, PartialRemembered
from rpcserver.core.progress import frames
from rpcserver.core.records import (
    OperationFinished,
    OperationOpened,
    Record,
    decode_record,
    encode_record,
)
from rpcserver.domain.ids import OperationId


class Book:
    """Append-only. What comes back has been bytes."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._lines: list[bytes] = []

    def append(self, records: Iterable[Record]) -> None:
        for record in records:
            line = encode_record(record)
            again = decode_record(line)
            assert again == record, "a record survives being written"
            assert frames(again) == frames(record), "progress is a function of the record (law 35)"
            self.records.append(record)
            self._lines.append(line)

    def unfinished(self) -> list[Record]:
        """Every record of every open subject since it was opened, in order."""
        opened_by: dict[str, int] = {}
        for number, record in enumerate(self.records):
            if record.opens is not None:
                opened_by[record.opens] = number
            if record.closes is not None:
                opened_by.pop(record.closes, None)
        return [
            decode_record(line)
            for number, (line, record) in enumerate(zip(self._lines, self.records, strict=True))
            if any(number >= opened_by.get(subject, number + 1) for subject, _ in record.subjects)
        ]

    def operation(self, operation_id: OperationId) -> list[Record]:
        """The records that concern one operation."""
        return [
            decode_record(line)
            for line, record in zip(self._lines, self.records, strict=True)
            if any(subject == operation_id for subject, _ in record.subjects)
        ]

    def remembered(self, wall: datetime) -> list[Record | KeyRemembered | PartialRemembered]:
        """All that a new process knows."""
        facts: list[Record | KeyRemembered | PartialRemembered] = [*self.unfinished()]
        opened = {
            record.operation_id: record
            for record in self.records
            if isinstance(record, OperationOpened)
        }
        for record in opened.values():
            request = record.request
            if request.idempotency_key is not None:
                facts.append(
                    KeyRemembered(
                        request.principal,
                        request.idempotency_key,
                        record.operation_id,
                        request.digest,
                        record.at,
                    )
                )
        for end in self.records:
            if isinstance(end, OperationFinished) and wall - end.at < timedelta(seconds=60):
                request = opened[end.operation_id].request
                if not request.is_harmless_again and not request.dry_run:
                    facts.append(
                        PartialRemembered(
                            request.principal, request.digest, end.operation_id, end.at
                        )
                    )
        return facts
