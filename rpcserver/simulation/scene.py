"""What a venue begins with, and the commands that make it so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from rpcserver.domain.account import PositionMode
from rpcserver.domain.ids import AccountId, VenueId
from rpcserver.simulation.listing import CONTRACTS
from rpcserver.simulation.plan import Held, VenueTraits
from rpcserver.venues.paper.commands import (
    ExchangeCommand,
    ListContracts,
    OpenAccount,
    OpenPosition,
)

VENUE = VenueId("paper")  # where everything goes wrong
QUIET = VenueId("quiet")  # where nothing does
EPOCH = datetime(2026, 3, 3, 12, tzinfo=UTC)
USER = "ann"
PRICE = Decimal(100)


class Scene(NamedTuple):
    """One venue before anything happens."""

    venue_id: VenueId
    traits: VenueTraits
    accounts: tuple[AccountId, ...]
    hedge_accounts: tuple[AccountId, ...]
    held: tuple[Held, ...]

    def commands(self) -> Iterator[ExchangeCommand]:
        """What sets it at an exchange."""
        yield ListContracts(CONTRACTS)
        for account in self.accounts:
            mode = PositionMode.HEDGE if account in self.hedge_accounts else PositionMode.NETTING
            yield OpenAccount(account=account, user_id=USER, cash=Decimal(10_000_000), mode=mode)
        for held in self.held:
            yield OpenPosition(
                account=held.account,
                instrument=held.instrument,
                quantity=held.quantity,
                average_price=PRICE,
                holding=held.holding,
            )
