"""
Directives: what a person lays down and what stands until it is taken back, across restarts.

A halt is one. Rules, dead-man's switches, a user's defaults and an administrator's settings are
others: each is a frozen Struct of the union `Directive`, with a `name` that is its own. To lay one
down under the name of another replaces that one. To add a kind:

1. write a Struct `class Rule(DirectiveBase, frozen=True, kw_only=True, tag="rule")` that holds all
   there is to know, so that nothing need be computed again after a restart, and its `name`,
   `directive:<kind>:<its own id>`;
2. add it to `Directive` below. Released kinds and their fields are read for ever: new fields have
   defaults.

The engine's `lay_down` makes it durable with who, from where and why, `lift` takes it back,
`directives` is what stands now, by name (`core/standing.py` has the records, and the listeners of
`subscribe` hear them as they hear of everything else). A restart finds all that stood.
"""

from __future__ import annotations

import enum

import msgspec

from rpcserver.domain.ids import AccountRef, DirectiveName, InstrumentId, PrincipalId, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.principal import EVERY_ACCOUNT, is_granted


class DirectiveBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What every directive has."""

    @property
    def name(self) -> DirectiveName:
        """Unique among all that stands: `directive:<kind>:<id>`."""
        raise NotImplementedError


# --- halts -------------------------------------------------------------------------------------


class HaltLevel(enum.Enum):
    """What a halt does beside refusing new risk. None of them ever blocks an exit (law 10)."""

    NO_NEW_RISK = "no_new_risk"  # nothing: what works goes on working
    CANCEL = "cancel"  # cancels working orders that could open risk
    FLATTEN_AND_LOCK = "flatten_and_lock"  # and closes what is held


class HaltScope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is halted: all that every filter that is set matches. None set: everything granted."""

    venue: VenueId | None = None
    account: AccountRef | None = None
    instrument: InstrumentSelector | None = None  # a root means every expiry
    tag: str | None = None  # the strategy's
    user: PrincipalId | None = None  # whoever orders
    grants: tuple[str, ...] = (EVERY_ACCOUNT,)  # never more than whoever halts may touch

    @property
    def is_everything(self) -> bool:
        """Whether no filter narrows it; the grants still may."""
        filters = (self.venue, self.account, self.instrument, self.tag, self.user)
        return all(value is None for value in filters)

    def covers_account(self, account: AccountRef) -> bool:
        """Whether anything in *account* can be halted."""
        return (
            self.venue in (None, account.venue)
            and self.account in (None, account)
            and is_granted(self.grants, account)
        )

    def covers_order(
        self,
        account: AccountRef,
        instrument: InstrumentId,
        known: Instrument | None,
        tag: str | None,
        user: PrincipalId | None,
    ) -> bool:
        """Whether an order is halted. An instrument that is not *known* may be of any family."""
        return (
            self.covers_account(account)
            and self._covers_instrument(instrument, known)
            and self.tag in (None, tag)
            and self.user in (None, user)
        )

    def _covers_instrument(self, instrument: InstrumentId, known: Instrument | None) -> bool:
        if (wanted := self.instrument) is None:
            return True
        if known is not None:
            return wanted.matches(known)
        return wanted.root is not None or wanted.exact == instrument

    def __str__(self) -> str:
        parts = {
            "venue": self.venue,
            "account": self.account,
            "instrument": self.instrument.asked if self.instrument is not None else None,
            "tag": self.tag,
            "user": self.user,
        }
        told = ", ".join(f"{key} {value}" for key, value in parts.items() if value is not None)
        return told or "everything"


class Halt(DirectiveBase, frozen=True, kw_only=True, tag="halt"):
    """New risk in scope is refused until a person releases it."""

    halt_id: str  # "halt-…"
    scope: HaltScope
    level: HaltLevel = HaltLevel.NO_NEW_RISK

    @property
    def name(self) -> DirectiveName:
        return DirectiveName(f"directive:halt:{self.halt_id}")


Directive = Halt
