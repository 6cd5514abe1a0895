"""
Makes a failing plan smaller: fewer faults, fewer calls, fewer positions, as long as it still fails
by the same law. What is left is what matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from rpcserver.simulation.faults import Strike
from rpcserver.simulation.plan import Plan
from rpcserver.simulation.run import Outcome, run_plan

Part = TypeVar("Part")
Run = Callable[[Plan], Outcome]
RUNS_MAX = 400


def shrink(failed: Outcome, run: Run = run_plan, runs_max: int = RUNS_MAX) -> Outcome:
    """The smallest history found that breaks the same law; *failed* itself at worst."""
    assert failed.broken is not None
    smallest, runs = failed, 0
    progress = True
    while progress and runs < runs_max:
        progress = False
        for candidate in _smaller(smallest):
            if runs >= runs_max:
                break
            runs += 1
            outcome = run(candidate)
            if outcome.broken is not None and outcome.broken.law == failed.broken.law:
                smallest, progress = outcome, True
                break
    return smallest


def _smaller(outcome: Outcome) -> Iterator[Plan]:
    """Plans with less in them, the boldest cuts first."""
    plan = outcome.plan
    change = msgspec.structs.replace
    for strikes in _cuts(outcome.strikes):
        yield change(plan, without=plan.without | _all_but(outcome.strikes, strikes))
    for happenings in _cuts(plan.happenings):
        yield change(plan, happenings=happenings)
    for calls in _cuts(plan.calls):
        if calls:
            yield change(plan, calls=calls)
    for resting in _cuts(plan.resting):
        yield change(plan, resting=resting)
    for held in _cuts(plan.held):
        if held:
            yield change(plan, held=held)
    if plan.shuffled:
        yield change(plan, shuffled=False)


def _all_but(strikes: Sequence[Strike], kept: Sequence[Strike]) -> frozenset[Strike]:
    return frozenset(strikes) - frozenset(kept)


def _cuts(parts: Sequence[Part]) -> Iterator[tuple[Part, ...]]:
    """*parts* without all, without each half, each quarter, …, each single one."""
    size = len(parts)
    while size:
        for start in range(0, len(parts), size):
            yield (*parts[:start], *parts[start + size :])
        size = size // 2
