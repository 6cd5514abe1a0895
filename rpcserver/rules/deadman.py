"""
Dead-man's switches: a stored close is made when a client falls silent.

Silence is counted on the monotonic clock: a jump of the clock on the wall fires nothing (law 33).
Each life begins with one full period, and so does a process that was asleep. A switch that fires
does so in one commit with the close it makes, so that no crash makes it fire twice, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import anyio
import msgspec
from loguru import logger

from rpcserver.apis.registry import Registry
from rpcserver.core.events import Noticed
from rpcserver.core.standing import Word
from rpcserver.domain.directive import Switch
from rpcserver.domain.errors import InvalidRequest
from rpcserver.driver.engine import Engine
from rpcserver.rules.acting import Actor
from rpcserver.rules.calling import stored_request, stored_terms
from rpcserver.rules.owing import key_of

LOOK = 1.0  # seconds between looks at what is armed
STALLED = 5.0  # seconds without a look: the process itself was asleep
TRY_AGAIN = 2.0  # seconds after a close was not admitted


async def tell_suspended(engine: Engine, announce: Callable[[str, str], None]) -> None:
    """Say at a clean stop that switches are armed and watched by nobody until the next start."""
    standing = (record.directive for record in engine.directives.values())
    armed = sum(isinstance(each, Switch) and each.fired_at is None for each in standing)
    if not armed:
        return
    detail = f"{armed} armed: nobody watches until the next start, which gives each a full period"
    announce("deadman_suspended", detail)
    await engine.note(Noticed(code="deadman_suspended", detail=detail, alert=True))


class _Armed(NamedTuple):
    switch: Switch
    due: float  # monotonic


class DeadmanWatch:
    """All switches that are armed."""

    def __init__(self, actor: Actor, registry: Registry) -> None:
        self._actor = actor
        self._registry = registry
        self._renewals = actor.engine.renewals
        self._looked = anyio.current_time()
        self._renewals.begin()
        self._not_before: dict[str, float] = {}  # a switch whose close was not admitted
        self._told: set[str] = set()

    async def run(self) -> None:
        """Fire what is due, until cancelled."""
        while True:
            now = anyio.current_time()
            if now - self._looked > STALLED:
                self._renewals.begin()  # nobody could renew while the machine stood still
            self._looked = now
            wake = now + LOOK
            for armed in self._armed():
                if armed.due <= now:
                    await self._fire(armed)
                else:
                    wake = min(wake, armed.due)
            await anyio.sleep(max(wake - anyio.current_time(), 0.0))

    def _armed(self) -> list[_Armed]:
        found = []
        for record in self._actor.engine.directives.values():
            switch = record.directive
            if not isinstance(switch, Switch) or switch.fired_at is not None:
                continue
            since = self._renewals.silent_since(switch.name)
            assert since is not None, "it is watched here"
            due = since + switch.timeout
            found.append(_Armed(switch, max(due, self._not_before.get(switch.name, 0.0))))
        return found

    def _is_due(self, switch: Switch) -> bool:
        now = anyio.current_time()
        return any(armed.switch == switch and armed.due <= now for armed in self._armed())

    async def _fire(self, armed: _Armed) -> None:
        switch, actor = armed.switch, self._actor
        now = actor.now()
        fired = msgspec.structs.replace(switch, fired_at=now)
        word = Word(
            principal=switch.by.principal_id,
            reason=f"its client was silent for {switch.timeout:g} s",
        )
        try:
            terms = stored_terms(self._registry, switch.call, switch.by, actor.directory, now)
            closing = stored_request(switch.call, terms, switch.by, key_of(switch.name, now))
            # The race: its client is heard, or takes it back, while another one fires.
            opened = await actor.engine.lay_down(
                fired, word, closing=closing, still=lambda: self._is_due(switch)
            )
        except InvalidRequest as error:
            await self._could_not(switch, error)
            return
        if opened is None:
            return
        logger.warning("a dead-man's switch fired", switch=switch.switch_id)
        detail = f"{switch.switch_id}: {word.reason}; operation {opened.operation_id}"
        await actor.alert("deadman_fired", detail, closing.scope.accounts)

    async def _could_not(self, switch: Switch, error: InvalidRequest) -> None:
        """Nothing was closed: people are told once, and it is tried again and again."""
        self._not_before[switch.name] = anyio.current_time() + TRY_AGAIN
        if switch.name not in self._told:
            self._told.add(switch.name)
            touched = filter(switch.by.may_touch, self._actor.accounts)
            await self._actor.alert("deadman_failed", f"{switch.switch_id}: {error}", touched)
