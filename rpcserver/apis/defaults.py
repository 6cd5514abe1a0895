"""
What a closing call means where it does not say it: its caller's preferences, then the policy.

What the call says always wins. A filter is never taken from anywhere unless the call asks for it
by name (`scope: preferred`): a lost filter must become neither "everything" nor something else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from msgspec import UNSET

from rpcserver.apis.arguments import CloseOptions, LadderArg
from rpcserver.apis.registry import CloseTerms
from rpcserver.core.requests import CloseRequest, DefaultBy, Defaulted
from rpcserver.domain.closing import LadderStep
from rpcserver.domain.directive import Preferences
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.policy import MarketHours

PREFERRED: Final = "preferred"  # the one word of `scope`
_OWN_EXECUTION: Final = frozenset({"ladder", "execution_type", "limit_prices"})
_BESIDE_SCOPE: Final = frozenset({"scope", "reason", "quantity"})  # no filters

Args = TypeVar("Args", bound=msgspec.Struct)


def keys_of(args: msgspec.Raw | bytes) -> frozenset[str]:
    """The keys that a call says, whatever they say. *args* were decoded before."""
    return frozenset(msgspec.json.decode(args, type=dict[str, msgspec.Raw]))


def with_preferences(
    args: Args, said: Collection[str], preferences: Preferences | None
) -> tuple[Args, tuple[Defaulted, ...]]:
    """
    *args* with what they do not say taken from *preferences*, and what that was.

    Raises:
        InvalidRequest: The call asks for its preferred scope, and says another filter, or there
            is none: `invalid_argument`, `filter_required`.
    """
    if not isinstance(args, CloseOptions):
        return args, ()
    taken = _options(preferences, said) if preferences is not None else {}
    changes = dict(taken)
    if getattr(args, "scope", UNSET) == PREFERRED:
        scope = _scope(preferences, said)
        taken |= scope
        changes |= scope | {"scope": UNSET}
    if not changes:
        return args, ()
    names = dict(zip(args.__struct_fields__, args.__struct_encode_fields__, strict=True))
    told = tuple(
        Defaulted(key=names[name], value=_json(value), by=DefaultBy.PREFERENCES)
        for name, value in taken.items()
    )
    return msgspec.structs.replace(args, **changes), told


def _options(preferences: Preferences, said: Collection[str]) -> dict[str, object]:
    """The options that *preferences* know and the call leaves out, by the names of their fields."""
    taken: dict[str, object] = {}
    if preferences.ladder is not None and not _OWN_EXECUTION & set(said):
        taken["ladder"] = tuple(step_arg(step) for step in preferences.ladder)
    if preferences.on_fence is not None and "onFence" not in said:
        taken["on_fence"] = preferences.on_fence.value
    if preferences.dust is not None and "dust" not in said:
        taken["dust"] = preferences.dust.value
    if preferences.deadline is not None and "deadlineMs" not in said:
        taken["deadline_ms"] = round(preferences.deadline * 1000)
    if preferences.wait_for_open is not None and "waitForOpen" not in said:
        taken["wait_for_open"] = preferences.wait_for_open
    return taken


def _scope(preferences: Preferences | None, said: Collection[str]) -> dict[str, object]:
    shared = set(CloseOptions.__struct_encode_fields__)
    for key in sorted(set(said) - shared - _BESIDE_SCOPE):
        raise InvalidRequest("invalid_argument", f"scope: not together with {key}")
    if preferences is None or not preferences.has_scope:
        raise InvalidRequest("filter_required", "scope: you prefer none; see SetPreferences")
    scope: dict[str, object] = {}
    if preferences.accounts:
        scope["accounts"] = tuple(str(account) for account in preferences.accounts)
    if preferences.instruments:
        scope["instruments"] = preferences.instruments
    if preferences.strategy_tag is not None:
        scope["strategy_tag"] = preferences.strategy_tag
    return scope


def step_arg(step: LadderStep) -> LadderArg:
    """A step as calls spell it."""
    return LadderArg(
        type=step.type.value, offset_ticks=step.offset_ticks, after_ms=round(step.after * 1000)
    )


def with_hours(
    terms: CloseTerms,
    said: Collection[str],
    preferred: Sequence[Defaulted],
    hours: Sequence[MarketHours],
) -> tuple[CloseTerms, tuple[Defaulted, ...]]:
    """
    *terms* with what the policy says of market hours, where neither call nor preferences do.

    One account that is to be checked has the whole call checked; it waits only where it may wait
    in every account.
    """
    ruled = [
        next((each for each in hours if each.covers(account)), None)
        for account in terms.scope.accounts
    ]
    taken: list[Defaulted] = []
    if not terms.check_hours and any(each is not None and each.check for each in ruled):
        terms = msgspec.structs.replace(terms, check_hours=True)
        taken.append(_by_policy("checkHours"))
    is_said = "waitForOpen" in said or any(each.key == "waitForOpen" for each in preferred)
    if not is_said and ruled and all(each is not None and each.wait for each in ruled):
        terms = msgspec.structs.replace(terms, wait_for_open=True)
        taken.append(_by_policy("waitForOpen"))
    return terms, tuple(taken)


def _by_policy(key: str) -> Defaulted:
    return Defaulted(key=key, value="true", by=DefaultBy.POLICY)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


# --- what is told --------------------------------------------------------------------------------

_TOLD: Final[Mapping[DefaultBy, str]] = {
    DefaultBy.PREFERENCES: "fromPreferences",
    DefaultBy.POLICY: "fromPolicy",
}
assert _TOLD.keys() == set(DefaultBy), "a source of defaults has no key"


def defaults_told(request: CloseRequest) -> dict[str, object]:
    """What the call left out and who said it, and the thresholds that it passes; else nothing."""
    told: dict[str, object] = {}
    for by, key in _TOLD.items():
        taken = {
            each.key: msgspec.json.decode(each.value) for each in request.defaulted if each.by is by
        }
        if taken:
            told[key] = taken
    if request.warnings:
        told["warnings"] = list(request.warnings)
    return told
