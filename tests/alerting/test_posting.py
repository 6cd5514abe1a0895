"""Posting to a real HTTP server of this machine: signed, bounded, and nowhere else."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme

from rpcserver.alerting.cursor import Cursor
from rpcserver.alerting.posting import SIGNATURE, TIMESTAMP, NotTaken, open_poster

pytestmark = pytest.mark.anyio

SECRET = "correct horse battery"
BODY = b'{"webhook":"desk","events":[{"id":"alert-1","type":"alert"}]}'
PROTOCOL = (Path(__file__).parents[2] / "protocol.md").read_text(encoding="utf-8")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Receiver(ThreadingHTTPServer):
    """What a desk would run, with whatever answer the test wants."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 204
        self.location: str | None = None
        self.pause = 0.0  # seconds before it answers
        self.drips = False  # a byte of the answer now and then, for ever
        self.heard: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    def handle_error(self, *_: object) -> None:
        """The other side has left: nobody's business."""


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((dict(self.headers), body))
        time.sleep(self.server.pause)
        if self.server.drips:
            for _ in range(100):
                self.wfile.write(b"H")
                time.sleep(0.05)
        self.send_response(self.server.status)
        if self.server.location is not None:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests are silent."""


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    with Receiver() as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def verify_as_documented(headers: dict[str, str], body: bytes) -> list[Any]:
    """Run the very lines of protocol.md."""
    [code] = re.findall(r"```python\n(stamp, .*?)```", PROTOCOL, re.DOTALL)
    names: dict[str, Any] = {"headers": headers, "body": body, "SECRET": SECRET, "seen": set()}
    exec("import hmac, json, time\n" + code, names)
    events = names["events"]
    assert isinstance(events, list)
    return events


async def test_a_body_is_signed_as_protocol_md_says() -> None:
    with receiving() as receiver:
        async with open_poster(receiver.url, SECRET, timeout=5.0) as poster:
            await poster.post(BODY)
    [(headers, body)] = receiver.heard

    assert body == BODY
    assert headers["Content-Type"] == "application/json"
    assert verify_as_documented(headers, body) == json.loads(BODY)["events"]
    with pytest.raises(PermissionError):
        verify_as_documented(headers, body + b" ")
    with pytest.raises(PermissionError):
        verify_as_documented(headers | {TIMESTAMP: "1"}, body)


async def test_an_old_body_is_not_believed_though_it_is_signed() -> None:
    with receiving() as receiver:
        clock = lambda: time.time() - 3600  # noqa: E731
        async with open_poster(receiver.url, SECRET, timeout=5.0, clock=clock) as poster:
            await poster.post(BODY)
    [(headers, body)] = receiver.heard

    assert headers[SIGNATURE].startswith("sha256=")
    with pytest.raises(PermissionError):
        verify_as_documented(headers, body)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 410, 429, 500, 503])
async def test_whatever_is_not_taken_is_told_and_never_followed(status: int) -> None:
    with receiving() as elsewhere, receiving() as receiver:
        receiver.status, receiver.location = status, elsewhere.url
        async with open_poster(receiver.url, SECRET, timeout=5.0) as poster:
            with pytest.raises(NotTaken, match=f"it answered {status}"):
                await poster.post(BODY)

    assert len(receiver.heard) == 1
    assert elsewhere.heard == []


@pytest.mark.parametrize("how", ["pause", "drips"])
async def test_a_receiver_that_hangs_is_left_in_time(how: str) -> None:
    with receiving() as receiver:
        receiver.pause, receiver.drips = (0.6, False) if how == "pause" else (0.0, True)
        async with open_poster(receiver.url, SECRET, timeout=0.2) as poster:
            began = anyio.current_time()
            with pytest.raises(NotTaken):
                await poster.post(BODY)
            assert anyio.current_time() - began < 1.0


async def test_nobody_there_is_told_without_the_address() -> None:
    with receiving() as receiver:
        gone = receiver.url
    async with open_poster(f"{gone}?key=hidden", SECRET, timeout=1.0) as poster:
        with pytest.raises(NotTaken) as caught:
            await poster.post(BODY)

    assert "ConnectError" in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert SECRET not in str(caught.value)


async def test_a_certificate_is_checked_and_one_of_our_own_can_be_trusted(tmp_path: Path) -> None:
    ca = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    with receiving(tls) as receiver:
        url = receiver.url.replace("http:", "https:")
        async with open_poster(url, SECRET, timeout=5.0) as poster:
            with pytest.raises(NotTaken, match="CERTIFICATE_VERIFY_FAILED"):
                await poster.post(BODY)
        assert receiver.heard == []

        own = tmp_path / "ca.pem"
        async with open_poster(url, SECRET, timeout=5.0, ca_file=own) as poster:
            await poster.post(BODY)
        assert len(receiver.heard) == 1


async def test_the_environment_leads_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, receiving() as elsewhere:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, elsewhere.url)
        async with open_poster(receiver.url, SECRET, timeout=5.0) as poster:
            await poster.post(BODY)

    assert (len(receiver.heard), len(elsewhere.heard)) == (1, 0)


# --- places --------------------------------------------------------------------------------------


async def test_a_place_outlives_the_process(tmp_path: Path) -> None:
    assert await Cursor(tmp_path, "desk").read() is None

    await Cursor(tmp_path, "desk").write(7)
    await Cursor(tmp_path, "desk").write(8)

    assert await Cursor(tmp_path, "desk").read() == 8
    assert await Cursor(tmp_path, "night").read() is None


async def test_a_place_that_says_nothing_is_none(tmp_path: Path) -> None:
    await Cursor(tmp_path, "desk").write(7)
    (tmp_path / "webhooks" / "desk").write_text("seven")

    assert await Cursor(tmp_path, "desk").read() is None
