"""Tasks that take one call after another: a read costs a turn of the loop, not a task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import ParamSpec, TypeAlias

import anyio
from anyio.abc import TaskGroup

IDLE_MAX = 2  # tasks of one connection that wait for another call; the others end

P = ParamSpec("P")
Job: TypeAlias = Callable[[], Awaitable[None]]


class _Worker:
    """One task between two jobs."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.called = anyio.Event()


class Crew:
    """As many tasks as there are jobs at once; a few stay to take the next ones."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._idle: list[_Worker] = []

    def start(self, do: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs) -> None:
        """Begin a job without waiting. It must not raise."""
        job: Job = partial(do, *args, **kwargs)
        if self._idle:
            worker = self._idle.pop()
            worker.job = job
            worker.called.set()
        else:
            self._tasks.start_soon(self._work, job)

    async def _work(self, job: Job) -> None:
        worker = _Worker()
        while True:
            await job()
            if len(self._idle) >= IDLE_MAX:
                return
            worker.called = anyio.Event()
            self._idle.append(worker)
            await worker.called.wait()
            assert worker.job is not None
            job = worker.job
