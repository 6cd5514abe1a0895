"""When a server says that it can close positions, and what it says when it cannot."""

from __future__ import annotations

import msgspec
import pytest

from rpcserver.domain.ids import VenueId
from rpcserver.driver.statistics import EngineStatistics, Link, Load, VenueStatistics
from rpcserver.monitoring.readiness import readiness

IDLE = Load(orders_waiting=0, reads_waiting=0, under_way=0, budget_waits=0, budget_waited=0.0)


def venues(*links: Link) -> tuple[VenueStatistics, ...]:
    return tuple(
        VenueStatistics(venue=VenueId(f"venue-{number}"), link=link, queue=IDLE)
        for number, link in enumerate(links)
    )


WELL = EngineStatistics(
    is_broken=False,
    is_stopping=False,
    has_settled_in=True,
    running=0,
    recovering=0,
    turns_waiting=0,
    venues=venues(Link.UP),
)


def but(**changed: object) -> EngineStatistics:
    """A server that is well, but for this."""
    return msgspec.structs.replace(WELL, **changed)


def told(
    statistics: EngineStatistics = WELL, *, is_journal_low: bool = False, is_in_charge: bool = True
) -> tuple[bool, dict[str, bool]]:
    """Whether it is ready, and which reasons it gives: those that are true block."""
    found = readiness(statistics, is_journal_low=is_journal_low, is_in_charge=is_in_charge)
    return found.ready, {reason.code: reason.blocks for reason in found.reasons}


def test_a_server_that_is_well_gives_no_reasons() -> None:
    assert told() == (True, {})


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"has_settled_in": False}, "starting"),
        ({"is_stopping": True}, "stopping"),
        ({"is_broken": True}, "journal_broken"),
        ({"venues": venues(Link.DOWN)}, "venue_down"),
        ({"venues": venues(Link.NEVER_READ)}, "venue_never_read"),
    ],
)
def test_what_would_let_a_close_come_to_nothing_blocks(
    changed: dict[str, object], code: str
) -> None:
    assert told(but(**changed)) == (False, {code: True})


def test_operations_of_an_earlier_life_keep_nobody_from_closing() -> None:
    assert told(but(recovering=3)) == (True, {"recovering": False})


def test_a_disk_that_is_nearly_full_still_admits_exits() -> None:
    assert told(is_journal_low=True) == (True, {"journal_low": False})


def test_whoever_was_deposed_closes_nothing_any_more() -> None:
    assert told(is_in_charge=False) == (False, {"deposed": True})


def test_a_dead_venue_does_not_close_the_door_to_the_living_one() -> None:
    assert told(but(venues=venues(Link.UP, Link.DOWN))) == (True, {"venue_down": False})
    assert told(but(venues=venues(Link.DOWN, Link.NEVER_READ))) == (
        False,
        {"venue_down": True, "venue_never_read": True},
    )
