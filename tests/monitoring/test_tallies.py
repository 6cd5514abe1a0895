"""Counts and distributions, as Prometheus' own parser reads them back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from rpcserver.monitoring.tallies import Count, Distribution
from tests.monitoring.scrape import Samples, samples

BOUNDS = (0.1, 1.0, 10.0)


def read_back(metric: Metric) -> Samples:
    class One(Collector):
        def collect(self) -> list[Metric]:
            return [metric]

    registry = CollectorRegistry()
    registry.register(One())
    return samples(generate_latest(registry).decode())


@given(st.lists(st.sampled_from(["a", "b", 'x"\n\\y']), max_size=20))
def test_a_count_counts_by_label_whatever_the_label_is(happened: list[str]) -> None:
    count = Count("things", "Things.", ("kind",))
    for kind in happened:
        count.add(kind)

    told = read_back(count.family())

    for kind in set(happened):
        assert told["things_total", frozenset({("kind", kind)})] == happened.count(kind)
    assert len(told) == len(set(happened))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30))
def test_each_bucket_holds_what_is_not_larger_than_its_bound(values: list[float]) -> None:
    spread = Distribution("size", "Sizes.", BOUNDS)
    for value in values:
        spread.observe(value)

    told = read_back(spread.family())

    for bound in BOUNDS:
        bucket = told["size_bucket", frozenset({("le", str(bound))})]
        assert bucket == sum(value <= bound for value in values)
    assert told["size_bucket", frozenset({("le", "+Inf")})] == len(values)
    assert told["size_count", frozenset()] == len(values)
    assert abs(told["size_sum", frozenset()] - sum(values)) < 1e-6
