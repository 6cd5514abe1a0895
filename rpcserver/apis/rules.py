"""Rules that act by themselves: laid down, taken back, and how they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import ClassVar, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import Args, Choices, NoArgs, Number, WordFilter, WordsFilter, word
from rpcserver.apis.directive_queries import LayRule, ReadRules, RemoveRule, StandingRule
from rpcserver.apis.halts import reason_given
from rpcserver.apis.names import accounts_named, accounts_of, said_of, selectors_of
from rpcserver.apis.queries import Data
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.domain.directive import Mark, Rule
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import DirectiveName
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.principal import Permission
from rpcserver.domain.rule import FlattenAt, Limit, LimitAction, Measure, Retry, RuleTerms

registry = Registry()

_KINDS = ("flatten_at", *(measure.value for measure in Measure), "retry")
_KEYS: Final = {  # what each kind takes, and of it what it needs
    "flatten_at": ({"at", "until", "timeZone", "calendar"}, {"at", "timeZone"}),
    "daily_loss": ({"amount", "action", "dayStartsAt", "timeZone"}, {"amount", "action"}),
    "drawdown": ({"amount", "action"}, {"amount", "action"}),
    "exposure": ({"amount", "action", "instrument"}, {"amount", "action"}),
    "position": ({"amount", "action", "instrument"}, {"amount", "action", "instrument"}),
    "retry": ({"times", "everyMs", "forMs", "offsetTicks"}, {"times", "everyMs", "forMs"}),
}
assert _KEYS.keys() == set(_KINDS), "a kind has no row in the table"

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
SECOND_DEADLINE = timedelta(minutes=15)  # after the first, where none is given
DAY_MS = 86_400_000
TIMES_MAX = 100
TICKS_MAX = 10_000


class SetRuleArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """One rule. Which keys a kind takes is said in protocol.md; others are refused."""

    choices: ClassVar[Choices] = {
        "kind": _KINDS,
        "action": tuple(action.value for action in LimitAction),
    }

    rule_id: str | UnsetType | None = UNSET
    kind: str
    accounts: WordsFilter = UNSET
    reason: str | None
    at: str | UnsetType = UNSET
    until: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    calendar: str | UnsetType = UNSET
    amount: Number = UNSET
    action: str | UnsetType = UNSET
    instrument: WordFilter = UNSET
    day_starts_at: str | UnsetType = UNSET
    times: int | UnsetType = UNSET
    every_ms: int | UnsetType = UNSET
    for_ms: int | UnsetType = UNSET
    offset_ticks: int | UnsetType = UNSET


class RemoveRuleArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """One rule by its id, and why it may go."""

    rule_id: str | None
    reason: str | None


# --- args -> rule --------------------------------------------------------------------------------


@registry.query("SetRule", args=SetRuleArgs, permission=Permission.HALT, read_only=False)
def set_rule(args: SetRuleArgs, asked: Asked) -> Ask:
    """Let a rule stand, in the place of one of the same id."""
    _check_keys(args)
    terms = _terms(args, asked)
    flattens = isinstance(terms, FlattenAt | Retry) or (
        terms.action is LimitAction.FLATTEN_AND_LOCK
    )
    principal = asked.principal
    if flattens and not (principal.may(Permission.CLOSE) or principal.may(Permission.RELEASE)):
        raise InvalidRequest("forbidden", "a rule that closes needs the right to close")
    accounts = accounts_of(asked)
    if isinstance(args.accounts, tuple):
        with said_of("accounts"):
            accounts = accounts_named(asked, tuple(name.strip() for name in args.accounts))
    rule = Rule(
        rule_id=named(args.rule_id, "ruleId", "rule", asked),
        by=principal,
        accounts=asked.refs(accounts) if isinstance(args.accounts, tuple) else (),
        terms=terms,
    )
    return Ask(
        LayRule(rule, reason_given(args.reason)), lambda standing: _rule_set(standing, asked)
    )


def _rule_set(standing: StandingRule, asked: Asked) -> Data:
    return {"success": True, "rule": rule_answer(standing, asked)}


def named(given: str | UnsetType | None, key: str, kind: str, asked: Asked) -> str:
    """
    The id that was given, or a fresh one.

    Raises:
        InvalidRequest: `invalid_argument`: it is no name.
    """
    if isinstance(given, str):
        if NAME.fullmatch(given.strip()) is None:
            raise InvalidRequest(
                "invalid_argument", f"{key}: 1 to 64 letters, digits, '.', '_' and '-'"
            )
        return given.strip()
    assert asked.new_order_id is not None, "something is laid down and nobody names it"
    return f"{kind}-{asked.new_order_id()[:12]}"


def _check_keys(args: SetRuleArgs) -> None:
    may, must = _KEYS[args.kind]
    every = set().union(*(keys for keys, _ in _KEYS.values()))
    given = {
        key
        for name, key in zip(args.__struct_fields__, args.__struct_encode_fields__, strict=True)
        if getattr(args, name) is not UNSET
    }
    for key in sorted(given & every - may):
        raise InvalidRequest("invalid_argument", f"{key}: no rule of the kind {args.kind} has it")
    for key in sorted(must - given):
        raise InvalidRequest(
            "missing_argument", f"{key}: every rule of the kind {args.kind} needs it"
        )


def _terms(args: SetRuleArgs, asked: Asked) -> RuleTerms:
    if args.kind == "flatten_at":
        return _flatten_at(args)
    if args.kind == "retry":
        return Retry(
            times=_within(args.times, "times", TIMES_MAX),
            every=_within(args.every_ms, "everyMs", DAY_MS) / 1000,
            lasting=_within(args.for_ms, "forMs", DAY_MS) / 1000,
            offset_ticks=None
            if isinstance(args.offset_ticks, UnsetType)
            else _within(args.offset_ticks, "offsetTicks", TICKS_MAX),
        )
    assert isinstance(args.amount, Decimal), "it is needed"
    instrument: InstrumentSelector | None = None
    if (name := word(args.instrument)) is not None:
        with said_of("instrument"):
            [instrument] = selectors_of(asked, accounts_of(asked), (name,))
    return Limit(
        measure=Measure(args.kind),
        amount=args.amount,
        action=LimitAction(args.action),
        instrument=instrument,
        day_starts_at=time()
        if isinstance(args.day_starts_at, UnsetType)
        else _time(args.day_starts_at, "dayStartsAt"),
        zone="UTC" if isinstance(args.time_zone, UnsetType) else _zone(args.time_zone),
    )


def _flatten_at(args: SetRuleArgs) -> FlattenAt:
    assert isinstance(args.at, str), "it is needed"
    assert isinstance(args.time_zone, str), "it is needed"
    at = _time(args.at, "at")
    if isinstance(args.until, str):
        until = _time(args.until, "until")
    else:
        until = (datetime.combine(date.min, at) + SECOND_DEADLINE).time()
    if until <= at:
        raise InvalidRequest(
            "invalid_argument", f"until: {until} is not after {at}, of the same day"
        )
    return FlattenAt(
        at=at,
        until=until,
        zone=_zone(args.time_zone),
        calendar=args.calendar.strip() if isinstance(args.calendar, str) else None,
    )


def _time(text: str, key: str) -> time:
    try:
        found = time.fromisoformat(text.strip())
    except ValueError as exc:
        raise InvalidRequest("invalid_argument", f"{key}: expected HH:MM or HH:MM:SS") from exc
    if found.tzinfo is not None:
        raise InvalidRequest("invalid_argument", f"{key}: without an offset; see timeZone")
    return found


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name.strip()).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise InvalidRequest(
            "invalid_argument", f"timeZone: {name[:64]!r} is no IANA time zone"
        ) from exc


def _within(value: int | UnsetType, key: str, most: int) -> int:
    if isinstance(value, UnsetType) or not 1 <= value <= most:
        raise InvalidRequest("invalid_argument", f"{key}: 1 to {most}")
    return value


# --- rule -> answer ------------------------------------------------------------------------------


class MarkAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a limit remembers of one account."""

    account: str
    day: date | None
    day_start_equity: Decimal | None
    highest_equity: Decimal | None
    beyond: bool
    times_passed: int


class RuleAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A rule that stands. Keys its kind does not have are absent."""

    rule_id: str
    kind: str
    accounts: list[str]
    reason: str
    principal: str
    since: datetime
    at: time | None = None
    until: time | None = None
    time_zone: str | None = None
    calendar: str | None = None
    next_at: datetime | None = None
    last_day: date | None = None
    amount: Decimal | None = None
    action: str | None = None
    instrument: str | None = None
    day_starts_at: time | None = None
    times: int | None = None
    every_ms: int | None = None
    for_ms: int | None = None
    offset_ticks: int | None = None
    marks: list[MarkAnswer] = []
    sandbox: bool | UnsetType = UNSET
    sandbox_venues: tuple[str, ...] | UnsetType = UNSET


def rule_answer(standing: StandingRule, asked: Asked) -> RuleAnswer:
    rule = standing.record.directive
    assert isinstance(rule, Rule), "asked for rules alone"
    kind = asked.kind_of(rule.covers)
    answer = RuleAnswer(
        rule_id=rule.rule_id,
        kind=_kind_of(rule.terms),
        accounts=[str(account) for account in rule.accounts] or list(rule.by.accounts),
        reason=standing.record.reason,
        principal=standing.record.principal,
        since=standing.record.at,
        sandbox=kind.sandbox,
        sandbox_venues=kind.sandbox_venues,
    )
    match rule.terms:
        case FlattenAt() as terms:
            return msgspec.structs.replace(
                answer,
                at=terms.at,
                until=terms.until,
                time_zone=terms.zone,
                calendar=terms.calendar,
                next_at=standing.next_at,
                last_day=standing.marks[0].day if standing.marks else None,
            )
        case Limit() as terms:
            is_daily = terms.measure is Measure.DAILY_LOSS
            return msgspec.structs.replace(
                answer,
                amount=terms.amount,
                action=terms.action.value,
                instrument=terms.instrument.asked if terms.instrument is not None else None,
                day_starts_at=terms.day_starts_at if is_daily else None,
                time_zone=terms.zone if is_daily else None,
                marks=[mark_answer(mark) for mark in standing.marks],
            )
        case Retry() as terms:
            return msgspec.structs.replace(
                answer,
                times=terms.times,
                every_ms=round(terms.every * 1000),
                for_ms=round(terms.lasting * 1000),
                offset_ticks=terms.offset_ticks,
            )


def mark_answer(mark: Mark) -> MarkAnswer:
    return MarkAnswer(
        account=str(mark.account),
        day=mark.day,
        day_start_equity=mark.start,
        highest_equity=mark.highest,
        beyond=mark.is_beyond,
        times_passed=mark.passed,
    )


def _kind_of(terms: RuleTerms) -> str:
    match terms:
        case FlattenAt():
            return "flatten_at"
        case Limit(measure=measure):
            return measure.value
        case Retry():
            return "retry"


@registry.query("RemoveRule", args=RemoveRuleArgs, permission=Permission.HALT, read_only=False)
def remove_rule(args: RemoveRuleArgs, _asked: Asked) -> Ask:
    """Take a rule back: one's own, or any with the right to release."""
    rule_id = (args.rule_id or "").strip()
    name = DirectiveName(f"directive:rule:{rule_id}")
    return Ask(
        RemoveRule(name, reason_given(args.reason)),
        lambda _: {"success": True, "ruleId": rule_id},
    )


@registry.query("ListRules", args=NoArgs)
def list_rules(_: NoArgs, asked: Asked) -> Ask:
    """Every rule that speaks of an account of the caller's, and how it stands."""

    def answer(rules: Sequence[StandingRule]) -> Data:
        return {
            "rules": [rule_answer(rule, asked) for rule in rules],
            "count": len(rules),
            "success": True,
        }

    return Ask(ReadRules(), answer)
