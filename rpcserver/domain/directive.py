"""
Directives: what a person lays down and what stands until it is taken back, across restarts.

Halts, rules that act by themselves, dead-man's switches, a user's preferences and the
administrators' policy: each is a frozen Struct of the union `Directive`, with a `name` that is its
own. To lay one down under the name of another replaces that one. To add a kind:

1. write a Struct `class Halt(DirectiveBase, frozen=True, kw_only=True, tag="halt")` that holds all
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
from datetime import date, datetime
from decimal import Decimal

import msgspec

from rpcserver.domain.closing import Dust, LadderStep, OnFence
from rpcserver.domain.ids import AccountRef, DirectiveName, InstrumentId, PrincipalId, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.policy import MarketHours, Rate, SizeLimit, Threshold
from rpcserver.domain.principal import EVERY_ACCOUNT, Principal, is_granted
from rpcserver.domain.rule import (
    FlattenAt,
    Limit,
    LimitAction,
    Retry,
    RuleTerms,
    StoredCall,
)


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


# --- rules that act by themselves --------------------------------------------------------------


class Rule(DirectiveBase, frozen=True, kw_only=True, tag="rule"):
    """What is done without anybody asking, in the name of whoever laid it down."""

    rule_id: str
    by: Principal  # in whose name, with which rights and grants
    accounts: tuple[AccountRef, ...] = ()  # empty: every account of the grants, at any time
    terms: RuleTerms

    @property
    def name(self) -> DirectiveName:
        return DirectiveName(f"directive:rule:{self.rule_id}")

    @property
    def flattens(self) -> bool:
        """Whether it may close what nobody else has begun to close."""
        match self.terms:
            case FlattenAt():
                return True
            case Limit(action=action):
                return action is LimitAction.FLATTEN_AND_LOCK
            case Retry():
                return False

    def covers(self, account: AccountRef) -> bool:
        """Whether the rule speaks of *account*."""
        return self.by.may_touch(account) and account in (self.accounts or (account,))


class Switch(DirectiveBase, frozen=True, kw_only=True, tag="switch"):
    """
    A dead-man's switch: a closing call that is made when its client falls silent.

    Once it has fired it does nothing more, and stands so that its client learns of it.
    """

    switch_id: str
    by: Principal
    timeout: float  # seconds of silence
    call: StoredCall
    fired_at: datetime | None = None

    @property
    def name(self) -> DirectiveName:
        return DirectiveName(f"directive:switch:{self.switch_id}")


class Mark(DirectiveBase, frozen=True, kw_only=True, tag="mark"):
    """
    What a rule must not forget over a restart. The server's own, lifted with its rule.

    Of a limit, one for each account; of a time of day, one for the rule.
    """

    rule_id: str
    account: AccountRef | None = None
    day: date | None = None  # limit: whose start it is; time of day: the last that was settled
    start: Decimal | None = None  # equity when the day began
    highest: Decimal | None = None  # equity ever since the rule was laid down
    last: Decimal | None = None  # equity as last kept, of a day's loss
    last_at: datetime | None = None  # when that was read
    is_beyond: bool = False  # the limit: it acts once each time it is passed
    passed: int = 0  # how often it was

    @property
    def name(self) -> DirectiveName:
        whose = f":{self.account}" if self.account is not None else ""
        return DirectiveName(f"directive:mark:{self.rule_id}{whose}")


# --- settings ------------------------------------------------------------------------------------


class Preferences(DirectiveBase, frozen=True, kw_only=True, tag="preferences"):
    """What a user's closing calls mean where they do not say it. None: as without preferences."""

    user: PrincipalId
    ladder: tuple[LadderStep, ...] | None = None
    on_fence: OnFence | None = None
    dust: Dust | None = None
    deadline: float | None = None  # seconds
    wait_for_open: bool | None = None
    accounts: tuple[AccountRef, ...] = ()  # of the scope that a call takes by its name alone
    instruments: tuple[str, ...] = ()  # likewise, as asked for
    strategy_tag: str | None = None  # likewise
    alerts: tuple[str, ...] | None = None  # codes of the channel; None: all

    @property
    def name(self) -> DirectiveName:
        return DirectiveName(f"directive:preferences:{self.user}")

    @property
    def has_scope(self) -> bool:
        return bool(self.accounts or self.instruments or self.strategy_tag is not None)


class Policy(DirectiveBase, frozen=True, kw_only=True, tag="policy"):
    """What administrators lay down for everybody, within what the deployment allows."""

    rates: tuple[Rate, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    hours: tuple[MarketHours, ...] = ()  # the first that covers an account
    sizes: tuple[SizeLimit, ...] = ()
    retry: Retry | None = None  # where no rule of a person's covers an account
    retention_days: int | None = None  # of the journal; None: for ever

    @property
    def name(self) -> DirectiveName:
        return POLICY


POLICY = DirectiveName("directive:policy:server")

Directive = Halt | Rule | Switch | Mark | Preferences | Policy
