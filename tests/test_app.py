"""Build, serve, stop: the whole server in this process, on a disk and a socket of its own."""

from __future__ import annotations

import gc
import json
import os
import signal
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread
import pytest
from loguru import logger
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from rpcserver import app
from rpcserver.cli.exits import Exit
from rpcserver.cli.main import main
from rpcserver.core.entries import Entry, Head
from rpcserver.core.records import OrderIntended, Record
from rpcserver.domain.errors import JournalBroken
from rpcserver.journal.errors import JournalUnusable
from rpcserver.journal.signing import is_signed, open_notary
from rpcserver.journal.sqlite import SqliteJournal, open_journal
from rpcserver.settings import Settings, VenueKind, VenueSettings

pytestmark = pytest.mark.anyio

PATIENCE = 20.0  # seconds


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _the_process_as_it_was() -> Iterator[None]:
    """A server tunes its process: the collector, the interpreter's turns, the log."""
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    sys.setswitchinterval(interval)
    logger.remove()
    logger.add(sys.stderr)


def _settings(data_dir: Path, **venue: object) -> Settings:
    return Settings(
        data_dir=data_dir,
        port=0,
        drain_timeout=5.0,
        venue=VenueSettings(tick_interval=0, **venue),  # type: ignore[arg-type]
    )


class Running:
    """A server at work in a task of the test's."""

    def __init__(self, ready: app.Ready) -> None:
        self.ready = ready
        self.token = ready.token_file.read_text().strip()
        self.is_stopping = False
        self.exit_code: int | None = None
        self.ended = anyio.Event()

    def stop(self) -> None:
        """Once: a second signal would end the tests."""
        if not (self.is_stopping or self.ended.is_set()):
            self.is_stopping = True
            os.kill(os.getpid(), signal.SIGTERM)

    async def end(self) -> int | None:
        with anyio.fail_after(PATIENCE):
            await self.ended.wait()
        return self.exit_code

    @asynccontextmanager
    async def client(self) -> AsyncIterator[ClientConnection]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with connect(self.ready.url, additional_headers=headers, proxy=None) as socket:
            yield socket


@asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[Running]:
    """Run a server; it is told to stop at the end of the block unless it has ended by then."""
    started = anyio.Event()
    servers: list[Running] = []

    def ready(told: app.Ready) -> None:
        servers.append(Running(told))
        started.set()

    async def serve() -> None:
        code = await app.run(settings, ready)
        servers[0].exit_code = code
        servers[0].ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        with anyio.fail_after(PATIENCE):
            await started.wait()
        [server] = servers
        yield server
        server.stop()
        await server.end()


async def _hear(
    socket: ClientConnection, until: Callable[[dict[str, object]], bool]
) -> list[dict[str, object]]:
    """The frames up to the first that is waited for."""
    heard: list[dict[str, object]] = []
    with anyio.fail_after(PATIENCE):
        while not (heard and until(heard[-1])):
            heard.append(json.loads(await socket.recv()))
    return heard


async def _hear_out(socket: ClientConnection) -> list[dict[str, object]]:
    """Every frame, until the server ends the connection."""
    heard: list[dict[str, object]] = []
    with anyio.fail_after(PATIENCE), suppress(ConnectionClosed):
        while True:
            heard.append(json.loads(await socket.recv()))
    return heard


def _flatten_everything(name: str = "r1", **args: object) -> str:
    return json.dumps(
        {
            "action": "rpc",
            "id": name,
            "api": "FlattenEverything",
            "args": args,
            "idempotencyKey": f"key-{name}",
        }
    )


async def _answer(socket: ClientConnection, name: str) -> dict[str, object]:
    [*_, final] = await _hear(socket, lambda frame: frame.get("id") == name)
    data = final["data"]
    assert isinstance(data, dict)
    return data


# --- starting ------------------------------------------------------------------------------------


async def test_the_first_token_is_for_its_owner_alone_and_stays(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "data")
    async with _running(settings) as server:
        path = server.ready.token_file
        token = server.token

        assert path.parent == settings.data_dir
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(settings.data_dir.stat().st_mode) & 0o077 == 0
        assert len(token) >= 43, "256 bits"
        async with server.client() as socket:
            await socket.send('{"action":"ping"}')
            await _hear(socket, lambda frame: frame.get("type") == "pong")
    assert await server.end() == 0

    async with _running(settings) as server:
        assert server.token == token
        assert token.encode() not in (settings.data_dir / app.JOURNAL_FILE).read_bytes()


async def test_a_token_file_that_was_there_before_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / app.TOKEN_FILE
    path.write_text("left behind\n")
    path.chmod(0o644)
    async with _running(_settings(tmp_path)) as server:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "left behind" not in server.token


async def test_a_crash_while_the_first_token_is_made_locks_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> None:
        raise JournalBroken("the disk is gone")

    monkeypatch.setattr(SqliteJournal, "add_token", die)
    assert await app.run(_settings(tmp_path)) == app.JOURNAL_BROKEN
    monkeypatch.undo()

    async with _running(_settings(tmp_path)) as server, server.client() as socket:
        await socket.send('{"action":"ping"}')
        await _hear(socket, lambda frame: frame.get("type") == "pong")


async def test_one_data_directory_has_one_server(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    async with _running(settings) as server:
        with pytest.raises(JournalUnusable):
            await app.run(settings)
        assert not server.ended.is_set()
        async with server.client() as socket:
            await socket.send('{"action":"ping"}')
            await _hear(socket, lambda frame: frame.get("type") == "pong")


async def test_a_venue_that_is_down_does_not_keep_the_server_from_starting(tmp_path: Path) -> None:
    """Its accounts are unknown: a call over everything is neither a success nor flat."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
    # Nobody listens there any more.
    remote = _settings(tmp_path, kind=VenueKind.REMOTE, url=f"ws://127.0.0.1:{port}")
    async with _running(remote) as server, server.client() as socket:
        await socket.send(_flatten_everything(deadlineMs=2000))
        data = await _answer(socket, "r1")

    assert data["success"] is False
    assert data["flat"] is False


# --- stopping ------------------------------------------------------------------------------------


async def test_a_stop_lets_what_runs_come_to_its_end(tmp_path: Path) -> None:
    async with _running(_settings(tmp_path, latency=0.3)) as server:
        async with server.client() as socket:
            await socket.send(_flatten_everything())
            await _hear(socket, lambda frame: frame.get("event") == "planned")
            server.stop()
            heard = await _hear(socket, lambda frame: frame.get("id") == "r1")
            data = heard[-1]["data"]
            assert isinstance(data, dict)
            assert data["flat"] is True
            assert "notice" in {frame.get("type") for frame in heard}
            await _hear_out(socket)
            assert socket.close_code == 1012
        assert await server.end() == 0


async def test_a_stop_admits_nothing_new(tmp_path: Path) -> None:
    async with _running(_settings(tmp_path, latency=0.3)) as server, server.client() as socket:
        await socket.send(_flatten_everything("r1"))
        await _hear(socket, lambda frame: frame.get("event") == "planned")
        server.stop()
        await _hear(socket, lambda frame: frame.get("type") == "notice")
        await socket.send(_flatten_everything("r2"))
        data = await _answer(socket, "r2")

        assert data["error"] == "shutting_down"


async def test_what_outlasts_the_drain_is_taken_up_by_the_next_start(tmp_path: Path) -> None:
    settings = _settings(tmp_path, latency=0.5)
    impatient = Settings(data_dir=tmp_path, port=0, drain_timeout=0.1, venue=settings.venue)
    async with _running(impatient) as server:
        async with server.client() as socket:
            await socket.send(_flatten_everything())
            await _hear(socket, lambda frame: frame.get("type") == "accepted")
            server.stop()
            with pytest.raises(ConnectionClosed):
                await _hear(socket, lambda frame: frame.get("id") == "r1")
        assert await server.end() == 0

    async with _running(_settings(tmp_path)) as server:
        assert server.ready.unfinished == 1
        async with server.client() as socket:
            await socket.send(_flatten_everything())
            data = await _answer(socket, "r1")
    assert data["flat"] is True


# --- a journal that breaks -----------------------------------------------------------------------


class BreakingJournal:
    """The journal on disk, until the first order is intended."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)

    async def append(self, records: Sequence[Record]) -> Sequence[Entry]:
        if any(isinstance(record, OrderIntended) for record in records):
            raise JournalBroken("the disk is gone")
        return await self._journal.append(records)


async def test_a_journal_that_breaks_ends_the_process_with_its_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def breaking(
        path: Path, *, on_commit: Callable[[int, float], None]
    ) -> AsyncIterator[BreakingJournal]:
        async with open_journal(path, on_commit=on_commit) as journal:
            yield BreakingJournal(journal)

    monkeypatch.setattr(app, "open_journal", breaking)
    async with _running(_settings(tmp_path)) as server:
        async with server.client() as socket:
            await socket.send(_flatten_everything())
            heard = await _hear_out(socket)
            assert "sending" not in {frame.get("event") for frame in heard}
            finals = [frame["data"] for frame in heard if frame.get("id") == "r1"]
            assert all(isinstance(data, dict) and not data["success"] for data in finals)
        assert await server.end() == app.JOURNAL_BROKEN
    monkeypatch.undo()

    async with _running(_settings(tmp_path)) as server:
        assert server.ready.unfinished == 1
        async with server.client() as socket:
            await socket.send(_flatten_everything())
            assert (await _answer(socket, "r1"))["flat"] is True


# --- witnesses -----------------------------------------------------------------------------------


async def test_a_signed_witness_shows_that_the_journals_end_was_cut_off(tmp_path: Path) -> None:
    async with _running(_settings(tmp_path)) as server, server.client() as socket:
        await socket.send(_flatten_everything())
        final = await _answer(socket, "r1")
        await socket.send(_flatten_everything())  # the same press again
        repeated = await _answer(socket, "r1")
        asked = {"operationId": final["operationId"]}
        call = {"action": "rpc", "id": "g1", "api": "GetOperation", "args": asked}
        await socket.send(json.dumps(call))
        paged = await _answer(socket, "g1")
        await socket.send('{"action":"rpc","id":"v1","api":"VerifyAudit","args":{}}')
        verified = await _answer(socket, "v1")
    assert await server.end() == 0

    assert json.dumps(repeated) == json.dumps(final)
    operation = paged["operation"]
    assert isinstance(operation, dict)
    assert operation["auditSignature"] == final["auditSignature"]
    key = str(verified["publicKey"])
    head = Head(audit_seq=int(str(verified["auditSeq"])), audit_hash=str(verified["auditHead"]))
    assert is_signed(head, str(verified["auditSignature"]), key)

    witness = ":".join(str(final[key]) for key in ("auditSeq", "auditHead", "auditSignature"))
    there, offline = ["--data-dir", str(tmp_path)], ["audit", "verify", "--offline"]
    with closing(sqlite3.connect(tmp_path / app.JOURNAL_FILE)) as db, db:
        for table in ("records", "places"):
            db.execute(f"DELETE FROM {table} WHERE audit_seq >= ?", (final["auditSeq"],))

    def verify(*arguments: str) -> int:
        return main([*offline, *there, *arguments])

    run = anyio.to_thread.run_sync
    assert await run(verify) == Exit.OK  # a chain alone cannot tell
    assert await run(verify, "--witness", witness) == Exit.UNHEALTHY
    assert await run(verify, "--witness", witness, "--public-key", key) == Exit.UNHEALTHY


async def test_a_witness_that_was_made_up_is_not_believed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notary = open_notary(tmp_path)
    head = Head(audit_seq=1, audit_hash="00" * 32)
    witness = f"1:{head.audit_hash}:{notary.sign(head)[:-1]}0"

    def verify() -> int:
        return main(["audit", "verify", "--data-dir", str(tmp_path), "--witness", witness])

    assert await anyio.to_thread.run_sync(verify) == Exit.UNHEALTHY
    assert "never signed" in capsys.readouterr().err
