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
from heapq import heappop
from typing import Any, TypeVar

import anyio

Done = TypeVar("Done")
STEPS_AN_INSTANT = 10_000  # tens are usual


class Deadlock(Exception):
    """Everybody waits, and nothing will ever happen."""


class Spin(Exception):
    """Steps are taken without end, and time stands still."""


class _Selector(selectors.SelectSelector):
    """Asks nobody and waits for nothing: where the loop would wait, its clock jumps on."""

    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self.loop.jump()
        return []


class _Task(asyncio.Task[Done]):
    """A task that knows its number: what decides an order must not be an address in memory."""

    number = 0


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop; *seed* None steps ready tasks in the order in which they became ready."""

    # Of asyncio's own, and what this file is about.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool

    def __init__(self, seed: int | None = None) -> None:
        self._now = 0.0
        self._tasks = 0
        self.steps = 0  # how often anything was run
        self._steps_before = 0  # the present instant
        self._interruptions: list[tuple[int, Callable[[], None]]] = []  # by step, the last first
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

    def interrupt(self, step: int, what: Callable[[], None]) -> None:
        """Do *what* between two steps, whichever tasks they are of."""
        self._interruptions.append((step, what))
        self._interruptions.sort(key=lambda each: -each[0])

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
        """One round of asyncio's own: what is ready runs, then what was due; but time jumps."""
        ready, scheduled = self._ready, self._scheduled
        if self._dice is not None and len(ready) > 1:
            self._shuffle(self._dice)
        while self._interruptions and self._interruptions[-1][0] <= self.steps + len(ready):
            step, what = self._interruptions.pop()
            ready.insert(max(step - self.steps, 0), asyncio.Handle(what, (), self))
        self.steps += len(ready)
        if self.steps - self._steps_before > STEPS_AN_INSTANT:
            raise Spin(f"more than {STEPS_AN_INSTANT} steps at {self._now}")
        while scheduled and scheduled[0].cancelled():
            heappop(scheduled)
        if not ready and not self._stopping:
            self.jump()
        due = self._now + self._clock_resolution
        while scheduled and scheduled[0].when() < due:
            ready.append(heappop(scheduled))
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _shuffle(self, dice: random.Random) -> None:
        """Permute the steps of tasks; everything else keeps its turn."""
        ready = self._ready
        steps = [(place, task) for place, each in enumerate(ready) if (task := _task_of(each))]
        if len(steps) < 2:
            return
        order = sorted(steps, key=lambda step: step[1].number)
        handles = [ready[place] for place, _ in order]
        dice.shuffle(handles)
        for (place, _), handle in zip(steps, handles, strict=True):
            ready[place] = handle


def steps_taken() -> int:
    """How many steps the running loop has taken."""
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualTimeLoop)
    return running.steps


def at_step(step: int, what: Callable[[], None]) -> None:
    """Let *what* be done at the running loop's *step*, between two steps of its tasks."""
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualTimeLoop)
    running.interrupt(step, what)


def _task_of(handle: asyncio.Handle) -> _Task[object] | None:
    owner = getattr(getattr(handle, "_callback", None), "__self__", None)
    return owner if isinstance(owner, _Task) else None


def run(main: Callable[[], Coroutine[Any, Any, Done]], seed: int | None = None) -> Done:
    """Run *main* to its end in virtual time."""
    return anyio.run(
        main, backend="asyncio", backend_options={"loop_factory": partial(VirtualTimeLoop, seed)}
    )
