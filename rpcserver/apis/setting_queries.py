"""What is asked about preferences and the policy, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from rpcserver.core.standing import DirectiveSet
from rpcserver.domain.ids import PrincipalId


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """What the deployment's own settings allow each token: no policy goes beyond."""

    calls_per_second: float
    calls_burst: int
    closing_calls_per_second: float
    closing_calls_burst: int


class ReadPreferences(msgspec.Struct, frozen=True):
    """-> `DirectiveSet | None`: the user's preferences; None: there are none."""

    user: PrincipalId


class ChangePreferences(msgspec.Struct, frozen=True):
    """-> `DirectiveSet`: as they stand now. What *changes* does not name stays as it was."""

    user: PrincipalId
    changes: Mapping[str, object]  # fields of `Preferences`
    reason: str


class ReadPolicy(msgspec.Struct, frozen=True):
    """-> `StandingPolicy`."""


class ChangePolicy(msgspec.Struct, frozen=True):
    """-> `StandingPolicy`, as it stands now. What *changes* does not name stays as it was."""

    changes: Mapping[str, object]  # fields of `Policy`
    reason: str


SettingQuery = ReadPreferences | ChangePreferences | ReadPolicy | ChangePolicy


class StandingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The policy, as far as it concerns whoever asks, and the deployment's bounds."""

    record: DirectiveSet | None  # None: none was ever laid down
    allowed: Allowed
