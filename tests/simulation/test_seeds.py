"""
The laws, through many worlds: a fixed set of seeds.

The long run, and fresh seeds, are one command: `rpcserver simulate --seed 5000000 --histories
100000`. What it finds is shrunk and told; its seed joins the fixed ones when it is understood.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from rpcserver.simulation.run import Tally, run_many, run_seed
from rpcserver.simulation.shrink import shrink
from rpcserver.simulation.story import story

FIXED = range(1200)
CHUNK = 50


def _run(seeds: range) -> Tally:
    slices = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    tally = Tally()
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for part in pool.map(run_many, slices):
            tally.join(part)
    return tally


def _told(tally: Tally) -> str:
    """The first failure as a story; figures where there is none."""
    for seed, _ in tally.failed[:1]:
        return "\n".join(story(shrink(run_seed(seed), runs_max=100)))
    return (
        f"{tally.histories} histories in {tally.seconds:.0f} s, {tally.steps} steps, "
        f"{sum(tally.injected.values())} faults of {len(tally.injected)} kinds, "
        f"{sum(tally.checks.values())} checks of {len(tally.checks)} laws"
    )


@pytest.mark.timeout(300)
def test_the_fixed_seeds_break_no_law(capsys: pytest.CaptureFixture[str]) -> None:
    tally = _run(FIXED)
    told = _told(tally)
    with capsys.disabled():
        sys.stdout.write(f"\nfixed seeds: {told}\n")

    assert not tally.failed, told
    assert len(tally.injected) > 30, "the weather is too fine"
