"""
The server and the paper venue as processes of their own: started, killed, started again.

Everything is what a person would type: `rpcserver serve --json`, settings in the environment.
Every wait is bounded, and a process is ended by its own handle only.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tests.acceptance.failpoints import TRAP_VARIABLE, Trap

PATIENCE = 60.0  # seconds for a start or an end, on a machine that has much else to do
ROOT = Path(__file__).parents[2]

STILL_PRICES = {"venue.tick_interval": 0}  # so that every figure is exact


class NotReady(AssertionError):
    """It ended before anybody could connect."""


class Program:
    """One `rpcserver` process over one data directory and one port, dead or alive."""

    program = "rpcserver"
    verb = ""

    def __init__(self, data_dir: Path, settings: Mapping[str, object] | None = None) -> None:
        self.data_dir = data_dir
        self.settings = STILL_PRICES | dict(settings or {})
        self.port = 0  # any free one; the same again after a restart
        self.ready: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def has_lived(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait for its ready line: clients can connect then."""
        assert not self.is_alive
        self._process = self._begin()
        line = _first_line(self._process)
        if not line:
            code = self._process.wait(PATIENCE)
            raise NotReady(f"rpcserver {self.verb} ended with {code} before it was ready")
        self.ready = json.loads(line)
        self.port = self.ready["port"]

    def is_started(self) -> bool:
        """Start it; False: it ended before it was ready."""
        try:
            self.start()
        except NotReady:
            return False
        return True

    def start_and_die(self, after: float) -> None:
        """Start it, and `kill -9` it so many seconds later, ready or not."""
        assert not self.is_alive
        self._process = self._begin()
        time.sleep(after)
        self.kill()

    def refuse_to_start(self) -> tuple[int, str]:
        """Start it where it cannot start: its exit code, and everything it said."""
        done = subprocess.run(
            [sys.executable, "-m", "rpcserver", *self._arguments()],
            cwd=ROOT,
            env=environment(self.settings),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def kill(self) -> None:
        """`kill -9`: nothing is said and nothing is saved."""
        if self._process is not None:
            self._process.kill()
            self.wait()

    def terminate(self) -> None:
        """Ask it to stop (SIGTERM); `wait` tells how it ended."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        assert self._process is not None
        code = self._process.wait(PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def _begin(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", self.program, *self._arguments()],
            cwd=ROOT,
            env=self._environment(),
            stdout=subprocess.PIPE,
        )

    def _environment(self) -> dict[str, str]:
        return environment(self.settings)

    def _arguments(self) -> list[str]:
        return [self.verb, "--json", "--data-dir", str(self.data_dir), "--port", str(self.port)]


class ServerProgram(Program):
    """`rpcserver serve`."""

    verb = "serve"

    @property
    def token(self) -> str:
        """The first token, which holds every right over every account."""
        return (self.data_dir / "admin.token").read_text().strip()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/stream"


class TrappedServer(ServerProgram):
    """The same with a trap at one of `failpoints`; None: it is not trapped, as after its death."""

    program = "tests.acceptance.trapped_server"
    trap: Trap | None = None

    def thaw(self) -> None:
        """Let it go on after a freeze."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _environment(self) -> dict[str, str]:
        told = msgspec.json.encode(self.trap).decode() if self.trap is not None else ""
        return super()._environment() | {TRAP_VARIABLE: told}


class IllServer(ServerProgram):
    """The same on a disk that is ill in a way of `ill_disk`; "": it is well again."""

    illness = ""

    @property
    def program(self) -> str:  # type: ignore[override]
        return "tests.acceptance.ill_disk" if self.illness else super().program

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"DISK_ILLNESS": self.illness}


class VenueProgram(Program):
    """`rpcserver venue`: what happens at the venue outlives any server."""

    verb = "venue"

    @property
    def server_settings(self) -> dict[str, object]:
        """What a server is told in order to trade here."""
        return {"venue.kind": "remote", "venue.url": f"ws://127.0.0.1:{self.port}"}


@contextmanager
def running(program: Program) -> Iterator[None]:
    """Start *program*; whatever becomes of it meanwhile, it is gone at the end."""
    program.start()
    try:
        yield
    finally:
        program.kill()


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """This process's environment, with *settings* by dotted key and no other settings."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("RPCSERVER")}
    told = {
        f"RPCSERVER_{key.replace('.', '_').upper()}": str(value) for key, value in settings.items()
    }
    paths = os.pathsep.join(
        filter(None, (str(ROOT), str(ROOT / "clients/python"), os.environ.get("PYTHONPATH")))
    )
    return inherited | told | {"PYTHONPATH": paths}


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    """What *process* says first on stdout; nothing if it ends without a word."""
    assert process.stdout is not None
    line, until = b"", time.monotonic() + PATIENCE
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(until - time.monotonic()):
                process.kill()
                raise AssertionError(f"not ready after {PATIENCE} s")
            said = os.read(process.stdout.fileno(), 65_536)
            if not said:
                return b""
            line += said
    return line
