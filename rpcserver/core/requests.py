"""
What may be asked of the core, in no dialect: a close, an order, a cancel, a person's word.

The dialects (`apis/`) turn their args into these; names and accounts are resolved, permissions
checked, numbers decoded before one of these exists.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from rpcserver.domain.closing import Dust as Dust
from rpcserver.domain.closing import LadderStep as LadderStep
from rpcserver.domain.closing import OnFence as OnFence
from rpcserver.domain.ids import (
    AccountRef,
    ClientOrderId,
    DirectiveName,
    InstrumentId,
    PositionId,
    PrincipalId,
    TokenId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument, ProductGroup
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.order import OrderRequest
from rpcserver.domain.position import PositionKey, PositionSide
from rpcserver.domain.principal import EVERY_ACCOUNT


class Pnl(enum.Enum):
    WINNERS = "winners"
    LOSERS = "losers"


class Rounding(enum.Enum):
    DOWN = "down"
    UP = "up"  # CrossTrade's `percent`: 10 % of 1 contract closes 1


class OnRefill(enum.Enum):
    """What to do about what comes back in a scope that is to stay flat."""

    REPORT = "report"
    CLOSE = "close"


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a request is about. Every filter that is set must match; `accounts` is always resolved.

    `everything` takes all working orders of the accounts too, flat instruments included.
    """

    accounts: tuple[AccountRef, ...]
    everything: bool = False
    instruments: tuple[InstrumentSelector, ...] = ()  # any of them; empty: no filter
    exclude: tuple[InstrumentSelector, ...] = ()
    side: PositionSide | None = None  # LONG or SHORT
    strategy_tag: str | None = None
    product_group: ProductGroup | None = None
    position_id: PositionId | None = None
    positions: tuple[PositionKey, ...] = ()  # none but these; empty: no filter
    sides: tuple[PositionSide, ...] = ()  # and of each of them only this; empty: either
    pnl: Pnl | None = None
    oldest_only: bool = False  # of everything that matches, the position opened first


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """
    How much of each position to close: all of it unless one of these is set.

    Quantities are capped at the position; fractions round to the lot.
    """

    quantity: Decimal | None = None
    quantities: Mapping[InstrumentId, Decimal] = {}
    fraction: Decimal | None = None  # 0 < fraction <= 1
    rounding: Rounding = Rounding.DOWN

    @property
    def is_whole(self) -> bool:
        return self.quantity is None and not self.quantities and self.fraction in (None, 1)


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """How to close: at market, at a limit per instrument, or along a ladder."""

    limit_prices: Mapping[InstrumentId, Decimal] = {}
    ladder: tuple[LadderStep, ...] = ()


class Sequel(msgspec.Struct, frozen=True, kw_only=True):
    """
    The order that follows a close, once the venue has proven that the position is flat.

    It is placed by the end of the operation, in the life that opened it, or never. `order` None:
    as much as was held, on the other side, at market. Its `client_order_id` is not the order's
    name, which the operation's id determines.
    """

    account: AccountRef
    instrument: Instrument
    order: OrderRequest | None = None


class DefaultBy(enum.Enum):
    """Who said what a call left out."""

    PREFERENCES = "preferences"  # the caller's own
    POLICY = "policy"  # an administrator's


class Defaulted(msgspec.Struct, frozen=True, kw_only=True):
    """An option that the call left out, and what it came to."""

    key: str  # as protocol.md names it
    value: str  # one line of JSON
    by: DefaultBy


class CloseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One closing request, admitted: this is what the journal opens an operation with."""

    api: str
    principal: PrincipalId
    token_id: TokenId
    request_id: str  # only correlates
    idempotency_key: str | None = None  # the durable promise
    digest: str  # of api and decoded args; reason and progress aside
    args: str  # as they came, one line of JSON: for the audit, and for the answer's dialect
    remote: str = ""  # the address it came from
    grants: tuple[str, ...] = (EVERY_ACCOUNT,)  # what accounts not read yet are held against
    scope: Scope
    amount: Amount = Amount()
    execution: Execution = Execution()
    check_hours: bool = False  # a closed market is found out before anything is sent
    dry_run: bool = False
    plan_hash: str | None = None
    reason: str = ""
    deadline: float = 60.0  # seconds
    on_fence: OnFence = OnFence.UNCONTESTED
    wait_for_open: bool = False
    dust: Dust = Dust.CLOSE
    stay_flat: float = 0.0  # seconds to watch the scope for after a flat end (law 21)
    on_refill: OnRefill = OnRefill.REPORT
    sandboxes: tuple[VenueId, ...] | None = None  # those of its venues; None: not known
    approver: PrincipalId | None = None  # the second person, where one had to confirm
    alone: bool = False  # the caller broke the glass: no second person is asked for
    must_match: bool = False  # no position that matches is no success
    sequel: Sequel | None = None  # what to place when it is proven flat
    owed_by: DirectiveName | None = None  # taken back, it ends what this one has not sent yet
    defaulted: tuple[Defaulted, ...] = ()  # the digest is of the call as it was sent
    warnings: tuple[str, ...] = ()  # thresholds that it passes, or that could not be measured

    @property
    def is_harmless_again(self) -> bool:
        """Whether the same once more would do nothing: no half of a half, no way back."""
        return self.amount.is_whole and self.sequel is None

    @property
    def plans_as_a_whole(self) -> bool:
        """Whether what is done in one account hangs on what the others hold."""
        return (
            self.dry_run or self.plan_hash is not None or self.check_hours or self.scope.oldest_only
        )


class PlaceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One order that is not an operation's: a client's own. Its id is chosen at admission."""

    principal: PrincipalId
    account: AccountRef
    order: OrderRequest
    remote: str = ""


class CancelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Cancel one working order of a client's own choosing."""

    principal: PrincipalId
    account: AccountRef
    venue_order_id: VenueOrderId
    remote: str = ""
    why: str = "asked for"


class ChangeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Change one working order in place. `changed` is the order as it will be, under its name."""

    principal: PrincipalId
    account: AccountRef
    venue_order_id: VenueOrderId
    changed: OrderRequest
    quantity: Decimal | None = None  # the new total; None: as it is
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    only_smaller: bool = False  # it opens no risk that was not there
    remote: str = ""


class OrderOutcome(enum.Enum):
    """What a person says became of an order nobody can ask about."""

    FILLED = "filled"  # wholly or in part: see `filled`
    CANCELED = "canceled"
    NEVER_EXISTED = "never_existed"


class ResolveRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word about an unknown order: journaled, then checked by a fresh read."""

    principal: PrincipalId
    client_order_id: ClientOrderId
    outcome: OrderOutcome
    filled: Decimal
    reason: str
    remote: str = ""
    grants: tuple[str, ...] = (EVERY_ACCOUNT,)  # an order elsewhere does not exist
