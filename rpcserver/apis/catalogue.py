"""Every api there is, in one registry."""

from __future__ import annotations

from rpcserver.apis import (
    approvals,
    audit,
    crosstrade,
    crosstrade_accounts,
    crosstrade_bars,
    crosstrade_histories,
    crosstrade_orders,
    crosstrade_quotes,
    crosstrade_reads,
    crosstrade_replacing,
    crosstrade_reversing,
    crosstrade_trading,
    deadman,
    deepcoin,
    halts,
    neuratrade,
    operations,
    portfolio,
    rules,
    tokens,
    upstox,
    upstox_orders,
)
from rpcserver.apis.registry import Registry

registry = Registry.of(
    crosstrade.registry,
    upstox.registry,
    deepcoin.registry,
    neuratrade.registry,
    portfolio.registry,
    crosstrade_reads.registry,
    crosstrade_orders.registry,
    crosstrade_histories.registry,
    crosstrade_accounts.registry,
    crosstrade_quotes.registry,
    crosstrade_bars.registry,
    crosstrade_trading.registry,
    crosstrade_reversing.registry,
    crosstrade_replacing.registry,
    upstox_orders.registry,
    operations.registry,
    halts.registry,
    rules.registry,
    deadman.registry,
    audit.registry,
    approvals.registry,
    tokens.registry,
)
