"""What the answers of many apis have in common."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from rpcserver.wire.frames import RateLimit


class Answer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What every answer says; `rateLimit` where little of it is left."""

    success: bool
    rate_limit: RateLimit | UnsetType = UNSET


class AccountsTold(Answer, frozen=True, kw_only=True):
    """What an answer about accounts says of all of them: whether they are a sandbox's, or live."""

    sandbox: bool | UnsetType = UNSET
    sandbox_venues: tuple[str, ...] | UnsetType = UNSET


class PageAnswer(Answer, frozen=True, kw_only=True):
    """A page of rows; `next` is there where more follow."""

    count: int | UnsetType = UNSET
    next: str | int | UnsetType = UNSET


class AccountsPage(AccountsTold, frozen=True, kw_only=True):
    """A page of rows about accounts; `next` is there where more follow."""

    count: int | UnsetType = UNSET
    next: str | int | UnsetType = UNSET
