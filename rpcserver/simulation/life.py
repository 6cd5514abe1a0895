"""One process life: the real engine on its ports, from its start to its death."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

import anyio
import anyio.abc

from rpcserver.domain.errors import Deposed, InvalidRequest, JournalBroken
from rpcserver.driver.engine import Engine
from rpcserver.simulation.desk import Desk
from rpcserver.simulation.network import LifeOver

_ENDING = {"shutting_down", "outcome_unknown"}  # what callers hear as it ends


class Life:
    """A process. Its death is a fact: from then on every port of its raises `LifeOver`."""

    def __init__(
        self,
        number: int,
        died: Callable[[Life, str], None],
        dies: Callable[[str], bool],
        failed: Callable[[BaseExceptionGroup[BaseException]], None],
    ) -> None:
        self.number = number
        self.engine: Engine | None = None
        self.desk: Desk | None = None
        self.ready = anyio.Event()
        self.over = anyio.Event()
        self._died = died
        self._dies = dies
        self._failed = failed
        self._tasks: anyio.abc.TaskGroup | None = None
        self._scope = anyio.CancelScope()

    @property
    def is_over(self) -> bool:
        return self.over.is_set()

    def check(self) -> None:
        if self.is_over:
            raise LifeOver

    def seam(self, where: str) -> None:
        """Perhaps die here."""
        self.check()
        if self._dies(where):
            self.die(where)
            raise LifeOver

    def die(self, where: str) -> None:
        """The process is killed, wherever it is."""
        if not self.is_over:
            self.over.set()
            self._died(self, where)
            self._scope.cancel()

    def open_call(self, text: str, tell: Callable[[bytes], None]) -> None:
        """Take a client's frame."""
        assert self._tasks is not None
        self._tasks.start_soon(self._carry_out, text, tell)

    async def _carry_out(self, text: str, tell: Callable[[bytes], None]) -> None:
        assert self.desk is not None

        def alive(frame: bytes) -> None:
            if not self.is_over:
                tell(frame)

        try:
            await self.desk.carry_out(text, alive)
        except JournalBroken:
            return  # the process is about to end
        except InvalidRequest as error:
            if error.code not in _ENDING:
                raise

    async def live(
        self, opening: AbstractAsyncContextManager[Engine], clock: Callable[[], datetime]
    ) -> None:
        """
        Run until death.

        Whatever is raised on the way out of a dead process has no meaning any more. A living one
        may end itself where a commit raised (law 27) or another took over (law 26), and for nothing
        else.
        """
        try:
            with self._scope:
                async with anyio.create_task_group() as tasks, opening as engine:
                    self._tasks, self.engine = tasks, engine
                    self.desk = Desk(engine, clock)
                    self.ready.set()
                    await anyio.sleep_forever()
        except BaseExceptionGroup as group:
            fatal = group.split((LifeOver, JournalBroken, Deposed))[1]
            if fatal is not None and not self.is_over:
                self._failed(fatal)
            self.die("it ended itself")
