"""Following what closes left open: each end is looked at, and tried again as the policy says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from loguru import logger

from rpcserver.core.entries import Entry
from rpcserver.core.records import OperationFinished
from rpcserver.core.report import OperationReport
from rpcserver.domain.directive import POLICY, Policy, Rule
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import OperationId, PrincipalId, TokenId
from rpcserver.domain.principal import Principal
from rpcserver.domain.rule import Retry
from rpcserver.rules.acting import Actor
from rpcserver.rules.retrying import Attempt, next_attempt, place_of

WAITING_MAX = 10_000  # ends that wait to be looked at
OF_POLICY = "@policy"  # no rule of a person's can be called so
_POLICY = Principal(
    principal_id=PrincipalId("policy"), token_id=TokenId("policy"), roles=frozenset()
)


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
        lasting = [terms.lasting for _, terms in self._policies()]
        if not lasting:
            return []
        since = self._actor.now() - timedelta(seconds=max(lasting))
        rows = await self._actor.engine.journal.recent(since)
        return [row.operation_id for row in rows if row.finished_at and row.flat is False]

    async def _follow(self, ended: OperationId) -> None:
        report = await self._actor.engine.load_report(ended)
        if report is None:
            return
        for rule, terms in self._policies():
            if (attempt := await self._next(rule, terms, report)) is not None:
                await self._try_again(rule, attempt)

    def _policies(self) -> list[tuple[Rule, Retry]]:
        """Every rule that tries again, and the administrators' policy for what none speaks of."""
        rules = [(rule, terms) for rule, terms, _ in self._actor.rules(Retry)]
        record = self._actor.engine.directives.get(POLICY)
        if record is None or not isinstance(record.directive, Policy):
            return rules
        left = tuple(
            account
            for account in self._actor.accounts
            if not any(rule.covers(account) for rule, _ in rules)
        )
        if (terms := record.directive.retry) is not None and left:
            rules.append((Rule(rule_id=OF_POLICY, by=_POLICY, accounts=left, terms=terms), terms))
        return rules

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
        if not any(_is_still(standing, rule) for standing, _ in self._policies()):
            return  # it was taken back meanwhile, or says something else
        try:
            admitted = await self._actor.engine.close(attempt.request, join=False)
        except InvalidRequest as error:
            logger.warning("a close was not tried again", rule=rule.rule_id, error=str(error))
            return
        if not admitted.duplicate:
            detail = f"{attempt.request.reason}: {admitted.operation_id}"
            await self._actor.alert("exit_retried", detail, attempt.request.scope.accounts)


def _is_still(standing: Rule, rule: Rule) -> bool:
    """Whether a rule stands unchanged; which accounts the policy is left with may change."""
    if rule.rule_id == OF_POLICY:
        rule = msgspec.structs.replace(rule, accounts=standing.accounts)
    return standing == rule
