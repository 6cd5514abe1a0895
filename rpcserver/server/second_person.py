"""
Which closing calls need a second person, where a deployment asks for one. Pure.

An exit is never blocked in silence: whoever calls is told what is needed, another principal
confirms, and whoever holds the break-glass role goes alone, loudly.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from rpcserver.core.requests import CloseRequest, Scope
from rpcserver.domain.account import UNREAD, Account
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.principal import Principal


class SecondPersonRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a second person must confirm. Nothing is set by default: nobody needs one."""

    everything: bool = False  # calls that close all there is in all accounts of the caller
    others: bool = False  # calls over an account whose user is not the caller
    accounts_above: int | None = None  # calls over more accounts than this
    window: float = 300.0  # seconds for the second person to confirm

    @property
    def asks_nobody(self) -> bool:
        return not (self.everything or self.others) and self.accounts_above is None


def why_confirm(
    rule: SecondPersonRule,
    principal: Principal,
    request: CloseRequest,
    accounts: Mapping[AccountRef, Account],
) -> str | None:
    """
    Why *request* needs a second person, or None if it needs none. *accounts*: all there are.

    A venue that was never read may hold anybody's accounts, and any number of them.
    """
    if request.dry_run:
        return None
    scope = request.scope
    is_unread = any(ref.account == UNREAD for ref in scope.accounts)
    if rule.everything and _is_everything(scope, principal, accounts):
        return "it closes everything"
    if rule.accounts_above is not None and (len(scope.accounts) > rule.accounts_above or is_unread):
        return f"it reaches more than {rule.accounts_above} accounts"
    if rule.others and any(_is_anothers(ref, principal, accounts) for ref in scope.accounts):
        return "it reaches accounts of other people"
    return None


def _is_everything(
    scope: Scope, principal: Principal, accounts: Mapping[AccountRef, Account]
) -> bool:
    """Whether no filter narrows it; what is left out by name makes it no less wide."""
    if scope.everything:
        return True
    is_filtered = (
        scope.instruments
        or scope.oldest_only
        or any(
            each is not None
            for each in (
                scope.side,
                scope.strategy_tag,
                scope.product_group,
                scope.position_id,
                scope.pnl,
            )
        )
    )
    touchable = {ref for ref in accounts if principal.may_touch(ref)}
    return not is_filtered and touchable <= set(scope.accounts)


def _is_anothers(
    ref: AccountRef, principal: Principal, accounts: Mapping[AccountRef, Account]
) -> bool:
    account = accounts.get(ref)
    if account is None or ref.account == UNREAD:
        return True
    return account.user_id.casefold() != principal.principal_id.casefold()
