"""
Counts and distributions, kept as plain numbers and made into Prometheus' text only when asked.

Adding to one is a dictionary's work: no lock, no clock, no global registry. All of it happens on
the event loop.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

Labels = tuple[str, ...]

QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds that a commit or a call may take."""

PATIENT = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""Seconds that an operation may take."""

SIZES = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0)
"""Records of one commit."""


class Count:
    """How often something happened, by its labels."""

    def __init__(self, name: str, meaning: str, labels: Sequence[str] = ()) -> None:
        self._name = name
        self._meaning = meaning
        self._labels = tuple(labels)
        self._values: dict[Labels, int] = {}

    def add(self, *labels: str, by: int = 1) -> None:
        """It happened, *by* times."""
        self._values[labels] = self._values.get(labels, 0) + by

    def family(self) -> CounterMetricFamily:
        """As Prometheus is told."""
        family = CounterMetricFamily(self._name, self._meaning, labels=self._labels)
        for labels, value in self._values.items():
            family.add_metric(labels, value)
        return family


class _Spread:
    """How often each size was met, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.total = 0.0


class Distribution:
    """How large something was each time, by its labels, in so many buckets."""

    def __init__(
        self, name: str, meaning: str, bounds: Sequence[float], labels: Sequence[str] = ()
    ) -> None:
        self._name = name
        self._meaning = meaning
        self._bounds = tuple(bounds)
        self._labels = tuple(labels)
        self._spreads: dict[Labels, _Spread] = {}

    def observe(self, value: float, *labels: str) -> None:
        """Once more, and so large."""
        spread = self._spreads.get(labels)
        if spread is None:
            spread = self._spreads[labels] = _Spread(len(self._bounds) + 1)
        spread.counts[bisect_left(self._bounds, value)] += 1
        spread.total += value

    def family(self) -> HistogramMetricFamily:
        """As Prometheus is told: each bucket holds what the smaller ones hold, too."""
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        for labels, spread in self._spreads.items():
            seen = 0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip((*self._bounds, None), spread.counts, strict=True):
                seen += count
                buckets.append(("+Inf" if bound is None else str(bound), seen))
            family.add_metric(labels, buckets, spread.total)
        return family
