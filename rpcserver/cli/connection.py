"""Which server to talk to, as whom; and what its refusals mean for the exit code."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from pathlib import Path

import msgspec

from rpcclient import ClientError, Notice, RpcClient, RpcError, Unauthenticated
from rpcserver.cli.exits import Exit, of_error
from rpcserver.cli.output import Output
from rpcserver.settings import default_data_dir

DEFAULT_URL = "ws://127.0.0.1:8787/ws/stream"
TOKEN_VARIABLE = "RPCSERVER_TOKEN"
TOKEN_FILE_NAME = "admin.token"  # the first token of a data directory, made at its first start
CA_VARIABLE = "RPCSERVER_CA_FILE"
GIVE_UP_AFTER = 120.0  # seconds without a connection: longer than any restart


_trusted: ContextVar[ssl.SSLContext | None] = ContextVar("trusted", default=None)


def trust(ca_file: Path | None) -> None:
    """
    Trust servers whose certificate *ca_file* vouches for, in place of the system's authorities.

    Raises:
        ValueError: There are no certificates in it.
    """
    try:
        _trusted.set(ssl.create_default_context(cafile=ca_file) if ca_file is not None else None)
    except (OSError, ssl.SSLError) as exc:
        why = exc.strerror or "it holds no certificate"
        raise ValueError(f"{ca_file}: cannot be used as certificates to trust: {why}") from exc


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """Where to connect to, and where the token is; never the token itself."""

    url: str = DEFAULT_URL
    token_file: Path | None = None
    data_dir: Path | None = None

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What to trust; None: what the system trusts."""
        return _trusted.get()

    def token(self, environ: Mapping[str, str] = os.environ) -> str:
        """
        The token: of `token_file`, else of RPCSERVER_TOKEN, else of the data directory.

        Raises:
            Unauthenticated: There is none.
        """
        if self.token_file is not None:
            return _read(self.token_file)
        if token := environ.get(TOKEN_VARIABLE, "").strip():
            return token
        return _read(directory_of(self.data_dir) / TOKEN_FILE_NAME)


def directory_of(data_dir: Path | None) -> Path:
    """The data directory that was named, or the one a server keeps unless it is told another."""
    return (data_dir or default_data_dir()).expanduser()


def _read(path: Path) -> str:
    try:
        token = path.expanduser().read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise Unauthenticated(
            0,
            f"no token: {path} cannot be read ({exc.strerror}); "
            f"set {TOKEN_VARIABLE}, --token-file or --data-dir",
        ) from exc
    if not token:
        raise Unauthenticated(0, f"no token: {path} is empty")
    return token


def talk(
    connection: Connection, output: Output, work: Callable[[RpcClient], Awaitable[Exit]]
) -> Exit:
    """Connect, do *work*, and turn whatever goes wrong into words and an exit code."""

    async def live() -> Exit:
        client = RpcClient(
            connection.url,
            connection.token(),
            tls=connection.tls,
            give_up_after=GIVE_UP_AFTER,
            on_notice=lambda notice: _remark(output, notice),
        )
        async with client:
            return await work(client)

    try:
        return asyncio.run(live())
    except ClientError as exc:
        return complain(output, exc)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def complain(output: Output, error: ClientError, *, accepted: bool = False) -> Exit:
    """Say what is wrong and return its exit code."""
    code = of_error(error, accepted=accepted)
    match error:
        case RpcError():
            output.complain(error.code, error.detail)
        case _:
            output.complain(code.name.lower(), str(error))
    return code


def _remark(output: Output, notice: Notice) -> None:
    if notice.type in ("notice", "error"):
        word = notice.data.get("notice", notice.data.get("error", ""))
        output.remark(f"server: {word} {notice.data.get('detail', '')}")
