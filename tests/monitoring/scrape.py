"""Prometheus' text, read back by Prometheus' own parser."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from rpcserver.monitoring.monitor import Monitor

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """Every sample by its name and labels; none may stand there twice."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"{key} stands there twice"
            found[key] = sample.value
    return found


class Scrape:
    """What `/metrics` says at one moment."""

    def __init__(self, monitor: Monitor) -> None:
        page = monitor.private_pages["/metrics"]()
        assert page.status == 200
        self.text = page.body.decode()
        self.samples = samples(self.text)

    def __call__(self, name: str, **labels: str) -> float:
        """One sample; 0 where it was never counted."""
        return self.samples.get((f"rpcserver_{name}", frozenset(labels.items())), 0.0)
