"""Looking, following, managing: the commands that close nothing."""

from __future__ import annotations

import pytest

from rpcserver.cli.exits import Exit
from rpcserver.cli.main import main
from tests.cli.driving import FLAT, STEPS, answer, answering, leg, lines_of, press
from tests.clients.scripted import Frame, Peer

POSITION: Frame = {
    "type": "NinjaTrader.Cbi.Position",
    "account": "Sim101",
    "instrument": "ES 12-25",
    "instrumentType": "Future",
    "marketPosition": "Short",
    "quantity": 2,
    "averagePrice": 5780.125,
    "marketPrice": None,
    "unrealizedProfitLoss": -612.5,
}
ORDER: Frame = {
    "account": "Sim101",
    "instrument": "ES 12-25",
    "orderId": "adb3868865de4b59b0e147b8300e4a29",
    "orderAction": "Buy",
    "orderType": "Limit",
    "orderState": "Working",
    "quantity": 2,
    "filled": 0,
    "limitPrice": 5740.0,
    "stopPrice": 0.0,
}


def test_positions(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Frame] = []

    code = press("positions", scenes=(answering({"positions": [POSITION]}, asked),))

    shown = capsys.readouterr().out
    assert code == Exit.OK
    assert asked[0]["api"] == "GetAllPositions"
    assert "ES 12-25" in shown
    assert "5,780.125" in shown
    assert "-612.5" in shown


def test_a_list_is_shown_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Frame] = []
    other = {**POSITION, "instrument": "NQ 12-25"}

    async def two_pages(peer: Peer) -> None:
        for more in ({"positions": [POSITION], "next": "pos-1"}, {"positions": [other]}):
            call = await peer.receives("rpc")
            asked.append(call)
            await peer.answers(call, more)
        await peer.stays()

    press("positions", scenes=(two_pages,))

    shown = capsys.readouterr().out
    assert "ES 12-25" in shown
    assert "NQ 12-25" in shown
    assert asked[1]["args"] == {"after": "pos-1"}


def test_no_position_is_flat(capsys: pytest.CaptureFixture[str]) -> None:
    assert press("positions", scenes=(answering({"positions": []}),)) == Exit.OK
    assert "FLAT" in capsys.readouterr().out


def test_programs_get_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    press("positions", "--json", scenes=(answering({"positions": [POSITION]}),))

    assert lines_of(capsys.readouterr().out) == [{"data": {"positions": [POSITION]}}]


@pytest.mark.parametrize(
    ("more", "shown"), [([], False), (["--all"], True)], ids=["working", "all"]
)
def test_orders(more: list[str], shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    done = {**ORDER, "orderId": "ended", "orderState": "Filled"}

    code = press("orders", *more, scenes=(answering({"orders": [ORDER, done]}),))

    text = capsys.readouterr().out
    assert code == Exit.OK
    assert "adb3868865de4b59b0e147b8300e4a29" in text
    assert ("ended" in text) is shown


def test_no_orders(capsys: pytest.CaptureFixture[str]) -> None:
    press("orders", scenes=(answering({"orders": []}),))

    assert "no working orders" in capsys.readouterr().out


def test_operations(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Frame] = []
    row: Frame = {
        "operationId": "op-1",
        "api": "Flatten",
        "principal": "desk",
        "openedAt": "2025-11-20T15:00:00Z",
        "finishedAt": "2025-11-20T15:00:01Z",
        "success": False,
        "flat": False,
        "dryRun": False,
        "legs": 3,
    }
    running = {**row, "operationId": "op-2", "finishedAt": None, "success": None, "flat": None}
    data = {"operations": [row, running]}

    code = press("operations", "--limit", "5", "--all", scenes=(answering(data, asked),))

    shown = capsys.readouterr().out
    assert code == Exit.OK
    assert asked[0]["args"] == {"limit": 5, "all": True}
    assert "NOT FLAT" in shown
    assert "running" in shown


def test_attach_follows_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    async def scene(peer: Peer) -> None:
        attach = await peer.receives("attach")
        assert (attach["operationId"], attach["after"]) == ("op-1", 1)
        await peer.sends(*STEPS)
        await peer.answers(attach, answer(leg(1, "partial")))
        await peer.stays()

    code = press("attach", "op-1", "--after", "1", "--json", scenes=(scene,))

    attached, *steps, _ = lines_of(capsys.readouterr().out)
    assert code == Exit.NOT_FLAT
    assert attached["type"] == "attached"
    assert [step["seq"] for step in steps] == [2, 3]


def test_attach_to_nothing_is_refused() -> None:
    async def scene(peer: Peer) -> None:
        attach = await peer.receives("attach")
        await peer.answers(
            attach, {"success": False, "error": "unknown_operation", "detail": "none"}
        )
        await peer.stays()

    assert press("attach", "--key", "mine", scenes=(scene,)) == Exit.REFUSED
    assert main(["attach"]) == Exit.ERROR
    assert main(["attach", "op-1", "--key", "mine"]) == Exit.ERROR


def test_cancel_names_the_operation_and_waits_for_its_end() -> None:
    async def scene(peer: Peer) -> None:
        attach = await peer.receives("attach")
        assert (await peer.receives("cancel"))["operationId"] == "op-1"
        await peer.sends({"type": "cancelRequested", "operationId": "op-1", "ended": False})
        await peer.answers(attach, answer(leg(1, "cancelled"), cancelled=True))
        await peer.stays()

    assert press("cancel", "op-1", scenes=(scene,)) == Exit.CANCELLED


def test_a_token_is_shown_once_and_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Frame] = []
    data: Frame = {"success": True, "token": "t0ken", "row": {}}

    code = press(
        "token", "create", "bob", "--role", "viewer", "--role", "risk",
        scenes=(answering(data, asked),),
    )  # fmt: skip

    assert code == Exit.OK
    assert capsys.readouterr().out == "t0ken\n"
    assert asked[0]["args"] == {"principal": "bob", "roles": ["viewer", "risk"], "accounts": ["*"]}


def test_tokens_are_listed_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    row: Frame = {
        "tokenId": "tok-1",
        "principal": "bob",
        "roles": ["viewer"],
        "accounts": ["*"],
        "createdAt": "2025-11-20T15:00:00Z",
        "revokedAt": None,
    }

    assert press("token", "list", scenes=(answering({"tokens": [row]}),)) == Exit.OK
    assert "tok-1" in capsys.readouterr().out
    revoked = {"tokenId": "tok-1", "success": True}
    assert press("token", "revoke", "tok-1", scenes=(answering(revoked),)) == Exit.OK
    unknown = {"success": False, "error": "unknown_token", "detail": ""}
    assert press("token", "revoke", "tok-2", scenes=(answering(unknown),)) == Exit.REFUSED


@pytest.mark.parametrize(("intact", "code"), [(True, Exit.OK), (False, Exit.UNHEALTHY)])
def test_the_audit_is_verified_by_the_server(intact: bool, code: Exit) -> None:
    data = {"success": intact, "intact": intact, "records": 7, "auditSeq": 7, "auditHead": "9b"}

    assert press("audit", "verify", scenes=(answering(data),)) == code


def test_help_tells_the_exit_codes_and_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == Exit.OK

    shown = capsys.readouterr().out
    for word in ("flatten-everything", "exit-all", "doctor", "not flat: something is known"):
        assert word in shown


def test_a_dry_run_that_is_attached_to_is_a_plan(capsys: pytest.CaptureFixture[str]) -> None:
    async def scene(peer: Peer) -> None:
        attach = await peer.receives("attach")
        await peer.answers(attach, {"dryRun": True, "planned": True, "legs": []})
        await peer.stays()

    assert press("attach", "op-1", scenes=(scene,)) == Exit.OK
    assert "nothing to close" in capsys.readouterr().out


def test_a_flat_operation_is_flat_for_whoever_follows() -> None:
    async def scene(peer: Peer) -> None:
        await peer.answers(await peer.receives("attach"), FLAT)
        await peer.stays()

    assert press("attach", "op-1", scenes=(scene,)) == Exit.OK
