"""Halts and rules from the command line: what is asked, and what people read."""

from __future__ import annotations

from typing import Any

import pytest

from rpcserver.cli.exits import Exit
from tests.apis import samples
from tests.cli.driving import answering, press
from tests.clients.scripted import Frame


def asked_by(*words: str, data: object) -> Any:
    """The args of the one call that a command makes."""
    asked: list[Frame] = []
    assert press(*words, scenes=(answering(data, asked),)) == Exit.OK
    return asked[0].get("args")


def test_a_halt_says_what_where_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("halt", "--account", "Sim101", "--instrument", "ES", "--cancel", "--reason", "feed")

    args = asked_by(*words, data=samples.read_by_client("Halt"))

    assert args == {"account": "Sim101", "instrument": "ES", "level": "cancel", "reason": "feed"}
    told = capsys.readouterr().out
    assert "1 orders canceled" in told
    assert "1 orders not proven canceled yet" in told


def test_everything_is_asked_for_by_name() -> None:
    data = samples.read_by_client("Halt")

    args = asked_by("halt", "--everything", "--flatten", "--yes", "--reason", "x", data=data)

    assert args == {"everything": True, "level": "flatten_and_lock", "reason": "x"}


def test_to_flatten_nobody_is_asked_where_nobody_can_answer() -> None:
    words = ("halt", "--everything", "--flatten", "--json", "--reason", "x")

    assert press(*words, scenes=()) == Exit.DECLINED


def test_a_release_names_the_halt_and_why() -> None:
    data = samples.read_by_client("Release")

    args = asked_by("release", "halt-1", "--reason", "calm", data=data)

    assert args == {"haltId": "halt-1", "reason": "calm"}


def test_halts_are_shown_with_scope_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    asked_by("halts", data=samples.read_by_client("ListHalts"))

    shown = " ".join(capsys.readouterr().out.split())
    for part in ("halt-cb1fc8d4e1a8", "cancel", "account Sim101", "the feed is wrong", "desk"):
        assert part in shown


def test_a_rule_is_set_by_names_and_values() -> None:
    words = ("rule", "set", "daily_loss", "amount=2000", "action=halt", "accounts=A,B",
             "dayStartsAt=17:00", "--reason", "house")  # fmt: skip

    args = asked_by(*words, data=samples.read_by_client("SetRule"))

    assert args == {
        "kind": "daily_loss",
        "amount": 2000,
        "action": "halt",
        "accounts": ["A", "B"],
        "dayStartsAt": "17:00",
        "reason": "house",
    }


def test_a_setting_without_a_value_is_wrong_usage() -> None:
    words = ("rule", "set", "daily_loss", "amount", "--reason", "house")

    assert press(*words, scenes=()) == Exit.ERROR


def test_rules_are_shown_with_what_they_say(capsys: pytest.CaptureFixture[str]) -> None:
    asked_by("rule", "list", data=samples.read_by_client("ListRules"))

    shown = " ".join(capsys.readouterr().out.split())
    for part in ("day-limit", "flatten_and_lock at 2,000", "at-the-close", "15:50:00"):
        assert part in shown


def test_a_rule_is_removed_with_a_reason() -> None:
    data = samples.read_by_client("RemoveRule")

    args = asked_by("rule", "remove", "day-limit", "--reason", "closed", data=data)

    assert args == {"ruleId": "day-limit", "reason": "closed"}
