"""One type per identifier."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple, NewType

VenueId = NewType("VenueId", str)  # our name of a venue: "paper"
AccountId = NewType("AccountId", str)  # the venue's name of an account: "Sim101"
InstrumentId = NewType("InstrumentId", str)  # canonical: "MES 12-25", "NSE:INFY", "BTC-USDT-SWAP"
Product = NewType("Product", str)  # the venue's product type: "INTRADAY"; "" where it has none
PositionId = NewType("PositionId", str)  # ours, durable, never reused: "pos-20260303120000-1"
DirectiveName = NewType("DirectiveName", str)  # what stands: "directive:halt:halt-…"
OperationId = NewType("OperationId", str)  # one accepted closing request: "op-…"
PrincipalId = NewType("PrincipalId", str)  # whoever a token speaks for
TokenId = NewType("TokenId", str)  # the public name of a token, never the token itself
ClientOrderId = NewType("ClientOrderId", str)  # chosen by us, durable before the venue sees it
VenueOrderId = NewType("VenueOrderId", str)  # assigned by the venue on acceptance
TradeId = NewType("TradeId", str)  # assigned by the venue, one per fill


class AccountRef(NamedTuple):
    """An account and the venue it lives on."""

    venue: VenueId
    account: AccountId

    def __str__(self) -> str:
        return f"{self.venue}:{self.account}"


def sequel_order_id(operation_id: OperationId) -> ClientOrderId:
    """
    Name the one order that may follow an operation's proven flat.

    A pure function as well: whoever sends it again, in whatever life, sends the same order.
    """
    digest = blake2b(f"{operation_id}/sequel".encode(), digest_size=16)
    return ClientOrderId(digest.hexdigest())


def client_order_id(operation_id: OperationId, leg: int, attempt: int) -> ClientOrderId:
    """
    Name the order of one attempt at one leg.

    A pure function of its arguments (law 8): after a crash the same attempt gets the same name,
    so the venue, not our memory, refuses the duplicate. 32 hexadecimal characters, like
    NinjaTrader's own order ids, which every venue's alphabet and length admit.
    """
    assert leg >= 1
    assert attempt >= 1
    digest = blake2b(f"{operation_id}/{leg}/{attempt}".encode(), digest_size=16)
    return ClientOrderId(digest.hexdigest())
