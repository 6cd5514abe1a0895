"""What the world looks like to the venue: set before a call, read after it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TypeVar

import anyio

from rpcserver.domain.account import PositionMode
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, Product
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import (
    Holding,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderType,
)
from rpcserver.venues.paper import Control, RemotePaperVenue, open_remote_paper_venue
from rpcserver.venues.paper.commands import OpenAccount, OpenPosition, SetDepth, SetPhase
from rpcserver.venues.paper.faults import ClearFaults

T = TypeVar("T")

DEMO_ACCOUNTS = ("Sim101", "Sim102", "user123", "crypto1")


class Scene:
    """One venue process, seen from where its own people sit."""

    def __init__(self, venue: RemotePaperVenue) -> None:
        self.venue = venue
        self._touched: set[InstrumentId] = set()

    # --- setting it ------------------------------------------------------------------------------

    async def do(self, command: Control) -> None:
        await self.venue.control(command)

    async def open_account(self, account: str, *, hedge: bool = False) -> None:
        await self.do(
            OpenAccount(
                account=AccountId(account),
                user_id=f"user of {account}",
                mode=PositionMode.HEDGE if hedge else PositionMode.NETTING,
                cash=Decimal(100_000_000),
            )
        )

    async def hold(
        self,
        account: str,
        instrument: str,
        quantity: str | int,
        price: str = "100",
        *,
        holding: Holding = Holding.NET,
        product: str = "",
        tag: str | None = None,
        carried: bool = False,
    ) -> None:
        """Let *account* hold so much more, without a trade."""
        await self.do(
            OpenPosition(
                account=AccountId(account),
                instrument=InstrumentId(instrument),
                quantity=Decimal(quantity),
                average_price=Decimal(price),
                holding=holding,
                product=Product(product),
                tag=tag,
                carried=carried,
            )
        )

    async def rest(
        self,
        account: str,
        instrument: str,
        side: str,
        quantity: str | int,
        *,
        limit: str | None = None,
        stop: str | None = None,
        reduce_only: bool = False,
        oco: str | None = None,
        holding: Holding = Holding.NET,
        name: str = "",
    ) -> OrderReport:
        """Place an order of somebody else's that does not trade at once."""
        order = OrderRequest(
            client_order_id=ClientOrderId(name or f"theirs-{account}-{instrument}-{limit or stop}"),
            account=AccountId(account),
            instrument=InstrumentId(instrument),
            side=OrderSide(side),
            quantity=Decimal(quantity),
            type=OrderType.STOP_MARKET if stop else OrderType.LIMIT,
            limit_price=Decimal(limit) if limit else None,
            stop_price=Decimal(stop) if stop else None,
            reduce_only=reduce_only,
            oco_id=oco,
            holding=holding,
        )
        report = await self.venue.submit_order(order)
        assert not report.status.is_terminal
        return report

    async def set_phase(self, instrument: str, phase: MarketPhase | None) -> None:
        self._touched.add(InstrumentId(instrument))
        await self.do(SetPhase(instrument=InstrumentId(instrument), phase=phase))

    async def set_depth(self, instrument: str, touch: str | None) -> None:
        self._touched.add(InstrumentId(instrument))
        depth = Decimal(touch) if touch is not None else None
        await self.do(SetDepth(instrument=InstrumentId(instrument), touch=depth))

    async def clear(self) -> None:
        """Let the world be well again."""
        await self.do(ClearFaults())
        for instrument in self._touched:
            await self.do(SetPhase(instrument=instrument, phase=None))
            await self.do(SetDepth(instrument=instrument, touch=None))

    # --- reading it ------------------------------------------------------------------------------

    async def positions(self, *accounts: str) -> dict[str, Decimal]:
        """
        What *accounts* hold, signed, by "instrument" or "instrument long".

        Of several accounts each name begins with the account's.
        """
        found: dict[str, Decimal] = {}
        for snapshot in await side_by_side(self.venue.snapshot, accounts):
            for position in snapshot.positions:
                name = name_of(position.instrument, position.holding)
                whose = "" if len(accounts) == 1 else f"{position.account} "
                found[f"{whose}{name}"] = position.signed_quantity
        return found

    async def position_id(self, account: str, instrument: str) -> str:
        snapshot = await self.venue.snapshot(AccountId(account))
        [found] = [each for each in snapshot.positions if each.instrument == instrument]
        return found.position_id

    async def orders(self, *accounts: str) -> list[OrderReport]:
        """Every order the venue ever had of *accounts*."""
        found = await side_by_side(self.venue.orders, accounts)
        return [order for orders in found for order in orders]

    async def working(self, *accounts: str) -> list[OrderReport]:
        return [order for order in await self.orders(*accounts) if not order.status.is_terminal]

    async def traded(self, *accounts: str) -> dict[str, Decimal]:
        """The sum of all executions, signed, named as `positions` names what is held."""
        total: dict[str, Decimal] = {}
        for fills in await side_by_side(self.venue.trades, accounts):
            for fill in fills:
                whose = "" if len(accounts) == 1 else f"{fill.account} "
                name = f"{whose}{name_of(fill.instrument, fill.holding)}"
                total[name] = total.get(name, Decimal(0)) + fill.signed_quantity
        return total


def name_of(instrument: InstrumentId, holding: Holding) -> str:
    """What one holding of an account is called: "instrument" or "instrument long"."""
    return instrument if holding is Holding.NET else f"{instrument} {holding.value}"


async def side_by_side(
    read: Callable[[AccountId], Awaitable[T]], accounts: Sequence[str]
) -> list[T]:
    """Read every account at once: a venue that takes its time takes it only once."""
    found: dict[str, T] = {}

    async def read_one(account: str) -> None:
        found[account] = await read(AccountId(account))

    async with anyio.create_task_group() as tasks:
        for account in accounts:
            tasks.start_soon(read_one, account)
    return [found[account] for account in accounts]


def no_id_twice(orders: Sequence[OrderReport]) -> bool:
    """Whether every order the venue knows has a name of its own (law 8)."""
    names = [order.client_order_id for order in orders]
    return len(names) == len(set(names))


@asynccontextmanager
async def scene_at(port: int) -> AsyncIterator[Scene]:
    """The world of the venue process at *port*; it is well again afterwards."""
    async with open_remote_paper_venue(port) as venue:
        scene = Scene(venue)
        try:
            yield scene
        finally:
            await scene.clear()
