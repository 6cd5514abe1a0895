"""The state as it would be after changes not yet applied: what a decision is thought on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from rpcserver.core.report import OperationReport
from rpcserver.core.standing import DirectiveLifted, DirectiveSet
from rpcserver.core.state import (
    AccountState,
    Ended,
    KeyUse,
    Lane,
    LedgerOrder,
    Leg,
    Operation,
    Part,
    SeenMarket,
    State,
    Timer,
)
from rpcserver.domain.ids import (
    AccountRef,
    InstrumentId,
    OperationId,
    PrincipalId,
    VenueId,
)
from rpcserver.domain.position import PositionKey


class Draft(State):
    """
    The state as it will be. Copies what it is about to change, leaves *base* alone.

    Indexes and timers are not drafted: a decision never looks up an order, an account's lanes or
    a timer that the same decision created.
    """

    def __init__(self, base: State) -> None:
        self.base = base
        self.turn = base.turn
        self.bulk_exit = base.bulk_exit
        self._lane_drafts: dict[PositionKey, Lane | None] = {}
        self._operation_drafts: dict[OperationId, Operation | None] = {}
        self._leg_drafts: dict[tuple[OperationId, int], Leg] = {}
        self._part_drafts: dict[tuple[OperationId, AccountRef], Part] = {}
        self._account_drafts: dict[AccountRef, AccountState] = {}
        self.operations = base.operations
        self.venues = base.venues.copy()
        self.markets = {}
        self.told = {}
        self.traded = {}
        self.patience = base.patience.copy()
        self.recovered_at = base.recovered_at
        self.loose = base.loose
        self.loose_accounts = base.loose_accounts
        self._loose_names = base._loose_names
        self.keys = {}
        self.partials = {}
        self.plans = {}
        self.reports = base.reports
        self.directives = base.directives

    def lane(self, key: PositionKey) -> Lane:
        if (drafted := self._lane_drafts.get(key)) is None:
            assert key not in self._lane_drafts, "a dropped lane is not written to"
            drafted = msgspec.structs.replace(self.base.lanes[key])
            drafted.orders = drafted.orders.copy()
            self._lane_drafts[key] = drafted
        return drafted

    def operation(self, operation_id: OperationId) -> Operation:
        if (drafted := self._operation_drafts.get(operation_id)) is None:
            drafted = msgspec.structs.replace(self.base.operations[operation_id])
            drafted.counts = drafted.counts.copy()
            self._operation_drafts[operation_id] = drafted
        return drafted

    def leg(self, operation_id: OperationId, number: int) -> Leg:
        name = (operation_id, number)
        if (drafted := self._leg_drafts.get(name)) is None:
            drafted = msgspec.structs.replace(self.base.legs[name])
            self._leg_drafts[name] = drafted
        return drafted

    def part(self, operation_id: OperationId, account: AccountRef) -> Part:
        name = (operation_id, account)
        if (drafted := self._part_drafts.get(name)) is None:
            drafted = msgspec.structs.replace(self.base.parts[name])
            self._part_drafts[name] = drafted
        return drafted

    def account(self, account: AccountRef) -> AccountState:
        if (drafted := self._account_drafts.get(account)) is None:
            drafted = msgspec.structs.replace(self.base.accounts.get(account) or AccountState())
            self._account_drafts[account] = drafted
        return drafted

    def add_operation(self, operation: Operation) -> None:
        self._operation_drafts[operation.operation_id] = msgspec.structs.replace(operation)

    def add_part(self, operation_id: OperationId, part: Part) -> None:
        self._part_drafts[operation_id, part.account] = part

    def drop_part(self, operation_id: OperationId, account: AccountRef) -> None:
        pass  # its account is out of scope: nobody looks for it

    def add_leg(self, leg: Leg) -> None:
        self._leg_drafts[leg.operation_id, leg.number] = leg

    def add_lane(self, lane: Lane) -> None:
        self._lane_drafts[lane.key] = lane

    def drop_lane(self, key: PositionKey) -> None:
        self._lane_drafts[key] = None

    def drop_operation(self, operation_id: OperationId) -> None:
        self._operation_drafts[operation_id] = None

    def note_traded(self, key: PositionKey, mono: float) -> None:
        pass

    def note_told(self, key: PositionKey, quantity: Decimal, mono: float) -> None:
        pass

    def put_loose(self, account: AccountRef, order: LedgerOrder) -> None:
        pass

    def drop_loose(self, key: str) -> None:
        pass

    def index_order(self, lane: PositionKey, order: LedgerOrder) -> None:
        pass

    def arm(self, timer: Timer, wake: float | None) -> None:
        pass

    def note_directive(self, change: DirectiveSet | DirectiveLifted) -> None:
        pass  # no decision looks at a directive that it lays down itself

    def keep_report(self, operation_id: OperationId, made: Callable[[], OperationReport]) -> None:
        pass  # no decision reads one, and of many legs it takes long to make

    def find_lane(self, key: PositionKey) -> Lane | None:
        if key in self._lane_drafts:
            return self._lane_drafts[key]
        return self.base.find_lane(key)

    def find_operation(self, operation_id: OperationId) -> Operation | None:
        if operation_id in self._operation_drafts:
            return self._operation_drafts[operation_id]
        return self.base.find_operation(operation_id)

    def find_leg(self, operation_id: OperationId, number: int) -> Leg | None:
        name = (operation_id, number)
        return self._leg_drafts.get(name) or self.base.find_leg(operation_id, number)

    def find_part(self, operation_id: OperationId, account: AccountRef) -> Part | None:
        name = (operation_id, account)
        return self._part_drafts.get(name) or self.base.find_part(operation_id, account)

    def lane_of_order(self, account: AccountRef, *names: str | None) -> PositionKey | None:
        return self.base.lane_of_order(account, *names)

    def lanes_of(self, account: AccountRef) -> tuple[PositionKey, ...]:
        return self.base.lanes_of(account)

    def lane_keys(self) -> tuple[PositionKey, ...]:
        return self.base.lane_keys()

    def find_key(self, principal: PrincipalId, key: str) -> KeyUse | None:
        return self.base.find_key(principal, key)

    def find_partial(self, principal: PrincipalId, digest: str) -> Ended | None:
        return self.base.find_partial(principal, digest)

    def find_plan(self, plan_hash: str) -> float | None:
        return self.base.find_plan(plan_hash)

    def traded_at(self, key: PositionKey) -> float | None:
        return self.base.traded_at(key)

    def traded_since(self, account: AccountRef, mono: float) -> dict[PositionKey, float]:
        return self.base.traded_since(account, mono)

    def told_since(self, account: AccountRef, mono: float) -> dict[PositionKey, Decimal]:
        return self.base.told_since(account, mono)

    def find_market(self, venue: VenueId, instrument: InstrumentId) -> SeenMarket | None:
        return self.markets.get((venue, instrument)) or self.base.find_market(venue, instrument)

    def due(self, mono: float) -> Iterator[Timer]:
        return self.base.due(mono)

    def next_wake(self) -> float | None:
        return self.base.next_wake()
