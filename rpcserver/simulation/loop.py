"""
An asyncio loop whose clock jumps: sleeping takes no time, and the seed says who goes first.

What is waited for happens at once, in the order of its instants. Tasks that are ready together
are stepped in an order drawn from the seed, the same on every run. Nothing here may touch threads
or sockets: where nothing is left to wait for, a deadlock has been found.
"""

from __future__ import annotations

import asyncio
import math
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

import anyio

Done = TypeVar("Done")
STEPS_AN_INSTANT = 10_000  # tens are usual


class Deadlock(Exception):
    """Everybody waits, and nothing will ever happen."""


class Spin(Exception):
    """Steps are taken without end, and time stands still."""


class _Selector(selectors.SelectSelector):
    """Waits for nothing: where the loop would wait, its clock jumps to the next timer."""

    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        happened = super().select(0)
        if not happened and (timeout is None or timeout > 0):
            self.loop.jump()
        return happened


class _Task(asyncio.Task[Done]):
    """A task that knows its number: what decides an order must not be an address in memory."""

    number = 0


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop; *seed* None steps ready tasks in the order in which they became ready."""

    # Of asyncio's own, and what this file is about.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, seed: int | None = None) -> None:
        self._now = 0.0
        self._tasks = 0
        self.steps = 0  # how often anything was run
        self._steps_before = 0  # the present instant
        self._dice = None if seed is None else random.Random(seed)
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-9  # a timer is due at its instant, not before
        self.set_task_factory(self._numbered)

    def time(self) -> float:
        return self._now

    def jump(self) -> None:
        """Let the next timer be due."""
        due = self._scheduled[0].when() if self._scheduled else math.inf
        if due == math.inf:
            raise Deadlock("every task waits, and no timer is set")
        self._steps_before = self.steps
        self._now = max(self._now, due)

    def _numbered(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Coroutine[Any, Any, Done] | Generator[Any, None, Done],
        **options: Any,
    ) -> asyncio.Task[Done]:
        task = _Task(coro, loop=loop, **options)
        self._tasks += 1
        task.number = self._tasks
        return task

    def _run_once(self) -> None:
        if self._dice is not None and len(self._ready) > 1:
            self._shuffle(self._dice)
        self.steps += len(self._ready)
        if self.steps - self._steps_before > STEPS_AN_INSTANT:
            raise Spin(f"more than {STEPS_AN_INSTANT} steps at {self._now}")
        super()._run_once()  # type: ignore[misc]

    def _shuffle(self, dice: random.Random) -> None:
        """Permute the steps of tasks; everything else keeps its turn."""
        ready = list(self._ready)
        steps = [(place, task) for place, each in enumerate(ready) if (task := _task_of(each))]
        order = sorted(steps, key=lambda step: step[1].number)
        handles = [ready[place] for place, _ in order]
        dice.shuffle(handles)
        for (place, _), handle in zip(steps, handles, strict=True):
            ready[place] = handle
        self._ready.clear()
        self._ready.extend(ready)


def steps_taken() -> int:
    """How many steps the running loop has taken."""
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualTimeLoop)
    return running.steps


def _task_of(handle: asyncio.Handle) -> _Task[object] | None:
    owner = getattr(getattr(handle, "_callback", None), "__self__", None)
    return owner if isinstance(owner, _Task) else None


def run(main: Callable[[], Coroutine[Any, Any, Done]], seed: int | None = None) -> Done:
    """Run *main* to its end in virtual time."""
    return anyio.run(
        main, backend="asyncio", backend_options={"loop_factory": partial(VirtualTimeLoop, seed)}
    )
