"""
The many names of one instrument.

`"ES 12-25"`, `"ESZ25"`, `"ESZ5"` and `"ES DEC25"` name one contract. A root (`"ES"`, `"ES1!"`)
means the front month when an order is placed or a quote asked; **in a closing filter it matches
every expiry held**: in roll week the back month must not survive a "flat".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.instrument import Instrument

_MONTH_CODES = "FGHJKMNQUVXZ"  # January to December, as every futures exchange writes them
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")  # fmt: skip
_CONTINUOUS = re.compile(r"^([A-Z0-9]+?)1!$")


class InstrumentSelector(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a closing filter says of instruments: one exact instrument, or a root and all of it."""

    asked: str  # as the caller spelled it
    exact: InstrumentId | None = None
    root: str | None = None

    def matches(self, instrument: Instrument) -> bool:
        if self.exact is not None:
            return instrument.instrument_id == self.exact
        return self.root is not None and instrument.root == self.root  # never "anything"


def futures_aliases(root: str, expiry: date) -> tuple[str, ...]:
    """Every spelling of one futures contract other than its canonical `"ES 12-25"`."""
    code, name = _MONTH_CODES[expiry.month - 1], _MONTH_NAMES[expiry.month - 1]
    year = expiry.year % 100
    return (
        f"{root}{code}{year:02}",
        f"{root}{code}{year % 10}",
        f"{root} {name}{year:02}",
        f"{root} {expiry.month:02}-{expiry.year}",
    )


class InstrumentNames:
    """A look-up from any spelling to the instruments it names."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._by_name: dict[str, Instrument] = {}
        self._by_root: dict[str, list[Instrument]] = {}
        for instrument in instruments:
            for name in (instrument.instrument_id.upper(), *instrument.aliases):
                self._by_name.setdefault(name, instrument)
            if instrument.root is not None:
                self._by_root.setdefault(instrument.root.upper(), []).append(instrument)
        for family in self._by_root.values():
            family.sort(key=lambda member: member.expiry or date.max)

    @property
    def spellings(self) -> Mapping[str, Instrument]:
        """Every exact spelling, upper case: what a suggestion for a mistyped name draws on."""
        return self._by_name

    def selector(self, asked: str) -> InstrumentSelector | None:
        """Read *asked* as a closing filter, or None if it names nothing known."""
        name = _normal(asked)
        if (exact := self._by_name.get(name)) is not None:
            return InstrumentSelector(asked=asked, exact=exact.instrument_id)
        root = _root_of(name)
        if root in self._by_root:
            return InstrumentSelector(asked=asked, root=self._by_root[root][0].root)
        return None

    def one(self, asked: str, today: date) -> Instrument | None:
        """Read *asked* as one instrument to trade or to quote: a root means its front month."""
        name = _normal(asked)
        if (exact := self._by_name.get(name)) is not None:
            return exact
        family = self._by_root.get(_root_of(name), [])
        alive = [member for member in family if member.expiry is None or member.expiry >= today]
        return alive[0] if alive else None


def _normal(asked: str) -> str:
    return " ".join(asked.upper().split())


def _root_of(name: str) -> str:
    found = _CONTINUOUS.match(name)
    return found.group(1) if found else name
