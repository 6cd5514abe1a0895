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
        self._began: float | None = None

    def begin(self) -> None:
        """Somebody watches from now on: every switch has one full period before it."""
        self._began = anyio.current_time()

    def renew(self, name: DirectiveName) -> None:
        """Somebody is there."""
        self._heard[name] = anyio.current_time()

    def forget(self, name: DirectiveName) -> None:
        self._heard.pop(name, None)

    def silent_since(self, name: DirectiveName) -> float | None:
        """From when on its silence counts, monotonic; None: nobody watches yet."""
        if self._began is None:
            return None
        return max(self._heard.get(name, self._began), self._began)
