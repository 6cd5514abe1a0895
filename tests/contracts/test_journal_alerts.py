"""Alerts, found in every journal by all that is asked, and who looks at them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from rpcserver.core.entries import AlertFilter, FoundAlert
from rpcserver.core.records import Noted
from rpcserver.domain.ids import AccountId, AccountRef, PrincipalId, VenueId
from rpcserver.driver.ports import Journal
from rpcserver.journal import alerts
from rpcserver.journal.connection import connect
from rpcserver.journal.sqlite import open_journal
from tests.contracts.test_journal_contract import Home
from tests.journal.stories import NOON, PAPER, moment, noted

pytestmark = pytest.mark.anyio

ELSEWHERE = AccountRef(VenueId("okx"), AccountId("main"))


@pytest.fixture(params=["memory", "sqlite"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    return Home(request.param, tmp_path)


@pytest.fixture
async def journal(home: Home) -> AsyncIterator[Journal]:
    async with home.open() as journal:
        yield journal


def alert(code: str, *, account: AccountRef | None = PAPER, at: float = 0.0) -> Noted:
    return Noted(at=moment(at), mono=at, alert=True, code=code, detail=code, account=account)


def word(about: int, by: str = "rita") -> Noted:
    return Noted(
        at=NOON,
        mono=0.0,
        code="alert_acknowledged",
        detail="on it",
        principal=PrincipalId(by),
        acknowledges=about,
    )


def codes(found: Sequence[FoundAlert]) -> list[str]:
    return [each.record.code for each in found]


async def filled(journal: Journal) -> Journal:
    await journal.append(
        [noted(), alert("overfill"), alert("exit_failed", account=ELSEWHERE, at=60)]
    )
    down = Noted(
        at=moment(120.5), mono=0, alert=True, code="venue_down", detail="", venue=VenueId("okx")
    )
    await journal.append([word(about=2), noted(), down])
    return journal


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (AlertFilter(), ["venue_down", "exit_failed", "overfill"]),
        (AlertFilter(codes=("overfill", "venue_down")), ["venue_down", "overfill"]),
        (AlertFilter(codes=("no_such",)), []),
        (AlertFilter(venue=VenueId("OKX")), ["venue_down", "exit_failed"]),
        (AlertFilter(venue=VenueId("okx"), account=AccountId("MAIN")), ["exit_failed"]),
        (AlertFilter(account=AccountId("Sim101")), ["overfill"]),
        (AlertFilter(since=moment(60)), ["venue_down", "exit_failed"]),
        (AlertFilter(since=moment(60.1)), ["venue_down"]),
        (AlertFilter(since=moment(120.5)), ["venue_down"]),
        (AlertFilter(is_open=True), ["venue_down", "exit_failed"]),
    ],
)
async def test_alerts_are_found_by_all_that_is_asked(
    journal: Journal, wanted: AlertFilter, expected: list[str]
) -> None:
    await filled(journal)

    assert codes(await journal.alerts(wanted)) == expected


async def test_alerts_are_paged_newest_first(journal: Journal) -> None:
    await filled(journal)

    page = await journal.alerts(AlertFilter(), limit=2)
    rest = await journal.alerts(AlertFilter(), before=page[-1].audit_seq)

    assert (codes(page), codes(rest)) == (["venue_down", "exit_failed"], ["overfill"])


async def test_an_alert_bears_the_newest_word_about_it_on_every_page(journal: Journal) -> None:
    await filled(journal)
    await journal.append([word(about=2, by="otto")])

    [found] = await journal.alerts(AlertFilter(), before=3)

    assert found.acknowledged is not None
    assert (found.acknowledged.principal, found.acknowledged.detail) == ("otto", "on it")


async def test_whoever_was_away_reads_on_where_it_stopped(journal: Journal) -> None:
    await filled(journal)

    first = await journal.alerts_since(0, limit=1)
    rest = await journal.alerts_since(first[-1].audit_seq)

    assert (codes(first), codes(rest)) == (["overfill"], ["exit_failed", "venue_down"])
    assert await journal.alerts_since(rest[-1].audit_seq) == []


async def test_alerts_outlive_the_process(home: Home) -> None:
    async with home.open() as journal:
        await filled(journal)
    async with home.open() as journal:
        assert codes(await journal.alerts(AlertFilter(is_open=True))) == [
            "venue_down",
            "exit_failed",
        ]


@pytest.mark.parametrize("sql", [alerts._ALERTS, alerts._SINCE])
async def test_no_chain_is_walked_for_an_alert(tmp_path: Path, sql: str) -> None:
    path = tmp_path / "journal.db"
    async with open_journal(path, ballast_bytes=1):
        pass
    values = dict.fromkeys(
        ("before", "limit", "codes", "venue", "account", "since", "is_open", "after"), 1
    )
    async with connect(path) as db:
        plan = await db.execute_fetchall(f"EXPLAIN QUERY PLAN {sql}", values)

    steps = [str(row[3]) for row in plan]
    scans = [step for step in steps if step.startswith(("SCAN", "SEARCH")) and "json" not in step]
    assert scans
    assert all("INDEX a" in scan for scan in scans), steps  # alerts, or acknowledgements
