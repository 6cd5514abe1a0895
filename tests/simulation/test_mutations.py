"""Every law is alive: each planted fault is caught, and the real code passes the same history."""

from __future__ import annotations

import pytest

from rpcserver.simulation.run import run_seed
from tests.simulation.mutations import MUTATIONS, SEEDS, Mutation, first_catch, run_mutated


def test_every_planted_fault_has_its_seed() -> None:
    assert SEEDS.keys() == {mutation.__name__ for mutation in MUTATIONS}
    assert len(SEEDS) >= 20


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_planted_fault_is_caught(mutation: Mutation) -> None:
    seed = SEEDS[mutation.__name__]
    caught = run_mutated(mutation, seed)
    assert run_seed(seed).broken is None
    if caught.broken is None:  # the code has changed since: another history tells it now
        found = first_catch(mutation)
        assert found is not None, f"nothing catches it; {seed} did"
