"""What a lost answer means, api by api: may the request be sent again?"""

from __future__ import annotations

import enum


class Repeat(enum.Enum):
    """What the client does with a request whose answer was lost with the connection."""

    READ = "read"  # asked again: it changes nothing
    CLOSING = "closing"  # sent again under its idempotency key, or attached to: never done twice
    ORDER = "order"  # never sent again: it may have happened


_CLOSING = frozenset(
    {
        "Flatten",
        "FlattenEverything",
        "ExitAll",
        "BatchClose",
        "Liquidate",
        "LiquidateAll",
        "ClosePosition",
        "Reverse",
        "ReversePosition",
        "FlatPlace",
    }
)

_READS = frozenset(
    {
        "GetAccount",
        "GetAccountSummary",
        "GetBars",
        "GetConnections",
        "GetWatermarks",
        "GetExecutionsByOrderId",
        "GetExecution",
        "GetOrderStatus",
        "GetAllOrders",
        "GetAllPositions",
        "GetOperation",
        "GetOrder",
        "GetOrderLifecycle",
        "GetPortfolioPositions",
        "GetPolicy",
        "GetPosition",
        "GetPreferences",
        "GetQuote",
        "ListAccounts",
        "ListApprovals",
        "ListAlerts",
        "ListExecutions",
        "ListHalts",
        "ListOperations",
        "ListOrders",
        "ListPositions",
        "ListRules",
        "ListSwitches",
        "ListTokens",
        "MarketInfo",
        "Ping",
        "QueryAudit",
        "VerifyAudit",
    }
)


def repeat_of(api: str) -> Repeat:
    """How *api* is repeated; one this client has never heard of is treated like an order."""
    if api in _CLOSING:
        return Repeat.CLOSING
    return Repeat.READ if api in _READS else Repeat.ORDER
