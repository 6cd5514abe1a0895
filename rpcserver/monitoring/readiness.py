"""
Whether a server can close positions at this moment, and why not.

`blocks` is for whoever decides over the process: a new closing call would come to nothing here.
What does not block is for people: exits are admitted, and something is not as it should be.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from rpcserver.driver.statistics import EngineStatistics, Link


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be. `code` is stable: protocol.md lists them."""

    code: str
    blocks: bool
    detail: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """What `/readyz` answers."""

    ready: bool
    reasons: tuple[Reason, ...]


def readiness(
    engine: EngineStatistics, *, is_journal_low: bool = False, is_in_charge: bool = True
) -> Readiness:
    """How ready a server is whose engine and journal say this of themselves."""
    reasons = (
        *_of_the_process(engine, is_in_charge),
        *_of_the_journal(engine, is_journal_low),
        *_venues(engine),
    )
    return Readiness(ready=not any(reason.blocks for reason in reasons), reasons=reasons)


def _of_the_process(engine: EngineStatistics, is_in_charge: bool) -> Iterator[Reason]:
    if not is_in_charge:
        yield Reason(
            code="deposed", blocks=True, detail="another process took the data directory over"
        )
    if not engine.has_settled_in:
        yield Reason(
            code="starting", blocks=True, detail="the accounts are being read for the first time"
        )
    if engine.is_stopping:
        yield Reason(code="stopping", blocks=True, detail=f"{engine.running} operations go on")
    if engine.recovering:
        yield Reason(
            code="recovering",
            blocks=False,
            detail=f"{engine.recovering} operations of an earlier life are not at their end yet",
        )


def _of_the_journal(engine: EngineStatistics, is_low: bool) -> Iterator[Reason]:
    if engine.is_broken:
        yield Reason(
            code="journal_broken", blocks=True, detail="it cannot commit: nothing more is sent"
        )
    if is_low:
        yield Reason(code="journal_low", blocks=False, detail="the disk is nearly full: only exits")


def _venues(engine: EngineStatistics) -> Iterator[Reason]:
    """A venue that is away blocks only if no other is left: the rest can still be closed."""
    nothing_left = not any(venue.link is Link.UP for venue in engine.venues)
    for venue in engine.venues:
        match venue.link:
            case Link.UP:
                pass
            case Link.DOWN:
                yield Reason(
                    code="venue_down",
                    blocks=nothing_left,
                    detail=f"{venue.venue} cannot be reached",
                )
            case Link.NEVER_READ:
                yield Reason(
                    code="venue_never_read",
                    blocks=nothing_left,
                    detail=f"the accounts of {venue.venue} are unknown",
                )
