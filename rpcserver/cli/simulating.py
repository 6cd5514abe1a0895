"""`rpcserver simulate`: the laws against seeded worlds; any failing seed as a story."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rpcserver.cli import options
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output
from rpcserver.simulation.drawing import EVERYTHING
from rpcserver.simulation.faults import FaultKind
from rpcserver.simulation.laws import LAWS, UNSEEN
from rpcserver.simulation.plan import Plan
from rpcserver.simulation.run import Outcome, Tally, run_many, run_plan, run_seed
from rpcserver.simulation.shrink import shrink
from rpcserver.simulation.story import story

CHUNK = 50  # histories a worker takes at once
STORIES_MAX = 3


def simulate(
    seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    histories: Annotated[int, typer.Option(help="How many seeds from there on.", min=1)] = 500,
    faults: Annotated[
        str,
        typer.Option(
            help="`all`, `none`, or kinds by name with commas: "
            + ", ".join(kind.value for kind in FaultKind)
        ),
    ] = "all",
    jobs: Annotated[int, typer.Option(help="Processes; 0: one a core.", min=0)] = 0,
    seconds: Annotated[
        float, typer.Option(help="Begin nothing new after so long; 0: run every seed.", min=0)
    ] = 0,
    plan: Annotated[
        Path | None, typer.Option(help="Run this one plan (JSON) instead of seeds.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="A directory for the plans of what failed, made smaller.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """
    Drive the real engine through seeded worlds where everything goes wrong, and check the laws.

    The same seed is the same history, bit for bit: the trace hash proves it. A seed that breaks a
    law is made smaller and told as a story; as a plan it can be kept when seeds mean another.
    """
    output = Output(is_json=as_json)
    try:
        kinds = _kinds(faults)
        given = None if plan is None else msgspec.json.decode(plan.read_bytes(), type=Plan)
    except (ValueError, OSError, msgspec.MsgspecError) as exc:
        output.complain("usage", str(exc))
        raise typer.Exit(Exit.ERROR) from exc
    tally, trace = Tally(), blake2b(digest_size=16)
    if given is not None:
        tally.add(run_plan(given))
    else:
        slices = _slices(range(seed, seed + histories))
        for part in _parts(slices, kinds, jobs or os.cpu_count() or 1, seconds):
            tally.join(part)
    for digest in tally.digests:
        trace.update(digest.encode())
    output.line(_figures(tally, trace.hexdigest()))
    output.show(_faults(tally), _laws(tally))
    output.show(*(Text(line) for line in _lines(tally, trace.hexdigest())))
    for failed_seed, _ in tally.failed[:STORIES_MAX]:
        failed = run_plan(given) if given is not None else run_seed(failed_seed, kinds)
        _tell(shrink(failed), output, save)
    raise typer.Exit(Exit.UNHEALTHY if tally.failed else Exit.OK)


def _tell(smallest: Outcome, output: Output, save: Path | None) -> None:
    for line in story(smallest):
        output.remark(line)
    if save is not None:
        save.mkdir(parents=True, exist_ok=True)
        path = save / f"{smallest.plan.seed}.json"
        path.write_bytes(msgspec.json.encode(smallest.plan))
        output.remark(f"kept as {path}")


def _kinds(faults: str) -> frozenset[FaultKind]:
    if faults in ("all", "none"):
        return EVERYTHING if faults == "all" else frozenset()
    return frozenset(FaultKind(name.strip()) for name in faults.split(","))


def _slices(seeds: range) -> list[range]:
    return [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]


def _parts(
    slices: list[range], kinds: frozenset[FaultKind], jobs: int, seconds: float
) -> Iterator[Tally]:
    """Tallies of slices of seeds, in their order; none is begun after so many *seconds*."""
    ends = time.monotonic() + (seconds or float("inf"))
    if jobs == 1 or len(slices) == 1:
        for each in slices:
            yield run_many(each, kinds)
            if time.monotonic() > ends:
                return
        return
    with ProcessPoolExecutor(jobs) as pool:
        rest = iter(slices)
        waiting = [pool.submit(run_many, each, kinds) for each in islice(rest, jobs * 2)]
        while waiting:
            yield waiting.pop(0).result()
            if time.monotonic() < ends:
                waiting.extend(pool.submit(run_many, each, kinds) for each in islice(rest, 1))


def _figures(tally: Tally, trace: str) -> dict[str, object]:
    return {
        "histories": tally.histories,
        "seconds": round(tally.seconds, 1),
        "historiesPerSecond": round(tally.histories / tally.seconds, 1),
        "operations": tally.operations,
        "operationsPerCoreHour": _an_hour(tally),
        "steps": tally.steps,
        "lives": tally.lives,
        "simulatedSeconds": round(tally.simulated),
        "faults": {kind.value: tally.injected[kind] for kind in FaultKind},
        "checks": {str(law): tally.checks[law] for law in LAWS},
        "unchecked": {str(law): why for law, why in UNSEEN.items()},
        "failed": [{"seed": seed, "law": broken.law} for seed, broken in tally.failed],
        "trace": trace,
    }


def _an_hour(tally: Tally) -> int:
    return round(tally.operations / tally.busy * 3600) if tally.busy else 0


def _lines(tally: Tally, trace: str) -> Iterator[str]:
    yield (
        f"{tally.histories} histories in {tally.seconds:.1f} s "
        f"({tally.histories / tally.seconds:.1f}/s), {tally.steps} steps, {tally.lives} lives, "
        f"{tally.simulated / 3600:.1f} simulated hours"
    )
    yield f"{tally.operations} operations, {_an_hour(tally)} an hour on one core"
    kinds = sum(1 for kind in FaultKind if tally.injected[kind])
    yield f"{sum(tally.injected.values())} faults of {kinds} kinds (of {len(FaultKind)})"
    yield f"{sum(tally.checks.values())} checks of {len(LAWS) - len(UNSEEN)} laws (of {len(LAWS)})"
    yield f"trace {trace}"
    for seed, broken in tally.failed:
        yield f"seed {seed} broke {broken}"
    yield f"{len(tally.failed)} violations"


def _laws(tally: Tally) -> RenderableType:
    """Every law by number, and how often it was checked, or why it is not."""
    rows = [
        (str(law), name, UNSEEN.get(law) or str(tally.checks[law])) for law, name in LAWS.items()
    ]
    return _columns(("law", "", "checks"), rows)


def _faults(tally: Tally) -> RenderableType:
    """Every kind of fault, and how often it was injected."""
    counts: Counter[FaultKind] = tally.injected
    return _columns(("fault", "times"), [(kind.value, str(counts[kind])) for kind in FaultKind])


def _columns(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    """A long narrow table, folded into two."""
    half = (len(rows) + 1) // 2
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in (*header, *header):
        table.add_column(name, justify="right" if name in ("checks", "times") else "left")
    for at in range(half):
        right = rows[at + half] if at + half < len(rows) else ("",) * len(header)
        table.add_row(*rows[at], *right)
    return table
