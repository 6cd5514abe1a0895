"""
The records of directives: what people lay down, and what they take back.

Each directive is a subject of its own. It is open while it stands, so that the fold of what is
unfinished restores it; laid down anew, its subject is opened anew, and recovery folds the newest
word alone (`records.py`).
"""

from __future__ import annotations

import msgspec

from rpcserver.core.recording import RecordBase
from rpcserver.domain.directive import Directive
from rpcserver.domain.ids import DirectiveName, PrincipalId


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """Who says so, from where, and why."""

    principal: PrincipalId
    reason: str
    remote: str = ""


class DirectiveSet(RecordBase, frozen=True, kw_only=True, tag="directive_set"):
    """It stands from now on, in the place of what stood under its name before."""

    directive: Directive
    principal: PrincipalId
    reason: str
    remote: str = ""

    @property
    def opens(self) -> str | None:
        return self.directive.name

    @property
    def subjects(self) -> tuple[tuple[str, int], ...]:
        return ((self.directive.name, 0),)


class DirectiveLifted(RecordBase, frozen=True, kw_only=True, tag="directive_lifted"):
    """It stands no longer. Only a person's word, or the rule that laid it down, does that."""

    name: DirectiveName
    principal: PrincipalId
    reason: str
    remote: str = ""

    @property
    def closes(self) -> str | None:
        return self.name

    @property
    def subjects(self) -> tuple[tuple[str, int], ...]:
        return ((self.name, 0),)
