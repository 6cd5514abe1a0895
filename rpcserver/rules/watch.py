"""Holding accounts against limits: every account read once a round, every limit judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import anyio
import msgspec
from anyio.abc import TaskGroup
from loguru import logger

from rpcserver.core.standing import DirectiveSet, Word
from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.directive import Halt, HaltLevel, HaltScope, Mark, Rule
from rpcserver.domain.errors import InvalidRequest, VenueError
from rpcserver.domain.ids import AccountRef, DirectiveName, VenueId
from rpcserver.domain.rule import Limit, LimitAction
from rpcserver.driver.bulkhead import contained
from rpcserver.driver.halting import lay_halt, reading_of
from rpcserver.rules.acting import Actor
from rpcserver.rules.limits import Figures, Judgement, judge

ROUND = 1.0  # seconds between readings of an account
READ_PATIENCE = 5.0
MISSING_PATIENCE = 10.0  # for so long a figure may be missing before people are told
READS_AT_ONCE = 16

_LEVELS = {
    LimitAction.HALT: HaltLevel.CANCEL,
    LimitAction.FLATTEN_AND_LOCK: HaltLevel.FLATTEN_AND_LOCK,
}


class _Target(NamedTuple):
    """One limit of one account, as it was laid down."""

    rule: Rule
    limit: Limit
    record: DirectiveSet
    account: AccountRef


class LimitWatch:
    """All limits that stand."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._missing: dict[DirectiveName, float] = {}  # since when (monotonic)
        self._told: set[DirectiveName] = set()  # whose missing figures people know of
        self._acting: set[DirectiveName] = set()  # what is being done; it is not judged meanwhile

    async def run(self) -> None:
        """Judge every limit, round after round, until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                began = anyio.current_time()
                await self._round(tasks)
                took = anyio.current_time() - began
                await anyio.sleep(max(ROUND, 2 * took))  # a slow venue is left time for exits

    async def _round(self, tasks: TaskGroup) -> None:
        """Read every account that a limit speaks of, and judge it."""
        targets = [
            _Target(rule, limit, record, account)
            for rule, limit, record in self._actor.rules(Limit)
            for account in self._actor.accounts_of(rule)
        ]
        figures = await self._read(sorted({target.account for target in targets}))
        for target in targets:
            await self._judge(tasks, target, figures.get(target.account))

    # --- reading -------------------------------------------------------------------------------

    async def _read(self, accounts: Sequence[AccountRef]) -> Mapping[AccountRef, Figures]:
        money: dict[AccountRef, Account] = {}
        held: dict[AccountRef, AccountSnapshot] = {}
        limiter = anyio.CapacityLimiter(READS_AT_ONCE)

        async def read_money(venue: VenueId) -> None:
            for account in await self._accounts_at(venue):
                money[account.ref] = account

        async def read_held(account: AccountRef) -> None:
            async with limiter:
                snapshot = await reading_of(self._actor.engine.venues, account)
            if snapshot is not None:
                held[account] = snapshot

        async with anyio.create_task_group() as tasks:
            for venue in {account.venue for account in accounts}:
                tasks.start_soon(read_money, venue)
            for account in accounts:
                tasks.start_soon(read_held, account)
        return {
            account: Figures(account=money[account], snapshot=held[account])
            for account in accounts
            if account in money and account in held
        }

    async def _accounts_at(self, venue: VenueId) -> Sequence[Account]:
        port = self._actor.engine.venues.get(venue)
        if port is None:
            return ()
        try:
            with anyio.fail_after(READ_PATIENCE):
                return await contained(port.accounts())
        except (VenueError, TimeoutError) as error:
            logger.debug("accounts were not read", venue=venue, error=str(error))
            return ()

    # --- judging -------------------------------------------------------------------------------

    async def _judge(self, tasks: TaskGroup, target: _Target, figures: Figures | None) -> None:
        rule, limit, _, account = target
        before = self._actor.mark(rule, account)
        # It may have been taken back while the account was read.
        if before.name in self._acting or not self._stands(target):
            return
        if figures is None:
            judgement = Judgement(mark=before, missing="the account cannot be read")
        else:
            judgement = judge(limit, before, figures, self._actor.now())
        await self._tell_missing(rule, limit, account, before.name, judgement.missing)
        if judgement.carried:
            await self._tell_carried(target, before, judgement)
            if not self._stands(target):
                return
        if judgement.acts:
            self._acting.add(before.name)
            tasks.start_soon(self._act, target, judgement)
        elif judgement.mark != before:
            await self._actor.keep(judgement.mark)

    def _stands(self, target: _Target) -> bool:
        return self._actor.engine.directives.get(target.rule.name) == target.record

    async def _tell_missing(
        self, rule: Rule, limit: Limit, account: AccountRef, name: DirectiveName, why: str
    ) -> None:
        """Nothing measured is no "no loss": people are told, once each time it lasts."""
        if not why:
            self._missing.pop(name, None)
            self._told.discard(name)
            return
        now = anyio.current_time()
        since = self._missing.setdefault(name, now)
        if now - since >= MISSING_PATIENCE and name not in self._told:
            self._told.add(name)
            detail = f"{rule.rule_id}: {limit.measure.value} of {account} is not known: {why}"
            await self._actor.alert("limit_unmeasured", detail, (account,))

    async def _tell_carried(self, target: _Target, before: Mark, judgement: Judgement) -> None:
        """The day began unseen: people are told once, whatever follows from it."""
        rule, limit, _, account = target
        detail = f"{rule.rule_id}: {limit.measure.value} of {account}: {judgement.carried}"
        await self._actor.alert("day_start_carried", detail, (account,))
        if self._stands(target):
            begun = msgspec.structs.replace(judgement.mark, is_beyond=False, passed=before.passed)
            await self._actor.keep(begun)

    async def _act(self, target: _Target, judgement: Judgement) -> None:
        """Do what a limit says, tell people, and remember; what could not be done is owed still."""
        rule, limit, _, account = target
        said = f"{limit.measure.value} of {account} is {judgement.value:f}, limit {limit.amount:f}"
        word = Word(principal=rule.by.principal_id, reason=f"rule {rule.rule_id}: {said}")
        try:
            if limit.action is not LimitAction.ALERT:
                await self._halt(_halt_of(target, judgement.mark), word)
            detail = f"{word.reason}; {limit.action.value}"
            await self._actor.alert("limit_passed", detail, (account,))
            if self._stands(target):
                await self._actor.keep(judgement.mark)
        except InvalidRequest as error:
            logger.error("a limit could not act", rule=rule.rule_id, error=str(error))
        finally:
            self._acting.discard(judgement.mark.name)

    async def _halt(self, halt: Halt, word: Word) -> None:
        if halt.name in self._actor.engine.directives:
            return  # a crash came right after it was laid down
        try:
            await lay_halt(self._actor.engine, halt, word)
        except InvalidRequest as error:
            if not error.code.startswith("idempotency"):
                raise
            # It was laid down before the crash, and a person has released it since.


def _halt_of(target: _Target, mark: Mark) -> Halt:
    """Named after the rule, since when it stands, and the occasion: in whatever life, it is one."""
    rule, limit, record, account = target
    name = f"halt-{rule.rule_id}-{account}-{record.at:%Y%m%dT%H%M%S}-{mark.passed}"
    scope = HaltScope(account=account, grants=rule.by.accounts)
    return Halt(halt_id=name, scope=scope, level=_LEVELS[limit.action])
