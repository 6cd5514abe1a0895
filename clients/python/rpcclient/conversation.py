"""
What was asked and is not yet answered, and what becomes of it when a connection dies.

No socket in here: frames come in as text, and what is to be sent is handed out. The rules:

* A request is marked as sent *before* its bytes leave, and handed out once a connection.
* When the connection is lost, a read is asked again; a closing call is sent again under its key
  if the server had not accepted it, and attached to if it had; an order fails with
  `outcome_unknown`, unless it was never sent.
* An attach asks for what follows the last step seen, so that none is missed or told twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import assert_never

from .apis import Repeat
from .errors import ClientError, OutcomeUnknown, ProtocolViolation, RpcError
from .frames import (
    Accepted,
    Attach,
    Cancel,
    Data,
    Final,
    Notice,
    Outgoing,
    Progress,
    Unreadable,
    decode,
    encode,
)
from .operation import Operation


class Asked:
    """One request without its answer."""

    def __init__(
        self,
        opening: Outgoing,
        *,
        request_id: str,
        repeat: Repeat,
        operation: Operation | None = None,
    ) -> None:
        self.opening = encode(opening)  # here, so that what cannot be encoded is the caller's error
        self.request_id = request_id
        self.repeat = repeat
        self.operation = operation
        self.is_sent = False
        self.answer: asyncio.Future[Data] = (
            operation.answer if operation else asyncio.get_running_loop().create_future()
        )

    def lines(self) -> Iterator[str]:
        """What to send on the connection there is now."""
        operation = self.operation
        if operation is None or (name := operation.operation_id) is None:
            yield self.opening
            return
        yield encode(Attach(id=self.request_id, operation_id=name, after=operation.seq))
        if operation.is_canceling:
            yield encode(Cancel(operation_id=name))

    def end(self, answer: Data | ClientError) -> None:
        """Give the answer, or the error instead of it, to whoever waits."""
        if self.answer.done():
            return
        if isinstance(answer, ClientError):
            self.answer.set_exception(answer)
            self.answer.exception()  # read once here: nobody is obliged to wait for it
        else:
            name = answer.get("operationId")
            if self.operation is not None and isinstance(name, str):
                self.operation.operation_id = name
            self.answer.set_result(answer)
        if self.operation is not None:
            self.operation.on_end()


class Conversation:
    """Every request that waits for its answer, by its id."""

    def __init__(self, on_notice: Callable[[Notice], None]) -> None:
        self._on_notice = on_notice
        self._asked: dict[str, Asked] = {}
        self._named: set[str] = set()  # every operation id that was told under its own name

    def __len__(self) -> int:
        return len(self._asked)

    def ask(self, asked: Asked) -> None:
        """Add a request. It is sent with the next `take_unsent`."""
        self._asked[asked.request_id] = asked

    def forget(self, asked: Asked) -> None:
        """Nobody waits for it any more: what was not sent never will be."""
        self._asked.pop(asked.request_id, None)

    def take_unsent(self) -> Iterator[str]:
        """
        Hand out what is to be sent now.

        Marks before it hands out: two tasks that drain at once never send one request twice.
        """
        for asked in tuple(self._asked.values()):
            if not asked.is_sent:
                asked.is_sent = True
                yield from asked.lines()

    def receive(self, line: str | bytes) -> None:
        """Take one frame from the server."""
        match frame := decode(line):
            case Final():
                if (asked := self._asked.pop(frame.id, None)) is not None:
                    asked.end(refusal(frame.data) or frame.data)
            case Accepted():
                self._named.add(frame.operation_id)
                asked = self._asked.get(frame.request_id)
                if asked is not None and asked.operation is not None:
                    asked.operation.on_accepted(frame)
            case Progress():
                for operation in self._followers(frame.operation_id):
                    operation.on_progress(frame)
            case Notice():
                self._notice(frame)
            case Unreadable():
                asked = self._asked.pop(frame.id, None) if frame.id else None
                if asked is not None:
                    asked.end(ProtocolViolation(frame.detail))
                else:
                    self._on_notice(Notice(type="unreadable", data={"detail": frame.detail}))
            case _:
                assert_never(frame)

    def lost(self) -> None:
        """The connection is gone: decide for each request what the next one begins with."""
        for asked in tuple(self._asked.values()):
            if asked.is_sent and asked.repeat is Repeat.ORDER:
                self.forget(asked)
                asked.end(OutcomeUnknown("the connection was lost before the answer came"))
            else:
                asked.is_sent = False

    def end(self, error: ClientError) -> None:
        """There will be no other connection: everyone who waits is told."""
        for asked in tuple(self._asked.values()):
            self.forget(asked)
            if asked.is_sent and asked.repeat is Repeat.ORDER:
                asked.end(OutcomeUnknown(f"no answer came: {error}"))
            else:
                asked.end(error)

    def _followers(self, operation_id: str) -> list[Operation]:
        """
        Who follows this operation.

        An attach by key learns its operation's id from the first step that comes under a name
        nobody has told: unless several wait for theirs, it can only be its own.
        """
        following = [asked.operation for asked in self._asked.values() if asked.operation]
        found = [each for each in following if each.operation_id == operation_id]
        if found or operation_id in self._named:
            return found
        nameless = [each for each in following if each.operation_id is None and each.is_attached]
        if len(nameless) != 1:
            return []
        nameless[0].operation_id = operation_id
        return nameless

    def _notice(self, frame: Notice) -> None:
        """An error frame may name the request that it answers."""
        request_id = frame.data.get("requestId")
        if frame.type == "error" and isinstance(request_id, str) and request_id in self._asked:
            self._asked.pop(request_id).end(said_no(frame))
        else:
            self._on_notice(frame)


def said_no(frame: Notice) -> RpcError:
    """What an error frame says."""
    return RpcError(_text(frame.data, "error"), _text(frame.data, "detail"), frame.data)


def refusal(data: Mapping[str, object]) -> RpcError | None:
    """
    Read a final answer as a refusal in any of the dialects, or None if it is none.

    The answer of an operation is never a refusal: it says what became of every position.
    """
    if "legs" in data:
        return None
    refused = (
        data.get("success") is False
        or data.get("status") == "error"
        or ("code" in data and "status" not in data and data["code"] != "0")
    )
    code = _text(data, "errorCode", "error", "error_code", "code")
    if not refused or not code:
        return None
    return RpcError(code, _text(data, "detail", "message", "msg"), data)


def _text(data: Mapping[str, object], *names: str) -> str:
    """The first of *names* that is there as a text."""
    for name in names:
        value = data.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
            return str(value)
    return ""
