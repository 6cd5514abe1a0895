"""The client for programs that are not asynchronous: the same one, on a loop in a thread."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from .backoff import Backoff
from .client import RpcClient
from .errors import ClientError, ConnectionLost
from .frames import Data, Notice, Progress
from .operation import Operation
from .subscription import INTERVAL_DEFAULT, Subscription

Result = TypeVar("Result")


class SyncRpcClient:
    """
    `RpcClient` without `await`, usable from any thread.

    ```python
    with SyncRpcClient("ws://127.0.0.1:8787/ws/stream", token) as client:
        for step in client.start("Flatten", {"account": "Sim101"}):
            print(step.event, step.instrument, step.remaining)
    ```

    Arguments and errors are those of `RpcClient`. `on_notice` is called in the client's thread.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        keepalive: float = 20.0,
        open_timeout: float = 10.0,
        give_up_after: float | None = None,
        backoff: Backoff | None = None,
        tls: ssl.SSLContext | None = None,
        on_notice: Callable[[Notice], None] = lambda _: None,
    ) -> None:
        self._client = RpcClient(
            url,
            token,
            keepalive=keepalive,
            open_timeout=open_timeout,
            give_up_after=give_up_after,
            backoff=backoff,
            tls=tls,
            on_notice=on_notice,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="rpcclient", daemon=True
        )

    def __enter__(self) -> Self:
        """Connect once, or raise what `RpcClient` raises."""
        self._thread.start()
        try:
            self._do(self._client.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave. What the server has accepted goes on."""
        try:
            self._do(self._client.__aexit__(exc_type, exc, traceback))
        finally:
            self._stop()

    def call(
        self,
        api: str,
        args: Mapping[str, object] | None = None,
        *,
        key: str | None = None,
        progress: Callable[[Progress], None] | None = None,
        timeout: float | None = None,
    ) -> Data:
        """
        As `RpcClient.call`; *timeout* in seconds ends the waiting, not what the server has begun.

        *progress* is called in the calling thread.
        """
        if progress is None:
            return self._do(self._client.call(api, args, key=key), timeout)
        operation = self.start(api, args, key=key)
        for step in operation:
            progress(step)
        return operation.result(timeout)

    def start(
        self, api: str, args: Mapping[str, object] | None = None, *, key: str | None = None
    ) -> SyncOperation:
        """As `RpcClient.start`."""
        return SyncOperation(self._do, self._do(self._client.start(api, args, key=key)))

    def attach(
        self, operation_id: str | None = None, *, key: str | None = None, after: int = 0
    ) -> SyncOperation:
        """As `RpcClient.attach`."""
        operation = self._do(self._client.attach(operation_id, key=key, after=after))
        return SyncOperation(self._do, operation)

    def subscribe(
        self,
        channels: Iterable[str] = (),
        *,
        instruments: Iterable[str] = (),
        interval_ms: int = INTERVAL_DEFAULT,
    ) -> SyncSubscription:
        """As `RpcClient.subscribe`."""
        asking = self._client.subscribe(channels, instruments=instruments, interval_ms=interval_ms)
        return SyncSubscription(self._do, self._do(asking))

    def _do(self, work: Coroutine[Any, Any, Result], timeout: float | None = None) -> Result:
        """Run *work* in the client's loop and wait for it here."""
        if self._loop.is_closed():
            work.close()
            raise ConnectionLost("the client was closed")
        doing = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return doing.result(timeout)
        except BaseException:
            doing.cancel()  # a timeout, or Ctrl-C: nobody waits for it any more
            raise

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class SyncOperation:
    """`Operation` without `await`: iterate over its steps, then take its `result`."""

    def __init__(
        self,
        do: Callable[[Coroutine[Any, Any, Any], float | None], Any],
        operation: Operation,
    ) -> None:
        self._do = do
        self._operation = operation

    def __iter__(self) -> Iterator[Progress]:
        while (step := self._do(_next(self._operation), None)) is not None:
            yield step

    @property
    def operation_id(self) -> str | None:
        return self._operation.operation_id

    @property
    def key(self) -> str | None:
        return self._operation.key

    @property
    def duplicate(self) -> bool:
        return self._operation.duplicate

    @property
    def is_over(self) -> bool:
        return self._operation.is_over

    def result(self, timeout: float | None = None) -> Data:
        """As `Operation.result`; *timeout* in seconds ends the waiting alone."""
        answer: Data = self._do(self._operation.result(), timeout)
        return answer

    def cancel(self) -> None:
        """As `Operation.cancel`."""
        self._do(self._operation.cancel(), None)


class SyncSubscription:
    """
    `Subscription` without `await`.

    ```python
    with client.subscribe(["positions"]) as frames:
        for frame in frames:
            print(frame.type, frame.data)
    ```
    """

    def __init__(
        self,
        do: Callable[[Coroutine[Any, Any, Any], float | None], Any],
        subscription: Subscription,
    ) -> None:
        self._do = do
        self._subscription = subscription

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Notice]:
        """Every frame as it comes; raises what `Subscription` raises when the client has ended."""
        while True:
            yield self.next()

    @property
    def missed(self) -> int:
        return self._subscription.missed

    def next(self, timeout: float | None = None) -> Notice:
        """
        The next frame.

        Raises:
            TimeoutError: None came within *timeout* seconds. None is lost by that.
            ConnectionLost, ConnectionRefused: The client has ended.
        """
        # The time runs in the loop: there a frame is either taken and told, or left where it is.
        frame: Notice = self._do(_next_frame(self._subscription, timeout), None)
        return frame

    def close(self) -> None:
        """As `Subscription.close`; nothing to do once the client has ended."""
        with suppress(ClientError):
            self._do(self._subscription.close(), None)


async def _next_frame(subscription: Subscription, timeout: float | None) -> Notice:
    async with asyncio.timeout(timeout):
        return await anext(subscription)


async def _next(operation: Operation) -> Progress | None:
    return await anext(operation, None)
