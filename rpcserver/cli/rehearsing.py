"""Setting the scene of a paper venue that runs: faults, markets, positions."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table
from rich.text import Text
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from rpcserver.cli import options, serving
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output
from rpcserver.venues.paper.control import CONTROL_PATH, Answer
from rpcserver.venues.paper.script import ScriptError, read_script, table_of

PATIENCE = 10.0  # seconds for an answer
USUAL = "usual"  # on the command line: what null is in a frame

commands = typer.Typer(invoke_without_command=True, callback=serving.venue)
controls = typer.Typer(
    help="Set the scene of a running venue: faults, markets, positions.", no_args_is_help=True
)
commands.add_typer(controls, name="control")

Port = Annotated[int, typer.Option("--port", help="Where the venue listens on 127.0.0.1.")]
Instrument = Annotated[str, typer.Argument(help='"ES 12-25"; a root is every expiry.')]
Account = Annotated[str, typer.Argument(help="The account's name.")]
Quantity = Annotated[str, typer.Argument(help="How much.")]
AtPrice = Annotated[str | None, typer.Option("--price", help="At which price.")]
HoldingOption = Annotated[
    str | None, typer.Option("--holding", help="net, long or short: which side it belongs to.")
]
ProductOption = Annotated[
    str, typer.Option("--product", help="The product type; by default the account's first.")
]


# --- faults --------------------------------------------------------------------------------------


@controls.command()
def arm(
    kind: Annotated[str, typer.Argument(help="What goes wrong: stick_cancels, lose_answers, …")],
    given: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="instrument=ES skip=2 count=1 seconds=5"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="To list and to clear it by.")] = None,
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """Put a fault in force; the keys are those of a script."""
    table: dict[str, object] = {"kind": kind}
    for pair in given or ():
        key, separator, value = pair.partition("=")
        if not separator:
            raise typer.BadParameter(f"expected KEY=VALUE, got {pair!r}")
        table[key] = _value(value)
    _tell({"action": "arm", "name": name or _free_name(kind, port), "fault": table}, port, as_json)


@controls.command()
def load(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A script, as of --faults.")],
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """Put every fault of a script in force."""
    output = Output(is_json=as_json)
    try:
        script = read_script(path)
    except ScriptError as exc:
        for problem in exc.problems:
            output.complain("faults", problem)
        raise typer.Exit(Exit.ERROR) from exc
    frames = [{"action": "arm", "name": each.name, "fault": table_of(each)} for each in script]
    raise typer.Exit(_say_all(frames, port, output))


@controls.command("list")
def list_faults(port: Port = serving.VENUE_PORT, as_json: options.AsJson = False) -> None:
    """Show every fault in force, and the last ones that are over."""
    _tell({"action": "list"}, port, as_json)


@controls.command()
def clear(
    name: Annotated[str | None, typer.Argument(help="Without it all are cleared.")] = None,
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """End one fault, or let the world be well again."""
    _tell({"action": "clear", "name": name}, port, as_json)


@controls.command()
def weather(
    seed: Annotated[int, typer.Option(help="The same seed draws the same faults.")] = 1,
    rate: Annotated[float, typer.Option(help="How likely a message meets one; 0: no more.")] = 0.05,
    kinds: Annotated[str, typer.Option(metavar="KIND,…", help="By default every kind.")] = "",
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """Let faults be drawn from a seed."""
    named = [part.strip() for part in kinds.split(",") if part.strip()]
    _tell({"action": "weather", "seed": seed, "rate": rate, "kinds": named}, port, as_json)


@controls.command()
def cut(
    seconds: Annotated[float | None, typer.Argument(help="Without it: until clear.")] = None,
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """Let nothing reach the venue for a while."""
    _tell({"action": "cut", "seconds": seconds}, port, as_json)


# --- markets -------------------------------------------------------------------------------------


@controls.command()
def phase(
    instrument: Instrument,
    phase: Annotated[
        str, typer.Argument(help=f"open, closed, auction, reserved, halted, or {USUAL}.")
    ],
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """Open, close or halt a market."""
    _tell({"action": "phase", "instrument": instrument, "phase": _or_usual(phase)}, port, as_json)


@controls.command()
def depth(
    instrument: Instrument,
    touch: Annotated[
        str, typer.Argument(help=f"What the best price offers; 0: nobody trades; or {USUAL}.")
    ],
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """Thin a book out."""
    _tell({"action": "depth", "instrument": instrument, "touch": _or_usual(touch)}, port, as_json)


@controls.command()
def price(
    instrument: Instrument,
    price: Annotated[str, typer.Argument(help="Where the market jumps to.")],
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """Let a market jump."""
    _tell({"action": "price", "instrument": instrument, "price": price}, port, as_json)


@controls.command()
def bands(
    instrument: Instrument,
    lower: Annotated[str | None, typer.Option(help="No order below; without it no band.")] = None,
    upper: Annotated[str | None, typer.Option(help="No order above; without it no band.")] = None,
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """Set the price bands of a market."""
    frame = {"action": "bands", "instrument": instrument, "lower": lower, "upper": upper}
    _tell(frame, port, as_json)


# --- accounts ------------------------------------------------------------------------------------


@controls.command()
def account(
    account: Account,
    user_id: Annotated[str, typer.Option(help="Whose it is.")] = "rehearsal",
    mode: Annotated[str, typer.Option(help="netting or hedge.")] = "netting",
    currency: Annotated[str, typer.Option(help="Its currency.")] = "USD",
    cash: Annotated[str, typer.Option(help="What it starts with.")] = "1000000",
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """Open an account."""
    named = {"account": account, "user_id": user_id, "mode": mode}
    _tell({"action": "account", "currency": currency, "cash": cash, **named}, port, as_json)


@controls.command()
def position(
    account: Account,
    instrument: Instrument,
    side: Annotated[str, typer.Argument(help="long or short.")],
    quantity: Quantity,
    price: Annotated[str, typer.Option("--price", help="The average price it was opened at.")],
    product: ProductOption = "",
    tag: Annotated[str | None, typer.Option(help="The strategy it belongs to.")] = None,
    carried: Annotated[bool, typer.Option("--carried", help="From an earlier day.")] = False,
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """Let an account hold so much more, without a trade."""
    if side not in ("long", "short"):
        raise typer.BadParameter(f"expected long or short, got {side!r}")
    frame: dict[str, object] = {
        "action": "position",
        "account": account,
        "instrument": instrument,
        "quantity": quantity if side == "long" else f"-{quantity}",
        "average_price": price,
        "product": product,
        "tag": tag,
        "carried": carried,
    }
    _tell(frame, port, as_json)


@controls.command()
def trade(
    account: Account,
    instrument: Instrument,
    side: Annotated[str, typer.Argument(help="buy or sell.")],
    quantity: Quantity,
    price: AtPrice = None,
    holding: HoldingOption = None,
    product: ProductOption = "",
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """Let somebody else trade the account: by hand, another program, a liquidation."""
    frame: dict[str, object] = {
        "action": "trade",
        "account": account,
        "instrument": instrument,
        "side": side,
        "quantity": quantity,
        "price": price,
        "holding": holding or "net",
        "product": product,
    }
    _tell(frame, port, as_json)


@controls.command()
def fill(
    account: Account,
    order_id: Annotated[str, typer.Argument(help="The venue's id of a working order.")],
    quantity: Annotated[str | None, typer.Argument(help="How much of it; by default all.")] = None,
    price: AtPrice = None,
    port: Port = serving.VENUE_PORT,
    as_json: options.AsJson = False,
) -> None:
    """Fill a working order, whatever the book says."""
    named = {"account": account, "order_id": order_id, "quantity": quantity, "price": price}
    _tell({"action": "fill", **named}, port, as_json)


@controls.command()
def show(
    account: Account, port: Port = serving.VENUE_PORT, as_json: options.AsJson = False
) -> None:
    """Show what an account truly holds, and its working orders."""
    _tell({"action": "show", "account": account}, port, as_json)


# --- the conversation ----------------------------------------------------------------------------


def _value(text: str) -> object:
    """A number, a list or a word, as TOML reads it; anything else is the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _or_usual(text: str) -> str | None:
    return None if text == USUAL else text


def _free_name(kind: str, port: int) -> str:
    """A name for a fault that was given none: the kind, and the first number that is free."""
    _, answers = _converse([{"action": "list"}], port)
    taken = {each.name for answer in answers for each in answer.faults or ()}
    numbered = (f"{kind}-{number}" for number in itertools.count(1))
    return next(name for name in numbered if name not in taken)


def _tell(frame: dict[str, Any], port: int, as_json: bool) -> None:
    """Say one frame, show its answer, and exit."""
    raise typer.Exit(_say_all([frame], port, Output(is_json=as_json)))


def _say_all(frames: list[dict[str, Any]], port: int, output: Output) -> Exit:
    problem, answers = _converse(frames, port)
    for frame, answer in zip(frames, answers, strict=False):
        output.line(answer)
        if not answer.ok:
            output.remark(f"{answer.error}: {answer.detail}")
            return Exit.REFUSED
        _show(frame, answer, output)
    if problem is not None:
        output.complain("no_connection", f"no venue at 127.0.0.1:{port}: {problem}")
        return Exit.NO_CONNECTION
    return Exit.OK


def _converse(frames: list[dict[str, Any]], port: int) -> tuple[str | None, list[Answer]]:
    """Say *frames* until one is refused: what went wrong with the connection, and the answers."""
    answers: list[Answer] = []
    url = f"ws://127.0.0.1:{port}{CONTROL_PATH}"
    try:
        with connect(url, compression=None, proxy=None, open_timeout=PATIENCE) as socket:
            for frame in frames:
                socket.send(msgspec.json.encode(frame).decode())
                answers.append(msgspec.json.decode(socket.recv(PATIENCE), type=Answer))
                if not answers[-1].ok:
                    break
    except (OSError, TimeoutError, WebSocketException) as exc:
        return str(exc) or type(exc).__name__, answers
    return None, answers


def _show(frame: dict[str, Any], answer: Answer, output: Output) -> None:
    match frame["action"]:
        case "list":
            output.show(_faults(answer))
        case "show":
            output.show(_positions(answer), _orders(answer))
        case "arm":
            output.show(Text(f"{frame['name']} is in force"))
        case _:
            output.show(Text("done"))


def _faults(answer: Answer) -> Table:
    table = Table("fault", "kind", "met", "", "told", box=None, header_style="bold")
    for each in answer.faults or ():
        told = ", ".join(
            f"{key}={value}"
            for key, value in each.fault.items()
            if key not in ("kind", "messages") and value not in (0, None)
        )
        state = "over" if each.over else "in force"
        table.add_row(each.name, str(each.fault["kind"]), str(each.met), state, told)
    return table


def _positions(answer: Answer) -> Table:
    table = Table("instrument", "side", "quantity", "at", "product", box=None, header_style="bold")
    for each in answer.positions or ():
        side = "long" if each.quantity > 0 else "short"
        quantity, at = str(abs(each.quantity)), str(each.average_price)
        table.add_row(each.instrument, side, quantity, at, each.product)
    return table


def _orders(answer: Answer) -> Table:
    table = Table("order", "instrument", "side", "type", "filled", "", box=None)
    for each in answer.orders or ():
        note = "being canceled" if each.cancel_pending else ""
        filled = f"{each.filled} of {each.quantity}"
        table.add_row(each.order_id, each.instrument, each.side, each.type, filled, note)
    return table
