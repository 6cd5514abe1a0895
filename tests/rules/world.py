"""An engine with its rules at work, over a venue whose prices the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import anyio

from rpcserver.apis.catalogue import registry
from rpcserver.core.records import Noted
from rpcserver.core.standing import Word
from rpcserver.domain.directive import Directive, Rule
from rpcserver.domain.ids import PrincipalId, TokenId
from rpcserver.domain.principal import Principal, Role
from rpcserver.domain.rule import RuleTerms
from rpcserver.driver.engine import Engine, open_engine
from rpcserver.driver.ports import Venue
from rpcserver.rules.shell import run_rules
from tests.driver.world import WatchedJournal, wall

RISK = PrincipalId("risk")
BY = Principal(principal_id=RISK, token_id=TokenId("tok-risk"), roles=frozenset({Role.RISK}))
WORD = Word(principal=RISK, reason="the house rules")


def rule(terms: RuleTerms, name: str = "rule-1", **fields: object) -> Rule:
    return Rule(rule_id=name, by=BY, terms=terms, **fields)  # type: ignore[arg-type]


class Clock:
    """The clock on the wall: in step with the loop's, until somebody sets it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return wall() + self.ahead


@asynccontextmanager
async def ruled(
    journal: WatchedJournal,
    *venues: Venue,
    known: bool = True,
    clock: Callable[[], datetime] = wall,
) -> AsyncIterator[Engine]:
    """An engine with its rules at work, that knows its accounts unless they cannot be read."""
    by_name = {venue.venue_id: venue for venue in venues}
    async with (
        open_engine(journal, by_name, clock=clock) as engine,
        anyio.create_task_group() as tasks,
    ):
        if known:
            await engine.accounts_read()

        async def run() -> None:
            await run_rules(engine, registry, clock=clock)

        tasks.start_soon(run)
        yield engine
        tasks.cancel_scope.cancel()


async def lay(engine: Engine, *directives: Directive) -> None:
    for directive in directives:
        await engine.lay_down(directive, WORD)


async def alerts(engine: Engine) -> list[str]:
    """The codes of what people were told, in order."""
    records = [entry.record for entry in await engine.journal.entries(limit=100_000)]
    return [record.code for record in records if isinstance(record, Noted) and record.alert]


async def operations(engine: Engine) -> int:
    return len(await engine.journal.operations(limit=1000))
