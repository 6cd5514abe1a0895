"""The whole server with a webhook: alerts and signed heads arrive, also after a restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from rpcserver.core.entries import Head
from rpcserver.journal.signing import is_signed
from rpcserver.settings import Settings
from rpcserver.settings_alerts import AlertSettings, WebhookSettings
from tests.alerting.test_posting import SECRET, Receiver, receiving, verify_as_documented
from tests.test_app import (
    _answer,
    _flatten_everything,
    _running,
    _settings,
    _the_process_as_it_was,  # noqa: F401 - a fixture
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def settings_with(receiver: Receiver, data_dir: Path) -> Settings:
    return msgspec.structs.replace(
        _settings(data_dir),
        alerts=AlertSettings(bulk_exit=1),
        webhooks={"desk": WebhookSettings(url=receiver.url, secret=SECRET)},
    )


def events_of(receiver: Receiver) -> list[Any]:
    return [event for post in receiver.heard for event in verify_as_documented(*post)]


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(10.0):
        while not condition():
            await anyio.sleep(0.01)


async def test_alerts_and_heads_reach_a_desk_that_was_away(tmp_path: Path) -> None:
    with receiving() as receiver:
        settings = settings_with(receiver, tmp_path)
        receiver.status = 500
        async with _running(settings) as server, server.client() as socket:
            await socket.send(_flatten_everything())
            final = await _answer(socket, "r1")
            assert final["flat"], "a webhook that fails holds up no exit"
            await until(lambda: bool(receiver.heard))
        assert await server.end() == 0
        receiver.heard.clear()
        receiver.status = 204

        async with _running(settings):
            await until(lambda: any(event["type"] == "alert" for event in events_of(receiver)))
        alerts = [event for event in events_of(receiver) if event["type"] == "alert"]
        heads = [event for event in events_of(receiver) if event["type"] == "audit_head"]

    assert {event["alert"]["code"] for event in alerts} == {"bulk_exit"}
    assert {event["alert"]["operationIds"][0] for event in alerts} == {final["operationId"]}
    assert len({event["id"] for event in alerts}) == len(alerts)
    newest = heads[-1]
    head = Head(audit_seq=newest["auditSeq"], audit_hash=newest["auditHead"])
    assert is_signed(head, newest["auditSignature"], newest["publicKey"])
    assert SECRET not in json.dumps(alerts)
