"""Records as a server would write them: short stories for the tests of the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from rpcserver.core.records import (
    Concern,
    FillCounted,
    LegEnded,
    Noted,
    OperationFinished,
    OperationOpened,
    OperationSettled,
    OrderEnd,
    OrderEnded,
    OrderIntended,
    Record,
)
from rpcserver.core.report import Outcome
from rpcserver.core.requests import Amount, CloseRequest, Scope
from rpcserver.core.standing import DirectiveLifted, DirectiveSet
from rpcserver.domain.directive import Halt, HaltScope
from rpcserver.domain.ids import (
    AccountId,
    AccountRef,
    ClientOrderId,
    InstrumentId,
    OperationId,
    PrincipalId,
    Product,
    TokenId,
    TradeId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.order import Fill, Holding, OrderRequest, OrderSide, OrderStatus
from rpcserver.domain.position import PositionKey
from rpcserver.domain.principal import Role, TokenRow

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
PAPER = AccountRef(VenueId("paper"), AccountId("Sim101"))
LANE = PositionKey(*PAPER, InstrumentId("MES 12-25"), Holding.NET, Product(""))
ALICE = PrincipalId("alice")
BOB = PrincipalId("bob")


def moment(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def noted(detail: str = "something") -> Noted:
    """A record that belongs to nothing."""
    return Noted(at=NOON, mono=0.0, code="test", detail=detail)


def halted(name: str, reason: str = "enough") -> DirectiveSet:
    """Somebody laid something down that stands."""
    halt = Halt(halt_id=name, scope=HaltScope(account=PAPER))
    return DirectiveSet(at=NOON, mono=0.0, directive=halt, principal=ALICE, reason=reason)


def released(name: str) -> DirectiveLifted:
    """And took it back."""
    halt = Halt(halt_id=name, scope=HaltScope())
    return DirectiveLifted(at=NOON, mono=0.0, name=halt.name, principal=BOB, reason="calm again")


class Story:
    """One operation, told record by record; it keeps the operation's own count."""

    def __init__(
        self,
        name: str = "op-1",
        *,
        principal: PrincipalId = ALICE,
        key: str | None = None,
        amount: Amount | None = None,
        dry_run: bool = False,
        at: float = 0.0,
        tag: str | None = None,
    ) -> None:
        self.operation_id = OperationId(name)
        self._principal = principal
        self._key = key
        self._amount = amount or Amount()
        self._dry_run = dry_run
        self._at = moment(at)
        self._tag = tag
        self._seq = 0
        self._orders = 0

    def concern(self, *, leg: int = 0, done: int = 0, total: int = 0) -> Concern:
        self._seq += 1
        return Concern(self.operation_id, "r1", self._seq, leg, done, total)

    def opened(self) -> OperationOpened:
        return OperationOpened(
            at=self._at,
            mono=1.0,
            concerns=(self.concern(),),
            operation_id=self.operation_id,
            request=CloseRequest(
                api="Flatten",
                principal=self._principal,
                token_id=TokenId("tok-1"),
                request_id="r1",
                idempotency_key=self._key,
                digest="d1",
                args='{"account":"Sim101"}',
                remote="127.0.0.1",
                scope=Scope(accounts=(PAPER,), strategy_tag=self._tag),
                reason="drill",
                amount=self._amount,
                dry_run=self._dry_run,
            ),
        )

    def intended(self, *, total: int = 1) -> OrderIntended:
        self._orders += 1
        return OrderIntended(
            at=self._at,
            mono=2.0,
            concerns=(self.concern(leg=1, total=total),),
            account=PAPER,
            order=order(ClientOrderId(f"{self.operation_id}-{self._orders}")),
            lane=LANE,
            operation_id=self.operation_id,
            attempt=self._orders,
        )

    @property
    def last_order(self) -> ClientOrderId:
        return ClientOrderId(f"{self.operation_id}-{self._orders}")

    def filled(self, *, total: int = 1) -> FillCounted:
        concerns = (self.concern(leg=1, total=total),)
        return fill_counted(self.last_order, concerns=concerns, lane=LANE)

    def leg_ended(
        self,
        *,
        total: int = 1,
        lane: PositionKey = LANE,
        outcome: Outcome = Outcome.FLAT,
    ) -> LegEnded:
        return LegEnded(
            at=self._at,
            mono=4.0,
            concerns=(self.concern(leg=1, done=1, total=total),),
            operation_id=self.operation_id,
            number=1,
            lane=lane,
            outcome=outcome,
            held=Decimal(-2),
            closed=Decimal(2),
            average_price=Decimal("5774.25"),
            proven_at=self._at,
        )

    def finished(
        self, *, settled: bool = True, after: float = 1.0, success: bool = True, flat: bool = True
    ) -> OperationFinished:
        return OperationFinished(
            at=self._at + timedelta(seconds=after),
            mono=5.0,
            concerns=(self.concern(done=1, total=1),),
            operation_id=self.operation_id,
            success=success,
            flat=flat,
            counts={Outcome.FLAT: 1},
            proven_at=self._at,
            settled=settled,
        )

    def settled(self) -> OperationSettled:
        return OperationSettled(
            at=self._at, mono=6.0, concerns=(self.concern(),), operation_id=self.operation_id
        )

    def whole(self) -> list[Record]:
        """The ordinary case, from the request to the end."""
        return [
            self.opened(),
            self.intended(),
            self.filled(),
            self.leg_ended(),
            self.finished(),
        ]


def order(client_order_id: ClientOrderId) -> OrderRequest:
    return OrderRequest(
        client_order_id=client_order_id,
        account=PAPER.account,
        instrument=LANE.instrument,
        side=OrderSide.SELL,
        quantity=Decimal(2),
    )


def own_order(name: str) -> OrderIntended:
    """A client's own order, which no operation owns."""
    return OrderIntended(
        at=NOON, mono=1.0, account=PAPER, order=order(ClientOrderId(name)), principal=ALICE
    )


def own_order_ended(name: str) -> OrderEnded:
    return OrderEnded(
        at=NOON,
        mono=2.0,
        account=PAPER,
        end=OrderEnd.CANCELED,
        client_order_id=ClientOrderId(name),
        venue_order_id=None,
    )


def fill_counted(
    name: str,
    *,
    status: OrderStatus = OrderStatus.FILLED,
    concerns: tuple[Concern, ...] = (),
    lane: PositionKey | None = None,
) -> FillCounted:
    venue_order_id = VenueOrderId(f"v-{name}")
    fill = Fill(
        trade_id=TradeId(f"t-{name}"),
        venue_order_id=venue_order_id,
        client_order_id=ClientOrderId(name),
        account=PAPER.account,
        instrument=LANE.instrument,
        side=OrderSide.SELL,
        quantity=Decimal(2),
        price=Decimal("5774.25"),
        at=NOON,
    )
    return FillCounted(
        at=NOON,
        mono=3.0,
        concerns=concerns,
        account=PAPER,
        fills=(fill,),
        status=status,
        quantity=Decimal(2),
        filled=Decimal(2),
        average_price=Decimal("5774.25"),
        client_order_id=ClientOrderId(name),
        venue_order_id=venue_order_id,
        lane=lane,
    )


def token(name: str, *, principal: PrincipalId = ALICE, at: float = 0.0) -> TokenRow:
    return TokenRow(
        token_id=TokenId(name),
        principal=principal,
        roles=frozenset({Role.TRADER, Role.RISK}),
        accounts=("paper:Sim101",),
        created_at=moment(at),
    )


def token_hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
