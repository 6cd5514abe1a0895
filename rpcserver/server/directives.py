"""
What people lay down and take back over the protocol, and what of it exists for whom.

A directive exists for a principal whose accounts it reaches; it is taken back only by one whose
grants are no narrower than it.
"""

from __future__ import annotations

from typing import assert_never

from rpcserver.apis.decoding import nearest
from rpcserver.apis.queries import LayHalt, LiftDirective
from rpcserver.core.halts import Halted, closing_of
from rpcserver.core.standing import DirectiveSet, Word
from rpcserver.domain.directive import Directive, Halt, HaltLevel
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.principal import Principal, are_granted
from rpcserver.driver.halting import lay_halt
from rpcserver.server.approvals import Approvals
from rpcserver.server.ports import Engine


class DirectiveOffice:
    """Lays down, lists and lifts for one principal at a time."""

    def __init__(self, engine: Engine, approvals: Approvals) -> None:
        self._engine = engine
        self._approvals = approvals

    def standing(self, principal: Principal) -> tuple[DirectiveSet, ...]:
        """Everything that stands and reaches an account of the principal's, the oldest first."""
        return tuple(
            record
            for record in self._engine.directives.values()
            if self._reaches(principal, record.directive)
        )

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
            accounts = (each.ref for listed in self._engine.accounts.values() for each in listed)
            closing = closing_of(query.halt, accounts, word)
            await self._approvals.check_alone(principal, closing)
        return await lay_halt(self._engine, query.halt, word)

    async def lift(self, principal: Principal, query: LiftDirective, remote: str) -> DirectiveSet:
        """
        Take back what stands; what stood is the answer.

        Raises:
            InvalidRequest: `unknown_directive`; `forbidden`: it reaches further than the
                principal's grants.
        """
        record = self._engine.directives.get(query.name)
        if record is None or not self._reaches(principal, record.directive):
            known = (standing.directive.name for standing in self.standing(principal))
            short = query.name.rpartition(":")[2]
            hint = nearest(short, (name.rpartition(":")[2] for name in known))
            raise InvalidRequest("unknown_directive", f"nothing stands as {short!r}{hint}")
        if not _is_within(principal, record.directive):
            raise InvalidRequest("forbidden", "it reaches further than your own grants")
        await self._engine.lift(query.name, _word(principal, query.reason, remote))
        return record

    def _reaches(self, principal: Principal, directive: Directive) -> bool:
        match directive:
            case Halt(scope=scope):
                return _is_within(principal, directive) or any(
                    scope.covers_account(account.ref) and principal.may_touch(account.ref)
                    for accounts in self._engine.accounts.values()
                    for account in accounts
                )
            case _:
                assert_never(directive)


def _is_within(principal: Principal, directive: Directive) -> bool:
    """Whether it reaches no account that the principal may not touch."""
    match directive:
        case Halt(scope=scope):
            if scope.account is not None and principal.may_touch(scope.account):
                return True
            return are_granted(principal.accounts, scope.grants)
        case _:
            assert_never(directive)


def _word(principal: Principal, reason: str, remote: str) -> Word:
    return Word(principal=principal.principal_id, reason=reason, remote=remote)
