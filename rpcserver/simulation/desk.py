"""
The server's end of a call, as small as it can be: real frames in, real apis, the real engine, real
frames out. Connections, limits and buckets are the server's business and tested there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import anyio

from rpcserver.apis.catalogue import registry
from rpcserver.apis.decoding import decode_args
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.registry import Asked, ClosingApi, Directory
from rpcserver.core.entries import Entry
from rpcserver.core.progress import Progress, frames
from rpcserver.core.records import OperationFinished
from rpcserver.core.requests import CloseRequest
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import OperationId, PrincipalId, TokenId
from rpcserver.domain.principal import Principal, Role
from rpcserver.driver.engine import Engine
from rpcserver.driver.sandboxes import known_sandboxes
from rpcserver.wire.codec import check_strictly, decode_frame, encode, encode_final, one_line
from rpcserver.wire.frames import (
    Accepted,
    Attach,
    Cancel,
    CancelRequested,
    ProgressFrame,
    Rpc,
)

ANN = Principal(
    principal_id=PrincipalId("ann"),
    token_id=TokenId("tok-ann"),
    roles=frozenset({Role.TRADER, Role.RISK}),
)
Tell = Callable[[bytes], None]


class Desk:
    """Carries out the frames of every client of one life."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    async def carry_out(self, text: str, tell: Tell) -> None:
        """One frame, and everything that is told because of it, to its final answer."""
        frame = decode_frame(text)
        match frame:
            case Rpc():
                await self._call(frame, text, tell)
            case Attach():
                await self._attach(frame, tell)
            case Cancel():
                await self._cancel(frame, tell)
            case _:
                raise AssertionError(f"no client here sends {frame!r}")

    async def _call(self, frame: Rpc, text: str, tell: Tell) -> None:
        api = registry.find(frame.api)
        assert isinstance(api, ClosingApi), frame.api
        try:
            check_strictly(text, envelope=True)
            args = decode_args(api.args, frame.args)
            terms = api.terms(args, self._asked())
            said = one_line(frame.args)
            request = CloseRequest(
                api=frame.api,
                principal=ANN.principal_id,
                token_id=ANN.token_id,
                request_id=frame.id,
                idempotency_key=frame.idempotency_key,
                digest=_digest(frame.api, said),
                args=said,
                scope=terms.scope,
                amount=terms.amount,
                execution=terms.execution,
                check_hours=terms.check_hours,
                dry_run=terms.dry_run,
                plan_hash=terms.plan_hash,
                reason=terms.reason,
                deadline=terms.deadline,
                on_fence=terms.on_fence,
                wait_for_open=terms.wait_for_open,
                dust=terms.dust,
            )
            admitted = await self._engine.close(request, join=frame.idempotency_key is None)
        except InvalidRequest as error:
            tell(encode_final(frame.id, refuse_plainly(error)))
            return
        tell(
            encode(
                Accepted(
                    request_id=frame.id,
                    operation_id=admitted.operation_id,
                    duplicate=admitted.duplicate,
                )
            )
        )
        await self._follow(admitted.operation_id, frame.id, 0, tell)

    async def _attach(self, frame: Attach, tell: Tell) -> None:
        named = await self._named(frame)
        if named is None:
            refused = InvalidRequest("unknown_operation", "no operation of yours has this key")
            tell(encode_final(frame.id, refuse_plainly(refused)))
            return
        await self._follow(named, frame.id, frame.after, tell)

    async def _cancel(self, frame: Cancel, tell: Tell) -> None:
        named = await self._named(frame)
        if named is not None:
            stopped = await self._engine.cancel(named, ANN.principal_id)
            tell(encode(CancelRequested(operation_id=named, ended=not stopped)))

    async def _named(self, frame: Attach | Cancel) -> OperationId | None:
        if frame.operation_id is not None:
            return OperationId(frame.operation_id)
        assert frame.idempotency_key is not None
        return await self._engine.find(ANN.principal_id, frame.idempotency_key)

    async def _follow(
        self, operation_id: OperationId, request_id: str, after: int, tell: Tell
    ) -> None:
        """Past steps from the journal, then live ones, then the end."""
        follower = _Follower(operation_id, after, tell)
        stop = self._engine.subscribe(follower.hear)
        try:
            follower.replay(await self._engine.journal.operation(operation_id, after=after))
            report = await self._engine.finished(operation_id)
        finally:
            stop()
        api = registry.find(report.request.api)
        assert isinstance(api, ClosingApi)
        tell(encode_final(request_id, api.answer(report, True)))

    def _asked(self) -> Asked:
        engine = self._engine
        return Asked(
            principal=ANN,
            directory=Directory.of(engine.accounts, engine.instruments, known_sandboxes(engine)),
            now=self._clock(),
            new_order_id=lambda: UUID(int=0).hex,
        )


class _Follower:
    """Tells each step of one operation once, in order."""

    def __init__(self, operation_id: OperationId, after: int, tell: Tell) -> None:
        self._operation_id = operation_id
        self._last = after
        self._tell = tell
        self._early: list[Entry] | None = []  # what happened while the past was read

    def hear(self, entries: Sequence[Entry]) -> None:
        if self._early is not None:
            self._early.extend(entries)
            return
        for entry in entries:
            if isinstance(entry.record, OperationFinished):
                continue
            for progress in frames(entry.record):
                if progress.operation_id == self._operation_id and progress.seq > self._last:
                    self._last = progress.seq
                    self._tell(encode(progress_frame(progress)))

    def replay(self, entries: Sequence[Entry]) -> None:
        early, self._early = self._early or [], None
        self.hear((*entries, *early))


def progress_frame(progress: Progress) -> ProgressFrame:
    """A step as it stands on the wire."""
    values = {name: getattr(progress, name) for name in progress.__struct_fields__}
    return ProgressFrame(**values)


def _digest(api: str, args: str) -> str:
    said = json.loads(args)
    said.pop("reason", None)
    return sha256(json.dumps([api, said], sort_keys=True).encode()).hexdigest()


async def pause(seconds: float) -> None:
    """Wait in virtual time."""
    await anyio.sleep(seconds)
