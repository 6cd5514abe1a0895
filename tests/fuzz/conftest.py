"""How many examples: enough for every change, and `FUZZ_EXAMPLES=20000` for a night."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "30"))

settings.register_profile(
    "fuzz",
    max_examples=EXAMPLES,
    deadline=None,  # a socket takes its time
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A long run may take long."""
    for item in items:
        if "fuzz" in item.path.parts:
            item.add_marker(pytest.mark.timeout(max(120, EXAMPLES * 10)))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
