"""Who may do what: a principal's roles are a set, its grants name accounts."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from rpcserver.domain.account import UNREAD
from rpcserver.domain.ids import AccountRef, PrincipalId, TokenId


class Role(enum.Enum):
    VIEWER = "viewer"  # reads
    TRADER = "trader"  # trades and closes its accounts
    RISK = "risk"  # closes, overrides fences, resolves orders; may not open
    ADMIN = "admin"  # tokens and settings


class Permission(enum.Enum):
    READ = "read"
    TRADE = "trade"  # may open risk
    CLOSE = "close"  # may only reduce it: closing calls and cancels
    OVERRIDE = "override"  # past a fence, or a word about an unknown order
    ADMINISTER = "administer"


_ALLOWED: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.READ}),
    Role.TRADER: frozenset({Permission.READ, Permission.TRADE, Permission.CLOSE}),
    Role.RISK: frozenset({Permission.READ, Permission.CLOSE, Permission.OVERRIDE}),
    Role.ADMIN: frozenset({Permission.READ, Permission.ADMINISTER}),
}
assert _ALLOWED.keys() == set(Role), "a role has no row in the table"

EVERY_ACCOUNT = "*"


def is_granted(accounts: tuple[str, ...], account: AccountRef) -> bool:
    """Whether one of the grants *accounts* names *account*; see `Principal.may_touch`."""
    grants = [grant.casefold() for grant in accounts]
    if account.account == UNREAD:
        venue = account.venue.casefold()
        return any(":" not in grant or grant.startswith(f"{venue}:") for grant in grants)
    names = {EVERY_ACCOUNT, account.account.casefold(), str(account).casefold()}
    return any(grant in names for grant in grants)


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """
    Whoever speaks through a token.

    `accounts` are grants: `"*"`, an account's name, or `"venue:account"`, without regard to case.
    """

    principal_id: PrincipalId
    token_id: TokenId
    roles: frozenset[Role]
    accounts: tuple[str, ...] = (EVERY_ACCOUNT,)

    def may(self, permission: Permission) -> bool:
        return any(permission in _ALLOWED[role] for role in self.roles)

    def may_touch(self, account: AccountRef) -> bool:
        """
        Whether a grant names *account*.

        Accounts not read yet may be among those granted at their venue: left out of "everything",
        they would be called flat.
        """
        return is_granted(self.accounts, account)


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A token as its administrators see it: never the token itself."""

    token_id: TokenId
    principal: PrincipalId
    roles: frozenset[Role]
    accounts: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None = None
