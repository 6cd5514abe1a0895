"""Where the server listens, and what lies in its directory."""

from __future__ import annotations

import ssl
import stat
import subprocess
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.acceptance.clients import Client
from tests.acceptance.conftest import Stage
from tests.acceptance.processes import ServerProgram, running

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"host": "::"}])
async def test_beyond_this_machine_only_with_tls(tmp_path: Path, settings: dict[str, str]) -> None:
    code, said = ServerProgram(tmp_path, settings).refuse_to_start()

    assert code != 0
    assert "host" in said
    assert "TLS" in said


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"venue.tick_intervall": 1}, "RPCSERVER_VENUE_TICK_INTERVALL"),
        ({"limits.frame_bytes_max": "many"}, "limits.frame_bytes_max"),
        ({"venue.kind": "binance"}, "venue.kind"),
        ({"tls_certificate": "/nowhere/cert.pem"}, "tls_key"),
    ],
)
async def test_a_setting_that_cannot_be_is_named(
    tmp_path: Path, settings: dict[str, object], named: str
) -> None:
    code, said = ServerProgram(tmp_path, settings).refuse_to_start()

    assert code != 0
    assert named in said
    assert "Traceback" not in said


async def test_over_tls(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    server = ServerProgram(tmp_path / "server", {"tls_certificate": certificate, "tls_key": key})
    with running(server):
        assert server.ready["url"].startswith("wss://")
        trust = ssl.create_default_context(cafile=str(certificate))
        bearer = {"Authorization": f"Bearer {server.token}"}
        url = f"wss://localhost:{server.port}/ws/stream"
        async with connect(url, ssl=trust, additional_headers=bearer, proxy=None) as socket:
            assert (await Client(socket).call("FlattenEverything")).data["flat"] is True


async def test_the_directory_is_its_owners_alone(stage: Stage) -> None:
    directory = stage.server.data_dir
    assert stat.S_IMODE(directory.stat().st_mode) & 0o077 == 0
    token = directory / "admin.token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    for file in directory.iterdir():
        assert stage.token.encode() not in file.read_bytes() or file == token, (
            "the token is stored as its hash only"
        )


async def test_the_first_token_is_made_once(stage: Stage) -> None:
    token = stage.server.token
    stage.server.kill()
    stage.server.start()

    assert stage.server.token == token
