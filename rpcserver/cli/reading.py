"""The reading commands: what is held, what works, what was done; and following it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from rpcclient import Data, RpcClient
from rpcserver.cli.answers import Operations, Orders, Positions, read
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import moment, plain, table
from rpcserver.cli.served import Server, served
from rpcserver.cli.watching import follow

_WORKING = frozenset(
    {"Accepted", "Working", "Submitted", "PartFilled", "TriggerPending", "CancelPending",
     "CancelSubmitted", "ChangePending", "ChangeSubmitted", "Initialized", "Suspended"}
)  # fmt: skip


PAGED = {"GetAllPositions": "positions", "GetAllOrders": "orders"}  # and where the rows stand


@served
def positions(server: Server) -> None:
    """Show every open position, read from the venues now."""
    _show_whole(server, "GetAllPositions", positions_table)


@served
def orders(
    server: Server,
    everything: Annotated[
        bool, typer.Option("--all", help="Finished orders too, not only working ones.")
    ] = False,
) -> None:
    """Show the working orders."""
    _show_whole(server, "GetAllOrders", lambda data: orders_table(data, everything=everything))


@served
def operations(
    server: Server,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=500)] = 20,
    everyone: Annotated[
        bool, typer.Option("--all", help="Those of others too (risk or admin role).")
    ] = False,
) -> None:
    """Show what was asked of the server, the newest first."""
    args: dict[str, object] = {"limit": limit}
    if everyone:
        args["all"] = True
    server.ask("ListOperations", args, operations_table)


@served
def attach(
    server: Server,
    operation_id: Annotated[str | None, typer.Argument(help="The operation, such as op-….")] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Or the idempotency key it was begun with.")
    ] = None,
    after: Annotated[
        int, typer.Option(min=0, help="Only the steps after this sequence number.")
    ] = 0,
) -> None:
    """Follow an operation, running or ended. It can start nothing."""
    if (operation_id is None) == (key is None):
        raise typer.BadParameter("give the operation's id, or its --key")

    async def work(client: RpcClient) -> Exit:
        operation = await client.attach(operation_id, key=key, after=after)
        return await follow(operation, operation_id or f"key {key}", server.output)

    server.talk(work)


@served
def cancel(
    server: Server,
    operation_id: Annotated[str, typer.Argument(help="The operation, such as op-….")],
) -> None:
    """Stop what an operation has not sent yet, and follow it to its end. Unsends nothing."""

    async def work(client: RpcClient) -> Exit:
        operation = await client.attach(operation_id)
        await operation.cancel()
        return await follow(operation, operation_id, server.output)

    server.talk(work)


# --- tables --------------------------------------------------------------------------------------


def positions_table(data: Data) -> RenderableType:
    """Every open position, and the day's profit as it stands."""
    held = read(data, Positions).positions
    if not held:
        return Text.assemble((" FLAT ", "bold white on green"), "  no open position")
    drawn = table("account", "instrument", "side", ">quantity", ">average", ">now", ">P&L")
    for position in held:
        profit = position.unrealized_profit_loss
        style = "red" if profit is not None and profit < 0 else "green"
        drawn.add_row(
            position.account,
            position.instrument,
            position.market_position.lower(),
            plain(position.quantity),
            plain(position.average_price),
            plain(position.market_price),
            Text(plain(profit), style=style),
        )
    return drawn


def orders_table(data: Data, *, everything: bool = True) -> RenderableType:
    """Orders, working ones alone unless *everything* is asked for."""
    found = read(data, Orders).orders
    shown = [order for order in found if everything or order.order_state in _WORKING]
    if not shown:
        return Text("no working orders" if not everything else "no orders")
    drawn = table(
        *("account", "instrument", "order", "action", "type", "state"),
        *(">quantity", ">filled", ">limit", ">stop"),
    )
    for order in shown:
        drawn.add_row(
            order.account,
            order.instrument,
            Text(order.order_id, style="dim"),
            order.order_action,
            order.order_type,
            order.order_state,
            plain(order.quantity),
            plain(order.filled),
            plain(order.limit_price or None),
            plain(order.stop_price or None),
        )
    return drawn


def operations_table(data: Data) -> RenderableType:
    """Operations, the newest first."""
    listed = read(data, Operations).operations
    if not listed:
        return Text("no operations")
    drawn = table("operation", "api", "who", "opened", "ended", "end", ">legs")
    for line in listed:
        if line.dry_run:
            end = Text("dry run", style="dim")
        elif line.finished_at is None:
            end = Text("running", style="cyan")
        elif line.flat:
            end = Text("flat", style="bold green")
        else:
            end = Text("reached, not flat", "yellow") if line.success else Text("NOT FLAT", "red")
        drawn.add_row(
            line.operation_id,
            line.api,
            line.principal,
            moment(line.opened_at),
            moment(line.finished_at),
            end,
            str(line.legs),
        )
    return drawn


async def whole(client: RpcClient, api: str) -> Data:
    """
    Every page of a list, as if it were one: what a person is shown must not end unseen.

    What goes while it is read is simply gone. A row that a page was to follow, and that has gone
    meanwhile, is an error of the call, and nothing is shown.
    """
    key, rows = PAGED[api], list[object]()
    args: dict[str, object] = {}
    while True:
        page = await client.call(api, args)
        listed = page[key]
        assert isinstance(listed, list), "a page is a list"
        rows += listed
        after = page.get("next")
        if not isinstance(after, str):
            whole_list = {name: value for name, value in page.items() if name != "total"}
            return whole_list | {key: rows} | ({"count": len(rows)} if "count" in page else {})
        args = {"after": after}


def _show_whole(server: Server, api: str, table: Callable[[Data], RenderableType]) -> None:
    async def work(client: RpcClient) -> Exit:
        data = await whole(client, api)
        server.output.line({"data": data})
        server.output.show(table(data))
        return Exit.OK

    server.talk(work)
