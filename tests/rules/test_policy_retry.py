"""The administrators' policy tries again where no rule of a person's speaks, and nowhere else."""

from __future__ import annotations

import anyio
import msgspec
import pytest

from rpcserver.domain.directive import Policy
from rpcserver.domain.market import MarketPhase
from tests.driver.world import WatchedJournal, held, open_venue, positions
from tests.rules.test_shell import AGAIN, market, whole
from tests.rules.world import alerts, lay, operations, rule, ruled

pytestmark = pytest.mark.anyio


async def test_the_policy_tries_again_until_it_is_flat() -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        await market(venue, MarketPhase.CLOSED)
        await lay(engine, Policy(retry=AGAIN))
        await engine.close(whole())
        await anyio.sleep(40)
        await market(venue, None)
        await anyio.sleep(600)

        assert positions(venue) == {}
        assert await operations(engine) == 3
        assert (await alerts(engine)).count("exit_retried") == 2


async def test_a_rule_of_a_persons_takes_its_place() -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        await market(venue, MarketPhase.CLOSED)
        once = msgspec.structs.replace(AGAIN, times=1)
        await lay(engine, Policy(retry=AGAIN), rule(once))
        await engine.close(whole())
        await anyio.sleep(900)

        assert await operations(engine) == 2


async def test_a_policy_that_says_it_no_more_tries_no_more() -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        await market(venue, MarketPhase.CLOSED)
        await lay(engine, Policy(retry=AGAIN))
        await engine.close(whole())
        await anyio.sleep(20)
        await lay(engine, Policy())
        await anyio.sleep(900)

        assert await operations(engine) == 1
