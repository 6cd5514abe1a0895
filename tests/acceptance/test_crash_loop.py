"""A few seconds of the crash loop; `make crashes` is the long run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.crash_loop import crash_loop
from tests.luck import seed_of

pytestmark = pytest.mark.anyio

SEED = seed_of("CRASH_SEED")
SECONDS = 12.0


@pytest.mark.parametrize("seed", [SEED], ids="CRASH_SEED={}".format)
async def test_whatever_dies_everything_is_closed_once_and_answered(
    tmp_path: Path, seed: int
) -> None:
    tally = await crash_loop(tmp_path, SECONDS, seed)

    assert tally.violations == []
    assert tally.kills["serve"] >= 2
    assert tally.chains >= 2
    assert tally.answered == tally.calls > 10
