"""Same seed, same history, bit for bit: in one process, and in two that hash differently."""

from __future__ import annotations

import os
import subprocess
import sys

from rpcserver.simulation.run import run_seed

SEED = 4
PROGRAM = f"from rpcserver.simulation.run import run_seed; print(run_seed({SEED}).digest)"


def _digest_of(hash_seed: str) -> str:
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_one_seed_is_one_history_in_every_process() -> None:
    here = run_seed(SEED).digest

    assert run_seed(SEED).digest == here
    assert {_digest_of(hash_seed) for hash_seed in ("0", "1", "random")} == {here}


def test_another_seed_is_another_history() -> None:
    assert run_seed(SEED).digest != run_seed(SEED + 1).digest


def test_without_faults_everything_ends_and_nothing_is_broken() -> None:
    for seed in range(40):
        outcome = run_seed(seed, faults=())
        assert outcome.broken is None, f"seed {seed}: {outcome.broken}"
        assert not outcome.injected
