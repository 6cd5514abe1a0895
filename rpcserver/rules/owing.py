"""
Closes that are owed until they are done: of a halt that locks, and of a switch that fired.

Their first attempt is opened with them, in one commit. Where it ended without success (its market
was closed, its deadline passed while the server was down), another follows, each under a key of its
own, until one succeeds or a person takes back what owes it, or cancels an attempt. What is taken
back ends the attempt at work, too (in the core, in the same commit), but for the first: that was
asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import anyio
import msgspec
from loguru import logger

from rpcserver.apis.registry import Registry
from rpcserver.core.halts import closing_of
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import CloseRequest
from rpcserver.core.standing import DirectiveSet, Word
from rpcserver.domain.directive import Halt, HaltLevel, Switch
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import DirectiveName
from rpcserver.rules.acting import Actor
from rpcserver.rules.calling import stored_request, stored_terms

LOOK = 2.0  # seconds between looks at what is owed
FIRST_WAIT = 5.0  # seconds after an attempt that failed, doubled each time
LONGEST_WAIT = 60.0
PATIENT = 3600.0  # seconds of every attempt but the first, which waits for its market to open
SWITCH_OWES = timedelta(hours=24)  # its client is expected back by then


def key_of(name: DirectiveName, since: datetime | None, attempt: int = 1) -> str:
    """The idempotency key of one attempt; *since*: when a switch fired."""
    first = name if since is None else f"{name}:{since.isoformat()}"
    return first if attempt == 1 else f"{first}:{attempt}"


class _Debt(NamedTuple):
    """A close that is owed: how an attempt is keyed, and made."""

    record: DirectiveSet
    key: Callable[[int], str]
    request: Callable[[str], CloseRequest]


class OwedWatch:
    """Everything that is owed."""

    def __init__(self, actor: Actor, registry: Registry) -> None:
        self._actor = actor
        self._registry = registry
        self._settled: dict[DirectiveName, DirectiveSet] = {}
        self._attempts: dict[DirectiveName, int] = {}

    async def run(self) -> None:
        """See to every debt, until cancelled."""
        while True:
            for record in tuple(self._actor.engine.directives.values()):
                debt = self._debt(record)
                if debt is not None and self._settled.get(record.directive.name) != record:
                    await self._see_to(debt)
            await anyio.sleep(LOOK)

    async def _see_to(self, debt: _Debt) -> None:
        name, engine = debt.record.directive.name, self._actor.engine
        whose = debt.record.principal
        attempt = self._attempts.get(name, 1)
        while await engine.find(whose, debt.key(attempt + 1)) is not None:
            attempt += 1
        self._attempts[name] = attempt
        last = await engine.find(whose, debt.key(attempt))
        report = await engine.load_report(last) if last is not None else None
        if report is None:
            await self._try(debt, attempt)
        elif report.finished_at is None:
            pass  # it is at work
        elif _is_done(report):
            self._settled[name] = debt.record
        elif self._actor.now() >= report.finished_at + timedelta(seconds=_wait_after(attempt)):
            await self._try(debt, attempt + 1)

    async def _try(self, debt: _Debt, attempt: int) -> None:
        key, record = debt.key(attempt), debt.record
        if self._actor.engine.directives.get(record.directive.name) != record:
            return  # it was taken back while the journal was asked
        try:
            request = debt.request(key)
            if attempt > 1:
                request = msgspec.structs.replace(
                    request,
                    wait_for_open=True,
                    deadline=PATIENT,
                    owed_by=record.directive.name,
                )
            await self._actor.engine.close(request, join=False)
        except InvalidRequest as error:
            logger.error("what is owed was not admitted", key=key, error=str(error))
        else:
            logger.warning("what is owed is closed again", key=key)

    def _debt(self, record: DirectiveSet) -> _Debt | None:
        match record.directive:
            case Halt(level=HaltLevel.FLATTEN_AND_LOCK) as halt:
                return self._of_halt(halt, record)
            case Switch(fired_at=datetime() as fired_at) as switch:
                if self._actor.now() - fired_at < SWITCH_OWES:
                    return self._of_switch(switch, fired_at, record)
        return None

    def _of_halt(self, halt: Halt, record: DirectiveSet) -> _Debt:
        word = Word(principal=record.principal, reason=record.reason, remote=record.remote)

        def request(key: str) -> CloseRequest:
            closing = closing_of(halt, self._actor.accounts, word)
            return msgspec.structs.replace(closing, idempotency_key=key)

        return _Debt(record, lambda attempt: key_of(halt.name, None, attempt), request)

    def _of_switch(self, switch: Switch, fired_at: datetime, record: DirectiveSet) -> _Debt:
        def request(key: str) -> CloseRequest:
            actor = self._actor
            terms = stored_terms(
                self._registry, switch.call, switch.by, actor.directory, actor.now()
            )
            return stored_request(switch.call, terms, switch.by, key)

        return _Debt(record, lambda attempt: key_of(switch.name, fired_at, attempt), request)


def _is_done(report: OperationReport) -> bool:
    """It succeeded, or a person stopped it; a part is never made twice (law 38)."""
    return report.success or report.cancelled or not report.request.amount.is_whole


def _wait_after(attempt: int) -> float:
    return float(min(FIRST_WAIT * 2 ** min(attempt - 1, 10), LONGEST_WAIT))
