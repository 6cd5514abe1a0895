"""
What comes in and goes out, counted for the metrics. To add to a count costs next to nothing.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping
from typing import Protocol


class ConnectionState(enum.Enum):
    """How far a connection has come."""

    AUTHENTICATING = "authenticating"  # nobody knows yet who it is
    OPEN = "open"
    CROWDED = "crowded"  # it reads more slowly than it is told
    ENDING = "ending"


class EntryRefused(enum.Enum):
    """Why somebody did not get in."""

    HANDSHAKE_TOKEN = "handshake_token"
    FRAME_TOKEN = "frame_token"
    NO_TOKEN = "no_token"  # the first frame was none of ours
    TIMEOUT = "timeout"
    ORIGIN = "origin"
    FULL = "full"  # there are too many connections


class Watched(Protocol):
    """What is asked of a connection."""

    @property
    def state(self) -> ConnectionState: ...


class Traffic:
    """Counts since the start, and every connection there is."""

    def __init__(self) -> None:
        self.connections: set[Watched] = set()
        self.frames_in = 0
        self.frames_out = 0
        self.bytes_out = 0
        self.entries_refused: Counter[EntryRefused] = Counter()
        self.calls_refused: Counter[str] = Counter()  # by error code
        self.closed: Counter[str] = Counter()  # by close code, or "client": it left by itself

    def census(self) -> Mapping[ConnectionState, int]:
        """How many connections are in each state."""
        counted = Counter(connection.state for connection in self.connections)
        return {state: counted[state] for state in ConnectionState}
