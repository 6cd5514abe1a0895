"""How rules act: through the engine like any caller, and every word journaled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from rpcserver.apis.registry import Directory
from rpcserver.core.events import Noticed
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import CloseRequest
from rpcserver.core.standing import DirectiveSet, Word
from rpcserver.domain.directive import Directive, Mark, Rule
from rpcserver.domain.ids import AccountRef, PrincipalId
from rpcserver.driver.engine import Engine
from rpcserver.driver.sandboxes import known_sandboxes

OF_SERVER = PrincipalId("server")  # whose word a mark is

Terms = TypeVar("Terms")


class Actor:
    """What every kind of rule needs: the engine, the clock on the wall, and what it remembers."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self.engine = engine
        self.now = clock

    @property
    def accounts(self) -> tuple[AccountRef, ...]:
        """Every account known now."""
        return tuple(a.ref for each in self.engine.accounts.values() for a in each)

    @property
    def directory(self) -> Directory:
        return Directory.of(
            self.engine.accounts, self.engine.instruments, known_sandboxes(self.engine)
        )

    def rules(self, kind: type[Terms]) -> Iterator[tuple[Rule, Terms, DirectiveSet]]:
        """Every rule of one kind that stands, and its record."""
        for record in tuple(self.engine.directives.values()):
            rule = record.directive
            if isinstance(rule, Rule) and isinstance(rule.terms, kind):
                yield rule, rule.terms, record

    def mark(self, rule: Rule, account: AccountRef | None = None) -> Mark:
        """What is remembered for a rule, or a blank one."""
        blank = Mark(rule_id=rule.rule_id, account=account)
        record = self.engine.directives.get(blank.name)
        kept: Directive | None = record.directive if record is not None else None
        return kept if isinstance(kept, Mark) else blank

    async def keep(self, mark: Mark) -> None:
        """Remember; it is durable when this returns."""
        await self.engine.lay_down(mark, Word(principal=OF_SERVER, reason="kept for its rule"))

    async def alert(self, code: str, detail: str, accounts: Iterable[AccountRef]) -> None:
        """Tell people, by account: whoever may not touch one is not told of it."""
        for account in accounts:
            await self.engine.note(Noticed(code=code, detail=detail, alert=True, account=account))

    def accounts_of(self, rule: Rule) -> tuple[AccountRef, ...]:
        """Those that a rule speaks of now."""
        return rule.accounts or tuple(a for a in self.accounts if rule.covers(a))

    async def close(self, request: CloseRequest) -> OperationReport:
        """
        Make a close and wait for its end; the same key is the same operation.

        Raises:
            InvalidRequest: It was not admitted.
        """
        admitted = await self.engine.close(request, join=False)
        return await self.engine.finished(admitted.operation_id)
