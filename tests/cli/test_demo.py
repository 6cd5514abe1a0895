"""The demo and the server's own process: started, heard, stopped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rpcserver.cli import demo
from rpcserver.cli.demo import ServerFailed, running_server
from rpcserver.cli.exits import Exit
from rpcserver.cli.main import main
from tests.cli.driving import lines_of

pytestmark = pytest.mark.slow


def test_the_demo_ends_flat_and_by_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "VENUE_LATENCY", 0.01)

    code = main(["demo", "--json"])

    accepted, *steps, final = lines_of(capsys.readouterr().out)
    assert code == Exit.OK
    assert accepted["type"] == "accepted"
    assert [step["event"] for step in steps].count("leg_ended") == 17
    assert isinstance(final["data"], dict)
    assert final["data"]["flat"] is True


def test_a_served_directory_is_healthy_and_its_positions_can_be_closed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "VENUE_LATENCY", 0.0)
    monkeypatch.delenv("RPCSERVER_TOKEN")

    with running_server(tmp_path) as url:
        here = ["--url", url, "--data-dir", str(tmp_path)]
        assert main(["doctor", *here]) == Exit.OK
        assert main(["flatten", "--account", "Sim101", "--yes", *here]) == Exit.OK
        half = ["flatten", "--account", "Sim102", "--instrument", "MES", "--fraction", "0.5"]
        assert main([*half, "--yes", *here]) == Exit.TARGET_REACHED
        assert main(["exit-all", "--tag", "intraday_nifty", "--yes", *here]) == Exit.OK
        assert main(["batch-close", "SwapU", "BTC-USDT-SWAP", "--yes", *here]) == Exit.OK
        assert main(["liquidate", "--symbol", "ETH/USDT", "--yes", *here]) == Exit.OK
        assert main(["liquidate", "pos-20200101000000-1", "--yes", *here]) == Exit.REFUSED
        assert main(["flatten", "--instrument", "ZZ", "--yes", *here]) == Exit.REFUSED
        assert main(["flatten-everything", "--yes", *here]) == Exit.OK
        assert main(["positions", *here]) == Exit.OK
        assert main(["orders", "--all", *here]) == Exit.OK
        assert main(["operations", *here]) == Exit.OK
        assert main(["token", "create", "bob", "--role", "viewer", *here]) == Exit.OK
        assert main(["token", "list", *here]) == Exit.OK
        assert main(["audit", "verify", *here]) == Exit.OK
        assert main(["audit", "query", "--account", "Sim101", *here]) == Exit.OK
    assert main(["audit", "verify", "--offline", "--data-dir", str(tmp_path)]) == Exit.OK
    capsys.readouterr()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with (
        running_server(tmp_path),
        pytest.raises(ServerFailed, match="is held by process"),
        running_server(tmp_path),
    ):
        pass


def test_the_module_is_the_command(tmp_path: Path) -> None:
    with running_server(tmp_path) as url:
        assert url.startswith("ws://127.0.0.1:")
    ended = subprocess.run(
        [sys.executable, "-m", "rpcserver", "flaten"], capture_output=True, check=False
    )

    assert ended.returncode == Exit.ERROR
    assert b"flatten" in ended.stderr
