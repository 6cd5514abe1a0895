"""
One POST to a webhook: signed, in bounded time, and taken only if the receiver says so itself.

    Rpcserver-Timestamp: seconds since 1970, when it was posted
    Rpcserver-Signature: sha256=HMAC-SHA-256( secret, timestamp "." body ), in hexadecimal

A redirect is a refusal: a body that is signed for one receiver goes to no other. Nothing of the
environment decides where it goes, and the certificate is checked. Addresses and secrets are never
logged: an address may be a secret itself.
"""

from __future__ import annotations

import hmac
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

import anyio
import httpx

from rpcserver.domain.errors import RpcServerError

TIMESTAMP = "Rpcserver-Timestamp"
SIGNATURE = "Rpcserver-Signature"
AGENT = "rpcserver"


class NotTaken(RpcServerError):
    """The receiver did not take it, or nobody knows: post it again later."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return self.why


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    """What a receiver reckons again to know that *body* comes from whoever shares *secret*."""
    told = timestamp.encode() + b"." + body
    return f"sha256={hmac.new(secret.encode(), told, 'sha256').hexdigest()}"


class Poster:
    """Posts to one receiver. Built by `open_poster`."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        secret: str,
        timeout: float,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._url = url
        self._secret = secret
        self._timeout = timeout
        self._clock = clock

    async def post(self, body: bytes) -> None:
        """
        Hand *body* over.

        Raises:
            NotTaken: It was refused, or there was no answer in time.
        """
        timestamp = str(int(self._clock()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            TIMESTAMP: timestamp,
            SIGNATURE: signature_of(self._secret, timestamp, body),
        }
        try:
            with anyio.fail_after(self._timeout):  # of the whole: drops of an answer do not extend
                async with self._client.stream(
                    "POST", self._url, content=body, headers=headers
                ) as answer:
                    status = answer.status_code  # what else it answers is nobody's business here
        except TimeoutError as exc:
            raise NotTaken(f"no answer within {self._timeout:g} s") from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise NotTaken(type(exc).__name__ + _cause(exc)) from exc
        if not 200 <= status < 300:
            raise NotTaken(f"it answered {status}")


@asynccontextmanager
async def open_poster(
    url: str,
    secret: str,
    *,
    timeout: float,
    ca_file: Path | None = None,
    clock: Callable[[], float] = time,
) -> AsyncIterator[Poster]:
    """Post to *url* until the block is left. *timeout* in seconds, of each post."""
    trusted = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        trusted.load_verify_locations(ca_file)
    async with httpx.AsyncClient(
        verify=trusted,
        follow_redirects=False,
        trust_env=False,
        timeout=timeout,
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
    ) as client:
        yield Poster(client, url, secret, timeout, clock)


def _cause(error: BaseException) -> str:
    """Why a connection could not be trusted; other causes name addresses."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return f": {cause.reason}"
        cause = cause.__cause__ or cause.__context__
    return ""
