"""The closing commands: filters and options in, one press of one button out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated

import msgspec
import typer

from rpcserver.cli import options
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import is_interactive
from rpcserver.cli.pressing import Press, press
from rpcserver.cli.served import Server, served
from rpcserver.cli.voices import acting

Names = list[str] | None


@served
def flatten(
    server: Server,
    account: Annotated[Names, typer.Option(help="Only this account (repeatable).")] = None,
    instrument: Annotated[
        Names, typer.Option(help="Only this instrument; a root means every expiry (repeatable).")
    ] = None,
    side: Annotated[str | None, typer.Option(help="Only `long` or only `short`.")] = None,
    venue: Annotated[str | None, typer.Option(help="Only at this venue.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only what this strategy tag holds.")] = None,
    pnl: Annotated[str | None, typer.Option(help="Only `winners` or only `losers`.")] = None,
    exclude: Annotated[
        Names, typer.Option(help="Everything but this instrument (repeatable).")
    ] = None,
    quantity: Annotated[
        str | None, typer.Option(help="Close at most so much of each position.")
    ] = None,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    key: options.Key = None,
    reason: options.Reason = None,
    fraction: options.Fraction = None,
    deadline: options.Deadline = None,
    option: options.Further = None,
) -> None:
    """Close the positions that match every filter given, and cancel their working orders."""
    args = _given(
        accounts=account,
        instruments=instrument,
        marketPosition=side,
        venue=venue,
        strategyTag=tag,
        pnl=pnl,
        exclude=exclude,
        quantity=_number("--quantity", quantity),
    ) | _shared(reason, fraction, deadline, option)
    pressed = Press(api="Flatten", args=args, is_confirmed=yes, is_dry=dry_run, key=key)
    _close(pressed, server)


@served
def flatten_everything(
    server: Server,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    key: options.Key = None,
    reason: options.Reason = None,
    deadline: options.Deadline = None,
    option: options.Further = None,
) -> None:
    """Close every position and cancel every order of every account you may trade."""
    pressed = Press(
        api="FlattenEverything",
        args=_shared(reason, None, deadline, option),
        is_confirmed=yes,
        is_dry=dry_run,
        key=key,
    )
    _close(pressed, server)


@served
def exit_all(
    server: Server,
    user: Annotated[str | None, typer.Option(help="The user whose positions to exit.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only what this strategy tag holds.")] = None,
    instrument: Annotated[
        Names, typer.Option(help="Only this instrument (repeatable), as NSE:INFY.")
    ] = None,
    limit: Annotated[
        Names,
        typer.Option(metavar="INSTRUMENT=PRICE", help="Exit at this limit or better (repeatable)."),
    ] = None,
    quantity: Annotated[
        Names,
        typer.Option(metavar="INSTRUMENT=QUANTITY", help="Exit only so much of it (repeatable)."),
    ] = None,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    key: options.Key = None,
    reason: options.Reason = None,
    fraction: options.Fraction = None,
    deadline: options.Deadline = None,
    option: options.Further = None,
) -> None:
    """Exit all positions of a user, a strategy tag, or some instruments."""
    args = _given(
        user_id=user,
        strategy_tag=tag,
        instruments=instrument,
        execution_type="LIMIT" if limit else None,
        limit_prices=_pairs("--limit", limit),
        quantities=_pairs("--quantity", quantity),
    ) | _shared(reason, fraction, deadline, option)
    pressed = Press(api="ExitAll", args=args, is_confirmed=yes, is_dry=dry_run, key=key)
    _close(pressed, server)


@served
def batch_close(
    server: Server,
    product_group: Annotated[str, typer.Argument(help="`Spot`, `Swap` or `SwapU`.")],
    inst_id: Annotated[str, typer.Argument(help="The product, such as BTC-USDT-SWAP.")],
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    key: options.Key = None,
    reason: options.Reason = None,
    fraction: options.Fraction = None,
    deadline: options.Deadline = None,
    option: options.Further = None,
) -> None:
    """Close both sides of one product: spot, coin-margined or USDT-margined."""
    args = {"productGroup": product_group, "instId": inst_id} | _shared(
        reason, fraction, deadline, option
    )
    pressed = Press(api="BatchClose", args=args, is_confirmed=yes, is_dry=dry_run, key=key)
    _close(pressed, server)


@served
def liquidate(
    server: Server,
    position_id: Annotated[
        str | None, typer.Argument(help="The position, such as pos-20260303120000-1.")
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(help="Or the oldest open position of this symbol.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Or every open position.")] = False,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    key: options.Key = None,
    reason: options.Reason = None,
    deadline: options.Deadline = None,
    option: options.Further = None,
) -> None:
    """Liquidate one position, by its id or its symbol, or all of them."""
    if sum((position_id is not None, symbol is not None, everything)) != 1:
        raise typer.BadParameter("give exactly one of POSITION_ID, --symbol and --all")
    args = _given(position_id=position_id, symbol=symbol) | _shared(reason, None, deadline, option)
    pressed = Press(
        api="LiquidateAll" if everything else "Liquidate",
        args=args,
        is_confirmed=yes,
        is_dry=dry_run,
        key=key,
    )
    _close(pressed, server)


# --- how -----------------------------------------------------------------------------------------


@acting()
def _close(pressed: Press, server: Server) -> None:
    output = server.output
    if not (pressed.is_confirmed or pressed.is_dry) and (output.is_json or not is_interactive()):
        output.complain(
            "confirmation_needed",
            "nobody can be asked here: add --yes to close, or --dry-run to see what would be "
            "closed; nothing was done",
        )
        raise typer.Exit(Exit.DECLINED)
    server.talk(lambda client: press(client, pressed, output, _ask))


def _ask(question: str) -> bool:
    return typer.confirm(question, err=True)


def _given(**values: object) -> dict[str, object]:
    """The args that were given: an option left out never becomes an empty filter."""
    return {name: value for name, value in values.items() if value not in (None, [], {})}


def _shared(
    reason: str | None, fraction: str | None, deadline: float | None, further: Iterable[str] | None
) -> dict[str, object]:
    args = _given(reason=reason, fraction=_number("--fraction", fraction))
    if deadline is not None:
        args["deadlineMs"] = round(deadline * 1000)
    for pair in further or ():
        name, separator, text = pair.partition("=")
        if not separator:
            raise typer.BadParameter(f"--option {pair}: expected NAME=JSON")
        try:
            args[name] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            args[name] = text  # a bare word is that word
    return args


def _number(option: str, text: str | None) -> Decimal | None:
    """Exactly the digits that were typed: no float in between."""
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation as exc:
        raise typer.BadParameter(f"{option}: {text!r} is not a number") from exc
    if not value.is_finite():
        raise typer.BadParameter(f"{option}: {text!r} is not a number")
    return value


def _pairs(option: str, pairs: Iterable[str] | None) -> Mapping[str, Decimal]:
    found: dict[str, Decimal] = {}
    for pair in pairs or ():
        name, separator, text = pair.rpartition("=")
        value = _number(option, text)
        if not separator or not name or value is None:
            raise typer.BadParameter(f"{option} {pair}: expected INSTRUMENT=NUMBER")
        found[name] = value
    return found
