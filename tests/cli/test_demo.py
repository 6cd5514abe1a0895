"""The demo and the server's own process: started, heard, stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from rpcclient.sync import SyncRpcClient
from rpcserver.cli import demo
from rpcserver.cli.demo import ServerFailed, running_server
from rpcserver.cli.exits import Exit
from rpcserver.cli.main import main
from rpcserver.journal.lock import LOCK_NAME
from tests.cli.driving import lines_of

pytestmark = pytest.mark.slow


def test_the_demo_ends_flat_and_by_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "VENUE_LATENCY", 0.01)

    code = main(["demo", "--json", "--stay", "0"])

    accepted, *steps, final = lines_of(capsys.readouterr().out)
    assert code == Exit.OK
    assert accepted["type"] == "accepted"
    assert [step["event"] for step in steps].count("leg_ended") == 17
    assert isinstance(final["data"], dict)
    assert final["data"]["flat"] is True


def test_a_demo_that_stays_ends_with_the_address_of_the_dashboard(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "VENUE_LATENCY", 0.0)
    monkeypatch.setenv("COLUMNS", "40")  # the address is longer, and is not broken

    code = main(["demo", "--stay", "0.1"])

    said = capsys.readouterr().out.splitlines()
    assert code == Exit.OK
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#token=[\w-]{43}", said[-1])
    assert "for 0.1 s" in " ".join(" ".join(said).split())


class Onlooker:
    """A demo in a process of its own, and what it left on this machine."""

    def __init__(self, directory: Path, latency: float = 0.0) -> None:
        self.directory = directory
        imports = "from rpcserver.cli import demo, main"
        script = f"{imports}; demo.VENUE_LATENCY = {latency}; main.run()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, "demo", "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(directory)},
        )

    def reads(self, word: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            frame: dict[str, Any] = json.loads(line)
            if frame.get("type") == word:
                return frame
        raise AssertionError(f"the demo ended before {word!r}")

    def ends(self, *signals: signal.Signals) -> int:
        for number in signals:
            self.process.send_signal(number)
        with self.process:
            return self.process.wait(30)

    @property
    def has_left(self) -> list[str]:
        """Directories, and processes that were told of them."""
        servers = subprocess.run(
            ["ps", "-eo", "args"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        return [
            *(str(each) for each in self.directory.iterdir()),
            *(line for line in servers if str(self.directory) in line),
        ]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_has_seen_the_proof_ends_the_demo_and_nothing_stays(
    tmp_path: Path, by: signal.Signals
) -> None:
    shown = Onlooker(tmp_path)  # no terminal: two minutes
    address = shown.reads("dashboard")
    assert address["seconds"] == 120
    with httpx.Client(trust_env=False) as browser:
        assert browser.get(address["url"]).status_code == 200
    token = address["url"].partition("#token=")[2]
    url = address["url"].partition("#")[0].replace("http", "ws")
    with SyncRpcClient(url, token) as client:
        positions = client.call("GetAllPositions")["positions"]
        orders = client.call("GetAllOrders")["orders"]
    assert isinstance(positions, list)
    assert isinstance(orders, list)
    accounts = {position["account"] for position in positions}
    working = [order for order in orders if order["orderState"] == "Working"]

    code = shown.ends(by, signal.SIGINT, by)  # the impatient press again

    assert len(accounts) == 4
    assert len({position["instrument"] for position in positions}) >= 9
    assert {order["orderType"] for order in working} == {"StopMarket"}
    assert code == Exit.OK
    assert not shown.has_left


def test_a_demo_interrupted_before_its_proof_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    shown = Onlooker(tmp_path, latency=0.4)  # nothing is proven so soon
    shown.reads("accepted")

    assert shown.ends(signal.SIGTERM) == Exit.INTERRUPTED
    assert not shown.has_left


def test_a_server_that_goes_away_ends_the_demo(tmp_path: Path) -> None:
    shown = Onlooker(tmp_path)
    shown.reads("dashboard")
    [directory] = tmp_path.iterdir()
    os.kill(json.loads((directory / LOCK_NAME).read_text())["pid"], signal.SIGKILL)

    assert shown.reads("error")["error"] == "server_failed"
    assert shown.ends() == Exit.ERROR


def test_a_served_directory_is_healthy_and_its_positions_can_be_closed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "VENUE_LATENCY", 0.0)
    monkeypatch.delenv("RPCSERVER_TOKEN")

    with running_server(tmp_path) as server:
        here = ["--url", server.url, "--data-dir", str(tmp_path)]
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
    with running_server(tmp_path) as server:
        assert server.url.startswith("ws://127.0.0.1:")
    ended = subprocess.run(
        [sys.executable, "-m", "rpcserver", "flaten"], capture_output=True, check=False
    )

    assert ended.returncode == Exit.ERROR
    assert b"flatten" in ended.stderr
