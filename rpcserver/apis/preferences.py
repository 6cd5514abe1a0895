"""A user's own defaults: what closing calls mean where they do not say it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Final

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import (
    DEADLINE_MS_MAX,
    REASON_LENGTH_MAX,
    Args,
    Choices,
    LadderArg,
    WordFilter,
    WordsFilter,
    ladder_steps,
    word,
    words,
    words_of,
)
from rpcserver.apis.decoding import nearest
from rpcserver.apis.defaults import step_arg
from rpcserver.apis.names import accounts_named, accounts_of, selectors_of
from rpcserver.apis.queries import Data
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.apis.setting_queries import ChangePreferences, ReadPreferences
from rpcserver.core.standing import DirectiveSet
from rpcserver.domain.alerts import CODES
from rpcserver.domain.closing import Dust, OnFence
from rpcserver.domain.directive import Preferences
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import PrincipalId
from rpcserver.domain.principal import Permission

registry = Registry()

MARKET, LADDER = "market", "ladder"
_CLEARED: Final[Mapping[str, Mapping[str, object]]] = {  # what `clear` names, and blanks
    "executionType": {"ladder": None},
    "onFence": {"on_fence": None},
    "dust": {"dust": None},
    "deadlineMs": {"deadline": None},
    "waitForOpen": {"wait_for_open": None},
    "accounts": {"accounts": ()},
    "instruments": {"instruments": ()},
    "strategyTag": {"strategy_tag": None},
    "alerts": {"alerts": None},
}


class GetPreferencesArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """Whose: one's own, or, for administrators, another's."""

    user: WordFilter = UNSET


class SetPreferencesArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """What is given takes the place of what stood; what is left out stays; `clear` forgets."""

    choices: ClassVar[Choices] = {
        "executionType": (MARKET, LADDER),
        "onFence": (OnFence.WAIT.value, OnFence.UNCONTESTED.value),
        "dust": words_of(Dust),
    }

    user: WordFilter = UNSET
    execution_type: str | UnsetType = UNSET
    ladder: tuple[LadderArg, ...] | UnsetType = UNSET
    on_fence: str | UnsetType = UNSET
    dust: str | UnsetType = UNSET
    deadline_ms: int | UnsetType = UNSET
    wait_for_open: bool | UnsetType = UNSET
    accounts: WordsFilter = UNSET
    instruments: WordsFilter = UNSET
    strategy_tag: WordFilter = UNSET
    alerts: tuple[str, ...] | UnsetType = UNSET
    clear: tuple[str, ...] = ()
    reason: str = ""


class ScopeAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What `scope: preferred` stands for."""

    accounts: list[str] = []
    instruments: list[str] = []
    strategy_tag: str | None = None


class PreferencesAnswer(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Preferences that stand. What is absent is as without preferences."""

    user: str
    execution_type: str | None = None
    ladder: list[LadderArg] | None = None
    on_fence: str | None = None
    dust: str | None = None
    deadline_ms: int | None = None
    wait_for_open: bool | None = None
    scope: ScopeAnswer | None = None
    alerts: list[str] | None = None
    reason: str | None = None
    principal: str | None = None  # who laid them down
    since: datetime | None = None


# --- asking --------------------------------------------------------------------------------------


@registry.query("GetPreferences", args=GetPreferencesArgs)
def get_preferences(args: GetPreferencesArgs, asked: Asked) -> Ask:
    """What closing calls of a user mean where they do not say it."""
    user = _user(args.user, asked)

    def answer(record: DirectiveSet | None) -> Data:
        return {"success": True, "preferences": preferences_answer(user, record)}

    return Ask(ReadPreferences(user), answer)


@registry.query(
    "SetPreferences", args=SetPreferencesArgs, permission=Permission.READ, read_only=False
)
def set_preferences(args: SetPreferencesArgs, asked: Asked) -> Ask:
    """Let preferences stand: of every call from now on, never of one that was made."""
    user = _user(args.user, asked)
    if len(args.reason) > REASON_LENGTH_MAX:
        raise InvalidRequest("invalid_argument", f"reason: at most {REASON_LENGTH_MAX} characters")
    changes: dict[str, object] = {}
    for key in args.clear:
        if key not in _CLEARED:
            raise InvalidRequest(
                "invalid_argument", f"clear: {key[:64]!r} is none of {', '.join(_CLEARED)}"
            )
        changes |= _CLEARED[key]
    changes |= _execution(args) | _options(args) | _scope(args, asked)
    if isinstance(args.alerts, tuple):
        for code in args.alerts:
            if code not in CODES:
                near = nearest(code, CODES)
                raise InvalidRequest("invalid_argument", f"alerts: no alert is {code[:64]!r}{near}")
        changes["alerts"] = tuple(dict.fromkeys(args.alerts))
    if not changes:
        raise InvalidRequest("missing_argument", "say what you prefer, or what to clear")

    def answer(record: DirectiveSet) -> Data:
        return {"success": True, "preferences": preferences_answer(user, record)}

    return Ask(ChangePreferences(user, changes, args.reason.strip()), answer)


def _user(user: WordFilter, asked: Asked) -> PrincipalId:
    name = word(user)
    own = asked.principal.principal_id
    if name is None or name == own:
        return own
    if not asked.principal.may(Permission.ADMINISTER):
        raise InvalidRequest("forbidden", "user: another's preferences need the admin role")
    return PrincipalId(name)


def _execution(args: SetPreferencesArgs) -> dict[str, object]:
    if isinstance(args.ladder, tuple):
        if args.execution_type == MARKET:
            raise InvalidRequest("invalid_argument", "ladder: executionType is market")
        return {"ladder": ladder_steps(args.ladder)}
    if args.execution_type == LADDER:
        raise InvalidRequest("missing_argument", "ladder: executionType ladder needs it")
    return {"ladder": None} if args.execution_type == MARKET else {}


def _options(args: SetPreferencesArgs) -> dict[str, object]:
    changes: dict[str, object] = {}
    if isinstance(args.on_fence, str):
        changes["on_fence"] = OnFence(args.on_fence)
    if isinstance(args.dust, str):
        changes["dust"] = Dust(args.dust)
    if isinstance(args.wait_for_open, bool):
        changes["wait_for_open"] = args.wait_for_open
    if isinstance(args.deadline_ms, int):
        if not 0 < args.deadline_ms <= DEADLINE_MS_MAX:
            raise InvalidRequest("invalid_argument", f"deadlineMs: 1 to {DEADLINE_MS_MAX}")
        changes["deadline"] = args.deadline_ms / 1000
    return changes


def _scope(args: SetPreferencesArgs, asked: Asked) -> dict[str, object]:
    """What is named must exist now; what it means is looked up when a call takes it."""
    changes: dict[str, object] = {}
    accounts = accounts_of(asked)
    if isinstance(args.accounts, tuple):
        accounts = accounts_named(asked, words(UNSET, args.accounts, "account"))
        changes["accounts"] = asked.refs(accounts)
    if isinstance(args.instruments, tuple):
        names = words(UNSET, args.instruments, "instrument")
        selectors_of(asked, accounts, names)
        changes["instruments"] = names
    if (tag := word(args.strategy_tag)) is not None:
        changes["strategy_tag"] = tag
    return changes


# --- answering -----------------------------------------------------------------------------------


def preferences_answer(user: PrincipalId, record: DirectiveSet | None) -> PreferencesAnswer:
    """Preferences as they stand, or that there are none."""
    if record is None:
        return PreferencesAnswer(user=user)
    kept = record.directive
    assert isinstance(kept, Preferences), "asked for preferences alone"
    return PreferencesAnswer(
        user=user,
        execution_type=LADDER if kept.ladder is not None else MARKET,
        ladder=None if kept.ladder is None else [step_arg(step) for step in kept.ladder],
        on_fence=None if kept.on_fence is None else kept.on_fence.value,
        dust=None if kept.dust is None else kept.dust.value,
        deadline_ms=None if kept.deadline is None else round(kept.deadline * 1000),
        wait_for_open=kept.wait_for_open,
        scope=_scope_answer(kept),
        alerts=None if kept.alerts is None else list(kept.alerts),
        reason=record.reason,
        principal=record.principal,
        since=record.at,
    )


def _scope_answer(kept: Preferences) -> ScopeAnswer | None:
    if not kept.has_scope:
        return None
    return ScopeAnswer(
        accounts=[str(account) for account in kept.accounts],
        instruments=list(kept.instruments),
        strategy_tag=kept.strategy_tag,
    )
