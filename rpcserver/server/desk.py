"""
Carries out every query: reads at the venues and in the journal, orders through the engine.

Orders of one account leave in the order asked, accounts run side by side, and one order's failure
never stops another: each says for itself what became of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from anyio import CapacityLimiter

from rpcserver.apis.directive_queries import DirectiveQuery
from rpcserver.apis.queries import (
    AcknowledgeAlert,
    Answerable,
    Bracket,
    Canceled,
    CancelOrders,
    ChangeOrder,
    Condition,
    ConfirmClose,
    CreateToken,
    FoundOrder,
    Nothing,
    Placed,
    PlaceOrders,
    Query,
    ReadAccounts,
    ReadAlerts,
    ReadApprovals,
    ReadBars,
    ReadExecutions,
    ReadExits,
    ReadLifecycle,
    ReadMarketInfo,
    ReadOperation,
    ReadOperations,
    ReadOrder,
    ReadOrders,
    ReadPositions,
    ReadQuotes,
    ReadSummary,
    ReadTokens,
    ReadWatermarks,
    ReplaceOrder,
    Resolve,
    RevokeToken,
    RotateToken,
    VerifyChain,
)
from rpcserver.apis.setting_queries import (
    ChangePolicy,
    ChangePreferences,
    ReadPolicy,
    ReadPreferences,
)
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import CancelRequest, PlaceRequest
from rpcserver.domain.errors import InvalidRequest, VenueError
from rpcserver.domain.ids import AccountRef, OperationId, VenueOrderId
from rpcserver.domain.order import OrderReport, OrderStatus
from rpcserver.domain.principal import Principal
from rpcserver.driver.folding import no_such_operation
from rpcserver.server.admission import may_see
from rpcserver.server.alerts import AlertOffice
from rpcserver.server.approvals import Approvals
from rpcserver.server.directives import DirectiveOffice
from rpcserver.server.failures import told
from rpcserver.server.lifecycles import lifecycle_of
from rpcserver.server.ordering import Ordering
from rpcserver.server.parallel import for_each
from rpcserver.server.ports import Engine
from rpcserver.server.reading import Reader
from rpcserver.server.settings_office import SettingsOffice
from rpcserver.server.sight import Sight
from rpcserver.server.tokens import TokenOffice
from rpcserver.server.witness import UNSIGNED, Witness

CANCELS_AT_ONCE = 16  # of one account; the engine and the venue keep their own budgets


class Desk:
    """
    Carries queries out for one principal at a time.

    `timeout` in seconds, for each reading of a venue.
    """

    def __init__(
        self,
        engine: Engine,
        tokens: TokenOffice,
        approvals: Approvals,
        directives: DirectiveOffice,
        settings: SettingsOffice,
        *,
        timeout: float,
        witness: Witness = UNSIGNED,
    ) -> None:
        self._engine = engine
        self._approvals = approvals
        self._read = Reader(engine, timeout)
        self._ordering = Ordering(engine, self._read, lambda: settings.policy.sizes, timeout)
        self._tokens = tokens
        self._directives = directives
        self._settings = settings
        self._sight = Sight(engine.journal)
        self._alerts = AlertOffice(engine, self._sight)
        self._witness = witness

    @property
    def reader(self) -> Reader:
        return self._read

    async def carry_out(self, principal: Principal, query: Query, remote: str) -> Answerable:
        """
        What the query's docstring names.

        The query was admitted before: permissions and grants are not looked at again.

        Raises:
            InvalidRequest, VenueError: See the query.
        """
        if isinstance(query, DirectiveQuery):
            return await self._directives.carry_out(principal, query, remote)
        match query:
            case ReadAccounts(accounts):
                return await self._read.accounts(accounts)
            case ReadPositions(accounts):
                return await self._read.snapshots(accounts)
            case ReadOrders(accounts):
                return await self._read.orders(accounts)
            case ReadOrder(accounts, order_id):
                return await self._read.order(accounts, order_id)
            case ReadExecutions(accounts, since):
                return await self._read.executions(accounts, since)
            case ReadLifecycle(accounts, order_id):
                return await lifecycle_of(self._engine, self._read, accounts, order_id)
            case ReadSummary(accounts):
                return await self._read.summary(accounts)
            case ReadWatermarks(accounts):
                await self._read.accounts(accounts)
                return self._read.watermarks.of(accounts)
            case ReadBars():
                return await self._read.bars(query)
            case ReadQuotes(instruments):
                return await self._read.quotes(instruments)
            case ReadMarketInfo(venue, instrument):
                return await self._read.market_info(venue, instrument)
            case ReadOperations(whose, before, limit):
                found = self._sight.operations(principal, whose=whose, before=before, limit=limit)
                return tuple(await found)
            case ReadOperation(operation_id):
                report = await self.operation(principal, operation_id)
                return self._witness.of_end(report)
            case ReadExits():
                return await self._sight.exits(principal, query)
            case VerifyChain():
                return self._witness.of_chain(await self._engine.journal.verify())
            case ReadTokens():
                return await self._tokens.listed(principal)
            case Nothing():
                return None
            case PlaceOrders() | CancelOrders() | Resolve():
                return await self._act(principal, query, remote)
            case ReadAlerts():
                return await self._alerts.listed(principal, query)
            case AcknowledgeAlert():
                return await self._alerts.acknowledge(principal, query, remote)
            case ReadApprovals():
                return self._approvals.listed(principal)
            case ConfirmClose():
                return await self._approvals.confirm(principal, query, remote)
            case ChangeOrder():
                return await self._ordering.change(principal, query, remote)
            case ReplaceOrder():
                return await self._ordering.replace(principal, query, remote)
            case Bracket():
                return await self._ordering.bracket(principal, query, remote)
            case ReadPreferences(user):
                return self._settings.preferences(principal, user)
            case ChangePreferences():
                return await self._settings.change_preferences(principal, query, remote)
            case ReadPolicy():
                return self._settings.told_policy(principal)
            case ChangePolicy():
                return await self._settings.change_policy(principal, query, remote)
            case CreateToken():
                return await self._tokens.create(principal, query, remote)
            case RotateToken():
                return await self._tokens.rotate(principal, query, remote)
            case RevokeToken():
                return await self._tokens.revoke(principal, query, remote)
            case _:
                assert_never(query)

    async def operation(self, principal: Principal, operation_id: OperationId) -> OperationReport:
        """
        An operation's report, if it exists for the principal.

        Raises:
            InvalidRequest: `unknown_operation`.
        """
        report = await self._engine.load_report(operation_id)
        if report is None or not may_see(principal, report.request):
            raise await no_such_operation(self._engine.journal, operation_id)
        return report

    async def _act(
        self,
        principal: Principal,
        query: PlaceOrders | CancelOrders | Resolve,
        remote: str,
    ) -> Answerable:
        match query:
            case PlaceOrders(orders, condition):
                return await self._place(orders, condition)
            case CancelOrders():
                return await self._cancel(principal, query, remote)
            case Resolve(request):
                await self._engine.resolve(request)
                return None
            case _:
                assert_never(query)

    # --- orders -------------------------------------------------------------------------------

    async def _place(
        self, orders: Sequence[PlaceRequest], condition: Condition | None
    ) -> tuple[Placed, ...]:
        by_account: dict[AccountRef, list[int]] = {}
        for number, order in enumerate(orders):
            by_account.setdefault(order.account, []).append(number)
        placed: dict[int, Placed] = {}

        async def place_in_turn(numbers: list[int]) -> None:
            for number in numbers:
                placed[number] = await self._place_one(orders[number], condition)

        await for_each(list(by_account.values()), place_in_turn)
        return tuple(placed[number] for number in range(len(orders)))

    async def _place_one(self, request: PlaceRequest, condition: Condition | None) -> Placed:
        try:
            if condition is not None:
                await self._ordering.check(condition, request)
            return Placed(request, report=await self._ordering.place(request))
        except (InvalidRequest, VenueError) as exc:
            error = told(exc)
            return Placed(request, error=error.code, detail=error.detail)

    async def _cancel(
        self, principal: Principal, query: CancelOrders, remote: str
    ) -> tuple[Canceled, ...]:
        orders, unread = await self._orders_where_they_can_be_read(query.accounts)
        matching = [order for order in orders if _matches(order, query)]
        limiters = {ref: CapacityLimiter(CANCELS_AT_ONCE) for ref in query.accounts}

        async def cancel(order: FoundOrder) -> Canceled:
            async with limiters[order.account]:
                return await self._cancel_one(principal, order, remote)

        canceled = await for_each(matching, cancel)
        known = {name for order in orders for name in _names(order.report)}
        missing = [
            Canceled(
                account=None,
                order_id=VenueOrderId(order_id),
                canceled=False,
                error="unknown_order",
                detail=f"there is no order {order_id}",
            )
            for order_id in query.order_ids
            if order_id not in known
        ]
        late = [_ended_before(order) for order in orders if _is_named(order, query)]
        return (*canceled, *late, *missing, *unread)

    async def _orders_where_they_can_be_read(
        self, accounts: tuple[AccountRef, ...]
    ) -> tuple[list[FoundOrder], list[Canceled]]:
        """One dead venue stops no cancel at another (law 30). Raises where none can be read."""
        errors: list[InvalidRequest | VenueError] = []
        unread: list[Canceled] = []

        async def read(account: AccountRef) -> tuple[FoundOrder, ...]:
            try:
                return await self._read.orders((account,))
            except (InvalidRequest, VenueError) as exc:
                error = told(exc)
                errors.append(exc)
                unread.append(
                    Canceled(
                        account, VenueOrderId(""), False, error=error.code, detail=error.detail
                    )
                )
                return ()

        found = await for_each(accounts, read)
        if errors and len(errors) == len(accounts):
            raise errors[0]
        return [order for orders in found for order in orders], unread

    async def _cancel_one(self, principal: Principal, order: FoundOrder, remote: str) -> Canceled:
        order_id = order.report.venue_order_id
        request = CancelRequest(
            principal=principal.principal_id,
            account=order.account,
            venue_order_id=order_id,
            remote=remote,
        )
        try:
            report = await self._engine.cancel_order(request)
        except (InvalidRequest, VenueError) as exc:
            error = told(exc)
            name = _known_as(order.report)
            return Canceled(order.account, name, False, error=error.code, detail=error.detail)
        return _outcome(order.account, report)


def _matches(order: FoundOrder, query: CancelOrders) -> bool:
    """Whether a cancel is to be sent for *order*."""
    report = order.report
    if report.status.is_terminal:
        return False
    if query.order_ids and not _names(report) & set(query.order_ids):
        return False
    if query.instruments and not any(each.matches(order.instrument) for each in query.instruments):
        return False
    return query.tag is None or report.tag == query.tag


def _is_named(order: FoundOrder, query: CancelOrders) -> bool:
    """Whether *order* was named, and had ended before."""
    return order.report.status.is_terminal and bool(_names(order.report) & set(query.order_ids))


def _names(report: OrderReport) -> set[str]:
    return {report.venue_order_id, *([report.client_order_id] if report.client_order_id else [])}


def _ended_before(order: FoundOrder) -> Canceled:
    status = order.report.status
    return Canceled(
        order.account,
        order.report.venue_order_id,
        canceled=status is OrderStatus.CANCELED,
        error=None if status is OrderStatus.CANCELED else "order_refused",
        detail=f"the order is {status.value} already",
    )


def _outcome(account: AccountRef, report: OrderReport) -> Canceled:
    if report.status is OrderStatus.CANCELED:
        return Canceled(account, _known_as(report), canceled=True)
    if not report.status.is_terminal:
        return Canceled(account, _known_as(report), canceled=False, pending=True)
    return _ended_as(account, report)


def _ended_as(account: AccountRef, report: OrderReport) -> Canceled:
    """It filled, expired or was rejected before the cancel arrived (law 4)."""
    return Canceled(
        account,
        _known_as(report),
        canceled=False,
        error="order_refused",
        detail=f"the order is {report.status.value}",
    )


def _known_as(report: OrderReport) -> VenueOrderId:
    """The id its owner was given: ours where the order has one."""
    return VenueOrderId(report.client_order_id or report.venue_order_id)
