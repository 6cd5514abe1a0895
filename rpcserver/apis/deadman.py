"""Dead-man's switches: armed, renewed, disarmed, listed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import Args, NoArgs
from rpcserver.apis.directive_queries import (
    ArmSwitch,
    DisarmSwitch,
    ReadSwitches,
    RenewSwitch,
    StandingSwitch,
)
from rpcserver.apis.halts import reason_given
from rpcserver.apis.queries import Data
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.apis.rules import named
from rpcserver.apis.sandboxes import kind_of
from rpcserver.domain.directive import Switch
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import DirectiveName
from rpcserver.domain.principal import Permission
from rpcserver.domain.rule import StoredCall

registry = Registry()

TIMEOUT_MS_MIN: Final = 1_000
TIMEOUT_MS_MAX: Final = 86_400_000
RENEWALS: Final = 4  # in each timeout, that a lost one is no silence (law 32)


class ArmDeadmanArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """After so long a silence this closing call is made."""

    switch_id: str | UnsetType | None = UNSET
    timeout_ms: int
    api: str | None
    args: msgspec.Raw
    reason: str | None


class RenewDeadmanArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """I am here."""

    switch_id: str | None


class DisarmDeadmanArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """I am going, and mean it."""

    switch_id: str | None
    reason: str | None


class SwitchAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A switch as it stands; `fired_at` null: it is armed, and fires at `fires_at`."""

    switch_id: str
    timeout_ms: int
    renew_every_ms: int
    api: str
    args: msgspec.Raw
    principal: str
    reason: str
    since: datetime
    fires_at: datetime | None
    fired_at: datetime | None
    sandbox: bool | UnsetType = UNSET
    sandbox_venues: tuple[str, ...] | UnsetType = UNSET


def switch_answer(standing: StandingSwitch, asked: Asked) -> SwitchAnswer:
    record = standing.record
    switch = record.directive
    assert isinstance(switch, Switch), "asked for switches alone"
    timeout_ms = round(switch.timeout * 1000)
    kind = kind_of(standing.accounts, asked.directory.sandboxes)
    return SwitchAnswer(
        switch_id=switch.switch_id,
        timeout_ms=timeout_ms,
        renew_every_ms=timeout_ms // RENEWALS,
        api=switch.call.api,
        args=msgspec.Raw(switch.call.args.encode()),
        principal=record.principal,
        reason=record.reason,
        since=record.at,
        fires_at=standing.fires_at,
        fired_at=switch.fired_at,
        sandbox=kind.sandbox,
        sandbox_venues=kind.sandbox_venues,
    )


def _ask(query: ArmSwitch | RenewSwitch | DisarmSwitch, asked: Asked) -> Ask:
    def answer(standing: StandingSwitch) -> Data:
        return {"success": True, "switch": switch_answer(standing, asked)}

    return Ask(query, answer)


@registry.query("ArmDeadman", args=ArmDeadmanArgs, permission=Permission.CLOSE, read_only=False)
def arm_deadman(args: ArmDeadmanArgs, asked: Asked) -> Ask:
    """Arm a switch, or arm it anew under its id."""
    if not TIMEOUT_MS_MIN <= args.timeout_ms <= TIMEOUT_MS_MAX:
        raise InvalidRequest("invalid_argument", f"timeoutMs: {TIMEOUT_MS_MIN} to {TIMEOUT_MS_MAX}")
    switch = Switch(
        switch_id=named(args.switch_id, "switchId", "switch", asked),
        by=asked.principal,
        timeout=args.timeout_ms / 1000,
        call=StoredCall(api=(args.api or "").strip(), args=bytes(args.args).decode()),
    )
    return _ask(ArmSwitch(switch, reason_given(args.reason)), asked)


@registry.query("RenewDeadman", args=RenewDeadmanArgs, permission=Permission.CLOSE, read_only=False)
def renew_deadman(args: RenewDeadmanArgs, asked: Asked) -> Ask:
    """Begin the silence anew."""
    return _ask(RenewSwitch(_name(args.switch_id)), asked)


@registry.query(
    "DisarmDeadman", args=DisarmDeadmanArgs, permission=Permission.CLOSE, read_only=False
)
def disarm_deadman(args: DisarmDeadmanArgs, asked: Asked) -> Ask:
    """Take a switch back, one that fired, too."""
    return _ask(DisarmSwitch(_name(args.switch_id), reason_given(args.reason)), asked)


@registry.query("ListSwitches", args=NoArgs)
def list_switches(_: NoArgs, asked: Asked) -> Ask:
    """Every switch over nothing but accounts of the caller's."""

    def answer(switches: Sequence[StandingSwitch]) -> Data:
        return {
            "switches": [switch_answer(switch, asked) for switch in switches],
            "count": len(switches),
            "success": True,
        }

    return Ask(ReadSwitches(), answer)


def _name(switch_id: str | None) -> DirectiveName:
    return DirectiveName(f"directive:switch:{(switch_id or '').strip()}")
