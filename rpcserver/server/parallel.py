"""Several venues asked at once, each with its own deadline: a slow one holds up no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from anyio import create_task_group, fail_after

from rpcserver.domain.errors import RpcServerError, VenueUnavailable
from rpcserver.domain.ids import VenueId

Item = TypeVar("Item")
T = TypeVar("T")


async def for_each(items: Sequence[Item], do: Callable[[Item], Awaitable[T]]) -> list[T]:
    """
    Do something for all of *items* at once and return the results in their order.

    Raises:
        RpcServerError: The first error of its kind, once everything has ended.
    """
    if len(items) == 1:
        return [await do(items[0])]
    done: dict[int, T] = {}
    failed: dict[int, RpcServerError] = {}

    async def do_one(number: int, item: Item) -> None:
        try:
            done[number] = await do(item)
        except RpcServerError as exc:
            failed[number] = exc

    async with create_task_group() as tasks:
        for number, item in enumerate(items):
            tasks.start_soon(do_one, number, item)
    if failed:
        raise failed[min(failed)]
    return [done[number] for number in range(len(items))]


async def read_in_time(venue: VenueId, timeout: float, reading: Awaitable[T]) -> T:
    """
    Await one reading of *venue*, for *timeout* seconds at most.

    Raises:
        VenueUnavailable: It did not answer in time; or whatever the reading raises.
    """
    try:
        with fail_after(timeout):
            return await reading
    except TimeoutError as exc:
        raise VenueUnavailable(f"{venue} did not answer within {timeout:g} s") from exc
