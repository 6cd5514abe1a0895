"""
Orders as they were asked for, and as the venue tells of them.

The exchange is sometimes told something else (a market order that is to fill slowly becomes a limit
far away), and some venues tell less than they know.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from rpcserver.domain.capabilities import IdMemory
from rpcserver.domain.ids import VenueOrderId
from rpcserver.domain.order import OrderReport, OrderRequest, OrderStatus, TimeInForce


class Disguise:
    """What every order of ours was before it was altered."""

    def __init__(self, id_memory: IdMemory) -> None:
        self._is_nameless = id_memory is IdMemory.NEVER
        self._asked: dict[VenueOrderId, OrderRequest] = {}

    @property
    def asked(self) -> Mapping[VenueOrderId, OrderRequest]:
        """Every order that came through the port, as it was asked for."""
        return MappingProxyType(self._asked)

    def put_on(self, name: VenueOrderId, asked: OrderRequest) -> None:
        self._asked.setdefault(name, asked)

    def plain(self, report: OrderReport) -> OrderReport:
        """The order as it was asked for, whatever the exchange was told of it."""
        asked = self._asked.get(report.venue_order_id)
        if asked is None:
            return report
        status = report.status
        is_now_or_never = asked.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        if status is OrderStatus.CANCELED and is_now_or_never:
            status = OrderStatus.EXPIRED
        return msgspec.structs.replace(
            report,
            type=asked.type,
            limit_price=asked.limit_price,
            time_in_force=asked.time_in_force,
            reduce_only=asked.reduce_only,
            status=status,
        )

    def told(self, report: OrderReport) -> OrderReport:
        """The order as the venue tells of it: without the name we gave, where it knows none."""
        plain = self.plain(report)
        if not self._is_nameless:
            return plain
        fills = tuple(msgspec.structs.replace(f, client_order_id=None) for f in plain.fills)
        return msgspec.structs.replace(plain, client_order_id=None, fills=fills)
