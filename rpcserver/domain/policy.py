"""What an administrator's policy says: how often, how much, at what hours, how long kept."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Final

import msgspec

from rpcserver.domain.ids import AccountRef
from rpcserver.domain.naming import InstrumentSelector

RETENTION_DAYS_MIN: Final = 7  # of the journal: an idempotency key is promised for one
RETENTION_DAYS_MAX: Final = 36_500


class RateOf(enum.Enum):
    """Whose calls a rate counts. Of a role, each token that has it by itself."""

    ROLE = "role"
    TOKEN = "token"
    ACCOUNT = "account"  # what is asked of it by all tokens together; exits by each token alone
    API = "api"  # each token by itself


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """So many calls a second in the long run, so many at once; never more than the deployment's."""

    of: RateOf
    name: str  # a role, a token's id, `venue:account`, an api
    per_second: float
    burst: int


class Passing(enum.Enum):
    """What a closing call beyond a threshold needs."""

    WARN = "warn"  # nothing: its answer and an alert tell of it
    REASON = "reason"
    SECOND_PERSON = "second_person"


class Exited(enum.Enum):
    """What of a closing call is held against a threshold."""

    LOSS = "loss"  # what it would realise now, at market
    EXPOSURE = "exposure"  # what it would close, at market


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """How much a closing call may lose or close before more is needed; it is never refused."""

    of: Exited
    amount: Decimal  # > 0
    passing: Passing
    currency: str | None = None  # None: of each currency by itself
    accounts: tuple[AccountRef, ...] = ()  # empty: all


class MarketHours(msgspec.Struct, frozen=True, kw_only=True):
    """What closing calls do about a closed market where they do not say so themselves."""

    accounts: tuple[AccountRef, ...] = ()  # empty: all
    check: bool = False  # find out before anything is sent
    wait: bool = False  # keep the operation open until it opens

    def covers(self, account: AccountRef) -> bool:
        return account in (self.accounts or (account,))


class SizeLimit(msgspec.Struct, frozen=True, kw_only=True):
    """How large an order that opens risk may be, and the position that it would make."""

    accounts: tuple[AccountRef, ...] = ()  # empty: all
    instrument: InstrumentSelector | None = None  # None: each of all
    order: Decimal | None = None
    position: Decimal | None = None
