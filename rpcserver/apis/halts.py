"""Halts: new risk is refused by account, venue, instrument, strategy, user or altogether."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import (
    REASON_LENGTH_MAX,
    Args,
    Choices,
    NoArgs,
    WordFilter,
    word,
    words_of,
)
from rpcserver.apis.directive_queries import LayHalt, LiftDirective, ReadDirectives
from rpcserver.apis.names import accounts_at, accounts_of, one_account, said_of, selectors_of
from rpcserver.apis.queries import Data
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.core.halts import Halted
from rpcserver.core.standing import DirectiveSet
from rpcserver.domain.directive import Halt, HaltLevel, HaltScope
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import DirectiveName, PrincipalId
from rpcserver.domain.principal import Permission

registry = Registry()

_FILTERS = ("account", "venue", "instrument", "strategy_tag", "user")


class HaltArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """What is halted: all that every filter matches, or `everything`; how far; and why."""

    choices: ClassVar[Choices] = {"level": words_of(HaltLevel)}

    account: WordFilter = UNSET
    venue: WordFilter = UNSET
    instrument: WordFilter = UNSET
    strategy_tag: WordFilter = UNSET
    user: WordFilter = UNSET
    everything: bool = False
    level: str = HaltLevel.NO_NEW_RISK.value
    reason: str | None


class ReleaseArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """One halt by its id, and why it may go."""

    halt_id: str | None
    reason: str | None


class HaltAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A halt that stands. A filter that is null does not narrow it."""

    halt_id: str
    level: str
    account: str | None
    venue: str | None
    instrument: str | None
    strategy_tag: str | None
    user: str | None
    everything: bool
    grants: tuple[str, ...]
    reason: str
    principal: str
    at: datetime
    sandbox: bool | UnsetType = UNSET
    sandbox_venues: tuple[str, ...] | UnsetType = UNSET


def halt_answer(record: DirectiveSet, asked: Asked) -> HaltAnswer:
    halt = record.directive
    assert isinstance(halt, Halt), "asked for halts alone"
    scope = halt.scope
    kind = asked.kind_of(scope.covers_account)
    return HaltAnswer(
        halt_id=halt.halt_id,
        level=halt.level.value,
        account=scope.account.account if scope.account is not None else None,
        venue=scope.account.venue if scope.account is not None else scope.venue,
        instrument=scope.instrument.asked if scope.instrument is not None else None,
        strategy_tag=scope.tag,
        user=scope.user,
        everything=scope.is_everything,
        grants=scope.grants,
        reason=record.reason,
        principal=record.principal,
        at=record.at,
        sandbox=kind.sandbox,
        sandbox_venues=kind.sandbox_venues,
    )


@registry.query("Halt", args=HaltArgs, permission=Permission.HALT, read_only=False)
def lay_halt(args: HaltArgs, asked: Asked) -> Ask:
    """Refuse new risk in scope until somebody releases it; never an exit."""
    level = HaltLevel(args.level)
    scope = _scope(args, asked)
    if level is HaltLevel.FLATTEN_AND_LOCK:
        if not asked.principal.may(Permission.CLOSE):
            raise InvalidRequest("forbidden", "level: flatten_and_lock needs the right to close")
        if scope.user is not None:
            raise InvalidRequest(
                "invalid_argument",
                "level: no position says which user opened it; name accounts to flatten",
            )
    assert asked.new_order_id is not None, "a halt is being laid down and nobody names it"
    halt = Halt(halt_id=f"halt-{asked.new_order_id()[:12]}", scope=scope, level=level)
    return Ask(
        LayHalt(halt, reason_given(args.reason)), lambda halted: halted_answer(halted, asked)
    )


def halted_answer(halted: Halted, asked: Asked) -> Data:
    """`complete` says that nothing which could open risk is left working, as far as it goes."""
    swept = halted.swept
    halt = halt_answer(halted.halt, asked)
    answer: dict[str, object] = {
        "success": True,
        "halt": halt,
        "complete": not (swept.unproven or swept.unread or swept.left),
        "unreadAccounts": [str(account) for account in swept.unread],
    }
    if halt.level == HaltLevel.NO_NEW_RISK.value:
        return {**answer, "workingOrderIds": swept.left}
    answer |= {"canceledOrderIds": swept.canceled, "pendingOrderIds": swept.unproven}
    if halted.closing is not None:
        answer["operationId"] = halted.closing.operation_id
    return answer


def _scope(args: HaltArgs, asked: Asked) -> HaltScope:
    """
    What is halted, within the caller's grants: names are resolved now, grants whenever it is asked.

    Raises:
        InvalidRequest: `filter_required`, `unexpected_filter`, or a name that nobody knows.
    """
    given = [name for name in _FILTERS if getattr(args, name) is not UNSET]
    if args.everything and given:
        raise InvalidRequest("unexpected_filter", f"everything: not together with {given[0]}")
    if not (args.everything or given):
        raise InvalidRequest("filter_required", "Halt needs a filter, or everything: true")
    accounts = accounts_of(asked)
    account = venue = None
    if (name := word(args.account)) is not None:
        with said_of("account"):
            account = one_account(asked, name).ref
        accounts = tuple(known for known in accounts if known.ref == account)
    if (name := word(args.venue)) is not None:
        with said_of("venue"):
            accounts = accounts_at(accounts, name)
        venue = accounts[0].venue
    instrument = None
    if (name := word(args.instrument)) is not None:
        with said_of("instrument"):
            [instrument] = selectors_of(asked, accounts, (name,))
    user = word(args.user)
    others = user is not None and user != asked.principal.principal_id
    if others and not asked.principal.may(Permission.RELEASE):
        raise InvalidRequest("forbidden", "user: to halt another user needs the right to release")
    return HaltScope(
        venue=venue,
        account=account,
        instrument=instrument,
        tag=word(args.strategy_tag),
        user=PrincipalId(user) if user is not None else None,
        grants=asked.principal.accounts,
    )


def reason_given(reason: str | None) -> str:
    """
    Why, in words: what is laid down or taken back is explained to whoever meets it.

    Raises:
        InvalidRequest: `missing_argument`, or `invalid_argument` where it is too long.
    """
    said = (reason or "").strip()
    if not said:
        raise InvalidRequest("missing_argument", "reason: say why")
    if len(said) > REASON_LENGTH_MAX:
        raise InvalidRequest("invalid_argument", f"reason: at most {REASON_LENGTH_MAX} characters")
    return said


@registry.query("Release", args=ReleaseArgs, permission=Permission.RELEASE, read_only=False)
def release(args: ReleaseArgs, asked: Asked) -> Ask:
    """Let new risk be taken again where one halt forbade it; others may still."""
    halt_id = (args.halt_id or "").strip()
    name = DirectiveName(f"directive:halt:{halt_id}")

    def answer(record: DirectiveSet) -> Data:
        return {"success": True, "haltId": halt_id, "halt": halt_answer(record, asked)}

    return Ask(LiftDirective(name, reason_given(args.reason)), answer)


@registry.query("ListHalts", args=NoArgs)
def list_halts(_: NoArgs, asked: Asked) -> Ask:
    """Every halt that reaches an account of the caller's."""

    def answer(records: Sequence[DirectiveSet]) -> Data:
        halts = (record for record in records if isinstance(record.directive, Halt))
        listed = [halt_answer(record, asked) for record in halts]
        return {"halts": listed, "count": len(listed), "success": True}

    return Ask(ReadDirectives(), answer)
