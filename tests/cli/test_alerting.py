"""Alerts from the command line: listed, followed, acknowledged."""

from __future__ import annotations

from typing import Any

import pytest

from rpcserver.cli.exits import Exit
from tests.cli.driving import answering, lines_of, press
from tests.clients.scripted import Frame, Peer

ALERT: Frame = {
    "code": "exit_failed",
    "detail": "Flatten in Sim101: not closed: MES 12-25 partial",
    "venue": "paper",
    "account": "Sim101",
    "auditSeq": 1043,
    "at": "2025-11-20T15:00:00Z",
}
LOOKED_AT: Frame = {**ALERT, "acknowledgedBy": "rita", "acknowledgeReason": "on the phone"}
WORD: Frame = {
    "code": "alert_acknowledged",
    "detail": "on the phone",
    "principal": "rita",
    "acknowledges": 1043,
    "auditSeq": 1044,
    "at": "2025-11-20T15:00:40Z",
}


def test_alerts_are_listed_by_what_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Frame] = []
    told = {"alerts": [ALERT], "count": 1, "success": True}
    call = ["alerts", "--code", "exit_failed", "--account", "Sim101", "--since", "2025-11-20"]

    assert press(*call, "--open", scenes=(answering(told, asked),)) == Exit.OK

    out = capsys.readouterr().out
    assert "1043" in out
    assert "not closed: MES 12-25" in out
    assert asked[0]["args"] == {
        "code": "exit_failed",
        "account": "Sim101",
        "since": "2025-11-20T00:00:00+00:00",
        "open": True,
        "limit": 50,
    }


def test_no_alerts_are_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert press("alerts", scenes=(answering({"alerts": [], "success": True}),)) == Exit.OK
    assert "no alerts" in capsys.readouterr().out


def test_one_is_acknowledged_with_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Frame] = []
    answer = {"alert": LOOKED_AT, "success": True}
    call = ["acknowledge", "1043", "--reason", "on the phone"]

    assert press(*call, scenes=(answering(answer, asked),)) == Exit.OK

    assert asked[0]["args"] == {"auditSeq": 1043, "reason": "on the phone"}
    assert "rita: on the phone" in capsys.readouterr().out


async def goes_on(peer: Peer) -> None:
    """The latest alerts, what comes, a reconnect that tells it again, and an end."""
    assert (await peer.receives("subscribe"))["channels"] == ["alerts"]
    snapshot: Any = {"alerts": [ALERT]}
    subscribed = {"type": "subscribed", "instruments": [], "channels": ["alerts"]}
    await peer.sends({**subscribed, "snapshot": snapshot})
    await peer.sends({"type": "event", "channel": "alerts", "items": [WORD]})
    await peer.sends({**subscribed, "snapshot": {"alerts": [LOOKED_AT]}})
    await peer.closes(4410, "revoked")


@pytest.mark.parametrize("as_json", [False, True])
def test_what_comes_is_said_as_it_comes_and_once(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    flags = ["--json"] if as_json else []

    assert press("alerts", "--follow", *flags, scenes=(goes_on,)) != Exit.OK  # it was ended

    out = capsys.readouterr().out
    if as_json:
        told = [line for line in lines_of(out) if "code" in line]
        assert [line["auditSeq"] for line in told] == [1043, 1044]
    else:
        assert out.count("exit_failed") == 1
        assert "1043  alert_acknowledged  rita  on the phone" in out


def test_following_takes_no_filters(capsys: pytest.CaptureFixture[str]) -> None:
    assert press("alerts", "--follow", "--code", "overfill", scenes=()) == Exit.ERROR
    assert "--follow shows everything" in capsys.readouterr().err
