"""
The shell of the rules: watches what stands, and lets each kind act.

A bug in one kind ends nothing else: it is told, and that kind begins anew after a moment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import anyio
from loguru import logger

from rpcserver.apis.registry import Registry
from rpcserver.core.entries import Entry
from rpcserver.core.standing import DirectiveLifted, DirectiveSet
from rpcserver.domain.directive import Rule
from rpcserver.domain.errors import JournalBroken
from rpcserver.domain.ids import DirectiveName
from rpcserver.domain.rule import FlattenAt
from rpcserver.driver.engine import Engine
from rpcserver.driver.halting import keep_halts
from rpcserver.rules.acting import Actor
from rpcserver.rules.deadman import DeadmanWatch
from rpcserver.rules.following import RetryWatch
from rpcserver.rules.owing import OwedWatch
from rpcserver.rules.staying_flat import FlatWatch
from rpcserver.rules.timetable import keep_time
from rpcserver.rules.watch import LimitWatch

BEGIN_ANEW = 5.0  # seconds after a bug of ours


async def run_rules(
    engine: Engine, registry: Registry, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """
    Let halts, rules and switches act, until cancelled.

    Raises:
        JournalBroken: Nothing can be done any more.
    """
    actor = Actor(engine, clock)
    await engine.settled_in()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_sheltered, "halts", partial(keep_halts, engine))
        tasks.start_soon(_sheltered, "limits", lambda: LimitWatch(actor).run())
        tasks.start_soon(_sheltered, "switches", lambda: DeadmanWatch(actor, registry).run())
        tasks.start_soon(_sheltered, "debts", lambda: OwedWatch(actor, registry).run())
        tasks.start_soon(_sheltered, "retries", lambda: RetryWatch(actor).run())
        tasks.start_soon(_sheltered, "staying flat", lambda: FlatWatch(actor).run())
        tasks.start_soon(_Timetables(actor).run)


class _Timetables:
    """One task for each rule that has a time of day, as long as it stands unchanged."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._running: dict[DirectiveName, tuple[DirectiveSet, anyio.CancelScope]] = {}
        self._changed = anyio.Event()

    async def run(self) -> None:
        stop = self._actor.engine.subscribe(self._hear)
        try:
            async with anyio.create_task_group() as tasks:
                while True:
                    self._changed = anyio.Event()
                    for record in self._renewed():
                        scope = anyio.CancelScope()
                        self._running[record.directive.name] = (record, scope)
                        tasks.start_soon(self._keep, record, scope)
                    await self._changed.wait()
        finally:
            stop()

    def _hear(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            record = entry.record
            is_rule = isinstance(record, DirectiveSet) and isinstance(record.directive, Rule)
            if is_rule or isinstance(record, DirectiveLifted):
                self._changed.set()

    def _renewed(self) -> list[DirectiveSet]:
        """Those that stand and have no task; tasks of what stands no more are ended."""
        standing = {record.directive.name: record for _, _, record in self._actor.rules(FlattenAt)}
        for name, (record, scope) in list(self._running.items()):
            if standing.get(name) != record:
                scope.cancel()
                del self._running[name]
        return [record for name, record in standing.items() if name not in self._running]

    async def _keep(self, record: DirectiveSet, scope: anyio.CancelScope) -> None:
        rule = record.directive
        assert isinstance(rule, Rule), "asked for those alone"
        terms = rule.terms
        assert isinstance(terms, FlattenAt), "asked for those alone"
        with scope:
            await _sheltered(rule.rule_id, partial(keep_time, self._actor, rule, terms, record))


async def _sheltered(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run for ever: what breaks begins anew, and breaks nothing else."""
    while True:
        try:
            await run()
        except JournalBroken:
            raise
        except Exception as error:  # noqa: BLE001 - a bug in one kind of rule must not end the exits, nor the other rules (law 30)
            logger.opt(exception=error).critical("a rule failed", rule=name)
        await anyio.sleep(BEGIN_ANEW)
