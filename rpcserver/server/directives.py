"""
What people lay down and take back over the protocol, and what of it exists for whom.

A directive exists for a principal whose accounts it reaches; it is taken back only by one whose
grants are no narrower than it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_never

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
    Directive,
    Halt,
    HaltLevel,
    Mark,
    Policy,
    Preferences,
    Rule,
    Switch,
)
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef, DirectiveName
from rpcserver.domain.principal import EVERY_ACCOUNT, Permission, Principal, are_granted
from rpcserver.domain.rule import FlattenAt
from rpcserver.driver.halting import lay_halt
from rpcserver.rules.calendars import trades_on
from rpcserver.rules.calling import flatten_request, stored_request, stored_terms
from rpcserver.rules.contradictions import contradiction
from rpcserver.rules.schedule import following
from rpcserver.server.approvals import Approvals
from rpcserver.server.directory import DirectoryKeeper
from rpcserver.server.ports import Engine


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
            msgspec.structs.replace(record, directive=_as_seen(principal, record.directive))
            for record in self._engine.directives.values()
            if self._reaches(principal, record.directive)
        )

    async def lift(self, principal: Principal, query: LiftDirective, remote: str) -> DirectiveSet:
        """
        Take back what stands; what stood is the answer.

        Raises:
            InvalidRequest: `unknown_directive`; `forbidden`: it reaches further than the
                principal's grants.
        """
        record = self._found(principal, query.name)
        if not _is_within(principal, record.directive):
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

    async def arm(self, principal: Principal, query: ArmSwitch, remote: str) -> StandingSwitch:
        """
        Let a switch stand, with its full period before it.

        Raises:
            InvalidRequest: Its call cannot be made; `forbidden`: its id is another's switch's;
                `approval_required`: what it closes needs a second person.
        """
        switch = query.switch
        before = self._engine.directives.get(switch.name)
        if before is not None and not _is_clients(principal, before):
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
        if not _is_clients(principal, record):
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
        await self._engine.lift(query.name, _word(principal, query.reason, remote))
        self._engine.renewals.forget(query.name)
        return self._standing_switch(principal, record)

    def _standing_switch(self, principal: Principal, record: DirectiveSet) -> StandingSwitch:
        switch = record.directive
        assert isinstance(switch, Switch), "its name says so"
        try:
            named = self._terms(switch).scope.accounts
        except InvalidRequest:  # what it names is gone
            named = ()
        return StandingSwitch(record=record, accounts=tuple(filter(principal.may_touch, named)))

    def _terms(self, switch: Switch) -> CloseTerms:
        now = datetime.now(UTC)
        return stored_terms(self._registry, switch.call, switch.by, self._directory.current(), now)

    # --- whose it is ---------------------------------------------------------------------------

    @property
    def _accounts(self) -> tuple[AccountRef, ...]:
        return tuple(a.ref for each in self._engine.accounts.values() for a in each)

    def _found(self, principal: Principal, name: DirectiveName) -> DirectiveSet:
        record = self._engine.directives.get(name)
        if record is None or not self._reaches(principal, record.directive):
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
        if not (is_own or principal.may(Permission.RELEASE)) or not _is_within(
            principal, record.directive
        ):
            raise InvalidRequest("forbidden", otherwise)

    def _reaches(self, principal: Principal, directive: Directive) -> bool:
        match directive:
            case Halt(scope=scope):
                covers = scope.covers_account
            case Rule():
                covers = directive.covers
            case Switch(by=by):
                covers = by.may_touch
            case Mark() | Preferences() | Policy():
                return False  # the server's own, and what `SettingsOffice` sees to
            case _:
                assert_never(directive)
        return _is_within(principal, directive) or any(
            covers(account) and principal.may_touch(account) for account in self._accounts
        )


def _is_within(principal: Principal, directive: Directive) -> bool:
    """Whether it reaches no account that the principal may not touch."""
    match directive:
        case Halt(scope=scope):
            if scope.account is not None and principal.may_touch(scope.account):
                return True
            return are_granted(principal.accounts, scope.grants)
        case Rule(accounts=accounts, by=by):
            if accounts and all(principal.may_touch(account) for account in accounts):
                return True
            return are_granted(principal.accounts, by.accounts)
        case Switch(by=by):
            return are_granted(principal.accounts, by.accounts)
        case Mark() | Preferences() | Policy():
            return False
        case _:
            assert_never(directive)


def _as_seen(principal: Principal, directive: Directive) -> Directive:
    """It without the names of accounts that the principal may not touch."""
    match directive:
        case Halt(scope=scope):
            seen = msgspec.structs.replace(scope, grants=_seen(principal, scope.grants))
            return msgspec.structs.replace(directive, scope=seen)
        case Rule(by=by):
            return msgspec.structs.replace(
                directive,
                accounts=tuple(filter(principal.may_touch, directive.accounts)),
                by=msgspec.structs.replace(by, accounts=_seen(principal, by.accounts)),
            )
        case _:
            return directive  # names none


def _seen(principal: Principal, grants: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(g for g in grants if g == EVERY_ACCOUNT or are_granted(principal.accounts, (g,)))


def _is_clients(principal: Principal, record: DirectiveSet) -> bool:
    """Whether a switch waits for this client: the same principal, with no narrower a token."""
    return record.principal == principal.principal_id and _is_within(principal, record.directive)


def _word(principal: Principal, reason: str, remote: str) -> Word:
    return Word(principal=principal.principal_id, reason=reason, remote=remote)
