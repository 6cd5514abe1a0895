"""Several people at one server: a second person, and tokens that come and go."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.acceptance.clients import connected
from tests.acceptance.conftest import new_token
from tests.acceptance.processes import ServerProgram, running

pytestmark = pytest.mark.anyio


async def test_a_code_does_not_outlive_the_server_and_nothing_was_done(tmp_path: Path) -> None:
    server = ServerProgram(tmp_path, {"second_person.everything": "true"})
    with running(server):
        officer = await new_token(server, "officer", ["risk"], ("*",))
        async with connected(server.url, server.token) as first:
            asked = (await first.call("FlattenEverything", key="press")).data
            assert asked["error"] == "approval_required"
            held = (await first.call("GetAllPositions")).data["positions"]
            assert len(held) == len(asked["plan"]["legs"])

        server.kill()
        server.start()

        async with (
            connected(server.url, server.token) as first,
            connected(server.url, officer) as second,
        ):
            lost = await second.call("Confirm", {"code": asked["approvalCode"]})
            assert lost.data["error"] == "unknown_approval"
            assert (await first.call("GetAllPositions")).data["positions"] == held

            again = (await first.call("FlattenEverything", key="press")).data
            confirmed = (await second.call("Confirm", {"code": again["approvalCode"]})).data
            followed = await second.attach(confirmed["operationId"])
            resent = await first.call("FlattenEverything", key="press")

            assert followed.data["flat"] is True
            assert followed.data["approvedBy"] == "officer"
            assert resent.accepted is not None
            assert resent.accepted["duplicate"] is True
            assert resent.data == followed.data


async def test_a_rotated_token_ends_after_its_grace_across_a_restart(tmp_path: Path) -> None:
    server = ServerProgram(tmp_path)
    with running(server):
        old = await new_token(server, "trader", ["trader"], ("Sim101",))
        async with connected(server.url, old) as client:
            made = (await client.call("RotateToken", {"graceMs": 500})).data
            assert (await client.hear_close())[0] == 4410

        server.kill()
        server.start()

        with pytest.raises(InvalidStatus, match="401"):
            async with connected(server.url, old):
                pass
        async with connected(server.url, made["token"]) as client:
            accounts = (await client.call("ListAccounts")).data
    assert [each["name"] for each in accounts["accounts"]] == ["Sim101"]
    assert accounts["sandbox"] is True
