"""What the server needs of the engine. The consumer owns the interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from rpcserver.core.decision import Admitted as Opened
from rpcserver.core.entries import Entry, Head
from rpcserver.core.events import Noticed
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import (
    CancelRequest,
    ChangeRequest,
    CloseRequest,
    PlaceRequest,
    ResolveRequest,
)
from rpcserver.core.standing import DirectiveSet, Word
from rpcserver.core.state import LedgerOrder
from rpcserver.domain.account import Account
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.directive import Directive
from rpcserver.domain.ids import AccountRef, DirectiveName, OperationId, PrincipalId, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import OrderReport
from rpcserver.driver.ports import Journal, Venue, VenueEvent
from rpcserver.driver.renewals import Renewals


class Admitted(Protocol):
    """A closing request that is durable. `duplicate`: its operation existed before."""

    @property
    def operation_id(self) -> OperationId: ...

    @property
    def duplicate(self) -> bool: ...


class Engine(Protocol):
    """Whoever carries operations out."""

    @property
    def venues(self) -> Mapping[VenueId, Venue]: ...

    @property
    def journal(self) -> Journal: ...

    @property
    def accounts(self) -> Mapping[VenueId, tuple[Account, ...]]:
        """As last read."""

    @property
    def instruments(self) -> Mapping[VenueId, tuple[Instrument, ...]]:
        """As last read."""

    async def settled_in(self) -> None:
        """Wait until the accounts are known, or a start's patience with dead venues is over."""

    async def close(self, request: CloseRequest, *, join: bool) -> Admitted:
        """
        Admit *request*; it is durable when this returns.

        With *join*, an identical running call of the same token and request id is joined.

        Raises:
            InvalidRequest: `idempotency_conflict`, `idempotency_expired`, `repeat_partial`,
                `plan_changed`, `shutting_down`, …
        """

    async def cancel(self, operation_id: OperationId, principal: PrincipalId) -> bool:
        """Stop what was not yet sent. False: the operation has ended."""

    async def place(self, request: PlaceRequest) -> OrderReport:
        """
        Place a client's own order.

        Raises:
            OrderRefused, VenueUnavailable, OutcomeUnknown: As the venue.
            InvalidRequest: `closing_in_progress`, `halted`.
        """

    async def cancel_order(self, request: CancelRequest) -> OrderReport:
        """Cancel a client's own order. Raises as `place`."""

    async def change_order(self, request: ChangeRequest) -> OrderReport:
        """Change a working order in place. Raises as `place`, and `order_pending`."""

    async def resolve(self, request: ResolveRequest) -> None:
        """Take a person's word about an unknown order."""

    async def note(self, seen: Noticed) -> None:
        """Put into the audit what the server saw by itself; it is durable when this returns."""

    @property
    def renewals(self) -> Renewals:
        """When the clients of dead-man's switches were last heard of."""

    @property
    def directives(self) -> Mapping[DirectiveName, DirectiveSet]:
        """What stands now, and who laid it down."""

    @property
    def own_orders(self) -> Mapping[str, LedgerOrder]:
        """Clients' own orders that have not ended, by client order id."""

    def is_closing_order(self, account: AccountRef, name: str | None) -> bool:
        """Whether an order of this name is an operation's own."""

    def capabilities(self, venue: VenueId) -> Capabilities:
        """What a venue can do."""

    async def lay_down(
        self, directive: Directive, word: Word, *, closing: CloseRequest | None = None
    ) -> Opened | None:
        """Let *directive* stand, and open *closing* with it; both are durable when it returns."""

    async def lift(self, name: DirectiveName, word: Word) -> None:
        """Take back what stands; `unknown_directive` where nothing does."""

    @property
    def unfinished(self) -> tuple[OperationId, ...]:
        """Operations that run, or whose end is not durable yet."""

    async def find(self, principal: PrincipalId, key: str) -> OperationId | None:
        """The operation that an idempotency key of *principal* names."""

    def report(self, operation_id: OperationId) -> OperationReport | None:
        """An operation that runs or has recently finished."""

    async def load_report(self, operation_id: OperationId) -> OperationReport | None:
        """Any operation, from the journal if need be."""

    async def finished(self, operation_id: OperationId) -> OperationReport:
        """Wait for the end of a running operation; it is durable when this returns."""

    def subscribe(self, listener: Callable[[Sequence[Entry]], None]) -> Callable[[], None]:
        """Tell *listener* of committed entries, in order; returns how to stop."""

    def watch(self, listener: Callable[[VenueId, VenueEvent], None]) -> Callable[[], None]:
        """Tell *listener* what happens at the venues; returns how to stop."""


class Notary(Protocol):
    """Whoever signs heads of the audit for those who keep them: always the same for the same."""

    @property
    def public_key(self) -> str:
        """What the signatures are checked with, in hexadecimal."""

    def sign(self, head: Head) -> str:
        """The signature of *head*, in hexadecimal."""
