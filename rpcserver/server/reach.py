"""
How far what people laid down reaches: what of it exists for whom, and who may take it back.

A directive exists for a principal whose accounts it reaches; it is taken back only by one whose
grants are no narrower than it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec

from rpcserver.core.standing import DirectiveSet
from rpcserver.domain.directive import Directive, Halt, Mark, Policy, Preferences, Rule, Switch
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.principal import EVERY_ACCOUNT, Principal, are_granted


def reaches(principal: Principal, directive: Directive, accounts: Sequence[AccountRef]) -> bool:
    """Whether it is about an account, of these, that the principal may touch."""
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
    return is_within(principal, directive) or any(
        covers(account) and principal.may_touch(account) for account in accounts
    )


def is_within(principal: Principal, directive: Directive) -> bool:
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


def as_seen(principal: Principal, directive: Directive) -> Directive:
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


def is_clients(principal: Principal, record: DirectiveSet) -> bool:
    """Whether a switch waits for this client: the same principal, with no narrower a token."""
    return record.principal == principal.principal_id and is_within(principal, record.directive)
