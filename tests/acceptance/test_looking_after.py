"""What those who run a server do with it: look at it, stop it, read its log, lock it in."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.acceptance.clients import Client, connected
from tests.acceptance.processes import ROOT, ServerProgram, VenueProgram, environment, running

pytestmark = pytest.mark.anyio

POSITIONS = 50
SLOW = {"venue.synthetic_positions": POSITIONS, "venue.latency": 0.3}
ENDED_AT_ONCE = 8.0  # seconds: less than any drain here


class LoggedServer(ServerProgram):
    """A server whose log is kept, and which may be locked in."""

    def __init__(self, data_dir: Path, settings: Mapping[str, object] | None = None) -> None:
        super().__init__(data_dir, settings)
        self.log_file = data_dir.with_name(f"{data_dir.name}.log")

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def lines(self, message: str) -> list[dict[str, Any]]:
        """The lines that say this, of a log for programs."""
        found = (json.loads(line) for line in self.log.splitlines())
        return [line for line in found if line["message"] == message]

    def page(self, path: str) -> tuple[int, str]:
        """What a plain request is answered."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def _begin(self) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", self.program, *self._arguments()],
                cwd=ROOT,
                env=environment(self.settings),
                stdout=subprocess.PIPE,
                stderr=log,
            )


@contextmanager
def a_server(directory: Path, **settings: object) -> Iterator[LoggedServer]:
    told = {name.replace("__", "."): value for name, value in settings.items()}
    server = LoggedServer(directory / "server", {"log_form": "json"} | told)
    with running(server):
        yield server


# --- pages ---------------------------------------------------------------------------------------


async def test_metrics_and_readiness_are_answered_while_positions_close(tmp_path: Path) -> None:
    positions = 500
    with a_server(tmp_path, venue__synthetic_positions=positions) as server:
        taken: list[float] = []
        answer: list[Any] = []

        async def close() -> None:
            async with connected(server.url, server.token) as client:
                answer.append(await client.call("FlattenEverything"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(close)
            while not answer:
                for path in ("/livez", "/readyz", "/metrics"):
                    began = time.perf_counter()
                    status, _ = await anyio.to_thread.run_sync(server.page, path)
                    taken.append(time.perf_counter() - began)
                    assert status == 200

        assert answer[0].data["flat"] is True
        assert len(taken) >= 3
        assert max(taken) < 5
        _, metrics = server.page("/metrics")
        flat = f'rpcserver_legs_total{{outcome="flat",venue="paper"}} {positions + 17:.1f}'
        assert flat in metrics
        assert server.token not in metrics
        assert answer[0].operation_id not in metrics


async def test_a_venue_that_is_away_is_a_reason_and_life_goes_on(tmp_path: Path) -> None:
    away = {"venue__kind": "remote", "venue__url": "ws://127.0.0.1:9"}
    with a_server(tmp_path, **away) as server:
        status, body = server.page("/readyz")

        assert status == 503
        assert json.loads(body)["ready"] is False
        assert {reason["code"] for reason in json.loads(body)["reasons"]} == {"venue_never_read"}
        assert server.page("/livez") == (200, "alive\n")


async def test_a_start_beside_a_venue_that_is_there_alarms_nobody(tmp_path: Path) -> None:
    venue = VenueProgram(tmp_path / "venue")
    with running(venue):
        told = {key.replace(".", "__"): value for key, value in venue.server_settings.items()}
        with a_server(tmp_path, **told) as server:
            async with connected(server.url, server.token) as client:
                assert (await client.call("ListAlerts")).data["alerts"] == []


async def hear_out(client: Client) -> list[dict[str, Any]]:
    """Every frame until the server hangs up."""
    told = []
    with suppress(ConnectionClosed):
        while True:
            told.append(await client.hear())
    return told


# --- stopping ------------------------------------------------------------------------------------


async def begin_to_close(client: Client) -> str:
    """Press the button, and wait for the first order on its way; the operation's id."""
    await client.begin("FlattenEverything", key="one press", id="press")
    accepted = await client.hear_type("accepted")
    while (await client.hear()).get("event") != "sending":
        pass
    name: str = accepted["operationId"]
    return name


async def test_a_stop_in_the_middle_waits_is_seen_and_answers_with_the_truth(
    tmp_path: Path,
) -> None:
    with a_server(tmp_path, **dotted(SLOW), drain_timeout=30) as server:
        async with connected(server.url, server.token) as client:
            await begin_to_close(client)
            server.terminate()
            notice = await client.hear_type("notice")
            status, body = server.page("/readyz")
            answer = await client.answer("press")
            code, _ = await client.hear_close()

        assert notice["notice"] == "restarting"
        assert len(notice["operationIds"]) == 1
        assert status == 503
        assert "stopping" in {reason["code"] for reason in json.loads(body)["reasons"]}
        assert answer.data["flat"] is True
        assert code == 1012
        assert server.wait() == 0
        assert not server.lines("operation left to the next start")


async def test_what_does_not_end_in_time_is_told_logged_and_taken_up(tmp_path: Path) -> None:
    with a_server(tmp_path, **dotted(SLOW), drain_timeout=0) as server:
        async with connected(server.url, server.token) as client:
            operation = await begin_to_close(client)
            server.terminate()
            told = await hear_out(client)
        assert not [frame for frame in told if "id" in frame], "no end is made up"
        assert [each["operationIds"] for each in told if each["type"] == "notice"][-1] == [
            operation
        ]
        assert server.wait() == 0
        [left] = server.lines("operation left to the next start")
        assert left["operation"] == operation

        server.start()
        assert server.ready["unfinished"] == 1
        async with connected(server.url, server.token) as client:
            answer = await client.call("FlattenEverything", key="one press")
        assert answer.operation_id == operation
        assert answer.data["flat"] is True


async def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    with a_server(tmp_path, **dotted(SLOW), drain_timeout=600) as server:
        async with connected(server.url, server.token) as client:
            operation = await begin_to_close(client)
            os.kill(server.pid, signal.SIGTERM)
            await client.hear_type("notice")
            began = time.monotonic()
            os.kill(server.pid, signal.SIGINT)
            code, _ = await client.hear_close()

        assert code == 1012
        assert server.wait() == 0
        assert time.monotonic() - began < ENDED_AT_ONCE
        assert [line["operation"] for line in server.lines("operation left to the next start")] == [
            operation
        ]


# --- the log -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "json"])
async def test_no_token_is_ever_in_the_log(tmp_path: Path, form: str) -> None:
    """Good ones, wrong ones, in headers, frames, addresses, answers; and the rest is there."""
    wrong = "wrong-" + "w" * 37
    with a_server(tmp_path, log_form=form, log_level="debug", **dotted(SLOW)) as server:
        async with connected(server.url, server.token) as client:
            made = {"principal": "night", "roles": ["trader"], "accounts": ["*"]}
            fresh = (await client.call("CreateToken", made)).data["token"]
            await client.say(action="auth", token=fresh)
            await client.say_text('{"action":"auth","token":"' + server.token)
            await client.call("Flatten", {"account": fresh, "reason": f"Bearer {fresh}"})
        for token in (wrong, fresh):
            for _ in range(2):
                await knock(server, token)
        server.page(f"/metrics?token={fresh}")
        server.page(f"/nowhere?token={wrong}")
        server.terminate()
        assert server.wait() == 0

        log = server.log
    assert "client came" in log
    assert "night" in log
    for token in (server.token, fresh, wrong):
        assert token not in log
        assert token[:12] not in log
        assert token[-12:] not in log


async def knock(server: ServerProgram, token: str) -> None:
    """Try to get in by each door."""
    with suppress(InvalidStatus):
        async with connected(server.url, token) as client:
            await client.call("Ping")
    async with connect(server.url, proxy=None) as socket:
        await socket.send(json.dumps({"action": "auth", "token": token}))
        await socket.recv()


def dotted(settings: Mapping[str, object]) -> dict[str, Any]:
    return {name.replace(".", "__"): value for name, value in settings.items()}


# --- locked in -----------------------------------------------------------------------------------

STRANGER = 54321  # a user whom no machine knows
LOCKED_IN = Path(__file__).parent / "locked_in"


class LockedServer(LoggedServer):
    """
    As in a container: no root, no home, elsewhere, and only the data directory can be written.

    A root of tests drops its rights, and keeps only that of reading the program, which may stand
    in its own home.
    """

    def _begin(self) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                [*dropping_rights(), sys.executable, "-m", self.program, *self._arguments()],
                cwd="/",
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                umask=0o077,
            )

    def _environment(self) -> dict[str, str]:
        told = environment(self.settings)
        return {
            "PATH": told["PATH"],
            "PYTHONPATH": os.pathsep.join((str(LOCKED_IN), told["PYTHONPATH"])),
            "PYTHONDONTWRITEBYTECODE": "1",
            "WRITABLE": str(self.data_dir),
            **{name: value for name, value in told.items() if name.startswith("RPCSERVER_")},
        }


def dropping_rights() -> list[str]:
    """What to put before a command so that it runs as nobody in particular."""
    if os.geteuid() != 0:
        return []  # no root to begin with
    reading = "-all,+dac_read_search"
    return [
        *("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"),
        *(f"--inh-caps={reading}", f"--ambient-caps={reading}", f"--bounding-set={reading}"),
    ]


async def test_a_server_that_is_locked_in_does_all_it_must(tmp_path: Path) -> None:
    data_dir = tmp_path / "locked"
    data_dir.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(data_dir, STRANGER, STRANGER)
    for above in data_dir.parents:
        if above.stat().st_uid == os.geteuid() and above.is_relative_to(gettempdir()):
            above.chmod(above.stat().st_mode | 0o055)
    server = LockedServer(data_dir, {"log_form": "json"})
    with running(server):
        assert Path(f"/proc/{server.pid}").stat().st_uid == data_dir.stat().st_uid != 0
        async with connected(server.url, server.token) as client:
            answer = await client.call("FlattenEverything")
            assert answer.data["flat"] is True
            assert (await client.call("VerifyAudit")).data["intact"] is True
        assert server.page("/readyz")[0] == 200
        check = subprocess.run(
            [*dropping_rights(), sys.executable, "-m", "rpcserver.deploy.healthcheck"],
            cwd="/",
            env=server._environment()
            | {"RPCSERVER_PORT": str(server.port), "RPCSERVER_DATA_DIR": str(data_dir)},
            timeout=20,
            check=False,
        )
        assert check.returncode == 0
        server.terminate()
        assert server.wait() == 0
    assert {path.stat().st_uid for path in data_dir.iterdir()} == {data_dir.stat().st_uid}
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in data_dir.iterdir())


def test_the_lock_is_one(tmp_path: Path) -> None:
    """It would be no test if everything could be written all the same."""
    outside = tmp_path / "outside"
    tried = subprocess.run(
        [sys.executable, "-c", f"open({str(outside)!r}, 'w')"],
        env={"PYTHONPATH": str(LOCKED_IN), "WRITABLE": str(tmp_path / "inside")},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert tried.returncode == 1
    assert "Read-only file system" in tried.stderr or "read-only file system" in tried.stderr
    assert not outside.exists()
