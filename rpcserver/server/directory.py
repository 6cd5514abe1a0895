"""The directory that calls resolve names with, kept for as long as the engine's lists are."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import zip_longest
from uuid import uuid4

from rpcserver.apis.registry import Asked, Directory
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import InstrumentId, VenueId
from rpcserver.domain.principal import Principal
from rpcserver.driver.sandboxes import known_sandboxes
from rpcserver.server.ports import Engine
from rpcserver.wire.codec import nearest


class DirectoryKeeper:
    """Builds the directory anew whenever the engine has read accounts or instruments anew."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: tuple[object, ...] = ()
        self._directory = Directory(accounts=(), instruments={}, names={})

    def current(self) -> Directory:
        """What names mean now."""
        accounts, instruments = self._engine.accounts, self._engine.instruments
        sandboxes = known_sandboxes(self._engine)
        seen = (*accounts.values(), *instruments.values())
        if sandboxes != self._directory.sandboxes or any(
            new is not old for new, old in zip_longest(seen, self._seen)
        ):
            self._directory = Directory.of(accounts, instruments, sandboxes)
            self._seen = seen
        return self._directory

    def asked(self, principal: Principal, remote: str) -> Asked:
        """Who asks, when, and the directory to resolve names with."""
        return Asked(
            principal=principal,
            directory=self.current(),
            now=datetime.now(UTC),
            remote=remote,
            new_order_id=lambda: uuid4().hex,
        )

    def quotable(self, name: str) -> tuple[VenueId, InstrumentId]:
        """
        The instrument to quote under *name*: `"ES 12-25"`, a root, or `"venue:ES 12-25"`.

        Where several venues list it, the first of them quotes it.

        Raises:
            InvalidRequest: `unknown_instrument`, with the nearest known name.
        """
        names = self.current().names
        today = datetime.now(UTC).date()
        prefix, _, rest = name.partition(":")
        for venue, known in names.items():
            if venue.casefold() == prefix.casefold() and (found := known.one(rest, today)):
                return venue, found.instrument_id
        for venue, known in names.items():
            if found := known.one(name, today):
                return venue, found.instrument_id
        spellings = [each for known in names.values() for each in known.spellings]
        near = nearest(name, spellings[:5000])
        raise InvalidRequest("unknown_instrument", f"no venue lists {name[:64]!r}{near}")
