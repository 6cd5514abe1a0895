"""`rpcserver venue` with faults, and `venue control`: what is said, and with which exit code."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from rpcserver.cli.exits import Exit
from rpcserver.cli.main import main
from rpcserver.venues.paper import PaperSettings, serve


@contextmanager
def a_venue() -> Iterator[int]:
    """A venue that listens in a thread of its own; its port."""
    ports: list[int] = []
    listening, leave = threading.Event(), threading.Event()

    def ready(port: int) -> None:
        ports.append(port)
        listening.set()

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: serve(PaperSettings(tick_interval=None), ready=ready))
            await anyio.to_thread.run_sync(leave.wait)
            tasks.cancel_scope.cancel()

    thread = threading.Thread(target=anyio.run, args=(run,))
    thread.start()
    try:
        assert listening.wait(20)
        yield ports[0]
    finally:
        leave.set()
        thread.join()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with a_venue() as port:
        yield port


def heard(capsys: pytest.CaptureFixture[str]) -> Any:
    """The one line of JSON that was said last."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def control(port: int, *arguments: str) -> int:
    return main(["venue", "control", *arguments, "--port", str(port)])


def test_a_fault_is_armed_listed_and_cleared(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["instrument=ES", "skip=2", "count=1", "seconds=5", 'messages=["cancel"]']
    assert control(port, "arm", "stick_cancels", *told[:-1], "--name", "third") == Exit.OK
    assert control(port, "arm", "lose_answers", told[-1], "account=Sim101") == Exit.OK
    capsys.readouterr()

    assert control(port, "list") == Exit.OK
    table = capsys.readouterr().out
    assert "third" in table
    assert "lose_answers-1" in table
    assert "in force" in table

    assert control(port, "clear", "third") == Exit.OK
    assert control(port, "clear") == Exit.OK
    capsys.readouterr()
    assert control(port, "list", "--json") == Exit.OK
    assert {each["name"]: each["over"] for each in heard(capsys)["faults"]} == {
        "third": True,
        "lose_answers-1": True,
    }


def test_the_scene_is_set_and_shown(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["account", "Mine1"],
        ["position", "Mine1", "ES 12-25", "short", "3", "--price", "5780.25"],
        ["trade", "Mine1", "ES 12-25", "buy", "1"],
        ["phase", "CL", "closed"],
        ["phase", "CL", "usual"],
        ["depth", "ES", "3"],
        ["depth", "ES", "usual"],
        ["price", "NQ 12-25", "20000"],
        ["bands", "NSE:INFY", "--lower", "1400"],
        ["weather", "--seed", "7", "--rate", "0"],
        ["cut", "0"],
    ):
        assert control(port, *arguments) == Exit.OK, arguments
    capsys.readouterr()

    assert control(port, "show", "Mine1", "--json") == Exit.OK

    assert [(each["instrument"], each["quantity"]) for each in heard(capsys)["positions"]] == [
        ("ES 12-25", -2)
    ]


def test_a_working_order_is_filled(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    control(port, "show", "Sim102", "--json")
    [order] = heard(capsys)["orders"]

    assert control(port, "fill", "Sim102", order["order_id"]) == Exit.OK


def test_a_script_is_loaded(port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[late]\nkind = "arrive_late"\nseconds = 1\nlasts = 0\n', encoding="utf-8")
    assert control(port, "load", str(script)) == Exit.OK

    script.write_text('[late]\nkind = "arrive_late"\n', encoding="utf-8")
    assert control(port, "load", str(script)) == Exit.ERROR
    assert "late.seconds: expected seconds" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["arm", "rain"], Exit.REFUSED),
        (["arm", "lose_answers", "account=Nobody"], Exit.REFUSED),
        (["arm", "lose_answers", "account"], Exit.ERROR),
        (["clear", "nothing"], Exit.REFUSED),
        (["phase", "CL", "shut"], Exit.REFUSED),
        (["position", "Sim101", "ES 12-25", "up", "1", "--price", "1"], Exit.ERROR),
        (["show"], Exit.ERROR),
    ],
)
def test_a_mistake_has_an_exit_code(port: int, arguments: list[str], code: Exit) -> None:
    assert control(port, *arguments) == code


def test_no_venue_is_no_connection() -> None:
    assert control(1, "list") == Exit.NO_CONNECTION


# --- starting ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[x]\nkind = "lose_answers"\ncount = "two"\n', "x.count: expected a whole number, at"),
        ('[x]\nkind = "lose_answer"\n', "did you mean lose_answers?"),
        ("[x\n", "is not TOML"),
        ('[x]\nkind = "lose_answers"\naccount = "Nobody"\n', "account: expected one of"),
    ],
)
def test_a_venue_does_not_start_on_a_script_that_cannot_be_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    script = tmp_path / "faults.toml"
    script.write_text(text, encoding="utf-8")

    code = main(["venue", "--data-dir", str(tmp_path), "--port", "0", "--faults", str(script)])

    assert code == Exit.ERROR
    assert told in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "options", [["--fault-rate", "2"], ["--fault-seed", "-1"], ["--fault-kinds", "rain"]]
)
def test_a_venue_does_not_start_on_weather_there_is_not(tmp_path: Path, options: list[str]) -> None:
    assert main(["venue", "--data-dir", str(tmp_path), "--port", "0", *options]) == Exit.ERROR
