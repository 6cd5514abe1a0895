"""How long to wait before connecting again."""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import NamedTuple


class Backoff(NamedTuple):
    """
    Exponential back-off with full jitter.

    A restarted server meets its clients spread over the whole interval, not in one wave.
    """

    first: float = 0.25  # seconds: the most the first wait takes
    longest: float = 30.0  # seconds: the most any wait takes
    after_flooding: float = 10.0  # seconds to leave a server alone that called us a flood
    random: Callable[[], float] = random  # uniform in [0, 1)

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        ceiling = min(self.longest, self.first * 2.0 ** min(failures, 32))
        return ceiling * self.random()
