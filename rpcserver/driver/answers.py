"""Callers who wait for what becomes of something, by its name."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import anyio

from rpcserver.domain.errors import VenueError
from rpcserver.domain.order import OrderReport

Name = TypeVar("Name", bound=Hashable)


class Answer:
    """One expected answer: a report, or why there is none."""

    def __init__(self) -> None:
        self._there = anyio.Event()
        self.report: OrderReport | None = None
        self.error: VenueError | None = None

    def give(self) -> None:
        self._there.set()

    async def get(self) -> OrderReport:
        """
        Wait for the answer.

        Raises:
            VenueError: There is no report; which one says what may be done.
        """
        await self._there.wait()
        if self.error is not None:
            raise self.error
        assert self.report is not None
        return self.report


class Answers(Generic[Name]):
    """Expected answers by name; what nobody expects is dropped."""

    def __init__(self) -> None:
        self._expected: dict[Name, Answer] = {}

    @contextmanager
    def expect(self, name: Name) -> Iterator[Answer]:
        """Expect an answer of this name while the block runs."""
        answer = self._expected.setdefault(name, Answer())
        try:
            yield answer
        finally:
            self._expected.pop(name, None)

    def expects(self, name: Name) -> bool:
        return name in self._expected

    def note(self, name: Name | None, report: OrderReport) -> None:
        """Remember the newest report; it is the answer once it is durable."""
        if name is not None and (answer := self._expected.get(name)) is not None:
            answer.report = report

    def answer(self, name: Name) -> None:
        """What was noted is the answer."""
        if (answer := self._expected.get(name)) is not None and answer.report is not None:
            answer.give()

    def fail(self, name: Name, error: VenueError) -> None:
        """There is no report."""
        if (answer := self._expected.get(name)) is not None:
            answer.error = error
            answer.give()
