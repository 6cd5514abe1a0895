"""
Crashes for real, again and again: `python -m tests.acceptance.crash_loop [--minutes 10]`.

A server and a venue are processes of their own. Every desk opens positions at the venue, has them
closed by a call with a key, and asks again until it is answered; meanwhile the server is killed
with `kill -9` at random moments (at times before it is even ready), sometimes the venue or both,
and started again. After each kill the audit chain is walked, with the last head an answer bore as
its witness; after each round the venue's own executions are reckoned one by one.

Prints a table, and exits with 1 if an answer is missing or untrue, if a position was closed twice,
lost or flipped, or if the chain is not whole. The seed decides what is killed when and what is
asked; what it meets depends on the machine.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import anyio
from anyio.to_thread import run_sync
from loguru import logger

from rpcserver.app import JOURNAL_FILE
from rpcserver.core.entries import Head
from rpcserver.domain.errors import VenueError
from rpcserver.domain.ids import AccountId, TradeId
from rpcserver.domain.order import Fill
from rpcserver.journal.reader import open_reader
from rpcserver.venues.paper import open_remote_paper_venue
from tests.acceptance.clients import Frame
from tests.acceptance.conftest import new_token
from tests.acceptance.insistence import Contradicted, Heard, Unanswered, insist
from tests.acceptance.processes import Program, ServerProgram, VenueProgram
from tests.acceptance.reckoning import Holdings, Wrong, reckon
from tests.acceptance.scenes import Scene

DESKS = 6
LATENCY = 0.02  # seconds of every message to the venue: there is something to interrupt
DEADLINE = 10_000  # milliseconds of each operation
INSTRUMENTS = ("ES 12-25", "MES 12-25", "NQ 12-25", "MNQ 12-25", "CL 12-25", "GC 12-25")
KILLS_EVERY = 0.6  # seconds, on the average, from one start to the next kill
ATTEMPTS_MAX = 20  # calls for one round: a venue that is killed may leave some without success

Violation = tuple[str, str]  # what kind of wrong, and the evidence


@dataclass
class Tally:
    """What happened, in numbers."""

    kills: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    calls: int = 0
    answered: int = 0
    resent: int = 0  # askings beyond the first of each call
    repeated: int = 0  # answers heard again, and the same
    refused: int = 0  # told to ask again
    not_flat: int = 0  # truthful answers that something was left, or could not be read
    executions: int = 0
    operations: set[str] = field(default_factory=set)
    chains: int = 0
    witness: Head | None = None
    violations: list[Violation] = field(default_factory=list)

    def hear(self, heard: Heard) -> None:
        """Count what was told of one call."""
        self.answered += 1
        self.resent += heard.asked - 1
        self.repeated += len(heard.finals) - 1
        self.refused += len(heard.refusals)
        self.operations.add(heard.operation_id)
        head = Head(audit_seq=heard.answer["auditSeq"], audit_hash=heard.answer["auditHead"])
        if self.witness is None or head.audit_seq > self.witness.audit_seq:
            self.witness = head


def leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """What was raised, without the groups around it."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


class Desk:
    """One principal with two accounts: opens, closes, reckons; round after round."""

    def __init__(
        self, name: str, server: ServerProgram, scene: Scene, tally: Tally, dice: random.Random
    ) -> None:
        self.name = name
        self.accounts = (f"{name}a", f"{name}b")
        self._token = ""
        self._server = server
        self._scene = scene
        self._tally = tally
        self._dice = dice
        self._seen: set[TradeId] = set()

    async def open_accounts(self) -> None:
        for account in self.accounts:
            await self._scene.open_account(account)

    async def open_token(self) -> None:
        self._token = await new_token(self._server, self.name, ["trader"], self.accounts)

    async def work(self, until: float) -> None:
        """Round after round; the last one is finished though nothing dies any more."""
        number, is_sound = 0, True
        while time.monotonic() < until and is_sound:
            number += 1
            try:
                await self._round(f"{self.name}-{number}")
            except* (Unanswered, Contradicted) as errors:
                # What still closes there would be reckoned with another round's positions.
                is_sound = False
                for error in leaves(errors):
                    self._tally.violations.append((type(error).__name__.lower(), str(error)))

    async def _round(self, name: str) -> None:
        await self._take_positions(name)
        before = await self._held()
        if self._dice.random() < 0.25:
            await self._halve(name, before)
        for attempt in range(ATTEMPTS_MAX):
            answer = await self._close(f"{name}-{attempt}")
            if answer["flat"]:
                break
            self._tally.not_flat += 1
        await self._reckon(name, before, is_flat=answer["flat"])
        self._tally.rounds += 1

    async def _take_positions(self, name: str) -> None:
        """Come to hold something, guarded here and there by a stop."""
        for account in self.accounts:
            for instrument in self._dice.sample(INSTRUMENTS, self._dice.randint(0, 4)):
                quantity = self._dice.choice((-1, 1)) * self._dice.randint(1, 9)
                await self._hold(account, instrument, quantity)
                if self._dice.random() < 0.3:
                    await self._guard(name, account, instrument, quantity)

    async def _hold(self, account: str, instrument: str, quantity: int) -> None:
        """Whatever dies meanwhile: it is there, once."""
        while f"{account} {instrument}" not in await self._held():
            try:
                await self._scene.hold(account, instrument, quantity)
            except VenueError:
                await anyio.sleep(0.05)

    async def _guard(self, name: str, account: str, instrument: str, quantity: int) -> None:
        side, stop = ("sell", "1") if quantity > 0 else ("buy", "1000000")
        with suppress(VenueError):  # then it is not guarded
            await self._scene.rest(
                account, instrument, side, abs(quantity), stop=stop, name=f"{name}-{instrument}"
            )

    async def _halve(self, name: str, before: Holdings) -> None:
        """A half, asked for once or often, is a half."""
        args = {"accounts": list(self.accounts), "fraction": 0.5, "deadlineMs": DEADLINE}
        answer = await self._call("Flatten", args, f"{name}-half")
        if not answer["success"]:
            return
        left = await self._held()
        for position, quantity in before.items():
            if abs(left.get(position, Decimal(0))) != abs(quantity) - abs(quantity) // 2:
                self._violate(Wrong.LOST, f"{name}: half of {quantity} {position} left {left}")

    async def _close(self, key: str) -> Frame:
        api = self._dice.choice(("Flatten", "FlattenEverything", "LiquidateAll"))
        args: Frame = {"deadlineMs": DEADLINE}
        if api == "Flatten":
            args["accounts"] = list(self.accounts)
        return await self._call(api, args, key)

    async def _call(self, api: str, args: Frame, key: str) -> Frame:
        """Call, at times over two connections at once, at times again afterwards."""
        self._tally.calls += 1
        heard = Heard()
        ask = (self._server, self._token, api, args, key, heard)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(insist, *ask)
            if self._dice.random() < 0.2:
                tasks.start_soon(insist, *ask)
        if self._dice.random() < 0.2:
            await insist(*ask)
        self._tally.hear(heard)
        return heard.answer

    async def _reckon(self, name: str, before: Holdings, *, is_flat: bool) -> None:
        after = await self._held()
        fills = await self._new_fills()
        self._tally.executions += len(fills)
        for wrong, detail in reckon(before, fills, after):
            self._violate(wrong, f"{name}: {detail}")
        if is_flat and after:
            self._violate(Wrong.LOST, f"{name}: told flat, and it holds {after}")

    def _violate(self, wrong: Wrong, detail: str) -> None:
        self._tally.violations.append((wrong.value, detail))

    # --- reading the venue, which may be dead for a moment ----------------------------------------

    async def _held(self) -> dict[str, Decimal]:
        held: dict[str, Decimal] | None = None
        while held is None:
            try:
                held = await self._scene.positions(*self.accounts)
            except* VenueError:
                await anyio.sleep(0.05)
        return held

    async def _new_fills(self) -> list[Fill]:
        """The executions nobody has reckoned with yet, account by account, in their order."""
        new: list[Fill] = []
        for account in self.accounts:
            new += [fill for fill in await self._fills(account) if fill.trade_id not in self._seen]
        self._seen.update(fill.trade_id for fill in new)
        return new

    async def _fills(self, account: str) -> Sequence[Fill]:
        while True:
            try:
                return await self._scene.venue.trades(AccountId(account))
            except VenueError:
                await anyio.sleep(0.05)


class Killer:
    """Kills and starts, at random moments."""

    def __init__(
        self, server: ServerProgram, venue: VenueProgram, tally: Tally, dice: random.Random
    ) -> None:
        self._server = server
        self._venue = venue
        self._tally = tally
        self._dice = dice

    async def work(self, until: float) -> None:
        while time.monotonic() < until:
            await anyio.sleep(min(self._dice.expovariate(1 / KILLS_EVERY), 4 * KILLS_EVERY))
            victims: tuple[Program, ...] = self._dice.choices(
                ((self._server,), (self._venue,), (self._venue, self._server)), (8, 1, 1)
            )[0]
            for victim in victims:
                victim.kill()
                self._tally.kills[victim.verb] += 1
            if self._server in victims:
                while self._dice.random() < 0.25:
                    await run_sync(self._server.start_and_die, self._dice.uniform(0.1, 0.8))
                    self._tally.kills["serve, before it was ready"] += 1
            for victim in victims:
                await run_sync(victim.start)
            await self._verify()

    async def _verify(self) -> None:
        """Walk the whole chain, which must hold the last head that anybody was told."""
        witness = self._tally.witness
        async with open_reader(self._server.data_dir / JOURNAL_FILE) as reader:
            report = await reader.verify(witness=witness)
        self._tally.chains += 1
        if not report.intact:
            self._tally.violations.append(("broken chain", report.detail))


async def crash_loop(directory: Path, seconds: float, seed: int) -> Tally:
    """Let desks work and processes die for so many *seconds*, then let everybody finish."""
    venue = VenueProgram(directory / "venue", {"venue.latency": LATENCY})
    server = ServerProgram(directory / "server", {"log_level": "error"})
    tally = Tally()
    dice = random.Random(seed)
    async with AsyncExitStack() as stack:
        await run_sync(venue.start)
        stack.callback(venue.kill)
        desks = []
        for number in range(DESKS):
            there = await stack.enter_async_context(open_remote_paper_venue(venue.port))
            desk = Desk(f"D{number}", server, Scene(there), tally, random.Random(dice.random()))
            await desk.open_accounts()
            desks.append(desk)
        server.settings = server.settings | venue.server_settings
        await run_sync(server.start)
        stack.callback(server.kill)
        killer = Killer(server, venue, tally, random.Random(dice.random()))
        until = time.monotonic() + seconds
        async with anyio.create_task_group() as tasks:
            for desk in desks:
                await desk.open_token()
                tasks.start_soon(desk.work, until)
            tasks.start_soon(killer.work, until)
    return tally


def report(tally: Tally, seconds: float) -> int:
    """Print what happened, and return the exit code."""
    wrongs = Counter(kind for kind, _ in tally.violations)
    rows: dict[str, object] = {
        "seconds": f"{seconds:.0f}",
        **{f"kill -9: {victim}": count for victim, count in sorted(tally.kills.items())},
        "rounds of opening and closing": tally.rounds,
        "operations": len(tally.operations),
        "executions at the venue": tally.executions,
        "calls": tally.calls,
        "asked again after a crash": tally.resent,
        "answered": tally.answered,
        "answered again, the same": tally.repeated,
        "told to ask again": tally.refused,
        "told that it is not flat": tally.not_flat,
        "audit chain walked": tally.chains,
        "unanswered": wrongs["unanswered"],
        "contradicted": wrongs["contradicted"],
        **{f"positions {wrong.value}": wrongs[wrong.value] for wrong in Wrong},
        "chain not whole": wrongs["broken chain"],
    }
    for what, figure in rows.items():
        print(f"{what:32} {figure!s:>10}")
    for kind, detail in tally.violations:
        print(f"{kind}: {detail}")
    return 1 if tally.violations or not tally.answered else 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.crash_loop")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    logger.remove()  # what dies is not news here
    directory = Path(tempfile.mkdtemp(prefix="rpcserver-crashes-"))
    began = time.monotonic()
    tally = anyio.run(crash_loop, directory, options.minutes * 60, options.seed)
    code = report(tally, time.monotonic() - began)
    if code == 0:
        shutil.rmtree(directory)
    else:
        print(f"what the server and the venue wrote is in {directory}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
