"""
The long part, in one go: `python -m tests.proof [--minutes 60]`, or `make proof`.

Simulated worlds from fresh seeds, planted faults, hostile input, a soak, power cuts, and crashes
for real, one after the other, each in its share of the time. What each of them prints is passed on
as it comes; at the end stands one table. Exits with 1 if any of them failed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SEEDS_MAX = 10_000_000  # more than any run gets through
GRACE = 600.0  # seconds beyond its share after which a part is hung
FUZZ_EXAMPLES_A_MINUTE = 150  # of each fuzzing test
POWER_CUTS_A_MINUTE = 300
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Part:
    """One part of the proof."""

    name: str
    share: float  # of the time
    command: tuple[str, ...]  # after the interpreter; {seconds}, {minutes} and {seed} are filled in
    figures: tuple[str, ...]  # lines with one of these words stand in the table


PARTS = (
    Part(
        "simulated worlds",
        0.3,
        (
            *("-m", "rpcserver", "simulate", "--seed", "{seed}", "--seconds", "{seconds}"),
            *("--histories", str(SEEDS_MAX)),
        ),
        ("histories in", "operations,", "faults of", "checks of", "violations", "broke law"),
    ),
    Part(
        "planted faults",
        0.15,
        ("-m", "tests.simulation.mutations", "--seconds", "{seconds}"),
        ("caught", "NOT CAUGHT"),
    ),
    Part("hostile input", 0.1, ("-m", "pytest", "-q", "tests/fuzz"), ("passed", "failed")),
    Part("WebSocket conformance", 0.05, ("-m", "tests.fuzz.conformance"), ("case", "failed")),
    Part(
        "soak",
        0.1,
        ("-m", "tests.benchmarks.soak", "--seconds", "{seconds}"),
        ("MiB", "connections", "leaks", "died"),
    ),
    Part(
        "power cuts",
        0.1,
        ("-m", "pytest", "-q", "--timeout", "0", "tests/journal/test_power_cut.py"),
        ("passed", "failed"),
    ),
    Part(
        "crashes for real",
        0.2,
        ("-m", "tests.acceptance.crash_loop", "--minutes", "{minutes}", "--seed", "{seed}"),
        ("kills", "operations", "answered", "positions", "chain"),
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What came of one part."""

    part: Part
    seconds: float
    code: int
    figures: tuple[str, ...]


def run(part: Part, minutes: float, seed: int) -> Outcome:
    """Run one part in its share of *minutes*; what it says is passed on."""
    seconds = part.share * minutes * 60
    values = {
        "seconds": f"{seconds:.0f}",
        "minutes": f"{seconds / 60:.2f}",
        "seed": str(seed),
    }
    command = [sys.executable, *(word.format(**values) for word in part.command)]
    _say(f"\n== {part.name}: python {' '.join(command[1:])}")
    much = {
        "FUZZ_EXAMPLES": str(round(seconds / 60 * FUZZ_EXAMPLES_A_MINUTE) + 50),
        "POWER_CUTS": str(round(seconds / 60 * POWER_CUTS_A_MINUTE) + 100),
    }
    environ = {**os.environ, **much, "COLUMNS": "120"}
    began = time.monotonic()
    said: list[str] = []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        hung = threading.Timer(seconds + GRACE, os.killpg, (process.pid, signal.SIGKILL))
        hung.start()
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            said.append(line.rstrip())
        code = process.wait()
        hung.cancel()
    figures = (line for line in said if any(word in line for word in part.figures))
    return Outcome(part, time.monotonic() - began, code, tuple(figures))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def report(outcomes: Sequence[Outcome], seed: int) -> int:
    """Print the table, and return the exit code."""
    _say(f"\n{'part':24}{'seconds':>8}  result       figures   (seed {seed})")
    for outcome in outcomes:
        result = "fine" if outcome.code == 0 else f"FAILED ({outcome.code})"
        first, *rest = outcome.figures or ("nothing was said",)
        _say(f"{outcome.part.name:24}{outcome.seconds:8.0f}  {result:13}{first.strip()}")
        for line in rest:
            _say(f"{'':47}{line.strip()}")
    return 1 if any(outcome.code for outcome in outcomes) else 0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proof")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="default: a fresh one")
    options = parser.parse_args(arguments)
    fresh = random.SystemRandom().randrange(10**6, 10**9)
    seed = fresh if options.seed is None else options.seed
    outcomes = [run(part, options.minutes, seed) for part in PARTS]
    return report(outcomes, seed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
