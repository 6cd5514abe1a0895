"""
What people lay down and take back over the protocol: halts, rules and switches.

What of it exists for whom, and who may take it back, says `reach.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import assert_never

import anyio
import msgspec

from rpcserver.apis.decoding import nearest
from rpcserver.apis.directive_queries import (
    ArmSwitch,
    DirectiveQuery,
    DisarmSwitch,
    LayHalt,
    LayRule,
    LiftDirective,
    ReadDirectives,
    ReadRules,
    ReadSwitches,
    RemoveRule,
    RenewSwitch,
    StandingRule,
    StandingSwitch,
)
from rpcserver.apis.queries import Answerable
from rpcserver.apis.registry import CloseTerms, Registry
from rpcserver.core.halts import Halted, closing_of
from rpcserver.core.standing import DirectiveSet, Word
from rpcserver.domain.directive import (
    HaltLevel,
    Mark,
    Rule,
    Switch,
)
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef, DirectiveName
from rpcserver.domain.principal import Permission, Principal
from rpcserver.domain.rule import FlattenAt
from rpcserver.driver.halting import lay_halt
from rpcserver.rules.calendars import trades_on
from rpcserver.rules.calling import flatten_request, stored_request, stored_terms
from rpcserver.rules.contradictions import contradiction
from rpcserver.rules.schedule import following
from rpcserver.server.approvals import Approvals
from rpcserver.server.directory import DirectoryKeeper
from rpcserver.server.ports import Engine
from rpcserver.server.reach import as_seen, is_clients, is_within, reaches


class DirectiveOffice:
    """Lays down, lists and lifts for one principal at a time."""

    def __init__(
        self,
        engine: Engine,
        approvals: Approvals,
        registry: Registry,
        directory: DirectoryKeeper,
    ) -> None:
        self._engine = engine
        self._approvals = approvals
        self._registry = registry
        self._directory = directory

    async def carry_out(
        self, principal: Principal, query: DirectiveQuery, remote: str
    ) -> Answerable:
        """
        What the query's docstring names.

        Raises:
            InvalidRequest: See below.
        """
        match query:
            case ReadDirectives():
                return self.standing(principal)
            case LayHalt():
                return await self.halt(principal, query, remote)
            case LiftDirective():
                return await self.lift(principal, query, remote)
            case ReadRules():
                return await self.rules(principal)
            case LayRule():
                return await self.set_rule(principal, query, remote)
            case RemoveRule():
                return await self.remove_rule(principal, query, remote)
            case ReadSwitches():
                return self.switches(principal)
            case ArmSwitch():
                return await self.arm(principal, query, remote)
            case RenewSwitch():
                return self.renew(principal, query)
            case DisarmSwitch():
                return await self.disarm(principal, query, remote)
            case _:
                assert_never(query)

    def standing(self, principal: Principal) -> tuple[DirectiveSet, ...]:
        """Everything that stands and reaches an account of the principal's, the oldest first."""
        return tuple(
            msgspec.structs.replace(record, directive=as_seen(principal, record.directive))
            for record in self._engine.directives.values()
            if reaches(principal, record.directive, self._accounts)
        )

    async def lift(self, principal: Principal, query: LiftDirective, remote: str) -> DirectiveSet:
        """
        Take back what stands; what stood is the answer.

        Raises:
            InvalidRequest: `unknown_directive`; `forbidden`: it reaches further than the
                principal's grants.
        """
        record = self._found(principal, query.name)
        if not is_within(principal, record.directive):
            raise InvalidRequest("forbidden", "it reaches further than your own grants")
        await self._engine.lift(query.name, _word(principal, query.reason, remote))
        return record

    # --- halts ---------------------------------------------------------------------------------

    async def halt(self, principal: Principal, query: LayHalt, remote: str) -> Halted:
        """
        Let a halt stand.

        Raises:
            InvalidRequest: `unknown_user`; `approval_required`: what it closes needs a second
                person; or as `Engine.lay_down`.
        """
        user = query.halt.scope.user
        known = {principal.principal_id, None}
        if user not in known | {row.principal for row in await self._engine.journal.tokens()}:
            raise InvalidRequest("unknown_user", f"user: no token speaks for {user!r}")
        word = _word(principal, query.reason, remote)
        if query.halt.level is HaltLevel.FLATTEN_AND_LOCK:
            closing = closing_of(query.halt, self._accounts, word)
            await self._approvals.check_alone(principal, closing)
        return await lay_halt(self._engine, query.halt, word)

    # --- rules ---------------------------------------------------------------------------------

    async def rules(self, principal: Principal) -> tuple[StandingRule, ...]:
        """Every rule that reaches the principal, and what it remembers of what it may touch."""
        return tuple(
            [
                await self._standing_rule(principal, record)
                for record in self.standing(principal)
                if isinstance(record.directive, Rule)
            ]
        )

    async def set_rule(self, principal: Principal, query: LayRule, remote: str) -> StandingRule:
        """
        Let a rule stand.

        Raises:
            InvalidRequest: `invalid_argument`: the calendar; `contradiction`: another rule says
                otherwise; `forbidden`: its id is that of a rule which is not the principal's;
                `approval_required`: what it closes needs a second person.
        """
        rule = query.rule
        before = self._engine.directives.get(rule.name)
        if before is not None:
            self._check_own(principal, before, "ruleId: another's rule has this id")
        if isinstance(rule.terms, FlattenAt):
            await trades_on(rule.terms.calendar)
        others = (record.directive for record in self._engine.directives.values())
        standing = [other for other in others if isinstance(other, Rule)]
        if (why := contradiction(rule, standing, self._accounts)) is not None:
            raise InvalidRequest("contradiction", why)
        word = _word(principal, query.reason, remote)
        if rule.flattens:
            closing = flatten_request(rule, self._accounts, key=rule.name, deadline=1.0, why="")
            await self._approvals.check_alone(principal, closing)
        if before is not None and before.directive != rule:
            await self._forget(rule.rule_id, word)
        await self._engine.lay_down(rule, word)
        return await self._standing_rule(principal, self._engine.directives[rule.name])

    async def remove_rule(
        self, principal: Principal, query: RemoveRule, remote: str
    ) -> DirectiveSet:
        """
        Take a rule back, and what it remembered.

        Raises:
            InvalidRequest: `unknown_directive`; `forbidden`: it is another's, or reaches further.
        """
        record = self._found(principal, query.name)
        self._check_own(principal, record, "the rule is another's: the right to release is needed")
        word = _word(principal, query.reason, remote)
        await self._engine.lift(query.name, word)
        rule = record.directive
        assert isinstance(rule, Rule), "its name says so"
        await self._forget(rule.rule_id, word)
        return record

    async def _standing_rule(self, principal: Principal, record: DirectiveSet) -> StandingRule:
        rule = record.directive
        assert isinstance(rule, Rule), "asked for rules alone"
        marks = tuple(
            mark
            for mark in self._marks(rule.rule_id)
            if mark.account is None or principal.may_touch(mark.account)
        )
        next_at = None
        if isinstance(rule.terms, FlattenAt):
            trades = await trades_on(rule.terms.calendar)
            occasion = following(rule.terms, datetime.now(UTC), trades)
            next_at = occasion.at if occasion is not None else None
        return StandingRule(record=record, marks=marks, next_at=next_at)

    async def _forget(self, rule_id: str, word: Word) -> None:
        for mark in tuple(self._marks(rule_id)):
            await self._engine.lift(mark.name, word)

    def _marks(self, rule_id: str) -> list[Mark]:
        kept = (record.directive for record in self._engine.directives.values())
        return [mark for mark in kept if isinstance(mark, Mark) and mark.rule_id == rule_id]

    # --- switches ------------------------------------------------------------------------------

    def switches(self, principal: Principal) -> tuple[StandingSwitch, ...]:
        """Every switch whose call can name nothing beyond the principal's grants."""
        return tuple(
            self._standing_switch(principal, record)
            for record in self._engine.directives.values()
            if isinstance(record.directive, Switch) and is_within(principal, record.directive)
        )

    async def arm(self, principal: Principal, query: ArmSwitch, remote: str) -> StandingSwitch:
        """
        Let a switch stand, with its full period before it.

        Raises:
            InvalidRequest: Its call cannot be made; `forbidden`: its id is another's switch's;
                `approval_required`: what it closes needs a second person.
        """
        switch = query.switch
        before = self._engine.directives.get(switch.name)
        if before is not None and not is_clients(principal, before):
            raise InvalidRequest("forbidden", "switchId: another's switch has this id")
        terms = self._terms(switch)
        closing = stored_request(switch.call, terms, principal, switch.name)
        await self._approvals.check_alone(principal, closing)
        self._engine.renewals.renew(switch.name)
        await self._engine.lay_down(switch, _word(principal, query.reason, remote))
        self._engine.renewals.renew(switch.name)
        return self._standing_switch(principal, self._engine.directives[switch.name])

    def renew(self, principal: Principal, query: RenewSwitch) -> StandingSwitch:
        """
        Hear that the client is there.

        Raises:
            InvalidRequest: `unknown_directive`; `forbidden`: it is another's;
                `deadman_fired`: too late.
        """
        record = self._found(principal, query.name)
        switch = record.directive
        assert isinstance(switch, Switch), "its name says so"
        if not is_clients(principal, record):
            raise InvalidRequest("forbidden", "the switch waits for a sign of its own client")
        if switch.fired_at is not None:
            raise InvalidRequest("deadman_fired", f"it fired at {switch.fired_at:%FT%TZ}")
        self._engine.renewals.renew(query.name)
        return self._standing_switch(principal, record)

    async def disarm(
        self, principal: Principal, query: DisarmSwitch, remote: str
    ) -> StandingSwitch:
        """
        Take a switch back; what stood is the answer.

        Raises:
            InvalidRequest: `unknown_directive`; `forbidden`: it is another's.
        """
        record = self._found(principal, query.name)
        self._check_own(principal, record, "the switch is another's")
        stood = self._standing_switch(principal, record)
        await self._engine.lift(query.name, _word(principal, query.reason, remote))
        self._engine.renewals.forget(query.name)
        return stood

    def _standing_switch(self, principal: Principal, record: DirectiveSet) -> StandingSwitch:
        switch = record.directive
        assert isinstance(switch, Switch), "its name says so"
        try:
            named = self._terms(switch).scope.accounts
        except InvalidRequest:  # what it names is gone
            named = ()
        return StandingSwitch(
            record=record,
            accounts=tuple(filter(principal.may_touch, named)),
            fires_at=self._fires_at(switch),
        )

    def _fires_at(self, switch: Switch) -> datetime | None:
        since = self._engine.renewals.silent_since(switch.name)
        if switch.fired_at is not None or since is None:
            return None
        left = since + switch.timeout - anyio.current_time()
        return datetime.now(UTC) + timedelta(seconds=left)

    def _terms(self, switch: Switch) -> CloseTerms:
        now = datetime.now(UTC)
        return stored_terms(self._registry, switch.call, switch.by, self._directory.current(), now)

    # --- whose it is ---------------------------------------------------------------------------

    @property
    def _accounts(self) -> tuple[AccountRef, ...]:
        return tuple(a.ref for each in self._engine.accounts.values() for a in each)

    def _found(self, principal: Principal, name: DirectiveName) -> DirectiveSet:
        record = self._engine.directives.get(name)
        if record is None or not reaches(principal, record.directive, self._accounts):
            kind, _, short = name.rpartition(":")
            known = (standing.directive.name for standing in self.standing(principal))
            alike = (each.rpartition(":")[2] for each in known if each.startswith(kind))
            raise InvalidRequest(
                "unknown_directive", f"nothing stands as {short[:64]!r}{nearest(short, alike)}"
            )
        return record

    def _check_own(self, principal: Principal, record: DirectiveSet, otherwise: str) -> None:
        """It is the principal's own, or the principal may release and has its accounts."""
        is_own = record.principal == principal.principal_id
        if not (is_own or principal.may(Permission.RELEASE)) or not is_within(
            principal, record.directive
        ):
            raise InvalidRequest("forbidden", otherwise)


def _word(principal: Principal, reason: str, remote: str) -> Word:
    return Word(principal=principal.principal_id, reason=reason, remote=remote)
