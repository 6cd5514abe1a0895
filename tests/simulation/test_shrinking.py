"""A failing seed is made smaller, still fails by the same law, and is told as a story."""

from __future__ import annotations

import pytest

from rpcserver.simulation.plan import Plan
from rpcserver.simulation.run import run_plan, run_seed
from rpcserver.simulation.shrink import shrink
from rpcserver.simulation.story import story
from tests.simulation.mutations import SEEDS, remove_the_fence


def _size(plan: Plan) -> int:
    return len(plan.happenings) + len(plan.calls) + len(plan.held) + len(plan.resting)


def test_what_is_left_of_a_failure_is_what_matters() -> None:
    with pytest.MonkeyPatch.context() as patch:
        remove_the_fence(patch)
        failed = run_seed(SEEDS[remove_the_fence.__name__])
        smallest = shrink(failed)
        again = run_plan(smallest.plan)

    assert failed.broken is not None
    assert smallest.broken is not None
    assert smallest.broken.law == failed.broken.law
    assert _size(smallest.plan) < _size(failed.plan)
    assert again.digest == smallest.digest, "a shrunk plan is a history, too"
    told = "\n".join(story(smallest))
    assert f"seed {failed.plan.seed}" in told
    assert f"law {failed.broken.law}" in told
