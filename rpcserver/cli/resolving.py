"""A person's word about an order that nobody can ask about."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer
from rich.text import Text

from rpcserver.cli.served import Server, served
from rpcserver.core.requests import OrderOutcome


@served
def resolve(
    server: Server,
    order: Annotated[str, typer.Argument(help="The order's client order id.")],
    outcome: Annotated[
        OrderOutcome, typer.Option(help="What the broker says became of it.", case_sensitive=False)
    ],
    reason: Annotated[str, typer.Option(help="Who said so, and how.")],
    filled: Annotated[
        str | None, typer.Option(help="How much of it was filled; needed by --outcome filled.")
    ] = None,
) -> None:
    """Tell the server what became of an unknown order. It is journaled, and the venue read anew."""
    args: dict[str, object] = {"clientOrderId": order, "outcome": outcome.value, "reason": reason}
    if filled is not None:
        args["filled"] = str(_quantity(filled))
    taken = outcome.value.replace("_", " ")
    server.ask("ResolveOrder", args, lambda _: Text(f"order {order} is taken to be {taken}"))


def _quantity(text: str) -> Decimal:
    try:
        quantity = Decimal(text)
    except ArithmeticError as exc:
        raise typer.BadParameter(f"--filled {text}: expected a number") from exc
    if not quantity.is_finite() or quantity < 0:
        raise typer.BadParameter(f"--filled {text}: expected a number from 0")
    return quantity
