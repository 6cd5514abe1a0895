"""A client's change of a working order: about to be sent, or never let leave."""

from __future__ import annotations

from decimal import Decimal

from rpcserver.core.recording import RecordBase, own_order_subject
from rpcserver.domain.ids import AccountRef, ClientOrderId, PrincipalId, VenueOrderId


class ChangeIntended(RecordBase, frozen=True, kw_only=True, tag="change_intended"):
    """A client's change of a working order is about to be sent."""

    account: AccountRef
    venue_order_id: VenueOrderId
    client_order_id: ClientOrderId | None
    quantity: Decimal | None = None  # the new total
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    principal: PrincipalId
    remote: str = ""

    @property
    def subjects(self) -> tuple[tuple[str, int], ...]:
        return ((own_order_subject(self.client_order_id), 0),)


class ChangeWithdrawn(RecordBase, frozen=True, kw_only=True, tag="change_withdrawn"):
    """A client's change never left us: new risk was halted while it waited its turn."""

    account: AccountRef
    venue_order_id: VenueOrderId
    client_order_id: ClientOrderId | None
    detail: str

    @property
    def subjects(self) -> tuple[tuple[str, int], ...]:
        return ((own_order_subject(self.client_order_id), 0),)
