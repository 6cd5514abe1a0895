"""Who may speak: tokens are made, listed, rotated and revoked; the token itself is told once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import Args, NoArgs
from rpcserver.apis.decoding import nearest
from rpcserver.apis.queries import (
    CreateToken,
    Data,
    NewToken,
    ReadTokens,
    RevokeToken,
    RotateToken,
)
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import PrincipalId, TokenId
from rpcserver.domain.principal import EVERY_ACCOUNT, Permission, Role, TokenRow

registry = Registry()

PRINCIPAL_LENGTH_MAX: Final = 64
REASON_LENGTH_MAX: Final = 1000
GRACE_MS_DEFAULT: Final = 300_000
GRACE_MS_MAX: Final = 7 * 86_400_000


class CreateTokenArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """A token for a principal; `accounts` are grants, `"*"` for every account."""

    principal: str | None
    roles: tuple[str, ...] | None
    accounts: tuple[str, ...] | None
    expires_at: datetime | UnsetType = UNSET
    reason: str = ""


class RotateTokenArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """A token by its public name, or the caller's own; the old one lives on for `graceMs`."""

    token_id: str | UnsetType | None = UNSET
    grace_ms: int = GRACE_MS_DEFAULT
    expires_at: datetime | UnsetType = UNSET
    reason: str = ""


class RevokeTokenArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """A token by its public name."""

    token_id: str | None
    reason: str = ""


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A token as its administrators see it: never the token itself."""

    token_id: str
    principal: str
    roles: list[str]
    accounts: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    created_by: str | None


def token_answer(row: TokenRow) -> TokenAnswer:
    return TokenAnswer(
        token_id=row.token_id,
        principal=row.principal,
        roles=sorted(role.value for role in row.roles),
        accounts=row.accounts,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        expires_at=row.expires_at,
        created_by=row.created_by,
    )


@registry.query(
    "CreateToken", args=CreateTokenArgs, permission=Permission.ADMINISTER, read_only=False
)
def create_token(args: CreateTokenArgs, asked: Asked) -> Ask:
    """Make a token. It is told once, in this answer, and stored nowhere."""
    principal = (args.principal or "").strip()
    if len(principal) > PRINCIPAL_LENGTH_MAX:
        raise InvalidRequest(
            "invalid_argument", f"principal: at most {PRINCIPAL_LENGTH_MAX} characters"
        )
    grants = tuple(grant.strip() for grant in args.accounts or ())
    _check_grants(grants, asked)
    query = CreateToken(
        PrincipalId(principal),
        _roles(args.roles or ()),
        grants,
        expires_at=_end(args.expires_at, asked),
        reason=_reason(args.reason),
    )
    return Ask(query, _new_token)


@registry.query("RotateToken", args=RotateTokenArgs, read_only=False)
def rotate_token(args: RotateTokenArgs, asked: Asked) -> Ask:
    """Make another token with the same rights; the old one ends after a grace."""
    if not 0 <= args.grace_ms <= GRACE_MS_MAX:
        raise InvalidRequest("invalid_argument", f"graceMs: 0 to {GRACE_MS_MAX}")
    own = asked.principal.token_id
    query = RotateToken(
        TokenId(args.token_id.strip()) if isinstance(args.token_id, str) else own,
        grace=timedelta(milliseconds=args.grace_ms),
        expires_at=_end(args.expires_at, asked),
        reason=_reason(args.reason),
    )
    return Ask(query, _new_token)


def _new_token(new: NewToken) -> Data:
    answer: dict[str, object] = {
        "success": True,
        "token": new.token,
        "row": token_answer(new.row),
    }
    return answer if new.old is None else {**answer, "old": token_answer(new.old)}


def _check_grants(grants: Sequence[str], asked: Asked) -> None:
    """A mistyped grant would be a token that closes nothing and calls it flat."""
    known = {EVERY_ACCOUNT}
    for account in asked.accounts:
        known |= {account.account, str(account.ref)}
    folded = {name.casefold() for name in known}
    for grant in grants:
        if grant.casefold() not in folded:
            raise InvalidRequest("unknown_account", f"{grant!r}{nearest(grant, known)}")


def _roles(words: Sequence[str]) -> frozenset[Role]:
    known = {role.value: role for role in Role}
    for word in words:
        if word.casefold() not in known:
            raise InvalidRequest(
                "invalid_argument", f"roles: {word!r} is none of {', '.join(known)}"
            )
    return frozenset(known[word.casefold()] for word in words)


def _end(expires_at: datetime | UnsetType, asked: Asked) -> datetime | None:
    if isinstance(expires_at, UnsetType):
        return None
    if expires_at.tzinfo is None:
        raise InvalidRequest("invalid_argument", "expiresAt: expected a time with its offset")
    if expires_at <= asked.now:
        raise InvalidRequest("invalid_argument", f"expiresAt: it is {asked.now:%FT%TZ} already")
    return expires_at


def _reason(reason: str) -> str:
    if len(reason) > REASON_LENGTH_MAX:
        raise InvalidRequest("invalid_argument", f"reason: at most {REASON_LENGTH_MAX} characters")
    return reason.strip()


@registry.query("ListTokens", args=NoArgs, permission=Permission.ADMINISTER)
def list_tokens(_: NoArgs, _asked: Asked) -> Ask:
    """Every token there is or was, of those the caller's own grants cover."""

    def answer(rows: Sequence[TokenRow]) -> Data:
        return {"tokens": [token_answer(row) for row in rows], "success": True}

    return Ask(ReadTokens(), answer)


@registry.query(
    "RevokeToken", args=RevokeTokenArgs, permission=Permission.ADMINISTER, read_only=False
)
def revoke_token(args: RevokeTokenArgs, _asked: Asked) -> Ask:
    """Revoke a token and close its sockets."""
    token_id = TokenId((args.token_id or "").strip())

    def answer(revoked: bool) -> Data:
        if not revoked:
            return refuse_plainly(InvalidRequest("unknown_token", f"no token {token_id!r}"))
        return {"tokenId": token_id, "success": True}

    return Ask(RevokeToken(token_id, reason=_reason(args.reason)), answer)
