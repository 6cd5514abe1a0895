"""
RFC 6455, case by case: `python -m tests.fuzz.conformance [CASE …]` (all of them without any).

The cases are the Autobahn test suite's, its runner kosoku. They want an echo, so one stands where
a conversation would be; the listener, its handshake, its limits and the way frames are written
past the library are the server's own. Left out is what the server does not speak: compression
(12, 13). Prints every case that is not simply "OK", and why where it is known; exits with 1 if
one failed that is not known to.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from unittest.mock import patch

import anyio
from kosoku import FailureError, run_fuzzingclient

from rpcserver.apis.catalogue import registry
from rpcserver.server import listener
from rpcserver.server.auth import Identity
from rpcserver.server.backend import Backend
from rpcserver.server.limits import Limits
from rpcserver.server.settings import ServerSettings
from rpcserver.server.transport import Disconnected, Transport
from rpcserver.wire.close_codes import CloseCode
from rpcserver.wire.framing import text_frame
from tests.server.fakes import FakeEngine

LARGEST = 2**24 + 1024  # bytes: chapter 9 echoes 16 MiB
COMPRESSION = ("12.*", "13.*")
GOOD = "OK"

_FRAGMENTS = (
    "a message in over ten thousand fragments is refused with 1009: an attack, or as good as"
)
KNOWN = {
    "7.1.5": "a goodbye in the middle of a message is answered with 1002: the message is lost",
    "9.3.1": _FRAGMENTS,
    "9.3.2": _FRAGMENTS,
    "9.4.1": _FRAGMENTS,
    "9.4.2": _FRAGMENTS,
}
"""What the library decides otherwise than the suite, and rightly."""


class Verdict:
    """What became of one case."""

    def __init__(self, case: str, behavior: str, closing: str, *, passed: bool, why: str) -> None:
        self.case, self.behavior, self.closing = case, behavior, closing
        self.passed = passed
        self.why = why

    @property
    def is_plain(self) -> bool:
        return self.behavior == self.closing == GOOD

    def __str__(self) -> str:
        return f"{self.case:>8}  {self.behavior:<13}  {self.closing:<13}  {self.why}"


class Echo:
    """Stands where a `Connection` would: says back whatever it hears."""

    def __init__(self, transport: Transport, _backend: Backend, _identity: Identity | None) -> None:
        self._transport = transport

    async def serve(self) -> None:
        try:
            while True:
                message = await self._transport.receive()
                is_text = isinstance(message, str)
                frame = text_frame(message.encode() if isinstance(message, str) else message)
                self._transport.write(frame if is_text else b"\x82" + frame[1:])
                await self._transport.drain()
        except Disconnected:
            return

    def end(self, _code: CloseCode, _reason: str) -> None:
        """At a stop everyone is sent home; this one leaves with its client."""


@asynccontextmanager
async def an_echo() -> AsyncIterator[int]:
    """Our own listener with an echo behind it; its port."""
    settings = ServerSettings(port=0, limits=Limits(frame_bytes_max=LARGEST))
    with patch.object(listener, "Connection", Echo):
        async with listener.serve(settings, FakeEngine(), registry) as server:
            yield server.port


async def examine(cases: Sequence[str] | None, *, parallel: int = 8) -> list[Verdict]:
    """
    Run *cases* (globs; None: every one) and tell what became of each.

    The suite's clocks are short: what fails in the crowd is run once more, alone, and that counts.
    """
    async with an_echo() as port:
        address = f"ws://127.0.0.1:{port}/"
        verdicts = await _run(address, cases, parallel)
        if crowded := [each.case for each in verdicts if not each.passed]:
            alone = {each.case: each for each in await _run(address, crowded, 1)}
            verdicts = [alone.get(each.case, each) for each in verdicts]
    return verdicts


async def _run(address: str, cases: Sequence[str] | None, parallel: int) -> list[Verdict]:
    try:
        results = await run_fuzzingclient(address, cases, COMPRESSION, parallel)
    except FailureError as failure:
        results = failure.results
    return [
        Verdict(
            each.case_id,
            each.behavior.value,
            each.behavior_close.value,
            passed=each.passed,
            why="" if each.passed else KNOWN.get(each.case_id, each.result_close),
        )
        for each in results
    ]


def main(cases: list[str]) -> int:
    verdicts = anyio.run(examine, cases or None)
    for verdict in verdicts:
        if not verdict.is_plain:
            print(verdict)
    failed = [each for each in verdicts if not each.passed and each.case not in KNOWN]
    known = [each for each in verdicts if not each.passed and each.case in KNOWN]
    print(f"{len(verdicts)} cases, {len(failed)} failed, {len(known)} decided otherwise")
    return 1 if failed or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
