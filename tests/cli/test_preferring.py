"""Preferences and the policy from the command line."""

from __future__ import annotations

import json

import pytest

from rpcserver.cli.exits import Exit
from tests.apis import samples
from tests.cli.driving import answering, press
from tests.clients.scripted import Frame

PREFERENCES: Frame = samples.read_by_client("GetPreferences")
POLICY: Frame = samples.read_by_client("SetPolicy")


def test_preferences_are_shown_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Frame] = []

    assert press("preferences", "show", scenes=(answering(PREFERENCES, asked),)) == Exit.OK

    shown = " ".join(capsys.readouterr().out.split())
    assert (asked[0]["api"], asked[0].get("args", {})) == ("GetPreferences", {})
    assert "executionType ladder" in shown
    assert "type market" in shown
    assert "paper:Sim101" in shown


def test_preferences_are_set_by_words_json_and_lists(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Frame] = []
    call = ["preferences", "set", "dust=leave", "deadlineMs=30000", "accounts=Sim101,Sim102"]
    call += ['ladder=[{"offsetTicks":2}]', "alerts=unprotected", "--user", "bob", "--json"]

    assert press(*call, scenes=(answering(PREFERENCES, asked),)) == Exit.OK

    assert json.loads(capsys.readouterr().out)["data"] == PREFERENCES
    assert asked[0]["api"] == "SetPreferences"
    assert asked[0]["args"] == {
        "dust": "leave",
        "deadlineMs": 30000,
        "accounts": ["Sim101", "Sim102"],
        "ladder": [{"offsetTicks": 2}],
        "alerts": ["unprotected"],
        "user": "bob",
        "reason": "",
    }


def test_the_policy_is_shown_and_set_with_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Frame] = []
    scenes = (answering(POLICY, asked),)

    assert press("policy", "show", scenes=scenes) == Exit.OK
    call = ["policy", "set", "retentionDays=2555", "clear=rates", "--reason", "the law"]
    assert press(*call, scenes=scenes) == Exit.OK
    assert press("policy", "set", "retentionDays=2555", scenes=()) == Exit.ERROR
    assert press("policy", "set", "retentionDays", "--reason", "x", scenes=()) == Exit.ERROR

    told = capsys.readouterr()
    assert "rates role viewer perSecond 5" in " ".join(told.out.split())
    assert "expected NAME=VALUE" in told.err
    assert [frame["api"] for frame in asked] == ["GetPolicy", "SetPolicy"]
    assert asked[1]["args"] == {"retentionDays": 2555, "clear": ["rates"], "reason": "the law"}
