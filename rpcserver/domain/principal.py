"""Who may do what: a principal's roles are a set, its grants name accounts."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from datetime import datetime

import msgspec

from rpcserver.domain.account import UNREAD
from rpcserver.domain.ids import AccountRef, PrincipalId, TokenId


class Role(enum.Enum):
    VIEWER = "viewer"  # reads
    TRADER = "trader"  # trades and closes its accounts
    RISK = "risk"  # closes, overrides fences, resolves orders; may not open
    ADMIN = "admin"  # tokens and settings
    BREAK_GLASS = "break_glass"  # closes without the second person a deployment asks for, loudly


class Permission(enum.Enum):
    READ = "read"
    TRADE = "trade"  # may open risk
    CLOSE = "close"  # may only reduce it: closing calls and cancels
    OVERRIDE = "override"  # past a fence, or a word about an unknown order
    HALT = "halt"  # forbid new risk
    RELEASE = "release"  # allow it again: another right than to halt
    ADMINISTER = "administer"
    APPROVE = "approve"  # be the second person of somebody else's close
    ALONE = "alone"  # close without a second person, with a reason


_ALLOWED: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.READ}),
    Role.TRADER: frozenset({Permission.READ, Permission.TRADE, Permission.CLOSE, Permission.HALT}),
    Role.RISK: frozenset(
        {
            Permission.READ,
            Permission.CLOSE,
            Permission.OVERRIDE,
            Permission.HALT,
            Permission.RELEASE,
            Permission.APPROVE,
        }
    ),
    Role.ADMIN: frozenset(
        {Permission.READ, Permission.HALT, Permission.RELEASE, Permission.ADMINISTER}
    ),
    Role.BREAK_GLASS: frozenset({Permission.READ, Permission.CLOSE, Permission.ALONE}),
}
assert _ALLOWED.keys() == set(Role), "a role has no row in the table"

EVERY_ACCOUNT = "*"


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Everything that one of *roles* allows."""
    return frozenset(permission for role in roles for permission in _ALLOWED[role])


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

    @property
    def permissions(self) -> frozenset[Permission]:
        return permissions_of(self.roles)

    def may(self, permission: Permission) -> bool:
        return any(permission in _ALLOWED[role] for role in self.roles)

    def may_touch(self, account: AccountRef) -> bool:
        """
        Whether a grant names *account*.

        Accounts not read yet may be among those granted at their venue: left out of "everything",
        they would be called flat.
        """
        return is_granted(self.accounts, account)


def are_granted(accounts: tuple[str, ...], wanted: Iterable[str]) -> bool:
    """Whether the grants *accounts* are no narrower than the grants *wanted*."""
    mine = {grant.casefold() for grant in accounts}
    if EVERY_ACCOUNT in mine:
        return True
    # "paper:Sim101" is within "Sim101", which is every venue's; never the other way round.
    return all(
        grant in mine or (":" in grant and grant.partition(":")[2] in mine)
        for grant in (each.casefold() for each in wanted)
    )


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A token as its administrators see it: never the token itself."""

    token_id: TokenId
    principal: PrincipalId
    roles: frozenset[Role]
    accounts: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    created_by: PrincipalId | None = None  # None: made by the server at its first start

    @property
    def speaks_for(self) -> Principal:
        """Whoever shows the token, while it is good."""
        return Principal(
            principal_id=self.principal,
            token_id=self.token_id,
            roles=self.roles,
            accounts=self.accounts,
        )

    def is_good(self, at: datetime) -> bool:
        """Whether it lets anyone in at *at*: neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    @property
    def is_lasting_admin(self) -> bool:
        """Whether it can administer everything until somebody revokes it."""
        return (
            self.revoked_at is None
            and self.expires_at is None
            and self.speaks_for.may(Permission.ADMINISTER)
            and EVERY_ACCOUNT in self.accounts
        )
