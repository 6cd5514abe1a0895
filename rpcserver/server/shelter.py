"""
What is finished although its client has left.

A closing call that was read is admitted, an order that was begun is sent: a lost connection must
not decide that. When the server stops, the engine has whatever it needs after a moment, and
nobody is left to hear the answer: then the shelter is given up, also under an engine that will
never answer again because its journal broke.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from anyio import CancelScope


class Shelter:
    """Scopes that a connection's end does not cancel."""

    def __init__(self) -> None:
        self._scopes: set[CancelScope] = set()
        self._is_given_up = False

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Go on to the end of the block, whatever becomes of the connection."""
        with CancelScope(shield=not self._is_given_up) as scope:
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)

    def give_up(self) -> None:
        """Let cancellation through from now on."""
        self._is_given_up = True
        for scope in tuple(self._scopes):
            scope.shield = False
