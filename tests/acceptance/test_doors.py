"""Where the server listens, and what lies in its directory."""

from __future__ import annotations

import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake

from rpcclient import CannotConnect, RpcClient
from tests.acceptance.clients import Client, connected
from tests.acceptance.conftest import Stage
from tests.acceptance.processes import PATIENCE, ROOT, ServerProgram, environment, running

pytestmark = pytest.mark.anyio


def command(
    *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What a person would type."""
    return subprocess.run(
        [sys.executable, "-m", "rpcserver", *arguments],
        cwd=ROOT,
        env=environment({}) | dict(environ or {}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


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


async def test_told_insecure_it_listens_beyond_this_machine(tmp_path: Path) -> None:
    server = ServerProgram(tmp_path, {"host": "0.0.0.0", "insecure": True})
    with running(server):
        async with connected(server.url, server.token) as client:
            assert (await client.call("Ping")).data["success"]


class Encrypted(NamedTuple):
    """A server with a certificate of its own, and the authority that vouches for it."""

    server: ServerProgram
    url: str
    ca_file: Path


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    directory = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    ca_file, certificate, key = (directory / name for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(ca_file)
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(certificate, append=number > 0)
    issued.private_key_pem.write_to_path(key)
    # Beyond this machine: with TLS nothing else is asked for.
    settings = {"host": "0.0.0.0", "tls_certificate": certificate, "tls_key": key}
    server = ServerProgram(directory / "server", settings)
    with running(server):
        yield Encrypted(server, f"wss://localhost:{server.port}/ws/stream", ca_file)


async def test_over_tls(encrypted: Encrypted) -> None:
    assert encrypted.server.ready["url"].startswith("wss://")
    trust = ssl.create_default_context(cafile=str(encrypted.ca_file))
    bearer = {"Authorization": f"Bearer {encrypted.server.token}"}
    async with connect(encrypted.url, ssl=trust, additional_headers=bearer, proxy=None) as socket:
        assert (await Client(socket).call("FlattenEverything")).data["flat"] is True


async def test_our_own_client_speaks_tls_to_whom_it_trusts(encrypted: Encrypted) -> None:
    trust = ssl.create_default_context(cafile=str(encrypted.ca_file))
    async with RpcClient(encrypted.url, encrypted.server.token, tls=trust) as client:
        assert (await client.call("Ping"))["success"]

    with pytest.raises(CannotConnect, match="certificate"):
        async with RpcClient(encrypted.url, encrypted.server.token):
            pass


async def test_the_command_line_speaks_tls_to_whom_it_trusts(encrypted: Encrypted) -> None:
    here = ["--url", encrypted.url, "--data-dir", str(encrypted.server.data_dir)]

    trusting = command("--ca-file", str(encrypted.ca_file), "positions", *here)
    told = command("positions", *here, environ={"RPCSERVER_CA_FILE": str(encrypted.ca_file)})
    doubting = command("positions", *here)
    mistaken = command("--ca-file", str(encrypted.server.data_dir / "none.pem"), "positions")

    assert (trusting.returncode, told.returncode) == (0, 0)
    assert doubting.returncode != 0
    assert "certificate" in doubting.stderr
    assert mistaken.returncode != 0
    assert "none.pem" in mistaken.stderr


async def test_in_the_clear_nobody_gets_into_an_encrypted_server(encrypted: Encrypted) -> None:
    url = encrypted.url.replace("wss://", "ws://")
    with pytest.raises((InvalidHandshake, OSError, EOFError)):
        async with connected(url, encrypted.server.token):
            pass


@pytest.mark.parametrize("kind", ["missing", "no certificate", "another's key", "locked"])
async def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path, kind: str) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued = trustme.CA().issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(certificate)
    match kind:
        case "no certificate":
            certificate.write_text("-----BEGIN NOTHING-----\n")
            issued.private_key_pem.write_to_path(key)
        case "another's key":
            trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(key)
        case "locked":
            private = load_pem_private_key(issued.private_key_pem.bytes(), None)
            locked = BestAvailableEncryption(b"secret")
            key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    settings = {"tls_certificate": certificate, "tls_key": key}

    code, said = ServerProgram(tmp_path / "server", settings).refuse_to_start()

    assert code != 0
    assert ("tls_key" if kind == "missing" else "tls_certificate") in said
    assert str(key if kind == "missing" else certificate) in said
    assert "Traceback" not in said


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
