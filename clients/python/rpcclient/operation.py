"""An operation as its caller sees it: progress while it runs, one result when it ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from .frames import Accepted, Data, Progress


class Operation:
    """
    One closing request, followed across connections.

    ```python
    async for step in operation:
        print(step.event, step.instrument, step.remaining)
    answer = await operation.result()
    ```

    Every step is told once, in order, whatever happens to the connection. Whoever does not
    iterate loses nothing: steps wait until they are read.
    """

    def __init__(
        self,
        *,
        request_id: str,
        key: str | None,
        operation_id: str | None = None,
        after: int = 0,
        is_attached: bool = False,
        wants_progress: bool = True,
        on_cancel: Callable[[Operation], Awaitable[None]],
    ) -> None:
        self.request_id = request_id
        self.key = key
        self.operation_id = operation_id
        self.duplicate = False  # whether the server knew the key already
        self.seq = after  # of the last step that came
        self.is_attached = is_attached  # begun before, here or elsewhere
        self.is_canceling = False
        self.answer: asyncio.Future[Data] = asyncio.get_running_loop().create_future()
        self._wants_progress = wants_progress
        self._on_cancel = on_cancel
        self._steps: deque[Progress] = deque()
        self._changed = asyncio.Event()
        self._admitted = asyncio.Event()
        if is_attached:
            self._admitted.set()

    def __aiter__(self) -> Operation:
        return self

    async def __anext__(self) -> Progress:
        while not self._steps:
            if self.is_over:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._steps.popleft()

    @property
    def is_over(self) -> bool:
        """Whether the final answer, or the error instead of it, is here."""
        return self.answer.done()

    async def accepted(self) -> None:
        """
        Wait until the server has made the request durable, or has ended it at once.

        Raises:
            RpcError: It was refused; nothing was done.
            ConnectionLost, ConnectionRefused: As `result`.
        """
        await self._admitted.wait()
        if self.is_over:
            self.answer.result()

    async def result(self) -> Data:
        """
        Wait for the final answer and return its data.

        Giving up on waiting cancels nothing: the operation goes on at the server.

        Raises:
            RpcError: The request was refused; nothing was done.
            ConnectionLost: The client has stopped trying. The operation may well be running:
                attach to it by `operation_id` or `key`.
            ConnectionRefused: The server will not have this client any more.
        """
        return await asyncio.shield(self.answer)

    async def cancel(self) -> None:
        """Stop what was not yet sent. The operation still ends with a result that says so."""
        self.is_canceling = True  # said again on every new connection
        await self._admitted.wait()
        await self._on_cancel(self)

    # --- told by the conversation -------------------------------------------------------------

    def on_accepted(self, frame: Accepted) -> None:
        """The request is durable, under this id."""
        self.operation_id = frame.operation_id
        self.duplicate = frame.duplicate
        self._admitted.set()

    def on_progress(self, step: Progress) -> None:
        """Take a step; one that was seen already is passed over."""
        if step.seq <= self.seq or self.is_over:
            return
        self.seq = step.seq
        if self._wants_progress:
            self._steps.append(step)
            self._changed.set()

    def on_end(self) -> None:
        """The answer is there: wake whoever waits for a step."""
        self._admitted.set()
        self._changed.set()
