"""
`python -m tests.acceptance.trapped_server serve …`: the real program with a trap at a failpoint.

The journal, the venue's adapter, its socket and the clients' sockets are wrapped from outside;
everything between them is what a person would start.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, assert_never
from unittest.mock import patch

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from rpcserver.cli.main import main
from rpcserver.core.entries import Entry
from rpcserver.core.records import Record
from rpcserver.domain.order import OrderRequest
from rpcserver.driver import performer
from rpcserver.driver.ports import OrderChanged
from rpcserver.journal.sqlite import SqliteJournal
from rpcserver.server.transport import WebSocketTransport
from rpcserver.venues.paper import RemotePaperVenue, protocol, remote
from tests.acceptance.failpoints import TRAP_VARIABLE, Action, Trap

CALL_DEADLINE = 0.5  # seconds, where it freezes: a freeze is to outlast every patience

METHODS = ("submit_order", "cancel_order", "change_order", "query_order", "snapshot", "accounts")
MESSAGES = {
    protocol.Submit: "submit",
    protocol.Cancel: "cancel",
    protocol.Change: "change",
    protocol.Query: "query",
}
FRAMES = {b'"type":"accepted"': "accepted", b'"type":"progress"': "progress", b'{"id":"': "final"}


class Sprung(Exception):
    """What no caller of a port expects."""


class Wire:
    """Counts how often the trap's failpoint is passed, and springs the trap."""

    def __init__(self, trap: Trap | None) -> None:
        self._trap = trap
        self._passed = 0

    def pass_by(self, failpoint: str, account: str | None = None) -> None:
        """Be at *failpoint*, on behalf of *account* if of anybody's."""
        trap = self._trap
        if trap is None or trap.failpoint != failpoint or account not in (None, trap.account):
            return
        self._passed += 1
        if self._passed == trap.visit:
            Path(trap.mark).touch()
            _act(trap.action)


def _act(action: Action) -> None:
    match action:
        case Action.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Action.FREEZE:
            os.kill(os.getpid(), signal.SIGSTOP)
        case Action.RAISE:
            raise Sprung
        case _:
            assert_never(action)


# --- the ports -----------------------------------------------------------------------------------


class Traps:
    """The wrapped ports. Every one passes by the wire, and does what the real one does."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def set(self, stack: ExitStack) -> None:
        """Wrap everything until *stack* is left."""
        for owner, name, wrapped in (
            (SqliteJournal, "append", self._append(SqliteJournal.append)),
            (SqliteJournal, "unfinished", self._unfinished(SqliteJournal.unfinished)),
            (WebSocketTransport, "write", self._write(WebSocketTransport.write)),
            *(
                (RemotePaperVenue, name, self._called(name, getattr(RemotePaperVenue, name)))
                for name in METHODS
            ),
            (remote, "connect", partial(connect, create_connection=self._connection())),
        ):
            stack.enter_context(patch.object(owner, name, wrapped))

    def _append(
        self, append: Callable[[SqliteJournal, Sequence[Record]], Awaitable[Sequence[Entry]]]
    ) -> Callable[[SqliteJournal, Sequence[Record]], Awaitable[Sequence[Entry]]]:
        async def trapped(journal: SqliteJournal, records: Sequence[Record]) -> Sequence[Entry]:
            kinds = dict.fromkeys(str(record.__struct_config__.tag) for record in records)
            for kind in kinds:
                self._wire.pass_by(f"{kind}.before_commit")
            entries = await append(journal, records)
            for kind in kinds:
                self._wire.pass_by(f"{kind}.after_commit")
            return entries

        return trapped

    def _unfinished(
        self, unfinished: Callable[[SqliteJournal], Awaitable[Sequence[Record]]]
    ) -> Callable[[SqliteJournal], Awaitable[Sequence[Record]]]:
        async def trapped(journal: SqliteJournal) -> Sequence[Record]:
            self._wire.pass_by("unfinished.reading")
            records = await unfinished(journal)
            self._wire.pass_by("unfinished.read")
            return records

        return trapped

    def _called(
        self, name: str, method: Callable[..., Awaitable[object]]
    ) -> Callable[..., Awaitable[object]]:
        async def trapped(venue: RemotePaperVenue, *args: Any, **kwargs: Any) -> object:
            account = _account_of(args[0]) if args else None
            self._wire.pass_by(f"{name}.called", account)
            answer = await method(venue, *args, **kwargs)
            self._wire.pass_by(f"{name}.returned", account)
            return answer

        return trapped

    def _write(
        self, write: Callable[[WebSocketTransport, bytes], None]
    ) -> Callable[[WebSocketTransport, bytes], None]:
        def trapped(transport: WebSocketTransport, frames: bytes) -> None:
            kinds = [kind for sign, kind in FRAMES.items() if sign in frames]
            for kind in kinds:
                self._wire.pass_by(f"{kind}.telling")
            write(transport, frames)
            for kind in kinds:
                self._wire.pass_by(f"{kind}.told")

        return trapped

    def _connection(self) -> type[ClientConnection]:
        """The adapter's socket, which knows what it carries."""
        wire = self._wire

        class TrappedConnection(ClientConnection):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self._asked: dict[int, tuple[str, str]] = {}  # message and account, by number

            async def send(self, message: Any, *args: Any, **kwargs: Any) -> None:
                going = []
                for request in protocol.decode_requests(message):
                    if (name := MESSAGES.get(type(request.call))) is not None:
                        going.append((name, _account_of(request.call)))
                        self._asked[request.id] = going[-1]
                for name, account in going:
                    wire.pass_by(f"{name}.leaving", account)
                await super().send(message, *args, **kwargs)
                for name, account in going:
                    wire.pass_by(f"{name}.left", account)

            async def recv(self, *args: Any, **kwargs: Any) -> Any:
                message = await super().recv(*args, **kwargs)
                for frame in protocol.decode_frames(message):
                    match frame:
                        case protocol.Reply(number) if number in self._asked:
                            name, account = self._asked.pop(number)
                            wire.pass_by(f"{name}.answered", account)
                        case protocol.Happened(OrderChanged(report)):
                            wire.pass_by("event.heard", report.account)
                return message

        return TrappedConnection


def _account_of(what: Any) -> str:
    """Whose it is: an account's own name, or that of an order, or of what is asked about one."""
    match what:
        case protocol.Submit(order) | (OrderRequest() as order):
            return str(order.account)
        case protocol.Cancel(account) | protocol.Change(account) | protocol.Query(account):
            return str(account)
        case _:
            return str(what)


def run(arguments: list[str]) -> int:
    told = os.environ.get(TRAP_VARIABLE)
    trap = msgspec.json.decode(told, type=Trap) if told else None
    with ExitStack() as stack:
        Traps(Wire(trap)).set(stack)
        if trap is not None and trap.action is Action.FREEZE:
            stack.enter_context(patch.object(performer, "CALL_DEADLINE", CALL_DEADLINE))
        return main(arguments)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
