"""
When the clients of dead-man's switches were last heard of: monotonic, and of this life alone.

A renewal is worth no row of the journal: after a restart each switch has one full period anyway.
"""

from __future__ import annotations

import anyio

from rpcserver.domain.ids import DirectiveName


class Renewals:
    """The last sign of life, by the switch's name."""

    def __init__(self) -> None:
        self._heard: dict[DirectiveName, float] = {}

    def renew(self, name: DirectiveName) -> None:
        """Somebody is there."""
        self._heard[name] = anyio.current_time()

    def forget(self, name: DirectiveName) -> None:
        self._heard.pop(name, None)

    def heard_at(self, name: DirectiveName) -> float | None:
        """When; None: not in this life."""
        return self._heard.get(name)
