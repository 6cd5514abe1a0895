"""The entry point: every command, and what `--help` says of all of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rpcserver.cli import (
    alerting,
    approving,
    audit,
    closing,
    demo,
    doctor,
    halting,
    panicking,
    preferring,
    reading,
    rehearsing,
    resolving,
    ruling,
    schema,
    serving,
    settings,
    simulating,
    tokens,
)
from rpcserver.cli.connection import CA_VARIABLE, trust
from rpcserver.cli.exits import Exit, explain
from rpcserver.cli.output import Output
from rpcserver.cli.voices import ReaderGone, take_voice

app = typer.Typer(
    name="rpcserver",
    help="Get flat, and prove it: a kill switch for trading positions.",
    epilog=explain(),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def general(
    ca_file: Annotated[
        Path | None,
        typer.Option(
            "--ca-file",
            envvar=CA_VARIABLE,
            help="Certificates (PEM) to trust for wss://, before the command: "
            "rpcserver --ca-file ca.pem flatten …",
        ),
    ] = None,
) -> None:
    """Get flat, and prove it: a kill switch for trading positions."""
    try:
        trust(ca_file)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc


app.command(rich_help_panel="Run")(serving.serve)
app.add_typer(rehearsing.commands, name="venue", rich_help_panel="Run")
app.command(rich_help_panel="Run")(demo.demo)
app.command(rich_help_panel="Run")(doctor.doctor)
app.command(rich_help_panel="Run")(simulating.simulate)
app.command(rich_help_panel="Run")(settings.settings)
app.command(rich_help_panel="Run")(schema.schema)

app.command(rich_help_panel="Close")(closing.flatten)
app.command("flatten-everything", rich_help_panel="Close")(closing.flatten_everything)
app.command("exit-all", rich_help_panel="Close")(closing.exit_all)
app.command("batch-close", rich_help_panel="Close")(closing.batch_close)
app.command(rich_help_panel="Close")(closing.liquidate)
app.command(rich_help_panel="Close")(panicking.panic)

app.command(rich_help_panel="Halt")(halting.halt)
app.command(rich_help_panel="Halt")(halting.release)
app.command(rich_help_panel="Halt")(halting.halts)
app.add_typer(ruling.commands, name="rule", rich_help_panel="Halt")

app.command(rich_help_panel="Halt")(resolving.resolve)

app.command(rich_help_panel="Close")(approving.confirm)

app.command(rich_help_panel="Look")(reading.positions)
app.command(rich_help_panel="Look")(reading.orders)
app.command(rich_help_panel="Look")(reading.operations)
app.command(rich_help_panel="Look")(approving.approvals)
app.command(rich_help_panel="Look")(alerting.alerts)
app.command(rich_help_panel="Look")(alerting.acknowledge)
app.command(rich_help_panel="Look")(reading.attach)
app.command(rich_help_panel="Look")(reading.cancel)

app.add_typer(audit.commands, name="audit", rich_help_panel="Manage")
app.add_typer(tokens.commands, name="token", rich_help_panel="Manage")
app.add_typer(preferring.preferences, name="preferences", rich_help_panel="Manage")
app.add_typer(preferring.policy, name="policy", rich_help_panel="Manage")


def run() -> None:
    """Run the command line and exit with a code of `exits.py`."""
    take_voice()
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except* ReaderGone:
        code = Exit.READER_GONE
    sys.exit(code)


def main(arguments: list[str]) -> int:
    """
    Carry out *arguments* and return the exit code.

    The usual code for wrong usage is 2, which here means *not flat*: a script must never read
    a mistyped option as a position left open, nor the other way round.
    """
    command = typer.main.get_command(app)
    output = Output(is_json=False)
    try:
        code = command.main(arguments, prog_name="rpcserver", standalone_mode=False)
    except typer.TyperException as exc:
        if message := exc.format_message():  # empty where the help was shown instead
            output.complain("usage", message)
            output.remark("try: rpcserver --help, or --help after any command")
        return Exit.ERROR
    except typer.Abort:
        output.remark("nothing was done")
        return Exit.DECLINED
    return code if isinstance(code, int) else Exit.OK
