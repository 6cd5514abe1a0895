"""The instruments that the engine has heard of, by name."""

from __future__ import annotations

from collections.abc import Iterable

from rpcserver.domain.ids import InstrumentId, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.server.ports import Engine


class ListedInstruments:
    """What each venue lists, indexed anew whenever the engine has read its list anew."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._indices: dict[VenueId, _Index] = {}

    def get(self, venue: VenueId, instrument: InstrumentId) -> Instrument | None:
        """None: the engine has not heard of it, or not yet."""
        listed = self._engine.instruments.get(venue, ())
        index = self._indices.get(venue)
        if index is None or index.listed is not listed:
            index = self._indices[venue] = _Index(listed)
        return index.by_id.get(instrument)


class _Index:
    """One venue's list, for as long as the engine's is this one."""

    def __init__(self, listed: tuple[Instrument, ...]) -> None:
        self.listed = listed
        self.by_id = by_id(listed)


def by_id(listed: Iterable[Instrument]) -> dict[InstrumentId, Instrument]:
    """Instruments by their names."""
    return {each.instrument_id: each for each in listed}
