"""A person's word about an order that nobody can ask about."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer
from rich.text import Text

from rpcclient import RpcClient
from rpcserver.cli import options
from rpcserver.cli.connection import Connection, talk
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output
from rpcserver.core.requests import OrderOutcome


def resolve(
    order: Annotated[str, typer.Argument(help="The order's client order id.")],
    outcome: Annotated[
        OrderOutcome, typer.Option(help="What the broker says became of it.", case_sensitive=False)
    ],
    reason: Annotated[str, typer.Option(help="Who said so, and how.")],
    filled: Annotated[
        str | None, typer.Option(help="How much of it was filled; needed by --outcome filled.")
    ] = None,
    as_json: options.AsJson = False,
    url: options.Url = options.URL,
    token_file: options.TokenFile = None,
    data_dir: options.DataDir = None,
) -> None:
    """Tell the server what became of an unknown order. It is journaled, and the venue read anew."""
    output = Output(is_json=as_json)
    args: dict[str, object] = {"clientOrderId": order, "outcome": outcome.value, "reason": reason}
    if filled is not None:
        args["filled"] = str(_quantity(filled))

    async def work(client: RpcClient) -> Exit:
        data = await client.call("ResolveOrder", args)
        output.line({"data": data})
        output.show(Text(f"order {order} is taken to be {outcome.value.replace('_', ' ')}"))
        return Exit.OK

    connection = Connection(url=url, token_file=token_file, data_dir=data_dir)
    raise typer.Exit(talk(connection, output, work))


def _quantity(text: str) -> Decimal:
    try:
        quantity = Decimal(text)
    except ArithmeticError as exc:
        raise typer.BadParameter(f"--filled {text}: expected a number") from exc
    if not quantity.is_finite() or quantity < 0:
        raise typer.BadParameter(f"--filled {text}: expected a number from 0")
    return quantity
