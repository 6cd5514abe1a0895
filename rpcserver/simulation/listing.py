"""What the simulated venue lists: few contracts, each with something that makes closing harder."""

from __future__ import annotations

from decimal import Decimal

from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.instrument import Instrument, InstrumentType, ProductGroup
from rpcserver.venues.paper.contracts import Contract

ES, NQ, OPTION, SWAP = (InstrumentId(name) for name in ("ES 12-25", "NQ 12-25", "OPT", "SWAP"))
NAMES = (ES, NQ, OPTION, SWAP)


def _contract(
    name: InstrumentId, lot: str, minimum: str, *, maximum: str | None = None, touch: str
) -> Contract:
    return Contract(
        instrument=Instrument(
            instrument_id=name,
            type=InstrumentType.FUTURE,
            lot=Decimal(lot),
            tick=Decimal("0.25"),
            minimum=Decimal(minimum),
            maximum=None if maximum is None else Decimal(maximum),
            root=name.split()[0],
            product_group=ProductGroup.SWAP_U if name == SWAP else None,
        ),
        price=Decimal(100),
        touch=Decimal(touch),
        margin_rate=Decimal("0.01"),
    )


CONTRACTS = (
    _contract(ES, "1", "1", touch="20"),
    _contract(NQ, "1", "1", maximum="3", touch="20"),  # a freeze quantity: it is closed in slices
    _contract(OPTION, "5", "10", touch="200"),  # a remainder of one lot is dust
    _contract(SWAP, "0.1", "0.2", touch="5"),
)
LOTS = {contract.instrument_id: contract.instrument.lot for contract in CONTRACTS}
