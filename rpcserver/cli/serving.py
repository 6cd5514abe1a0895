"""Starting a server, or a paper venue of its own: settings in, a line when it is ready."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import anyio
import msgspec
import typer
from rich.text import Text

from rpcserver import app
from rpcserver.cli import options
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output
from rpcserver.cli.voices import acting
from rpcserver.domain.errors import RpcServerError
from rpcserver.settings import Settings, SettingsError, load_settings
from rpcserver.venues.paper import PaperSettings
from rpcserver.venues.paper.faults import Fault
from rpcserver.venues.paper.forecast import KINDS, SetWeather
from rpcserver.venues.paper.script import ScriptError, read_script

VENUE_PORT = 8788
_REHEARSE = "Rehearse"

Directory = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Where the journal is kept: one server a directory. By default "
        "~/.local/share/rpcserver.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Settings in TOML. RPCSERVER_… variables win over it, options over both."
    ),
]


@acting()
def serve(
    data_dir: Directory = None,
    host: Annotated[
        str | None, typer.Option(help="The address to listen at; by default 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; by default 8787, 0 is any free one.")
    ] = None,
    config: Config = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen beyond this machine without TLS.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """
    Start the server, until SIGINT or SIGTERM.

    Says on stdout when clients can connect; logs to stderr. A first signal lets what runs come to
    its end, a second one does not wait for it. Exits with 74 if the journal could not commit:
    start it again, it reads the truth.
    """
    output = Output(is_json=as_json)
    settings = load(
        config,
        {"data_dir": data_dir, "host": host, "port": port, "insecure": insecure or None},
        output,
    )

    def announce(ready: app.Ready) -> None:
        output.show(Text(f"rpcserver is ready at {ready.url}"))
        output.show(Text(f"its dashboard is at {ready.dashboard}"))
        output.line(
            {
                "type": "ready",
                "url": ready.url,
                "dashboard": ready.dashboard,
                "port": ready.port,
                "dataDir": str(ready.data_dir),
                "tokenFile": str(ready.token_file),
                "unfinished": ready.unfinished,
                "pid": os.getpid(),
            }
        )
        output.flush()
        if ready.unfinished:
            output.remark(f"{ready.unfinished} operations were unfinished and go on")

    raise typer.Exit(_run(lambda: app.run(settings, announce), output))


@acting()
def venue(
    context: typer.Context,
    data_dir: Directory = None,
    port: Annotated[
        int, typer.Option(help="The port on 127.0.0.1; 0 is any free one.")
    ] = VENUE_PORT,
    config: Config = None,
    faults: Annotated[
        Path | None,
        typer.Option(
            "--faults",
            help="What is to go wrong, in TOML: a table for each fault.",
            rich_help_panel=_REHEARSE,
        ),
    ] = None,
    fault_seed: Annotated[
        int | None,
        typer.Option(
            "--fault-seed",
            min=0,
            help="Draw faults from this seed: the same messages meet the same faults.",
            rich_help_panel=_REHEARSE,
        ),
    ] = None,
    fault_rate: Annotated[
        float | None,
        typer.Option(
            "--fault-rate",
            min=0.0,
            max=1.0,
            help="How likely a message meets a drawn fault; 0.05 where only a seed is given.",
            rich_help_panel=_REHEARSE,
        ),
    ] = None,
    fault_kinds: Annotated[
        str | None,
        typer.Option(
            "--fault-kinds",
            metavar="KIND,…",
            help="Which kinds may be drawn; by default all.",
            rich_help_panel=_REHEARSE,
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """
    Start the paper venue as a process of its own: its orders outlive any server.

    A server uses it with `venue.kind = "remote"` and `venue.url` in its settings. To rehearse
    against it, script faults, draw them from a seed, or set them while it runs with
    `rpcserver venue control`; protocol.md, “Rehearsing against faults”, is the manual.
    """
    if context.invoked_subcommand is not None:
        return
    output = Output(is_json=as_json)
    script = _script(faults, output)
    weather = _weather(fault_seed, fault_rate, fault_kinds, output)
    settings = load(config, {"data_dir": data_dir}, output)
    paper = PaperSettings(
        seed=settings.venue.seed,
        tick_interval=settings.venue.tick_interval or None,
        sessions=settings.venue.sessions,
        latency=settings.venue.latency,
        synthetic_positions=settings.venue.synthetic_positions,
        synthetic_accounts=settings.venue.synthetic_accounts,
    )

    def announce(bound: int) -> None:
        url = f"ws://127.0.0.1:{bound}"
        output.show(Text(f"the paper venue is ready at {url}"))
        output.line({"type": "ready", "url": url, "port": bound, "pid": os.getpid()})
        output.flush()

    async def run() -> int:
        with app.logging_as(settings):
            await app.run_venue(
                settings.data_dir, port, announce, settings=paper, script=script, weather=weather
            )
        return Exit.OK

    raise typer.Exit(_run(run, output))


def _script(path: Path | None, output: Output) -> tuple[Fault, ...]:
    try:
        return read_script(path) if path is not None else ()
    except ScriptError as exc:
        for problem in exc.problems:
            output.complain("faults", problem)
        raise typer.Exit(Exit.ERROR) from exc


def _weather(
    seed: int | None, rate: float | None, kinds: str | None, output: Output
) -> SetWeather | None:
    """The faults to draw; None where neither a seed nor a rate was given."""
    drawn = tuple(part.strip() for part in (kinds or "").split(",") if part.strip())
    if strangers := [kind for kind in drawn if kind not in KINDS]:
        expected = ", ".join(KINDS)
        output.complain("faults", f"--fault-kinds: expected some of {expected}, got {strangers[0]}")
        raise typer.Exit(Exit.ERROR)
    if seed is None and rate is None:
        return None
    weather = SetWeather(kinds=drawn)
    if seed is not None:
        weather = msgspec.structs.replace(weather, seed=seed)
    return weather if rate is None else msgspec.structs.replace(weather, rate=rate)


def load(config: Path | None, overrides: Mapping[str, object], output: Output) -> Settings:
    """The settings in force; exits where they cannot be used, and says why."""
    try:
        return load_settings(config, os.environ, overrides)
    except SettingsError as exc:
        for problem in exc.problems:
            output.complain("settings", problem)
        raise typer.Exit(Exit.ERROR) from exc


def _run(main: Callable[[], Awaitable[int]], output: Output) -> int:
    """Run to the end; say in one line why it cannot start, where that is no mystery."""
    complaints: list[str] = []
    code: int = Exit.ERROR
    try:
        code = anyio.run(main)
    except* (RpcServerError, OSError, sqlite3.Error) as errors:
        complaints.extend(leaves(errors))
    except* KeyboardInterrupt:
        code = Exit.OK  # pressed before the server could listen for it
    for complaint in complaints:
        output.complain("cannot_start", complaint)
    return code


def leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[str]:
    """What every error in *group* says."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield str(error) or type(error).__name__
