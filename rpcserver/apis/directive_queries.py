"""What the apis ask of directives: halts, rules and switches are laid down, listed and lifted."""

from __future__ import annotations

from datetime import datetime

import msgspec

from rpcserver.core.standing import DirectiveSet
from rpcserver.domain.directive import Halt, Mark, Rule, Switch
from rpcserver.domain.ids import AccountRef, DirectiveName


class ReadDirectives(msgspec.Struct, frozen=True):
    """-> `tuple[DirectiveSet, ...]`: what stands and reaches the caller, the oldest first."""


class LayHalt(msgspec.Struct, frozen=True):
    """-> `Halted`: the halt stands, and what it cancels is canceled as far as could be proven."""

    halt: Halt
    reason: str


class LiftDirective(msgspec.Struct, frozen=True):
    """-> `DirectiveSet`: what stood; unknown or another's: `unknown_directive`."""

    name: DirectiveName
    reason: str


class ReadRules(msgspec.Struct, frozen=True):
    """-> `tuple[StandingRule, ...]`: those that reach the caller, the oldest first."""


class LayRule(msgspec.Struct, frozen=True):
    """-> `StandingRule`."""

    rule: Rule
    reason: str


class RemoveRule(msgspec.Struct, frozen=True):
    """-> `DirectiveSet`: what stood."""

    name: DirectiveName
    reason: str


class ReadSwitches(msgspec.Struct, frozen=True):
    """-> `tuple[StandingSwitch, ...]`: those within the caller's grants, the oldest first."""


class ArmSwitch(msgspec.Struct, frozen=True):
    """-> `StandingSwitch`."""

    switch: Switch
    reason: str


class RenewSwitch(msgspec.Struct, frozen=True):
    """-> `StandingSwitch`."""

    name: DirectiveName


class DisarmSwitch(msgspec.Struct, frozen=True):
    """-> `StandingSwitch`: what stood."""

    name: DirectiveName
    reason: str


DirectiveQuery = (
    ReadDirectives
    | LayHalt
    | LiftDirective
    | ReadRules
    | LayRule
    | RemoveRule
    | ReadSwitches
    | ArmSwitch
    | RenewSwitch
    | DisarmSwitch
)
"""About what stands until it is taken back: see `DirectiveOffice`."""


class StandingRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, what it remembers of what the caller may touch, and when it is due next."""

    record: DirectiveSet
    marks: tuple[Mark, ...] = ()
    next_at: datetime | None = None


class StandingSwitch(msgspec.Struct, frozen=True, kw_only=True):
    """
    A switch, and which accounts of the caller's its call names now; none: it cannot be made.

    `fires_at`: unless it is renewed; None: it fired, or is not watched yet.
    """

    record: DirectiveSet
    accounts: tuple[AccountRef, ...] = ()
    fires_at: datetime | None = None
