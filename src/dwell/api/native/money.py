"""Money as the native dialect serves it: a session's valuation, and the log of who changed what."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from dwell.api.native.audit import AuditPage, get_audit
from dwell.api.native.errors import answer_error
from dwell.api.shared.answers import Answer
from dwell.api.shared.operations import Access, Call, Operation, Parameter
from dwell.api.shared.problems import Problem
from dwell.api.shared.series import (
    DATA_QUERY,
    SAVINGS_QUERY,
    DataAnswer,
    SavingsAnswer,
    serve_data,
    serve_savings,
)
from dwell.application.valuation import ValuationView, valuation_view
from dwell.domain.ids import SessionId, VehicleId
from dwell.domain.instants import write_instant
from dwell.domain.session.valuation import ValuedQuarter, exact_sum
from dwell.domain.tariff.curve import PriceSlot
from dwell.domain.tariff.origin import PriceOrigin, origin_at

CSV = "text/csv"
_UNKNOWN = "not noted"
_KINDS = {"tariff": "tariff", "location": "formula"}
"""Curves that are worked out or given by the organization have names that begin so."""
_COLUMNS = (
    "start",
    "end",
    "energy_wh",
    "prices_per_kwh",
    "price_sources",
    "cost",
    "baseline_energy_wh",
    "baseline_cost",
    "currency",
    "emissions_g",
    "baseline_emissions_g",
)

_encode = msgspec.json.Encoder().encode


class PriceSource(msgspec.Struct, frozen=True):
    """`kind`: document, formula or tariff. A document has its format, name and instant of import, where noted."""

    kind: str
    zone: str
    format: str | None
    document: str | None
    imported_at: datetime | None


class PricePart(msgspec.Struct, frozen=True):
    """A price per kWh in force within the quarter hour, and where it came from."""

    start: datetime
    end: datetime
    price_per_kwh: Decimal
    source: PriceSource


class ValuationRow(msgspec.Struct, frozen=True):
    """One quarter hour. Money is exact; null where energy falls on no price, or there is no baseline.

    Emissions likewise, along the grid's carbon intensity.
    """

    start: datetime
    end: datetime
    energy_wh: int
    prices: list[PricePart]
    cost: Decimal | None
    baseline_energy_wh: Decimal
    baseline_cost: Decimal | None
    emissions_g: Decimal | None
    baseline_emissions_g: Decimal | None


class SessionValuation(msgspec.Struct, frozen=True, kw_only=True):
    """A session's figures, and the rows that add up to them. `current`: the figures are those of the prices now known.

    Where it is false, prices have changed since, and the engine is about to settle the session anew. `inputs` is all
    that the baseline is worked out from, besides rows and prices. Emissions in g of CO2 are null where the grid's
    carbon intensity is not known throughout (`dwell carbon import`).
    """

    session_id: str
    state: str
    revision: int
    currency: str | None
    energy_wh: int
    cost: Decimal | None
    baseline_cost: Decimal | None
    savings: Decimal | None
    emissions_g: Decimal | None
    baseline_emissions_g: Decimal | None
    current: bool
    inputs: BaselineInputs
    rows: list[ValuationRow]


class Power(msgspec.Struct, frozen=True):
    """Full available power from an instant to another, in W."""

    start: datetime
    end: datetime
    power_w: int


class BaselineInputs(msgspec.Struct, frozen=True):
    """The baseline is `energy_wh` charged from the plug-in at full power, done by the end at the latest."""

    plugged_in_at: datetime | None
    ended_at: datetime | None
    full_power: list[Power]


async def get_valuation(call: Call) -> Answer:
    """A session's valuation as JSON, or as CSV for those who ask for it."""
    view = await valuation_view(call.backend.ports, call.organization_id, SessionId(call.path["sessionId"]))
    shown = shown_valuation(view)
    wanted = call.headers.get("accept", "")
    if any(part.split(";")[0].strip().lower() == CSV for part in wanted.split(",")):
        return Answer(200, _as_csv(shown), media_type=f"{CSV}; charset=utf-8", headers={"vary": "accept"})
    return Answer(200, _encode(shown), headers={"vary": "accept"})


async def get_vehicle_data(call: Call) -> Answer:
    """A vehicle over time."""
    return await serve_data(call, VehicleId(call.path["vehicleId"]), None)


async def get_vehicle_savings(call: Call) -> Answer:
    """A vehicle's savings."""
    return await serve_savings(call, VehicleId(call.path["vehicleId"]), None)


def shown_valuation(view: ValuationView) -> SessionValuation:
    """The valuation as it is served."""
    session, money = view.session, view.session.valuation
    emitted = view.emissions or (None,) * len(view.quarters)
    rows = [_row(*pair, view) for pair in zip(view.quarters, emitted, strict=True)]
    costs = [row.cost for row in rows if row.cost is not None]
    baseline = [row.baseline_cost for row in rows if row.baseline_cost is not None]
    current = money is None or (
        exact_sum(costs) == money.cost
        and (money.baseline_cost is None or exact_sum(baseline) == money.baseline_cost)
    )
    return SessionValuation(
        session_id=session.id,
        state=session.state,
        revision=session.revision,
        currency=money.currency if money is not None else None,
        energy_wh=session.energy_wh,
        cost=money.cost if money is not None else None,
        baseline_cost=money.baseline_cost if money is not None else None,
        savings=money.savings if money is not None else None,
        emissions_g=_whole_sum([row.emissions_g for row in rows]),
        baseline_emissions_g=_whole_sum([row.baseline_emissions_g for row in rows]),
        current=current,
        inputs=_inputs(view),
        rows=rows,
    )


def _inputs(view: ValuationView) -> BaselineInputs:
    session = view.session
    start_at, end_at = session.plugged_in_at, session.ended_at
    if start_at is None or end_at is None:
        return BaselineInputs(start_at, end_at, [])
    seen_w = 0 if session.terms.has_profile else session.peak_power_w or 0
    rooms = session.terms.rooms(start_at, end_at)
    return BaselineInputs(
        start_at, end_at, [Power(r.start_at, r.end_at, max(r.power_w, seen_w)) for r in rooms]
    )


def _whole_sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    """The sum; None where a part of it is not known, or there is none."""
    known = [amount for amount in amounts if amount is not None]
    return exact_sum(known) if known and len(known) == len(amounts) else None


def _row(quarter: ValuedQuarter, emitted: ValuedQuarter | None, view: ValuationView) -> ValuationRow:
    return ValuationRow(
        quarter.start_at,
        quarter.end_at,
        quarter.energy_wh,
        [_part(slot, view) for slot in quarter.slots],
        quarter.cost,
        quarter.baseline_energy_wh,
        quarter.baseline_cost,
        emitted.cost if emitted is not None else None,
        emitted.baseline_cost if emitted is not None else None,
    )


def _part(slot: PriceSlot, view: ValuationView) -> PricePart:
    zone = view.session.terms.zone or ""
    origin = origin_at(view.origins, slot.start_at)
    return PricePart(slot.start_at, slot.end_at, slot.price_per_kwh, _source(zone, origin))


def _source(zone: str, origin: PriceOrigin | None) -> PriceSource:
    kind = _KINDS.get(zone.partition(":")[0], "document") if ":" in zone else "document"
    if origin is None:
        return PriceSource(kind, zone, None, None, None)
    return PriceSource(kind, zone, origin.format_name, origin.document, origin.imported_at)


def _as_csv(shown: SessionValuation) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in shown.rows:
        writer.writerow(
            (
                write_instant(row.start),
                write_instant(row.end),
                row.energy_wh,
                " | ".join(str(part.price_per_kwh) for part in row.prices),
                " | ".join(dict.fromkeys(_source_text(part.source) for part in row.prices)),
                _plain(row.cost),
                row.baseline_energy_wh,
                _plain(row.baseline_cost),
                shown.currency or "",
                _plain(row.emissions_g),
                _plain(row.baseline_emissions_g),
            )
        )
    return text.getvalue().encode()


def _plain(amount: Decimal | None) -> str:
    return format(amount, "f") if amount is not None else ""


def _source_text(source: PriceSource) -> str:
    words = (source.zone, source.kind, source.format, source.document)
    said = " ".join(word for word in words if word)
    when = write_instant(source.imported_at) if source.imported_at is not None else _UNKNOWN
    return f"{said} ({when})"


def money_operations() -> tuple[Operation, ...]:
    """The operations about money and the audit log."""
    return (
        Operation(
            method="GET",
            path="/v1/sessions/{sessionId}/valuation",
            name="getSessionValuation",
            summary="What a session cost, quarter hour by quarter hour",
            description=(
                "Energy, prices with their sources, cost and baseline of every quarter hour; the rows add up to the "
                "session's figures exactly. Prices are never made up here: where none is known, cost is null. "
                "As CSV for `Accept: text/csv`."
            ),
            serve=get_valuation,
            access=Access.NATIVE,
            tag="Sessions",
            path_schemas={"sessionId": {"type": "string", "format": "uuid"}},
            answers={200: SessionValuation, **dict.fromkeys((400, 401, 404, 503), Problem)},
            on_error=answer_error,
        ),
        *_series_operations(),
        Operation(
            method="GET",
            path="/v1/audit",
            name="getAudit",
            summary="Who changed what, newest first",
            description=(
                "Each entry's hash covers its content and the hash before it: SHA-256 of the canonical JSON list. "
                "`dwell audit verify` walks the chain."
            ),
            serve=get_audit,
            access=Access.NATIVE,
            tag="Audit",
            query=(
                Parameter(
                    name="before",
                    description="Only entries with a lower number.",
                    schema={"type": "integer", "minimum": 1},
                ),
                Parameter(
                    name="limit",
                    description="At most so many entries.",
                    schema={"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
                ),
            ),
            answers={200: AuditPage, **dict.fromkeys((400, 401, 503), Problem)},
            on_error=answer_error,
        ),
    )


def _series_operations() -> tuple[Operation, ...]:
    return (
        Operation(
            method="GET",
            path="/v1/vehicles/{vehicleId}/data",
            name="getVehicleData",
            summary="A vehicle's energy, prices and state over time",
            description=(
                "Energies in kWh by the quarter hour they were drawn in; sums agree at every resolution. Header "
                "`fill-missing: true` keeps periods of which nothing is known."
            ),
            serve=get_vehicle_data,
            access=Access.NATIVE,
            tag="Vehicles",
            query=DATA_QUERY,
            path_schemas={"vehicleId": {"type": "string", "format": "uuid"}},
            answers={200: DataAnswer, **dict.fromkeys((400, 401, 404, 503), Problem)},
            on_error=answer_error,
        ),
        Operation(
            method="GET",
            path="/v1/vehicles/{vehicleId}/savings",
            name="getVehicleSavings",
            summary="What a vehicle's visits have saved",
            description="By the local day of the plug-in; exact, so that every resolution adds up to the same.",
            serve=get_vehicle_savings,
            access=Access.NATIVE,
            tag="Vehicles",
            query=SAVINGS_QUERY,
            path_schemas={"vehicleId": {"type": "string", "format": "uuid"}},
            answers={200: SavingsAnswer, **dict.fromkeys((400, 401, 404, 503), Problem)},
            on_error=answer_error,
        ),
    )
