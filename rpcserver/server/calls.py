"""
One call, from its frame to its one final answer.

A closing call is durable before `accepted` is told, and nothing that happens to the connection
afterwards stops it (law 35): what is shielded here is admitted although the client has left.
Whatever goes wrong is answered in the api's own dialect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec
from anyio import current_time, move_on_after

from rpcserver.apis.decoding import decode_args
from rpcserver.apis.defaults import keys_of, with_hours, with_preferences
from rpcserver.apis.queries import Data, Nothing, Query
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.registry import Api, Ask, ClosingApi, QueryApi
from rpcserver.core.decision import Admitted as Repeated
from rpcserver.core.events import Noticed
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import CloseRequest
from rpcserver.core.state import KEY_LIFE
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import OperationId
from rpcserver.domain.principal import Principal
from rpcserver.driver.folding import no_such_operation
from rpcserver.server.admission import (
    check_permission,
    check_query,
    close_request,
    digest,
    may_cancel,
    may_see,
)
from rpcserver.server.backend import Backend
from rpcserver.server.failures import InternalFailure, RateLimited, extras, told
from rpcserver.server.limits import Allowance
from rpcserver.server.outbox import Outbox
from rpcserver.server.ports import Admitted
from rpcserver.server.rates_told import rate_limit, told_if_low
from rpcserver.server.sandboxes import accounts_asked, marked, with_keys
from rpcserver.server.settings_office import EXITING
from rpcserver.server.sizes import check_sequel
from rpcserver.wire.codec import check_strictly, encode, encode_final
from rpcserver.wire.frames import Accepted, Attach, Cancel, CancelRequested, ErrorFrame, Rpc
from rpcserver.wire.framing import text_frame

# What a token is told whose principal used the key by another one, over accounts not granted here.
_KEY_USED = InvalidRequest("idempotency_conflict", "the key named a call over other accounts")

LEG_BYTES_MIN = 150  # of one leg in any dialect's full answer: more legs than fit are not tried


class Calls:
    """The calls of one connection. Everything is told to its outbox."""

    def __init__(
        self,
        backend: Backend,
        principal: Principal,
        allowance: Allowance,
        *,
        outbox: Outbox,
        remote: str,
    ) -> None:
        self._backend = backend
        self._engine = backend.engine
        self._principal = principal
        self._allowance = allowance
        self._outbox = outbox
        self._remote = remote
        self.awaited: Counter[OperationId] = Counter()  # whose end is still to be told

    # --- calls --------------------------------------------------------------------------------

    def prepare(self, frame: Rpc, api: QueryApi[msgspec.Struct], text: str) -> Ask | None:
        """What a call that opens no operation asks for; None: it has been answered already."""
        try:
            check_permission(self._principal, api)
            if not api.read_only:
                check_strictly(text, envelope=False)
                if frame.idempotency_key is not None:
                    raise InvalidRequest(
                        "invalid_argument", "`idempotencyKey`: only closing calls keep that promise"
                    )
            args = decode_args(api.args, frame.args)
            ask = api.ask(args, self._backend.directory.asked(self._principal, self._remote))
            if isinstance(ask.query, Nothing):
                self._answer(frame.id, self._rated(ask.answer(None)))
                return None
            query = check_query(self._principal, ask.query)
            if api.permission not in EXITING:
                self._check_rate(query)
            return Ask(query, ask.answer)
        # The border of one call: whatever its handler raises is answered and logged, and must
        # not end the connection's other calls.
        except Exception as exc:  # noqa: BLE001
            self.refuse(frame.id, told(exc), api)
            return None

    async def read(self, frame: Rpc, api: QueryApi[msgspec.Struct], ask: Ask) -> None:
        """Carry out a call that changes nothing, and answer it."""
        try:
            final = encode_final(frame.id, self._rated(await self._carried_out(ask)))
            if len(final) > self._backend.limits.final_frame_bytes_max:
                raise InvalidRequest("answer_too_large", "ask for less: `limit` makes it shorter")
            self._outbox.post(text_frame(final))
        # The border of one call, as above.
        except Exception as exc:  # noqa: BLE001
            self.refuse(frame.id, told(exc), api)

    async def act(
        self, frame: Rpc, api: QueryApi[msgspec.Struct], text: str, delay: float = 0.0
    ) -> None:
        """Carry out a call that changes something, after *delay* seconds, and answer it."""
        try:
            # It is finished though the client may leave: an order whose sending is cut off in
            # the middle would be one more unknown.
            with self._backend.shelter.scope():
                await self._wait(delay)
                if (ask := self.prepare(frame, api, text)) is not None:
                    self._answer(frame.id, self._rated(await self._carried_out(ask)))
        # The border of one call, as above.
        except Exception as exc:  # noqa: BLE001
            self.refuse(frame.id, told(exc), api)

    async def _carried_out(self, ask: Ask) -> Data:
        """The answer to a call, in its dialect's words and with what its accounts are."""
        came_back = await self._backend.desk.carry_out(self._principal, ask.query, self._remote)
        known = self._backend.directory.current().sandboxes
        return marked(known, ask.query, ask.answer(came_back))

    def _answer(self, request_id: str, data: Data) -> None:
        self._outbox.post(text_frame(encode_final(request_id, data)))

    def _check_rate(self, query: Query) -> None:
        """
        Hold a call against the rates of the accounts that it reaches.

        Raises:
            RateLimited: Too many were made, by whomever.
        """
        if wait := self._backend.pacer.accounts(accounts_asked(query), current_time()):
            raise RateLimited(wait)

    def _rated(self, data: Data) -> Data:
        """*data* with what the token has left, where that is little."""
        left = self._allowance.left_for_calls(current_time())
        if left is None:
            return data
        return with_keys(data, {"rateLimit": rate_limit(left)})

    async def close(
        self, frame: Rpc, api: ClosingApi[msgspec.Struct], text: str, delay: float
    ) -> None:
        """Admit a closing call after *delay* seconds, follow it to its end, and answer it."""
        try:
            with self._backend.shelter.scope():
                await self._wait(delay)
                admitted = await self._admit(frame, api, text)
            accepted = Accepted(
                request_id=frame.id,
                operation_id=admitted.operation_id,
                duplicate=admitted.duplicate,
                rate_limit=told_if_low(self._allowance.left_for_closing(current_time())),
            )
            self._outbox.post(text_frame(encode(accepted)))
            with self._awaiting(admitted.operation_id):
                if frame.progress:
                    report = await self._follow(admitted.operation_id, after=0)
                else:
                    report = await self._end_of(admitted.operation_id)
                self._post_final(frame.id, report)
        # The border of one call, as above.
        except Exception as exc:  # noqa: BLE001
            self.refuse(frame.id, told(exc), api)

    async def _admit(self, frame: Rpc, api: ClosingApi[msgspec.Struct], text: str) -> Admitted:
        check_permission(self._principal, api)
        check_strictly(text, envelope=True)
        args = decode_args(api.args, frame.args)
        await self._backend.engine.settled_in()
        try:
            request, beyond = await self._backend.weighing.weighed(self._request(frame, api, args))
            confirmed = await self._backend.approvals.admit(self._principal, request, beyond)
            if confirmed is not None:
                return Repeated(confirmed, True)
            # A key names the operation by itself; without one, an identical running call is joined.
            admitted = await self._engine.close(request, join=frame.idempotency_key is None)
        except InvalidRequest as exc:
            if (repeated := await self._repeated(frame, api, args)) is not None:
                return repeated
            if exc.code == _KEY_USED.code and not await self._sees_the_keys_operation(frame):
                raise _KEY_USED from exc
            raise
        if admitted.duplicate and not await self._is_visible(admitted.operation_id):
            raise _KEY_USED
        return admitted

    def _request(
        self, frame: Rpc, api: ClosingApi[msgspec.Struct], args: msgspec.Struct
    ) -> CloseRequest:
        """What the call asks for, with what it left out taken from preferences and policy."""
        settings = self._backend.settings
        said = keys_of(frame.args)
        meant, preferred = with_preferences(args, said, settings.preferences_of(self._principal))
        terms = api.terms(meant, self._backend.directory.asked(self._principal, self._remote))
        check_sequel(settings.policy.sizes, terms.sequel)
        terms, ruled = with_hours(terms, said, preferred, settings.policy.hours)
        return close_request(
            frame,
            api,
            args,
            terms,
            principal=self._principal,
            canonical_api=self._backend.canonical_names[api.name],
            remote=self._remote,
            defaulted=(*preferred, *ruled),
        )

    async def _repeated(
        self, frame: Rpc, api: ClosingApi[msgspec.Struct], args: msgspec.Struct
    ) -> Admitted | None:
        """
        The operation that the key names, where it is the same call.

        A resend must find it although its names mean nothing now, or nothing new is admitted:
        after a restart its venue may not have been reached yet, and "no such account" would sound
        as if nothing had been done; so would "shutting down" while it is carried out.
        """
        if frame.idempotency_key is None:
            return None
        operation_id = await self._engine.find(self._principal.principal_id, frame.idempotency_key)
        if operation_id is None or not await self._is_visible(operation_id):
            return None
        report = await self._visible(operation_id)
        said = digest(self._backend.canonical_names[api.name], args)
        is_fresh = datetime.now(UTC) - report.opened_at < KEY_LIFE
        return Repeated(operation_id, True) if is_fresh and report.request.digest == said else None

    # --- operations ---------------------------------------------------------------------------

    async def attach(self, frame: Attach, delay: float) -> None:
        """Replay an operation, follow it to its end, and answer under this frame's id."""
        try:
            await self._wait(delay)
            operation_id = await self._named(frame)
            await self._visible(operation_id)
            with self._awaiting(operation_id):
                report = await self._follow(operation_id, after=frame.after)
                self._post_final(frame.id, report)
        # The border of one call, as above.
        except Exception as exc:  # noqa: BLE001
            self.refuse(frame.id, told(exc), None)

    async def cancel(self, frame: Cancel, delay: float) -> None:
        """Stop what an operation has not yet sent."""
        try:
            with self._backend.shelter.scope():
                await self._wait(delay)
                operation_id = await self._named(frame)
                report = await self._visible(operation_id)
                if not may_cancel(self._principal, report.request):
                    raise InvalidRequest("forbidden", "the operation is another principal's")
                stopped = await self._engine.cancel(operation_id, self._principal.principal_id)
            answer = CancelRequested(operation_id=operation_id, ended=not stopped)
            self._outbox.post(text_frame(encode(answer)))
        # The border of one call, as above.
        except Exception as exc:  # noqa: BLE001
            self.complain(told(exc))

    async def _named(self, frame: Attach | Cancel) -> OperationId:
        if frame.operation_id is not None:
            return OperationId(frame.operation_id)
        if frame.idempotency_key is None:
            raise InvalidRequest(
                "missing_argument", "name the operation by `operationId` or `idempotencyKey`"
            )
        found = await self._engine.find(self._principal.principal_id, frame.idempotency_key)
        if found is None:
            raise InvalidRequest("unknown_operation", "no operation of yours has this key")
        return found

    async def _visible(self, operation_id: OperationId) -> OperationReport:
        report = self._engine.report(operation_id) or await self._engine.load_report(operation_id)
        if report is None or not may_see(self._principal, report.request):
            raise await no_such_operation(self._engine.journal, operation_id)
        return report

    async def _sees_the_keys_operation(self, frame: Rpc) -> bool:
        key = frame.idempotency_key
        found = await self._engine.find(self._principal.principal_id, key) if key else None
        return found is not None and await self._is_visible(found)

    async def _is_visible(self, operation_id: OperationId) -> bool:
        try:
            await self._visible(operation_id)
        except InvalidRequest:
            return False
        return True

    @contextmanager
    def _awaiting(self, operation_id: OperationId) -> Iterator[None]:
        """Count the call among those that wait for this operation's end."""
        self.awaited[operation_id] += 1
        try:
            yield
        finally:
            self.awaited[operation_id] -= 1
            if not self.awaited[operation_id]:
                del self.awaited[operation_id]

    async def _follow(self, operation_id: OperationId, *, after: int) -> OperationReport:
        """Post every step after *after*, then return the report of the end."""
        hub = self._backend.hub
        async with hub.following(operation_id, self._outbox, after=after) as follower:
            report = await self._end_of(operation_id)
            await hub.finish(follower)
        return report

    async def _end_of(self, operation_id: OperationId) -> OperationReport:
        """
        The report of the end, waiting for it. It is durable (law 22).

        `report` may already tell of an end whose commit is under way; `finished` waits for that.
        """
        if self._engine.report(operation_id) is None:
            loaded = await self._engine.load_report(operation_id)
            if loaded is not None and loaded.finished_at is not None:
                return loaded
        return await self._engine.finished(operation_id)

    def _post_final(self, request_id: str, report: OperationReport) -> None:
        api = self._backend.registry.find(report.request.api)
        if not isinstance(api, ClosingApi):
            raise InvalidRequest(
                "unknown_api", f"{report.request.api} is no closing call of this server any more"
            )
        report = self._backend.witness.of_end(report)
        size_max = self._backend.limits.final_frame_bytes_max
        if len(report.legs) * LEG_BYTES_MIN <= size_max:
            final = encode_final(request_id, api.answer(report, True))
            if len(final) <= size_max:
                self._outbox.post(text_frame(final))
                return
        short = encode_final(request_id, api.answer(report, False))
        self._outbox.post(text_frame(short))

    # --- refusals -----------------------------------------------------------------------------

    def refuse(self, request_id: str, error: InvalidRequest, api: Api | None) -> None:
        """Answer a call with an error, in the words of its api's dialect."""
        self._count(error, "a frame" if api is None else api.name)
        data = refuse_plainly(error) if api is None else api.refuse(error)
        if (more := extras(error)) and isinstance(data, Mapping):
            data = {**data, **more}
        self._outbox.post(text_frame(encode_final(request_id, data)))

    def complain(self, error: InvalidRequest, request_id: str | None = None) -> None:
        """Tell of an error that belongs to no call; *request_id* is the frame's, if it has one."""
        self._count(error, "a frame")
        more = extras(error)
        retry, reference = more.get("retryAfterMs"), more.get("reference")
        frame = ErrorFrame(
            request_id=msgspec.UNSET if request_id is None else request_id,
            error=error.code,
            detail=error.detail,
            retry_after_ms=retry if isinstance(retry, int) else msgspec.UNSET,
            reference=reference if isinstance(reference, str) else msgspec.UNSET,
        )
        self._outbox.post(text_frame(encode(frame)))

    def _count(self, error: InvalidRequest, of: str) -> None:
        """One more call is refused; where that is the server's own fault, people are told, too."""
        self._backend.traffic.calls_refused[error.code] += 1
        if isinstance(error, InternalFailure):
            detail = f"{of} was not carried out, or not to its end; reference {error.reference}"
            self._backend.alarm(Noticed(code="internal_error", detail=detail, alert=True))

    async def _wait(self, delay: float) -> None:
        """
        Wait for the turn of a call that is delayed; a stop ends the waiting, not the call.

        Raises:
            InvalidRequest: `unauthenticated`: meanwhile the token was revoked, or has expired.
        """
        if delay > 0:
            with move_on_after(delay):
                await self._backend.stopping.wait()
            if self._backend.gatekeeper.has_ended(self._principal.token_id):
                raise InvalidRequest("unauthenticated", "the token is no good any more")
