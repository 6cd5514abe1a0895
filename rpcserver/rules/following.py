"""Following what closes left open: each end is looked at, and tried again as the policy says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from loguru import logger

from rpcserver.core.entries import Entry
from rpcserver.core.records import OperationFinished
from rpcserver.core.report import OperationReport
from rpcserver.domain.directive import Rule
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import OperationId
from rpcserver.domain.rule import Retry
from rpcserver.rules.acting import Actor
from rpcserver.rules.retrying import Attempt, next_attempt, place_of

WAITING_MAX = 10_000  # ends that wait to be looked at


class RetryWatch:
    """All policies of trying again."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._ended: MemoryObjectSendStream[OperationId]
        self._ends: MemoryObjectReceiveStream[OperationId]
        self._ended, self._ends = anyio.create_memory_object_stream[OperationId](WAITING_MAX)

    async def run(self) -> None:
        """Look at every end, those that a crash left first, until cancelled."""
        stop = self._actor.engine.subscribe(self._hear)
        try:
            async with anyio.create_task_group() as tasks, self._ended, self._ends:
                for owed in await self._owed():
                    tasks.start_soon(self._follow, owed)
                async for ended in self._ends:
                    tasks.start_soon(self._follow, ended)
        finally:
            stop()

    def _hear(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            record = entry.record
            if isinstance(record, OperationFinished) and not record.flat:
                try:
                    self._ended.send_nowait(record.operation_id)
                except anyio.WouldBlock:
                    logger.error("too many ends to try again", operation=record.operation_id)

    async def _owed(self) -> list[OperationId]:
        """What ended not flat before this life, and may still be tried again."""
        lasting = [terms.lasting for _, terms, _ in self._actor.rules(Retry)]
        if not lasting:
            return []
        since = self._actor.now() - timedelta(seconds=max(lasting))
        rows = await self._actor.engine.journal.recent(since)
        return [row.operation_id for row in rows if row.finished_at and row.flat is False]

    async def _follow(self, ended: OperationId) -> None:
        report = await self._actor.engine.load_report(ended)
        if report is None:
            return
        for rule, terms, _ in self._actor.rules(Retry):
            if (attempt := await self._next(rule, terms, report)) is not None:
                await self._try_again(rule, attempt)

    async def _next(self, rule: Rule, terms: Retry, report: OperationReport) -> Attempt | None:
        if (place := place_of(rule, report.request)) is None:
            return None
        first: OperationReport | None = report
        if place.first is not None:
            first = await self._actor.engine.load_report(place.first)
        if first is None:
            return None
        return next_attempt(rule, terms, report, first, place.number + 1)

    async def _try_again(self, rule: Rule, attempt: Attempt) -> None:
        left = (attempt.at - self._actor.now()).total_seconds()
        terms = rule.terms
        assert isinstance(terms, Retry), "asked for those alone"
        await anyio.sleep(min(max(left, 0.0), terms.every))
        record = self._actor.engine.directives.get(rule.name)
        if record is None or record.directive != rule:
            return  # it was taken back meanwhile, or says something else
        try:
            admitted = await self._actor.engine.close(attempt.request, join=False)
        except InvalidRequest as error:
            logger.warning("a close was not tried again", rule=rule.rule_id, error=str(error))
            return
        if not admitted.duplicate:
            detail = f"{attempt.request.reason}: {admitted.operation_id}"
            await self._actor.alert("exit_retried", detail, attempt.request.scope.accounts)
