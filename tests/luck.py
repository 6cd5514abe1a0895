"""Fresh luck for every run, the same for all of its workers, and repeatable by its name."""

from __future__ import annotations

import os
import random

RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID")  # the workers of one run must agree on its tests


def seed_of(name: str) -> int:
    """The seed that the environment says by *name*, or one that no run has had."""
    told = os.environ.get(name)
    return (
        int(told) if told is not None else random.Random(RUN and f"{RUN} {name}").randrange(10**6)
    )
