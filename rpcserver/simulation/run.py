"""Runs histories: one in virtual time, or many, and counts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable

import anyio
import msgspec
from loguru import logger

from rpcserver.simulation import loop
from rpcserver.simulation.drawing import EVERYTHING, draw
from rpcserver.simulation.faults import FaultKind, Strike
from rpcserver.simulation.plan import Plan
from rpcserver.simulation.verdict import Broken
from rpcserver.simulation.world import World


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one history."""

    plan: Plan
    digest: str  # of its event log
    broken: Broken | None
    operations: int  # accepted closing calls, each carried to its end
    steps: int  # of the loop: how often anything happened
    lives: int
    simulated: float  # virtual seconds
    strikes: tuple[Strike, ...]
    injected: Counter[FaultKind]
    checks: Counter[int]
    lines: tuple[str, ...]


def run_plan(plan: Plan) -> Outcome:
    """Let one history happen."""
    logger.disable("rpcserver")
    worlds: list[World] = []
    steps: list[int] = []
    try:
        loop.run(lambda: _happen(plan, worlds, steps), plan.seed if plan.shuffled else None)
    except loop.Spin as spin:
        worlds[0].verdict.broken(29, f"an endless loop at full speed: {spin}")
    finally:
        logger.enable("rpcserver")
    return _outcome(worlds[0], sum(steps))


def run_seed(seed: int, faults: Collection[FaultKind] = EVERYTHING) -> Outcome:
    """Let the history of *seed* happen."""
    return run_plan(draw(seed, faults))


async def _happen(plan: Plan, worlds: list[World], steps: list[int]) -> None:
    async with anyio.create_task_group() as tasks:
        world = World(plan, tasks)
        worlds.append(world)
        try:
            await world.run()
        finally:
            world.lives.end()
            tasks.cancel_scope.cancel()
            steps.append(loop.steps_taken())


def _outcome(world: World, steps: int) -> Outcome:
    broken = world.verdict.broken_laws
    return Outcome(
        plan=world.plan,
        digest=world.history.digest,
        broken=broken[0] if broken else None,
        operations=len(world.laws.book.requests),
        steps=steps,
        lives=world.lives.count,
        simulated=world.verdict.time,
        strikes=tuple(world.weather.strikes),
        injected=world.weather.injected,
        checks=world.verdict.checks,
        lines=tuple(world.history.lines),
    )


class Tally:
    """What many histories add up to."""

    def __init__(self) -> None:
        self.histories = 0
        self.operations = 0
        self.steps = 0
        self.lives = 0
        self.simulated = 0.0
        self.injected: Counter[FaultKind] = Counter()
        self.checks: Counter[int] = Counter()
        self.failed: list[tuple[int, Broken]] = []
        self.digests: list[str] = []
        self.busy = 0.0  # seconds of one core
        self._began = time.perf_counter()

    def add(self, outcome: Outcome) -> None:
        self.histories += 1
        self.operations += outcome.operations
        self.steps += outcome.steps
        self.lives += outcome.lives
        self.simulated += outcome.simulated
        self.injected += outcome.injected
        self.checks += outcome.checks
        self.digests.append(outcome.digest)
        if outcome.broken is not None:
            self.failed.append((outcome.plan.seed, outcome.broken))

    def join(self, other: Tally) -> None:
        """Count what another tally counted."""
        self.histories += other.histories
        self.operations += other.operations
        self.steps += other.steps
        self.busy += other.busy
        self.lives += other.lives
        self.simulated += other.simulated
        self.injected += other.injected
        self.checks += other.checks
        self.digests += other.digests
        self.failed += other.failed

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began


def run_many(seeds: Iterable[int], faults: Collection[FaultKind] = EVERYTHING) -> Tally:
    """Run the history of each seed in turn."""
    tally, began = Tally(), time.process_time()
    for seed in seeds:
        tally.add(run_seed(seed, faults))
    tally.busy = time.process_time() - began
    return tally
