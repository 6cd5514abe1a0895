"""`rpcserver simulate`: figures for people and programs, and an exit code."""

from __future__ import annotations

import json

import pytest

from rpcserver.cli.exits import Exit
from rpcserver.cli.main import main


def test_figures_and_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["simulate", "--seed", "1", "--histories", "3", "--jobs", "1", "--json"]
    codes = [main(arguments), main(arguments)]
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())

    assert codes == [Exit.OK, Exit.OK]
    assert first["histories"] == 3
    assert first["trace"] == second["trace"]
    assert first["faults"]
    assert first["failed"] == []


def test_an_unknown_fault_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--faults", "rain", "--json"]) == Exit.ERROR
    assert "rain" in capsys.readouterr().out
