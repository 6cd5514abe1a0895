"""An administrator's policy: rates, thresholds, market hours, sizes, retries, retention."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import (
    Args,
    Choices,
    NoArgs,
    Number,
    WordFilter,
    WordsFilter,
    given,
    word,
    words,
    words_of,
)
from rpcserver.apis.halts import reason_given
from rpcserver.apis.names import accounts_named, accounts_of, one_account, selectors_of
from rpcserver.apis.queries import Data
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.apis.setting_queries import ChangePolicy, ReadPolicy, StandingPolicy
from rpcserver.domain.directive import Policy
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.policy import (
    RETENTION_DAYS_MAX,
    RETENTION_DAYS_MIN,
    Exited,
    MarketHours,
    Passing,
    Rate,
    RateOf,
    SizeLimit,
    Threshold,
)
from rpcserver.domain.principal import Permission, Role
from rpcserver.domain.rule import Retry

registry = Registry()

ENTRIES_MAX: Final = 200  # of one list
RATE_MAX: Final = Decimal(1_000_000)
RETRY_TIMES_MAX: Final = 100
RETRY_TICKS_MAX: Final = 10_000
DAY_MS: Final = 86_400_000
_CLEARED: Final[Mapping[str, Mapping[str, object]]] = {
    "rates": {"rates": ()},
    "thresholds": {"thresholds": ()},
    "hours": {"hours": ()},
    "sizes": {"sizes": ()},
    "retry": {"retry": None},
    "retentionDays": {"retention_days": None},
}


class RateArg(Args, frozen=True, kw_only=True, rename="camel"):
    """Of exactly one: so many calls a second, so many at once."""

    role: WordFilter = UNSET
    token: WordFilter = UNSET
    account: WordFilter = UNSET
    api: WordFilter = UNSET
    per_second: Decimal
    burst: int = 1


class ThresholdArg(Args, frozen=True, kw_only=True, rename="camel"):
    """How much a closing call may lose or close before more is needed."""

    choices: ClassVar[Choices] = {"of": words_of(Exited), "needs": words_of(Passing)}

    of: str
    amount: Decimal
    needs: str
    currency: WordFilter = UNSET
    accounts: WordsFilter = UNSET


class HoursArg(Args, frozen=True, kw_only=True, rename="camel"):
    """What closing calls do about a closed market."""

    accounts: WordsFilter = UNSET
    check_hours: bool = False
    wait_for_open: bool = False


class SizeArg(Args, frozen=True, kw_only=True, rename="camel"):
    """How large an order that opens risk may be, and the position that it makes."""

    accounts: WordsFilter = UNSET
    instrument: WordFilter = UNSET
    order: Number = UNSET
    position: Number = UNSET


class RetryArg(Args, frozen=True, kw_only=True, rename="camel"):
    """How often, how far apart, for how long, how wide: as a rule of the kind `retry`."""

    times: int
    every_ms: int
    for_ms: int
    offset_ticks: int | UnsetType = UNSET


class SetPolicyArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """What is given takes the place of what stood; what is left out stays; `clear` forgets."""

    rates: tuple[RateArg, ...] | UnsetType = UNSET
    thresholds: tuple[ThresholdArg, ...] | UnsetType = UNSET
    hours: tuple[HoursArg, ...] | UnsetType = UNSET
    sizes: tuple[SizeArg, ...] | UnsetType = UNSET
    retry: RetryArg | UnsetType = UNSET
    retention_days: int | UnsetType = UNSET
    clear: tuple[str, ...] = ()
    reason: str | None


# --- asking --------------------------------------------------------------------------------------


@registry.query("GetPolicy", args=NoArgs)
def get_policy(_: NoArgs, _asked: Asked) -> Ask:
    """The policy, as far as it concerns the caller, and what the deployment allows."""
    return Ask(ReadPolicy(), policy_answer)


@registry.query("SetPolicy", args=SetPolicyArgs, permission=Permission.ADMINISTER, read_only=False)
def set_policy(args: SetPolicyArgs, asked: Asked) -> Ask:
    """Let the policy say something else, for everybody and at once."""
    changes: dict[str, object] = {}
    for key in args.clear:
        if key not in _CLEARED:
            raise InvalidRequest(
                "invalid_argument", f"clear: {key[:64]!r} is none of {', '.join(_CLEARED)}"
            )
        changes |= _CLEARED[key]
    for name in ("rates", "thresholds", "hours", "sizes"):
        entries = getattr(args, name)
        if isinstance(entries, tuple) and len(entries) > ENTRIES_MAX:
            raise InvalidRequest("invalid_argument", f"{name}: at most {ENTRIES_MAX}")
    if isinstance(args.rates, tuple):
        changes["rates"] = _once(_rates(args.rates, asked), "rates")
    if isinstance(args.thresholds, tuple):
        changes["thresholds"] = tuple(_threshold(each, asked) for each in args.thresholds)
    if isinstance(args.hours, tuple):
        changes["hours"] = tuple(_hours(each, asked) for each in args.hours)
    if isinstance(args.sizes, tuple):
        changes["sizes"] = tuple(_size(each, asked) for each in args.sizes)
    if isinstance(args.retry, RetryArg):
        changes["retry"] = _retry(args.retry)
    if isinstance(args.retention_days, int):
        changes["retention_days"] = _within(
            args.retention_days, "retentionDays", RETENTION_DAYS_MAX, least=RETENTION_DAYS_MIN
        )
    if not changes:
        raise InvalidRequest("missing_argument", "say what the policy is, or what to clear")
    return Ask(ChangePolicy(changes, reason_given(args.reason)), policy_answer)


def _rates(rates: Iterable[RateArg], asked: Asked) -> Iterable[Rate]:
    for place, rate in enumerate(rates):
        named = [(of, name) for of in RateOf if (name := word(getattr(rate, of.value))) is not None]
        if len(named) != 1:
            words_ = ", ".join(of.value for of in RateOf)
            raise InvalidRequest("invalid_argument", f"rates[{place}]: of exactly one of {words_}")
        [(of, name)] = named
        if of is RateOf.ROLE and name not in words_of(Role):
            raise InvalidRequest(
                "invalid_argument", f"rates[{place}].role: none of {', '.join(words_of(Role))}"
            )
        if of is RateOf.ACCOUNT:
            name = str(one_account(asked, name).ref)
        if rate.per_second > RATE_MAX:
            raise InvalidRequest("invalid_argument", f"rates[{place}].perSecond: out of bounds")
        yield Rate(
            of=of,
            name=name,
            per_second=float(rate.per_second),
            burst=_within(rate.burst, f"rates[{place}].burst", int(RATE_MAX)),
        )


def _once(rates: Iterable[Rate], key: str) -> tuple[Rate, ...]:
    found: dict[tuple[RateOf, str], Rate] = {}
    for rate in rates:
        if (rate.of, rate.name) in found:
            raise InvalidRequest(
                "contradiction", f"{key}: {rate.of.value} {rate.name} stands there twice"
            )
        found[rate.of, rate.name] = rate
    return tuple(found.values())


def _threshold(args: ThresholdArg, asked: Asked) -> Threshold:
    return Threshold(
        of=Exited(args.of),
        amount=args.amount,
        passing=Passing(args.needs),
        currency=word(args.currency),
        accounts=_accounts(args.accounts, asked),
    )


def _hours(args: HoursArg, asked: Asked) -> MarketHours:
    return MarketHours(
        accounts=_accounts(args.accounts, asked), check=args.check_hours, wait=args.wait_for_open
    )


def _size(args: SizeArg, asked: Asked) -> SizeLimit:
    order, position = given(args.order), given(args.position)
    if order is None and position is None:
        raise InvalidRequest("missing_argument", "sizes: order or position says how large")
    instrument = None
    if (name := word(args.instrument)) is not None:
        [instrument] = selectors_of(asked, accounts_of(asked), (name,))
    return SizeLimit(
        accounts=_accounts(args.accounts, asked),
        instrument=instrument,
        order=order,
        position=position,
    )


def _retry(args: RetryArg) -> Retry:
    return Retry(
        times=_within(args.times, "retry.times", RETRY_TIMES_MAX),
        every=_within(args.every_ms, "retry.everyMs", DAY_MS) / 1000,
        lasting=_within(args.for_ms, "retry.forMs", DAY_MS) / 1000,
        offset_ticks=None
        if isinstance(args.offset_ticks, UnsetType)
        else _within(args.offset_ticks, "retry.offsetTicks", RETRY_TICKS_MAX),
    )


def _accounts(names: WordsFilter, asked: Asked) -> tuple[AccountRef, ...]:
    if not isinstance(names, tuple):
        return ()
    return asked.refs(accounts_named(asked, words(UNSET, names, "account")))


def _within(value: int, key: str, most: int, *, least: int = 1) -> int:
    if not least <= value <= most:
        raise InvalidRequest("invalid_argument", f"{key}: {least} to {most}")
    return value


# --- answering -----------------------------------------------------------------------------------


class RateAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    role: str | None = None
    token: str | None = None
    account: str | None = None
    api: str | None = None
    per_second: float
    burst: int


class ThresholdAnswer(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    of: str
    amount: Decimal
    needs: str
    currency: str | None = None
    accounts: list[str] = []


class HoursAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    accounts: list[str] = []
    check_hours: bool = False
    wait_for_open: bool = False


class SizeAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    accounts: list[str] = []
    instrument: str | None = None
    order: Decimal | None = None
    position: Decimal | None = None


class RetryAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    times: int
    every_ms: int
    for_ms: int
    offset_ticks: int | None = None


class PolicyAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The policy in force, and the deployment's own limits, which it cannot exceed."""

    rates: list[RateAnswer]
    thresholds: list[ThresholdAnswer]
    hours: list[HoursAnswer]
    sizes: list[SizeAnswer]
    retry: RetryAnswer | None
    retention_days: int | None
    deployment: dict[str, float]
    reason: str | None
    principal: str | None
    since: datetime | None


def policy_answer(standing: StandingPolicy) -> Data:
    record, allowed = standing.record, standing.allowed
    policy = record.directive if record is not None else Policy()
    assert isinstance(policy, Policy), "asked for the policy alone"
    answer = PolicyAnswer(
        rates=[
            RateAnswer(**{rate.of.value: rate.name}, per_second=rate.per_second, burst=rate.burst)
            for rate in policy.rates
        ],
        thresholds=[
            ThresholdAnswer(
                of=each.of.value,
                amount=each.amount,
                needs=each.passing.value,
                currency=each.currency,
                accounts=_names(each.accounts),
            )
            for each in policy.thresholds
        ],
        hours=[
            HoursAnswer(
                accounts=_names(each.accounts), check_hours=each.check, wait_for_open=each.wait
            )
            for each in policy.hours
        ],
        sizes=[
            SizeAnswer(
                accounts=_names(each.accounts),
                instrument=each.instrument.asked if each.instrument is not None else None,
                order=each.order,
                position=each.position,
            )
            for each in policy.sizes
        ],
        retry=_retry_answer(policy.retry),
        retention_days=policy.retention_days,
        deployment={
            "callsPerSecond": allowed.calls_per_second,
            "callsBurst": allowed.calls_burst,
            "closingCallsPerSecond": allowed.closing_calls_per_second,
            "closingCallsBurst": allowed.closing_calls_burst,
        },
        reason=record.reason if record is not None else None,
        principal=record.principal if record is not None else None,
        since=record.at if record is not None else None,
    )
    return {"success": True, "policy": answer}


def _retry_answer(retry: Retry | None) -> RetryAnswer | None:
    if retry is None:
        return None
    return RetryAnswer(
        times=retry.times,
        every_ms=round(retry.every * 1000),
        for_ms=round(retry.lasting * 1000),
        offset_ticks=retry.offset_ticks,
    )


def _names(accounts: Iterable[AccountRef]) -> list[str]:
    return [str(account) for account in accounts]
