"""Callers who wait for what becomes of something, by its name."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import anyio

from rpcserver.core.events import (
    CancelLost,
    CancelRejected,
    ChangeUnsent,
    Event,
    OrderLost,
    OrderRejected,
    OrderUnsent,
    OrderUpdated,
)
from rpcserver.domain.errors import (
    InvalidRequest,
    OrderRefused,
    OutcomeUnknown,
    RpcServerError,
    VenueError,
    VenueUnavailable,
)
from rpcserver.domain.order import OrderReport, RejectReason

Name = TypeVar("Name", bound=Hashable)


class Answer:
    """One expected answer: a report, or why there is none. The first that is given stays."""

    def __init__(self) -> None:
        self._given = anyio.Event()
        self._report: OrderReport | None = None
        self._error: RpcServerError | None = None
        self.noted: OrderReport | None = None  # heard of in passing

    def give(self, report: OrderReport | None, error: RpcServerError | None = None) -> None:
        if not self._given.is_set():
            self._report, self._error = report, error
            self._given.set()

    async def get(self) -> OrderReport:
        """
        Wait for the answer.

        Raises:
            VenueError: There is no report; which one says what may be done.
            JournalBroken: Nobody will answer any more.
        """
        await self._given.wait()
        if self._error is not None:
            raise self._error
        assert self._report is not None
        return self._report


class Answers(Generic[Name]):
    """Expected answers by name; what nobody expects is dropped."""

    def __init__(self) -> None:
        self._expected: dict[Name, list[Answer]] = {}

    def __len__(self) -> int:
        return len(self._expected)

    @contextmanager
    def expect(self, name: Name) -> Iterator[Answer]:
        """Expect an answer of this name while the block runs. Several callers may."""
        answer = Answer()
        waiting = self._expected.setdefault(name, [])
        waiting.append(answer)
        try:
            yield answer
        finally:
            waiting.remove(answer)
            if not waiting:
                del self._expected[name]

    def expects(self, name: Name) -> bool:
        return name in self._expected

    def note(self, name: Name, report: OrderReport) -> None:
        """Remember what was told by the way: it serves where the answer itself is lost."""
        for answer in self._expected.get(name, ()):
            answer.noted = report

    def answer(self, name: Name, report: OrderReport) -> None:
        for answer in self._expected.get(name, ()):
            answer.give(report)

    def answer_as_noted(self, name: Name, otherwise: VenueError) -> None:
        """The answer is lost: what was noted stands for it, or there is none."""
        for answer in self._expected.get(name, ()):
            answer.give(answer.noted, None if answer.noted is not None else otherwise)

    def fail(self, name: Name, error: RpcServerError) -> None:
        """There is no report."""
        for answer in self._expected.get(name, ()):
            answer.give(None, error)

    def fail_all(self, error: RpcServerError) -> None:
        """Nobody will be answered any more."""
        for answers in self._expected.values():
            for answer in answers:
                answer.give(None, error)


def answer_order(answers: Answers[Name], name: Name, event: Event) -> None:
    """Tell whoever waits for an order what *event* means to them."""
    match event:
        case OrderUpdated(report=report):
            answers.answer(name, report)
        case OrderRejected(reason=reason) if reason is not RejectReason.DUPLICATE_ID:
            answers.fail(name, OrderRefused(reason, event.detail))
        case OrderUnsent(refused=None):
            answers.fail(name, VenueUnavailable(event.detail, event.retry_after))
        case OrderUnsent(refused=str(code)):
            answers.fail(name, InvalidRequest(code, event.detail))
        case OrderRejected() | OrderLost():
            # The answer is lost; what the stream told of the order meanwhile is one as well.
            answers.answer_as_noted(name, OutcomeUnknown(event.detail))


def answer_cancel(answers: Answers[Name], name: Name, event: Event) -> None:
    """Tell whoever waits for a cancel what *event* means to them."""
    match event:
        case OrderUpdated(report=report):
            answers.answer(name, report)
        case CancelRejected():
            answers.fail(name, OrderRefused(event.reason, event.detail))
        case CancelLost():
            answers.fail(name, OutcomeUnknown(event.detail))
        case ChangeUnsent():
            answers.fail(name, InvalidRequest(event.refused, event.detail))
