"""
The paper venue's own database: the records of `State`, durable before anything is answered.

Each write takes whatever changed since the last one into one transaction (group commit), so a
thousand orders at once cost one sync of the disk. Records are JSON, for people who look inside.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import TypeVar

import aiosqlite
import anyio
import msgspec

from rpcserver.domain.ids import AccountId, InstrumentId, VenueId
from rpcserver.domain.position import Position
from rpcserver.venues.paper.contracts import Calendar
from rpcserver.venues.paper.positions import Slot
from rpcserver.venues.paper.prices import Market
from rpcserver.venues.paper.state import AccountRecord, Counters, Order, State, Touched

_SCHEMA = """
-- One row per record, replaced as it changes. Orders are never deleted: their names are remembered.

CREATE TABLE IF NOT EXISTS venue (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    counters BLOB NOT NULL      -- seed, step of the walk, names given, trading days
) STRICT;

CREATE TABLE IF NOT EXISTS accounts (
    account TEXT PRIMARY KEY,
    record  BLOB NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS markets (
    instrument TEXT PRIMARY KEY,
    record     BLOB NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS orders (
    sequence INTEGER PRIMARY KEY,
    record   BLOB NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS positions (
    account    TEXT NOT NULL,
    instrument TEXT NOT NULL,
    holding    TEXT NOT NULL,
    product    TEXT NOT NULL,
    record     BLOB NOT NULL,
    PRIMARY KEY (account, instrument, holding, product)
) STRICT, WITHOUT ROWID;

-- Prices alone may lag: they are saved now and then, and nobody was promised any.

CREATE TABLE IF NOT EXISTS prices (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    record BLOB NOT NULL
) STRICT;
"""

_LOCK_PATIENCE = 1.0  # seconds a process that is just ending may take to let go of the file

_UPSERT_VENUE = "INSERT OR REPLACE INTO venue VALUES (1, ?)"
_UPSERT_ACCOUNT = (  # in place, here and below: the order of rows is the order of opening
    "INSERT INTO accounts VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record"
)
_UPSERT_MARKET = (
    "INSERT INTO markets VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record"
)
_UPSERT_ORDER = "INSERT OR REPLACE INTO orders VALUES (?, ?)"
_UPSERT_POSITION = "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?)"
_DELETE_POSITION = (
    "DELETE FROM positions WHERE account = ? AND instrument = ? AND holding = ? AND product = ?"
)
_UPSERT_PRICES = "INSERT OR REPLACE INTO prices VALUES (1, ?)"


class _Venue(msgspec.Struct, frozen=True):
    """The one row that is no record of its own."""

    seed: int
    step: int
    counters: Counters
    days: dict[Calendar, date]


class _Prices(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A market's price, and its day's, in ticks."""

    anchor: int
    middle: int
    open: int
    high: int
    low: int
    close: int
    volume: int


Statement = tuple[str, list[tuple[object, ...]]]  # one statement, and the rows it is run with


class Rows(msgspec.Struct):
    """What one transaction writes."""

    statements: list[Statement]


_Name = TypeVar("_Name", AccountId, InstrumentId)
_encode = msgspec.json.Encoder().encode
_venue_decoder = msgspec.json.Decoder(_Venue)
_account_decoder = msgspec.json.Decoder(AccountRecord)
_market_decoder = msgspec.json.Decoder(Market)
_order_decoder = msgspec.json.Decoder(Order)
_position_decoder = msgspec.json.Decoder(Position)
_prices_decoder = msgspec.json.Decoder(dict[InstrumentId, _Prices])


def changed_rows(state: State, touched: Touched) -> Rows:
    """What makes everything *touched* durable, as it stands now."""
    orders = sorted((state.orders[name] for name in touched.orders), key=_sequence)
    held: list[tuple[object, ...]] = []
    gone: list[tuple[object, ...]] = []
    for account, slot in touched.positions:
        position = state.positions[account].get(slot)
        key = (account, slot.instrument, slot.holding.value, slot.product)
        if position is None:
            gone.append(key)
        else:
            held.append((*key, _encode(position)))
    return Rows(
        [
            (_UPSERT_VENUE, [(_encode(_venue_row(state)),)]),
            (_UPSERT_ACCOUNT, _in_order(state.accounts, touched.accounts)),
            (_UPSERT_MARKET, _in_order(state.markets, touched.markets)),
            (_UPSERT_ORDER, [(order.sequence, _encode(order)) for order in orders]),
            (_DELETE_POSITION, gone),
            (_UPSERT_POSITION, held),
        ]
    )


def price_statement(state: State) -> Statement:
    """What saves every price."""
    prices = {
        name: _Prices(
            market.anchor,
            market.middle,
            market.open,
            market.high,
            market.low,
            market.close,
            market.volume,
        )
        for name, market in state.markets.items()
    }
    return _UPSERT_PRICES, [(_encode(prices),)]


class Store:
    """The open database. It has one writer: the file is locked while it is open."""

    def __init__(self, database: aiosqlite.Connection) -> None:
        self._database = database

    async def write(self, rows: Rows) -> None:
        """
        Make *rows* durable, all or none.

        Raises:
            sqlite3.Error: Whether they are durable is unknown.
        """
        for statement, values in rows.statements:
            if values:
                await self._database.executemany(statement, values)
        await self._database.commit()

    async def load(self, venue: VenueId, seed: int) -> State:
        """The state as it was last made durable; a new one if there is none."""
        state = State(venue=venue, seed=seed)
        for record in await self._records("SELECT counters FROM venue"):
            saved = _venue_decoder.decode(record)
            state.walk.seed, state.walk.step = saved.seed, saved.step
            state.counters, state.days = saved.counters, saved.days
        for record in await self._records("SELECT record FROM markets ORDER BY rowid"):
            state.add_market(_market_decoder.decode(record))
        for record in await self._records("SELECT record FROM prices"):
            _restore_prices(state, _prices_decoder.decode(record))
        for record in await self._records("SELECT record FROM accounts ORDER BY rowid"):
            state.add_account(_account_decoder.decode(record))
        positions = map(
            _position_decoder.decode, await self._records("SELECT record FROM positions")
        )
        for position in sorted(positions, key=_opening):
            slot = Slot(position.instrument, position.holding, position.product)
            state.set_position(position.account, slot, position)
        for record in await self._records("SELECT record FROM orders ORDER BY sequence"):
            state.add_order(_order_decoder.decode(record))
        for fills in state.fills_of.values():
            fills.sort(key=lambda fill: fill.trade_id)  # an order may fill after a later one
        state.take_touched()
        return state

    async def _records(self, query: str) -> Sequence[bytes]:
        rows: Iterable[sqlite3.Row] = await self._database.execute_fetchall(query)
        return [record for (record,) in rows]


@asynccontextmanager
async def open_store(path: Path | None) -> AsyncIterator[Store]:
    """
    Open the database at *path*, made if need be with its directory; None keeps it in memory.

    Raises:
        sqlite3.OperationalError: Another process has it open.
    """
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    database = await aiosqlite.connect(path or ":memory:", timeout=_LOCK_PATIENCE)
    try:
        # Exclusive: two venues over one file would each fill the same order.
        await database.execute("PRAGMA locking_mode = EXCLUSIVE")
        await database.execute("PRAGMA journal_mode = WAL")
        await database.execute("PRAGMA synchronous = FULL")
        await database.executescript(_SCHEMA)
        await database.commit()
        yield Store(database)
    finally:
        with anyio.CancelScope(shield=True):  # also when whoever opened it is being cancelled
            await database.close()


def _venue_row(state: State) -> _Venue:
    return _Venue(state.walk.seed, state.walk.step, state.counters, state.days)


def _restore_prices(state: State, saved: dict[InstrumentId, _Prices]) -> None:
    for name, prices in saved.items():
        market = state.markets.get(name)
        if market is None:
            continue
        market.anchor, market.middle, market.volume = prices.anchor, prices.middle, prices.volume
        market.open, market.high, market.low = prices.open, prices.high, prices.low
        market.close = prices.close


def _sequence(order: Order) -> int:
    return order.sequence


def _in_order(records: Mapping[_Name, object], touched: Set[_Name]) -> list[tuple[object, ...]]:
    """Rows of the touched records, in the order they were opened or listed in."""
    if not touched:
        return []
    return [(name, _encode(record)) for name, record in records.items() if name in touched]


def _opening(position: Position) -> int:
    """Positions are numbered as they are opened."""
    return int(position.position_id.rsplit("-", 1)[-1])
