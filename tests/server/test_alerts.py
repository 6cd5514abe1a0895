"""Alerts over the socket: read again later, acknowledged, told to whom they concern."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from rpcserver.apis.catalogue import registry
from rpcserver.core.events import Noticed
from rpcserver.domain.ids import VenueId
from rpcserver.domain.principal import Role
from rpcserver.server.listener import Server
from tests.server.clients import Client, connect_client, let_in
from tests.server.conftest import a_server
from tests.server.fakes import PAPER, SIM101, SIM102, FakeEngine

pytestmark = pytest.mark.anyio


@pytest.fixture
async def server(engine: FakeEngine) -> AsyncIterator[Server]:
    await let_in(engine, "rita", {Role.RISK})
    await let_in(engine, "narrow", {Role.RISK}, ("Sim102",))
    async with a_server(engine, registry=registry) as server:
        yield server


@pytest.fixture
async def rita(server: Server) -> AsyncIterator[Client]:
    async with connect_client(server.port, "rita") as client:
        yield client


async def happened(engine: FakeEngine) -> None:
    """Three alerts: of two accounts, and of a venue."""
    for code, account in (("overfill", SIM101), ("exit_failed", SIM102)):
        await engine.note(Noticed(code=code, detail="look", alert=True, account=account))
    venue_down = Noticed(code="venue_down", detail="gone", alert=True, venue=VenueId(PAPER))
    await engine.note(venue_down)


def codes(data: dict[str, object]) -> list[str]:
    alerts = data["alerts"]
    assert isinstance(alerts, list)
    return [alert["code"] for alert in alerts]


async def test_whoever_was_not_there_reads_them_later(rita: Client, engine: FakeEngine) -> None:
    await happened(engine)

    everything = await rita.call("ListAlerts")
    page = await rita.call("ListAlerts", {"limit": 2})
    rest = await rita.call("ListAlerts", {"before": page["next"]})
    of_one = await rita.call("ListAlerts", {"account": "paper:sim102"})

    assert codes(everything) == ["venue_down", "exit_failed", "overfill"]
    assert "next" not in everything
    assert (codes(page), codes(rest)) == (["venue_down", "exit_failed"], ["overfill"])
    assert codes(of_one) == ["exit_failed"]
    assert everything["alerts"][0]["venue"] == PAPER


async def test_a_word_about_an_alert_stays_and_is_told_to_everybody(
    rita: Client, engine: FakeEngine, server: Server
) -> None:
    await happened(engine)
    async with connect_client(server.port, "rita") as watching:
        await watching.say(action="subscribe", channels=["alerts"])
        assert len((await watching.hear())["snapshot"]["alerts"]) == 3

        said = await rita.call("AcknowledgeAlert", {"auditSeq": 1, "reason": "on the phone"})
        [told] = (await watching.hear())["items"]

    assert said["alert"]["acknowledgedBy"] == "rita"
    assert said["alert"]["acknowledgeReason"] == "on the phone"
    assert (told["code"], told["acknowledges"]) == ("alert_acknowledged", 1)
    assert (told["principal"], told["detail"]) == ("rita", "on the phone")
    assert codes(await rita.call("ListAlerts", {"open": True})) == ["venue_down", "exit_failed"]
    async with connect_client(server.port, "rita") as later:
        await later.say(action="subscribe", channels=["alerts"])
        first, *_ = (await later.hear())["snapshot"]["alerts"]
    assert (first["auditSeq"], first["acknowledgedBy"]) == (1, "rita")


async def test_an_alert_of_anothers_account_does_not_exist(
    server: Server, engine: FakeEngine
) -> None:
    await happened(engine)
    async with connect_client(server.port, "narrow") as narrow:
        assert codes(await narrow.call("ListAlerts", {"limit": 2})) == ["venue_down", "exit_failed"]
        refused = await narrow.call("AcknowledgeAlert", {"auditSeq": 1, "reason": "mine"})
        unknown = await narrow.call("AcknowledgeAlert", {"auditSeq": 9, "reason": "none"})

    assert (refused["error"], unknown["error"]) == ("unknown_alert", "unknown_alert")


@pytest.mark.parametrize(
    ("api", "args", "error"),
    [
        ("ListAlerts", {"limit": 0}, "invalid_argument"),
        ("ListAlerts", {"before": 0}, "invalid_argument"),
        ("ListAlerts", {"since": "2026-03-03T12:00:00"}, "invalid_argument"),
        ("AcknowledgeAlert", {"auditSeq": 1}, "missing_argument"),
        ("AcknowledgeAlert", {"auditSeq": 0, "reason": "why"}, "invalid_argument"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    rita: Client, api: str, args: dict[str, object], error: str
) -> None:
    assert (await rita.call(api, args))["error"] == error


async def test_a_trader_is_not_told(client: Client) -> None:
    assert (await client.call("ListAlerts"))["error"] == "forbidden"
    word = {"auditSeq": 1, "reason": "why"}
    assert (await client.call("AcknowledgeAlert", word))["error"] == "forbidden"
