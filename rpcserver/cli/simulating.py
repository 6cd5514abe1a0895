"""`rpcserver simulate`: the laws against seeded worlds; any failing seed as a story."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from hashlib import blake2b
from typing import Annotated

import typer
from rich.text import Text

from rpcserver.cli import options
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output
from rpcserver.simulation.drawing import EVERYTHING
from rpcserver.simulation.faults import FaultKind
from rpcserver.simulation.laws import SEEN
from rpcserver.simulation.run import Tally, run_many, run_seed
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
    as_json: options.AsJson = False,
) -> None:
    """
    Drive the real engine through seeded worlds where everything goes wrong, and check the laws.

    The same seed is the same history, bit for bit: the trace hash proves it. A seed that breaks a
    law is made smaller and told as a story.
    """
    output = Output(is_json=as_json)
    try:
        kinds = _kinds(faults)
    except ValueError as exc:
        output.complain("usage", str(exc))
        raise typer.Exit(Exit.ERROR) from exc
    tally, trace = Tally(), blake2b(digest_size=16)
    for part in _parts(range(seed, seed + histories), kinds, jobs or os.cpu_count() or 1):
        tally.join(part)
        for digest in part.digests:
            trace.update(digest.encode())
    output.line(_figures(tally, trace.hexdigest()))
    output.show(*(Text(line) for line in _lines(tally, trace.hexdigest())))
    for failed_seed, _ in tally.failed[:STORIES_MAX]:
        for line in story(shrink(run_seed(failed_seed, kinds))):
            output.remark(line)
    raise typer.Exit(Exit.UNHEALTHY if tally.failed else Exit.OK)


def _kinds(faults: str) -> frozenset[FaultKind]:
    if faults in ("all", "none"):
        return EVERYTHING if faults == "all" else frozenset()
    return frozenset(FaultKind(name.strip()) for name in faults.split(","))


def _parts(seeds: range, kinds: frozenset[FaultKind], jobs: int) -> Iterator[Tally]:
    """Tallies of slices of *seeds*, in their order."""
    slices = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    if jobs == 1 or len(slices) == 1:
        yield from (run_many(each, kinds) for each in slices)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run_many, slices, [kinds] * len(slices))


def _figures(tally: Tally, trace: str) -> dict[str, object]:
    return {
        "histories": tally.histories,
        "seconds": round(tally.seconds, 1),
        "historiesPerSecond": round(tally.histories / tally.seconds, 1),
        "steps": tally.steps,
        "lives": tally.lives,
        "simulatedSeconds": round(tally.simulated),
        "faults": {kind.value: count for kind, count in _sorted(tally.injected)},
        "checks": {str(law): count for law, count in sorted(tally.checks.items())},
        "failed": [{"seed": seed, "law": broken.law} for seed, broken in tally.failed],
        "trace": trace,
    }


def _lines(tally: Tally, trace: str) -> Iterator[str]:
    yield (
        f"{tally.histories} histories in {tally.seconds:.1f} s "
        f"({tally.histories / tally.seconds:.1f}/s), {tally.steps} steps, {tally.lives} lives, "
        f"{tally.simulated / 3600:.1f} simulated hours"
    )
    injected = ", ".join(f"{kind.value} {count}" for kind, count in _sorted(tally.injected))
    yield f"{sum(tally.injected.values())} faults: {injected or 'none'}"
    checks = ", ".join(f"{law}: {count}" for law, count in sorted(tally.checks.items()))
    yield f"{sum(tally.checks.values())} checks of {len(SEEN)} laws; by law {checks}"
    yield f"trace {trace}"
    for seed, broken in tally.failed:
        yield f"seed {seed} broke {broken}"
    yield f"{len(tally.failed)} violations"


def _sorted(counts: Counter[FaultKind]) -> list[tuple[FaultKind, int]]:
    return sorted(counts.items(), key=lambda item: item[0].value)
