"""
What the args of every api share: how they are checked, and the options of every closing call.

Absent, `null` and empty are three things. A key that is absent is `UNSET` and means its default;
a filter that is `null`, `""` or `[]` is refused, so that a lost value never means "all".
"""

from __future__ import annotations

import enum
import typing
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import ClassVar, Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.numbers import checked, checked_map
from rpcserver.apis.registry import Asked, CloseTerms
from rpcserver.core.requests import (
    Amount,
    Dust,
    Execution,
    LadderStep,
    OnFence,
    OnRefill,
    Rounding,
    Scope,
    Sequel,
)
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.order import OrderType
from rpcserver.domain.principal import Permission

DEADLINE_MS_MAX = 86_400_000
STAY_FLAT_MS_MAX = 86_400_000
LADDER_STEPS_MAX = 10
OFFSET_TICKS_MAX = 10_000
REASON_LENGTH_MAX = 1000

WordFilter: TypeAlias = str | UnsetType | None
WordsFilter: TypeAlias = tuple[str, ...] | UnsetType | None
Number: TypeAlias = Decimal | UnsetType
Choices: TypeAlias = Mapping[str, tuple[str, ...]]

_ASKED: Final = {"reason": "why", "principal": "who it speaks for"}  # what a needed key answers


class Args(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The args of one api. Unknown keys are refused, numbers and words are brought to one form.

    So two requests that mean the same decode to the same value, whatever their spelling.
    """

    choices: ClassVar[Choices] = {}  # the words a key takes, in any case
    may_be_zero: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        filters = filters_of(type(self))
        names = zip(self.__struct_fields__, self.__struct_encode_fields__, strict=True)
        for name, key in names:
            value = getattr(self, name)
            if key in filters and (value is None or is_empty(value)):
                raise InvalidRequest("empty_filter", f"{key} is empty: {filters[key]}")
            if isinstance(value, Decimal):
                value = checked(value, key, zero=key in self.may_be_zero)
            elif isinstance(value, dict) and all(isinstance(v, Decimal) for v in value.values()):
                value = checked_map(value, key)
            elif isinstance(value, str) and key in self.choices:
                value = _chosen(value, key, self.choices[key])
            else:
                continue
            msgspec.structs.force_setattr(self, name, value)


@cache
def filters_of(args_type: type[msgspec.Struct]) -> Mapping[str, str]:
    """
    The keys of *args_type* that are filters, as the wire spells them, and what an empty one should
    have been.

    A filter is what admits `null` to the decoder, so that it can be refused for what it is:
    `empty_filter`, never "all".
    """
    return {
        field.encode_name: f"it is needed, say {_ASKED.get(field.name, 'which')}"
        if field.required
        else "leave it out, or say what it should match"
        for field in msgspec.structs.fields(args_type)
        if type(None) in typing.get_args(field.type)
    }


def words_of(kind: type[enum.Enum]) -> tuple[str, ...]:
    """The words of one enum, as `Args.choices` wants them."""
    return tuple(str(member.value) for member in kind)


def _chosen(value: str, key: str, words: tuple[str, ...]) -> str:
    for known in words:
        if known.casefold() == value.casefold():
            return known
    raise InvalidRequest("invalid_argument", f"{key}: {value!r} is none of {', '.join(words)}")


class NoArgs(Args, frozen=True):
    """An api that takes nothing."""


def is_empty(value: object) -> bool:
    """Whether a filter says nothing: blank, an empty list, or a list with a blank in it."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, tuple):
        return not value or any(is_empty(part) for part in value)
    return False


def word(value: WordFilter) -> str | None:
    """A filter as it was given, or None where it was not; `Args` has refused the empty ones."""
    return value.strip() if isinstance(value, str) else None


def words(single: WordFilter, several: WordsFilter, key: str) -> tuple[str, ...]:
    """One filter that has a singular and a plural spelling, of which a request uses one."""
    if isinstance(single, str) and isinstance(several, tuple):
        raise InvalidRequest("invalid_argument", f"{key} and {key}s: give one of them")
    if isinstance(single, str):
        return (single.strip(),)
    return tuple(name.strip() for name in several) if isinstance(several, tuple) else ()


def given(value: Decimal | UnsetType) -> Decimal | None:
    return value if isinstance(value, Decimal) else None


def refuse_filters(args: msgspec.Struct, api: str, use: str) -> None:
    """Refuse every key of *args* that a caller set and that *api* takes from nobody."""
    for name, key in zip(args.__struct_fields__, args.__struct_encode_fields__, strict=True):
        if name not in CloseOptions.__struct_fields__ and getattr(args, name) is not UNSET:
            raise InvalidRequest("unexpected_filter", f"{api} takes no {key}; use {use}")


# --- the options of every closing call -----------------------------------------------------------


class LadderArg(Args, frozen=True, kw_only=True, rename="camel"):
    """One step of `ladder`: from `afterMs` on, an order of this type, so far from the touch."""

    choices: ClassVar[Choices] = {"type": ("limit", "market")}

    type: str = "limit"
    offset_ticks: int = 0
    after_ms: int = 0


class CloseOptions(Args, frozen=True, kw_only=True, rename="camel"):
    """What every closing call takes beside its own args."""

    choices: ClassVar[Choices] = {
        "onFence": words_of(OnFence),
        "dust": words_of(Dust),
        "onRefill": words_of(OnRefill),
    }

    dry_run: bool = False
    plan_hash: str | UnsetType = UNSET
    reason: str = ""
    deadline_ms: int = 60_000
    fraction: Number = UNSET
    ladder: tuple[LadderArg, ...] | UnsetType = UNSET
    on_fence: str = OnFence.UNCONTESTED.value
    wait_for_open: bool = False
    dust: str = Dust.CLOSE.value
    stay_flat_ms: int = 0
    on_refill: str = OnRefill.REPORT.value
    break_glass: bool = False


def close_terms(
    args: CloseOptions,
    asked: Asked,
    scope: Scope,
    *,
    amount: Amount | None = None,
    limit_prices: Mapping[InstrumentId, Decimal] | None = None,
    check_hours: bool = False,
    must_match: bool = False,
    sequel: Sequel | None = None,
) -> CloseTerms:
    """
    The terms of one closing call: its own scope and sizes, and the options all of them share.

    Raises:
        InvalidRequest: An option is out of bounds, contradicts another, or is not the caller's
            to use.
    """
    if not 0 < args.deadline_ms <= DEADLINE_MS_MAX:
        raise InvalidRequest("invalid_argument", f"deadlineMs: 1 to {DEADLINE_MS_MAX}")
    if not 0 <= args.stay_flat_ms <= STAY_FLAT_MS_MAX:
        raise InvalidRequest("invalid_argument", f"stayFlatMs: 0 to {STAY_FLAT_MS_MAX}")
    if len(args.reason) > REASON_LENGTH_MAX:
        raise InvalidRequest("invalid_argument", f"reason: at most {REASON_LENGTH_MAX} characters")
    if args.plan_hash == "":
        raise InvalidRequest("invalid_argument", "planHash: empty")
    if OnFence(args.on_fence) is OnFence.OVERRIDE:
        _allow_override(args, asked)
    return CloseTerms(
        scope=scope,
        amount=amount if amount is not None else close_amount(args),
        execution=_execution(args, limit_prices or {}),
        check_hours=check_hours,
        dry_run=args.dry_run,
        plan_hash=args.plan_hash if isinstance(args.plan_hash, str) else None,
        reason=args.reason,
        deadline=args.deadline_ms / 1000,
        on_fence=OnFence(args.on_fence),
        wait_for_open=args.wait_for_open,
        dust=Dust(args.dust),
        stay_flat=args.stay_flat_ms / 1000,
        on_refill=OnRefill(args.on_refill),
        break_glass=args.break_glass,
        must_match=must_match,
        sequel=sequel,
    )


def close_amount(
    args: CloseOptions,
    *,
    quantity: Number = UNSET,
    quantities: Mapping[InstrumentId, Decimal] | None = None,
    percent: Number = UNSET,
) -> Amount:
    """
    How much to close: everything, or what one of these says.

    A quantity wins over `percent`, as at CrossTrade; `fraction` goes with neither.

    Raises:
        InvalidRequest: A share above 1, or `fraction` beside another measure.
    """
    for key, share in (("fraction", args.fraction), ("percent", percent)):
        if isinstance(share, Decimal) and share > 1:
            raise InvalidRequest("invalid_argument", f"{key}: {share} is above 1, the whole")
    others = isinstance(quantity, Decimal) or quantities or isinstance(percent, Decimal)
    if isinstance(args.fraction, Decimal) and others:
        raise InvalidRequest("invalid_argument", "fraction: not together with another amount")
    if isinstance(quantity, Decimal) or quantities:
        return Amount(quantity=given(quantity), quantities=quantities or {})
    if isinstance(percent, Decimal):
        return Amount(fraction=percent, rounding=Rounding.UP)
    return Amount(fraction=given(args.fraction))


def _allow_override(args: CloseOptions, asked: Asked) -> None:
    if not asked.principal.may(Permission.OVERRIDE):
        raise InvalidRequest("forbidden", "onFence: override needs the risk role")
    if not args.reason.strip():
        raise InvalidRequest("missing_argument", "reason: onFence override needs one")


def _execution(args: CloseOptions, limit_prices: Mapping[InstrumentId, Decimal]) -> Execution:
    if isinstance(args.ladder, UnsetType):
        return Execution(limit_prices=limit_prices)
    if limit_prices:
        raise InvalidRequest("invalid_argument", "ladder: not together with limit prices")
    return Execution(ladder=ladder_steps(args.ladder))


def ladder_steps(ladder: tuple[LadderArg, ...]) -> tuple[LadderStep, ...]:
    """
    The steps of a ladder.

    Raises:
        InvalidRequest: `invalid_argument`: none, too many, or one that is out of order or bounds.
    """
    if not 0 < len(ladder) <= LADDER_STEPS_MAX:
        raise InvalidRequest("invalid_argument", f"ladder: 1 to {LADDER_STEPS_MAX} steps")
    if ladder[0].after_ms != 0:
        raise InvalidRequest("invalid_argument", "ladder[0].afterMs: the first step starts at 0")
    for place, (step, then) in enumerate(pairwise(ladder), 1):
        if then.after_ms <= step.after_ms:
            raise InvalidRequest("invalid_argument", f"ladder[{place}].afterMs: not later")
    for place, step in enumerate(ladder):
        if abs(step.offset_ticks) > OFFSET_TICKS_MAX:
            raise InvalidRequest("invalid_argument", f"ladder[{place}].offsetTicks: out of bounds")
        if step.after_ms > DEADLINE_MS_MAX:
            raise InvalidRequest("invalid_argument", f"ladder[{place}].afterMs: out of bounds")
    return tuple(
        LadderStep(
            type=OrderType(step.type),
            offset_ticks=step.offset_ticks,
            after=step.after_ms / 1000,
        )
        for step in ladder
    )
