"""`rpcserver simulate`: figures for people and programs, and an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from rpcserver.cli.exits import Exit
from rpcserver.cli.main import main
from rpcserver.simulation.drawing import draw
from rpcserver.simulation.laws import LAWS, UNSEEN
from rpcserver.simulation.plan import Plan
from rpcserver.simulation.run import run_plan
from tests.simulation.mutations import skip_a_number


def test_figures_and_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["simulate", "--seed", "1", "--histories", "3", "--jobs", "1", "--json"]
    codes = [main(arguments), main(arguments)]
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())

    assert codes == [Exit.OK, Exit.OK]
    assert first["histories"] == 3
    assert first["trace"] == second["trace"]
    assert first["operations"] > 0
    assert sum(first["faults"].values()) > 0
    assert {int(law) for law in first["checks"]} == set(LAWS), "every law stands in the table"
    assert first["unchecked"].keys() == {str(law) for law in UNSEEN}
    assert first["failed"] == []


def test_a_plan_in_a_file_is_the_history_of_its_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "3.json"
    path.write_bytes(msgspec.json.encode(draw(3)))
    main(["simulate", "--plan", str(path), "--json"])
    main(["simulate", "--seed", "3", "--histories", "1", "--json"])
    of_plan, of_seed = (json.loads(line) for line in capsys.readouterr().out.splitlines())

    assert of_plan["histories"] == 1
    assert of_plan["trace"] == of_seed["trace"]


def test_a_failing_plan_is_kept_smaller(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_a_number(monkeypatch)
    arguments = ["simulate", "--histories", "1", "--jobs", "1", "--save", str(tmp_path)]

    assert main(arguments) == Exit.UNHEALTHY
    kept = msgspec.json.decode((tmp_path / "0.json").read_bytes(), type=Plan)
    assert len(kept.calls) < len(draw(0).calls)
    broken = run_plan(kept).broken
    assert broken is not None
    assert broken.law == 35
    assert f"law {broken.law}" in capsys.readouterr().out


def test_no_slice_is_begun_when_the_time_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    main(["simulate", "--histories", "100000", "--seconds", "0.001", "--jobs", "1", "--json"])
    told = json.loads(capsys.readouterr().out)

    assert 0 < told["histories"] < 100


def test_a_plan_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.json"
    path.write_text("{}")

    assert main(["simulate", "--plan", str(path), "--json"]) == Exit.ERROR
    assert "seed" in capsys.readouterr().out


def test_an_unknown_fault_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--faults", "rain", "--json"]) == Exit.ERROR
    assert "rain" in capsys.readouterr().out
