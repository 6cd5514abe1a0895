"""
Every failpoint, each with `kill -9`, with a freeze that outlasts every patience, and with a bug.

A trial is a server of its own at the venue all trials share. One caller has the account closed at
which the trap lies, another has another account closed meanwhile; both ask again by their keys
until they are answered. What was answered must be true at the venue, and each execution is
reckoned. `FAILPOINT_VISIT=2` springs the traps at their second passing, where there is one.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
from anyio.to_thread import run_sync

from rpcserver.cli.exits import Exit
from rpcserver.cli.main import main
from rpcserver.domain.ids import AccountId
from tests.acceptance.clients import Frame
from tests.acceptance.failpoints import FAILPOINTS, Action, Story, Trap
from tests.acceptance.insistence import Heard, insist
from tests.acceptance.processes import TrappedServer, VenueProgram, running
from tests.acceptance.reckoning import reckon
from tests.acceptance.scenes import Scene, no_id_twice, scene_at

pytestmark = pytest.mark.anyio

AT_ONCE = 6  # trials
FROZEN = 2.0  # seconds, and every patience is shorter:
DEADLINE = {Action.FREEZE: 1_500, Action.KILL: 60_000, Action.RAISE: 60_000}  # ms, of an operation
PINGS = {"limits.ping_interval": 0.3, "limits.ping_timeout": 0.3}
POLL = 0.01
VISIT = int(os.environ.get("FAILPOINT_VISIT", "1"))

# Bugs that cost the process its life: without a journal, or without what it left, it cannot go on.
MAY_END = ("_commit", "unfinished.")


class Case(NamedTuple):
    failpoint: str
    action: Action

    def __str__(self) -> str:
        return f"{self.failpoint}, {self.action.value}"


CASES = [Case(failpoint, action) for failpoint in FAILPOINTS for action in Action]


class Trial:
    """One trap, from the scene before it to the reckoning after it."""

    def __init__(self, case: Case, venue: VenueProgram, directory: Path, number: int) -> None:
        self._case = case
        self._story = FAILPOINTS[case.failpoint]
        self._venue = venue
        self._accounts = ours, _ = accounts_of(number)
        self._mark = directory / "sprung"
        self._key = f"trial {number}"
        self._trap = Trap(
            failpoint=case.failpoint,
            action=case.action,
            account=ours,
            mark=str(self._mark),
            visit=VISIT,
        )
        settings = venue.server_settings | {"log_level": "error"} | PINGS
        self._server = TrappedServer(directory / "server", settings)
        self._lives = list(self._traps_of(directory))
        self._deaths: list[int] = []

    def _traps_of(self, directory: Path) -> Iterator[Trap | None]:
        """One for each life; the last one is free."""
        if self._story is Story.RECOVERY:
            yield Trap(
                failpoint="submit.left",
                action=Action.KILL,
                account=self._accounts[0],
                mark=str(directory / "earlier life"),
            )
        yield self._trap
        yield None

    async def run(self) -> None:
        async with scene_at(self._venue.port) as scene:
            before = await self._set(scene)
            try:
                await self._live()
                await self._tell(scene, before)
            finally:
                self._server.kill()

    async def _set(self, scene: Scene) -> dict[str, Decimal]:
        ours, theirs = self._accounts
        await scene.hold(ours, "MES 12-25", 4, "5780.00")
        await scene.rest(ours, "MES 12-25", "sell", 4, stop="5000.00")
        await scene.hold(ours, "NQ 12-25", -2, "20000.00")
        await scene.hold(theirs, "ES 12-25", 1, "5780.00")
        await scene.hold(theirs, "CL 12-25", -2, "70.00")
        return await scene.positions(*self._accounts)

    # --- while it lives, and dies ----------------------------------------------------------------

    async def _live(self) -> None:
        """Have both callers answered, whatever becomes of the server."""
        self._heard = Heard(), Heard()
        async with anyio.create_task_group() as keeping:
            keeping.start_soon(self._keep_alive)
            keeping.start_soon(self._thaw)
            async with anyio.create_task_group() as calls:
                for account, heard in zip(self._accounts, self._heard, strict=True):
                    calls.start_soon(self._ask, account, heard)
            self._sprang = self._mark.exists()
            assert self._sprang or VISIT > 1, f"{self._case.failpoint} was never reached"
            await self._ask(self._accounts[0], self._heard[0])  # once more, of whoever lives now
            keeping.cancel_scope.cancel()

    async def _ask(self, account: str, heard: Heard) -> None:
        args: Frame = {"account": account, "deadlineMs": DEADLINE[self._case.action]}
        if self._is_half(account):
            args["fraction"] = 0.5
        key = f"{self._key} {account}"
        while not self._server.ready:
            await anyio.sleep(POLL)
        await insist(self._server, self._server.token, "Flatten", args, key, heard)

    def _is_half(self, account: str) -> bool:
        return self._story is Story.HALVING and account == self._accounts[0]

    async def _keep_alive(self) -> None:
        """Start it whenever it is dead, as whoever supervises it would."""
        while True:
            if not self._server.is_alive:
                if self._server.has_lived:
                    self._deaths.append(await run_sync(self._server.wait))
                self._server.trap = self._lives.pop(0) if self._lives else None
                await run_sync(self._server.is_started)  # else the next look finds it dead
            await anyio.sleep(POLL)

    async def _thaw(self) -> None:
        if self._case.action is Action.FREEZE:
            while not self._mark.exists():
                await anyio.sleep(POLL)
            await anyio.sleep(FROZEN)
            self._server.thaw()

    # --- and afterwards --------------------------------------------------------------------------

    async def _tell(self, scene: Scene, before: dict[str, Decimal]) -> None:
        self._check_deaths()
        for account, heard in zip(self._accounts, self._heard, strict=True):
            await self._check_answer(scene, account, heard.answer)
        await self._end_flat(scene)
        fills = [
            fill
            for account in self._accounts
            for fill in await scene.venue.trades(AccountId(account))
        ]
        assert reckon(before, fills, await scene.positions(*self._accounts)) == []
        assert no_id_twice(await scene.orders(*self._accounts))
        self._server.kill()
        await run_sync(self._check_audit)

    def _check_deaths(self) -> None:
        deaths = self._deaths[1:] if self._story is Story.RECOVERY else self._deaths
        match self._case.action:
            case Action.KILL:
                assert deaths == [-9] * self._sprang
            case Action.FREEZE:
                assert deaths == []
            case Action.RAISE if not any(part in self._case.failpoint for part in MAY_END):
                assert deaths == [], "a bug of an adapter ended every exit"

    async def _check_answer(self, scene: Scene, account: str, answer: Frame) -> None:
        """It is true; and the exit succeeded, unless it was frozen beyond its deadline."""
        held = {name: abs(quantity) for name, quantity in (await scene.positions(account)).items()}
        if self._case.action is not Action.FREEZE:
            assert answer["success"] is True, answer
        if answer["success"]:
            assert held == ({"MES 12-25": 2, "NQ 12-25": 1} if self._is_half(account) else {})
        assert answer["flat"] is (answer["success"] and not held)
        for leg in answer["legs"]:
            if leg["outcome"] == "flat":
                assert leg["instrument"] not in held
        named = {leg["instrument"] for leg in answer["legs"] if leg["outcome"] != "flat"}
        failed = {failure["account"] for failure in answer.get("failures", ())}
        assert held.keys() <= named or account in failed, "what is left is named"

    async def _end_flat(self, scene: Scene) -> None:
        """Whatever the trap left open is closed by another call."""
        for account in self._accounts:
            if await scene.positions(account):
                args = {"account": account}
                key = f"{self._key} {account} rest"
                heard = await insist(self._server, self._server.token, "Flatten", args, key)
                assert heard.answer["flat"] is True, heard.answer
        assert await scene.positions(*self._accounts) == {}

    def _check_audit(self) -> None:
        answer = self._heard[0].answer
        witness = f"{answer['auditSeq']}:{answer['auditHead']}"
        arguments = ["--offline", "--witness", witness, "--data-dir", str(self._server.data_dir)]
        assert main(["audit", "verify", *arguments]) == Exit.OK


def accounts_of(number: int) -> tuple[str, str]:
    """Each trial has its own: at which the trap lies, and another."""
    return f"T{number:03}a", f"T{number:03}b"


# --- several at once -----------------------------------------------------------------------------


class Trials:
    """Runs the trials in their order, several at a time, and keeps what came of each."""

    def __init__(self, cases: Sequence[Case], venue: VenueProgram, directory: Path) -> None:
        self._venue = venue
        self._directory = directory
        self._room = anyio.CapacityLimiter(AT_ONCE)
        self._over = {case: anyio.Event() for case in cases}
        self._errors: dict[Case, Exception] = {}

    async def outcome(self, case: Case) -> None:
        """Wait for the end of a trial; raises what it raised."""
        await self._over[case].wait()
        if case in self._errors:
            raise self._errors[case]

    async def run(self) -> None:
        async with anyio.create_task_group() as tasks:
            for number, case in enumerate(self._over):
                await self._room.acquire_on_behalf_of(case)
                tasks.start_soon(self._run_one, case, number)

    async def _run_one(self, case: Case, number: int) -> None:
        directory = self._directory / f"trial{number}"
        directory.mkdir()
        try:
            await Trial(case, self._venue, directory, number).run()
        except Exception as error:  # noqa: BLE001 - the test that asks for this trial raises it
            self._errors[case] = error
        self._room.release_on_behalf_of(case)
        self._over[case].set()


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VenueProgram]:
    venue = VenueProgram(tmp_path_factory.mktemp("failpoints") / "venue")
    with running(venue):
        yield venue


@pytest.fixture(scope="module")
async def trials(
    venue: VenueProgram, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Trials]:
    """The trials of all tests that were asked for."""
    cases = [
        case
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.function is test_at_every_failpoint
        if isinstance(case := item.callspec.params["case"], Case)
    ]
    async with scene_at(venue.port) as scene:
        for number in range(len(cases)):
            for account in accounts_of(number):
                await scene.open_account(account)
    trials = Trials(cases, venue, tmp_path_factory.mktemp("trials"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(trials.run)
        yield trials
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_at_every_failpoint(trials: Trials, case: Case) -> None:
    await trials.outcome(case)
