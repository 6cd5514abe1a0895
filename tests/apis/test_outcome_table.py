"""The first page of protocol.md, cell by cell, against the answers themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rpcserver.apis.portfolio import portfolio_answer, refuse_at_portfolio
from rpcserver.core.report import OperationReport, Outcome
from rpcserver.core.requests import Dust, Scope
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountId, AccountRef
from tests.apis import hand

PROTOCOL = Path(__file__).parents[2] / "protocol.md"
HEADING = ["outcome", "`success`", "`flat`"]
DIALECTS = ["CrossTrade", "Upstox", "Deepcoin", "NeuraTrade", "portfolio"]
UNREAD = "account not read"


def table() -> dict[str, dict[str, str]]:
    """The rows of the table whose heading is the outcome table's."""
    rows: dict[str, dict[str, str]] = {}
    heading: list[str] = []
    for line in PROTOCOL.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[:3] == HEADING:
            heading = cells
        elif heading and line.startswith("|"):
            if not cells[0].startswith("-"):
                rows[cells[0]] = dict(zip(heading, cells, strict=True))
        elif heading:
            return rows
    raise AssertionError("protocol.md has no outcome table")


TABLE = table()
REMAINING = {
    Outcome.FLAT: "0",
    Outcome.REDUCED: "1",
    Outcome.DUST: "1",
    Outcome.PARTIAL: "1",
}


def a_report(row: str, **scope: Any) -> OperationReport:
    """One operation that ended as the row says, with one leg."""
    accounts = (AccountRef(hand.PAPER, AccountId("Sim101")),)
    name, _, leave = row.partition(", ")
    request = hand.request(
        scope=Scope(accounts=accounts, **scope), dust=Dust.LEAVE if leave else Dust.CLOSE
    )
    if row == UNREAD:
        return hand.report(request=request, failures=(hand.UNREAD,))
    outcome = Outcome[name]
    leg = hand.leg(
        outcome,
        target="1" if outcome is Outcome.REDUCED else "0",
        remaining=REMAINING.get(outcome, "2"),
    )
    return hand.report(leg, request=request)


def cell(word: object, number: object, places: list[str]) -> str:
    return f"{word or '—'} · {number or '—'} · {', '.join(places) or '—'}"


def crosstrade(row: str) -> str:
    data = hand.answer("Flatten", a_report(row))
    word = data["legs"][0]["outcome"] if data["legs"] else None
    lists = ("closedPositions", "remainingPositions", "failures")
    return cell(word, data["statusCode"], [name for name in lists if data.get(name)])


def upstox(row: str) -> str:
    data = hand.answer("ExitAll", a_report(row))
    [found] = data["data"]
    return cell(found["status"], data["statusCode"], ["data"])


def deepcoin(row: str) -> str:
    data = hand.answer("BatchClose", a_report(row))
    errors = data["data"]["errorList"]
    assert data["code"] == "0"
    if not errors:
        return cell(None, None, [])
    return cell(errors[0]["errorMsg"], errors[0]["errorCode"], ["errorList"])


def neuratrade(row: str) -> str:
    whole = hand.answer("LiquidateAll", a_report(row))
    single = hand.answer("Liquidate", a_report(row, oldest_only=True))
    assert whole["statusCode"] == single["statusCode"]
    assert whole["data"]["count"] == len(whole["data"]["positions"])
    lists = [name for name in ("positions", "remaining") if whole["data"].get(name)]
    if not lists:
        return cell(None, whole["statusCode"], ["failures"] if whole["failures"] else [])
    word = whole["data"][lists[0]][0]["status"]
    assert single["data"]["status"] == word
    return cell(word, single["statusCode"], lists)


def portfolio(row: str) -> str:
    if row == UNREAD:
        refused = hand.on_the_wire(refuse_at_portfolio(InvalidRequest("venue_unavailable", "")))
        return cell(refused["code"], refused["statusCode"], [])
    [leg] = a_report(row).legs
    left = hand.position(quantity=str(leg.remaining))
    snapshot = AccountSnapshot(
        account=left.account_ref,
        positions=() if left.is_flat else (left,),
        orders=(),
        instruments={left.instrument: leg.instrument},
        taken_at=hand.NOW,
    )
    data = hand.on_the_wire(portfolio_answer("all", (snapshot,)))
    assert [row["net_quantity"] for row in data["data"]] == [leg.remaining] * len(data["data"])
    return cell(data["code"], data["statusCode"], ["data"] if data["data"] else [])


ANSWERS = {
    "CrossTrade": crosstrade,
    "Upstox": upstox,
    "Deepcoin": deepcoin,
    "NeuraTrade": neuratrade,
    "portfolio": portfolio,
}


def test_every_outcome_has_a_row_and_every_dialect_a_column() -> None:
    names = {row.partition(",")[0] for row in TABLE}
    assert names == {outcome.name for outcome in Outcome} | {UNREAD}
    assert list(next(iter(TABLE.values()))) == [*HEADING, *DIALECTS]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("row", TABLE)
def test_an_outcome_is_worded_as_the_table_says(row: str, dialect: str) -> None:
    assert ANSWERS[dialect](row) == TABLE[row][dialect]


@pytest.mark.parametrize("row", TABLE)
@pytest.mark.parametrize("api", ["Flatten", "ExitAll", "BatchClose", "Liquidate", "LiquidateAll"])
def test_success_and_flat_are_the_same_in_every_dialect(row: str, api: str) -> None:
    scope = {"oldest_only": True} if api == "Liquidate" else {}
    data = hand.answer(api, a_report(row, **scope))

    told = {"`success`": data["success"], "`flat`": data["flat"]}

    assert told == {key: TABLE[row][key] == "true" for key in told}


@pytest.mark.parametrize("row", [row for row in TABLE if TABLE[row]["`success`"] == "false"])
@pytest.mark.parametrize("api", ["Flatten", "ExitAll", "BatchClose", "LiquidateAll"])
def test_an_unproven_leg_is_nowhere_worded_as_done(row: str, api: str) -> None:
    data = hand.answer(api, a_report(row))

    assert data["success"] is False
    assert data.get("status") != "success"
    assert not data.get("closedPositions")
    assert "CLOSED" not in str(data)
    assert "LIQUIDATED" not in str(data)
