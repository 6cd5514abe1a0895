"""Where broken laws are written down: the first one ends a history."""

from __future__ import annotations

from collections import Counter

import msgspec


class Broken(msgspec.Struct, frozen=True):
    """A law was broken, when, and how."""

    law: int
    detail: str
    at: float

    def __str__(self) -> str:
        return f"law {self.law}: {self.detail}"


class Verdict:
    """Counts what was checked. Raises nothing: whoever is watched must not notice."""

    def __init__(self) -> None:
        self.broken_laws: list[Broken] = []
        self.checks: Counter[int] = Counter()
        self.time = 0.0  # as of the last event

    def check(self, law: int, holds: bool, detail: str) -> None:
        self.checks[law] += 1
        if not holds:
            self.broken(law, detail)

    def broken(self, law: int, detail: str) -> None:
        self.broken_laws.append(Broken(law, detail, self.time))
