"""Tokens and the second person, from the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rpcserver.cli.exits import Exit
from tests.cli.driving import FLAT, PLAN, STEPS, answering, lines_of, press
from tests.clients.scripted import Frame, Peer

TOKEN: Frame = {
    "tokenId": "tok-2",
    "principal": "bob",
    "roles": ["risk"],
    "accounts": ["*"],
    "createdAt": "2025-11-20T15:00:00Z",
    "revokedAt": None,
    "expiresAt": "2025-12-20T15:00:00Z",
    "createdBy": "desk",
}
WAITING: Frame = {
    "code": "ap-1",
    "api": "FlattenEverything",
    "principal": "desk",
    "reason": "end of day",
    "why": "it closes everything",
    "askedAt": "2025-11-20T15:00:00Z",
    "expiresAt": "2025-11-20T15:05:00Z",
    "accounts": [f"paper:Sim10{number}" for number in range(6)],
    "positions": 7,
    "planHash": "5f0c",
    "planOperationId": "op-0",
}
REFUSED: Frame = {
    "success": False,
    "error": "approval_required",
    "detail": "it closes everything: another principal must Confirm ap-1 before 15:05:00 UTC",
    "statusCode": 428,
    "approvalCode": "ap-1",
    "plan": PLAN,
}


# --- tokens ------------------------------------------------------------------------------------


def test_a_token_is_made_for_a_while_and_shown_alone(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Frame] = []
    made = {"success": True, "token": "rpc_once", "row": TOKEN}
    call = ["token", "create", "bob", "--role", "risk", "--lasts", "30d", "--reason", "nights"]

    assert press(*call, scenes=(answering(made, asked),)) == Exit.OK

    assert capsys.readouterr().out == "rpc_once\n"
    args: Any = asked[0]["args"]
    assert (args["principal"], args["roles"], args["accounts"]) == ("bob", ["risk"], ["*"])
    assert args["reason"] == "nights"
    left = datetime.fromisoformat(args["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=29.9) < left <= timedelta(days=30)


def test_a_token_is_rotated_with_a_grace(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Frame] = []
    made = {"success": True, "token": "rpc_new", "row": TOKEN, "old": TOKEN}

    assert press("token", "rotate", "--grace", "12h", scenes=(answering(made, asked),)) == Exit.OK
    assert press("token", "rotate", "tok-2", scenes=(answering(made, asked),)) == Exit.OK

    assert capsys.readouterr().out == "rpc_new\nrpc_new\n"
    assert asked[0]["api"] == "RotateToken"
    assert asked[0]["args"] == {"graceMs": 12 * 3_600_000}
    assert asked[1]["args"] == {"graceMs": 300_000, "tokenId": "tok-2"}


@pytest.mark.parametrize("text", ["", "12", "h", "1.5h", "-1h", "12 h", "1000000d", "12w"])
def test_a_duration_is_a_number_and_a_unit(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert press("token", "rotate", "--grace", text, scenes=()) == Exit.ERROR
    assert "12h" in capsys.readouterr().err


def test_the_list_says_who_made_it_and_when_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    assert press("token", "list", scenes=(answering({"tokens": [TOKEN]}),)) == Exit.OK

    shown = capsys.readouterr().out
    assert "2025-12-20 15:00:00Z" in shown
    assert "desk" in shown


def test_why_a_token_is_revoked_goes_into_the_audit() -> None:
    asked: list[Frame] = []
    call = ["token", "revoke", "tok-2", "--reason", "he left"]

    assert press(*call, scenes=(answering({"success": True}, asked),)) == Exit.OK
    assert asked[0]["args"] == {"tokenId": "tok-2", "reason": "he left"}


# --- the second person -------------------------------------------------------------------------


def test_whoever_needs_a_second_person_is_told_the_code_and_how_to_follow(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call = ["flatten-everything", "--yes", "--key", "k1"]

    assert press(*call, scenes=(answering(REFUSED),)) == Exit.REFUSED

    told = capsys.readouterr().err
    assert "ap-1" in told
    assert "rpcserver attach --key k1" in told


def test_what_waits_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert press("approvals", scenes=(answering({"approvals": [WAITING]}),)) == Exit.OK
    shown = capsys.readouterr().out
    assert "FlattenEverything" in shown
    assert "and 2 more" in shown

    assert press("approvals", scenes=(answering({"approvals": []}),)) == Exit.OK
    assert "nothing waits" in capsys.readouterr().out


async def confirming(peer: Peer) -> None:
    await peer.answers(await peer.receives("rpc"), {"approvals": [WAITING]})
    call = await peer.receives("rpc")
    assert (call["api"], call["args"]) == ("Confirm", {"code": "ap-1", "reason": "agreed"})
    await peer.answers(call, {"success": True, "operationId": "op-1", "approval": WAITING})
    attach = await peer.receives("attach")
    assert attach["operationId"] == "op-1"
    await peer.sends(*STEPS)
    await peer.answers(attach, FLAT)
    await peer.stays()


def test_a_second_person_confirms_and_follows_to_the_proof(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call = ["confirm", "ap-1", "--yes", "--reason", "agreed"]

    assert press(*call, scenes=(confirming,)) == Exit.OK
    assert "FLAT" in capsys.readouterr().out

    assert press(*call, "--json", scenes=(confirming,)) == Exit.OK
    confirmed: Any = lines_of(capsys.readouterr().out)[0]
    assert confirmed["data"]["operationId"] == "op-1"


def test_nobody_confirms_without_being_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert press("confirm", "ap-1", scenes=()) == Exit.DECLINED
    assert "--yes" in capsys.readouterr().err
