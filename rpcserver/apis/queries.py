"""
What the apis ask of the world outside, as values: the server carries them out (`server/desk.py`).

Each query names the type of what comes back; answers are built from that by pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from rpcserver.apis.alert_queries import AcknowledgeAlert as AcknowledgeAlert
from rpcserver.apis.alert_queries import ReadAlerts as ReadAlerts
from rpcserver.apis.directive_queries import DirectiveQuery, StandingRule, StandingSwitch
from rpcserver.apis.journal_queries import FoundExits as FoundExits
from rpcserver.apis.journal_queries import ReadExits as ReadExits
from rpcserver.apis.journal_queries import ReadOperation as ReadOperation
from rpcserver.apis.journal_queries import ReadOperations as ReadOperations
from rpcserver.apis.journal_queries import VerifyChain as VerifyChain
from rpcserver.apis.order_queries import Bracket as Bracket
from rpcserver.apis.order_queries import Bracketed as Bracketed
from rpcserver.apis.order_queries import Changed as Changed
from rpcserver.apis.order_queries import ChangeOrder as ChangeOrder
from rpcserver.apis.order_queries import Condition as Condition
from rpcserver.apis.order_queries import Placed as Placed
from rpcserver.apis.order_queries import Replaced as Replaced
from rpcserver.apis.order_queries import ReplaceOrder as ReplaceOrder
from rpcserver.apis.read_queries import Bar as Bar
from rpcserver.apis.read_queries import Bars as Bars
from rpcserver.apis.read_queries import Lifecycle as Lifecycle
from rpcserver.apis.read_queries import ReadBars as ReadBars
from rpcserver.apis.read_queries import ReadLifecycle as ReadLifecycle
from rpcserver.apis.read_queries import ReadSummary as ReadSummary
from rpcserver.apis.read_queries import ReadWatermarks as ReadWatermarks
from rpcserver.apis.read_queries import Summarized as Summarized
from rpcserver.apis.read_queries import Watermark as Watermark
from rpcserver.apis.sandboxes import Kind
from rpcserver.apis.setting_queries import SettingQuery, StandingPolicy
from rpcserver.core.entries import ChainReport, FoundAlert, OperationRow
from rpcserver.core.halts import Halted
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import PlaceRequest, ResolveRequest
from rpcserver.core.standing import DirectiveSet
from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.ids import (
    AccountRef,
    InstrumentId,
    OperationId,
    PrincipalId,
    TokenId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market, Quote, Session
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.order import Fill, OrderReport
from rpcserver.domain.principal import Role, TokenRow

# --- reads -------------------------------------------------------------------------------------


class ReadAccounts(msgspec.Struct, frozen=True):
    """-> `tuple[Account, ...]`, read now."""

    accounts: tuple[AccountRef, ...]


class ReadPositions(msgspec.Struct, frozen=True):
    """-> `tuple[AccountSnapshot, ...]` with markets, read now."""

    accounts: tuple[AccountRef, ...]


class ReadOrders(msgspec.Struct, frozen=True):
    """-> `tuple[FoundOrder, ...]`, working and finished ones, oldest first."""

    accounts: tuple[AccountRef, ...]


class ReadOrder(msgspec.Struct, frozen=True):
    """-> `FoundOrder | None`; `order_id` is the venue's id or ours."""

    accounts: tuple[AccountRef, ...]
    order_id: str


class ReadExecutions(msgspec.Struct, frozen=True):
    """-> `tuple[FoundFill, ...]`, oldest first."""

    accounts: tuple[AccountRef, ...]
    since: datetime | None = None


class ReadQuotes(msgspec.Struct, frozen=True):
    """-> `tuple[FoundQuote, ...]` in the order asked."""

    instruments: tuple[tuple[VenueId, InstrumentId], ...]


class ReadMarketInfo(msgspec.Struct, frozen=True):
    """-> `MarketInfo`."""

    venue: VenueId
    instrument: InstrumentId


class ReadTokens(msgspec.Struct, frozen=True):
    """-> `tuple[TokenRow, ...]`."""


class ReadApprovals(msgspec.Struct, frozen=True):
    """-> `tuple[Approval, ...]`: what waits for a second person, the oldest first."""


class Nothing(msgspec.Struct, frozen=True):
    """-> `None`: the answer needs nothing of the world."""


# --- actions -----------------------------------------------------------------------------------


class PlaceOrders(msgspec.Struct, frozen=True):
    """-> `tuple[Placed, ...]` in the order asked; each only where *condition* holds."""

    orders: tuple[PlaceRequest, ...]
    condition: Condition | None = None


class CancelOrders(msgspec.Struct, frozen=True):
    """
    Cancel every working order that matches. -> `tuple[Canceled, ...]`.

    `order_ids` (the venue's or ours) that match nothing come back as not canceled.
    """

    accounts: tuple[AccountRef, ...]
    order_ids: tuple[str, ...] = ()  # empty: all that match the rest
    instruments: tuple[InstrumentSelector, ...] = ()
    tag: str | None = None


class Resolve(msgspec.Struct, frozen=True):
    """-> `None`: the word is journaled and the position read again."""

    request: ResolveRequest


class ConfirmClose(msgspec.Struct, frozen=True):
    """-> `Confirmed`: the call that waits is an operation now."""

    code: str
    reason: str = ""


class CreateToken(msgspec.Struct, frozen=True):
    """-> `NewToken`."""

    principal: PrincipalId
    roles: frozenset[Role]
    accounts: tuple[str, ...]
    expires_at: datetime | None = None
    reason: str = ""


class RotateToken(msgspec.Struct, frozen=True):
    """-> `NewToken`, with the old one's row, which ends after `grace`."""

    token_id: TokenId
    grace: timedelta
    expires_at: datetime | None = None  # None: as the old one
    reason: str = ""


class RevokeToken(msgspec.Struct, frozen=True):
    """-> `bool`: whether there was such a token."""

    token_id: TokenId
    reason: str = ""


Query = (
    ReadAccounts
    | ReadPositions
    | ReadOrders
    | ReadOrder
    | ReadExecutions
    | ReadLifecycle
    | ReadBars
    | ReadSummary
    | ReadWatermarks
    | ReadQuotes
    | ReadMarketInfo
    | ReadOperations
    | ReadOperation
    | ReadExits
    | VerifyChain
    | ReadTokens
    | ReadApprovals
    | ReadAlerts
    | AcknowledgeAlert
    | Nothing
    | PlaceOrders
    | CancelOrders
    | ChangeOrder
    | ReplaceOrder
    | Bracket
    | Resolve
    | DirectiveQuery
    | ConfirmClose
    | CreateToken
    | RotateToken
    | RevokeToken
    | SettingQuery
)

# --- what comes back ---------------------------------------------------------------------------


class FoundOrder(msgspec.Struct, frozen=True):
    account: AccountRef
    instrument: Instrument
    report: OrderReport


class FoundFill(msgspec.Struct, frozen=True):
    account: AccountRef
    instrument: Instrument
    fill: Fill


class FoundQuote(msgspec.Struct, frozen=True):
    instrument: Instrument
    quote: Quote


class MarketInfo(msgspec.Struct, frozen=True):
    instrument: Instrument
    market: Market
    session: Session


class Canceled(msgspec.Struct, frozen=True):
    """One order of `CancelOrders`. `canceled`: proven; else `pending`, or `error` says why not."""

    account: AccountRef | None
    order_id: VenueOrderId
    canceled: bool
    pending: bool = False
    error: str | None = None
    detail: str = ""


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A closing call that waits for a second person, and the plan its code stands for."""

    code: str
    api: str
    principal: PrincipalId
    reason: str
    why: str  # it needs one
    asked_at: datetime
    expires_at: datetime
    accounts: tuple[str, ...]
    positions: int
    plan_hash: str
    plan_operation: OperationId
    kind: Kind = Kind()  # of its accounts


class Confirmed(msgspec.Struct, frozen=True):
    """What was confirmed, and the operation it is now."""

    operation_id: OperationId
    approval: Approval


class NewToken(msgspec.Struct, frozen=True):
    """`token` is told once, here, and stored nowhere."""

    token: str
    row: TokenRow
    old: TokenRow | None = None  # the one it takes the place of


Answerable = (
    tuple[Account, ...]
    | tuple[AccountSnapshot, ...]
    | tuple[FoundOrder, ...]
    | FoundOrder
    | tuple[FoundFill, ...]
    | Lifecycle
    | Bars
    | tuple[Summarized, ...]
    | tuple[Watermark, ...]
    | tuple[FoundQuote, ...]
    | MarketInfo
    | tuple[OperationRow, ...]
    | OperationReport
    | FoundExits
    | ChainReport
    | tuple[TokenRow, ...]
    | tuple[Placed, ...]
    | tuple[Canceled, ...]
    | Changed
    | Replaced
    | Bracketed
    | NewToken
    | tuple[Approval, ...]
    | tuple[FoundAlert, ...]
    | FoundAlert
    | Confirmed
    | tuple[DirectiveSet, ...]
    | DirectiveSet
    | Halted
    | StandingRule
    | tuple[StandingRule, ...]
    | StandingSwitch
    | tuple[StandingSwitch, ...]
    | StandingPolicy
    | bool
    | None
)

Data = Mapping[str, object] | msgspec.Struct | Sequence[msgspec.Struct]
"""What a final frame carries in `data`."""
