"""What serves tariffs in the Flex dialect."""

from __future__ import annotations

from datetime import timedelta

from dwell.api.flex import tariff_schemas as schemas
from dwell.api.flex.requests import Filters, canonical_uuid
from dwell.api.flex.tariff_requests import (
    DIRECTIONS,
    WINDOW_AT_MOST,
    read_definition,
    read_formula_body,
    read_idempotency_key,
    read_tariff_id,
    read_timeseries,
)
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.documents import read_document
from dwell.api.shared.operations import Call
from dwell.api.shared.problems import HttpRefusal, Issue
from dwell.application import queries
from dwell.application.idempotency import OTHER_BODY, once
from dwell.application.ports import Transaction
from dwell.application.tariffs import define_tariff, put_formula, put_timeseries, resolved_rates
from dwell.domain.errors import Conflict, NotFound
from dwell.domain.ids import LocationId
from dwell.domain.instants import write_instant
from dwell.domain.tariff.contracts import Tariff

TIMESERIES_BYTES = 8_000_000


async def post_tariff(call: Call) -> Answer:
    """Define the tariff, or find it defined so."""
    tariff_id = read_tariff_id(call.path["tariffId"])
    direction, currency, per = read_definition(read_document(await call.body()))
    ports = call.backend.ports
    wanted = Tariff(
        organization_id=call.organization_id,
        id=tariff_id,
        direction=direction,
        currency=currency,
        per=per,
        created_at=ports.clock.now(),
    )
    tariff, is_new = await define_tariff(ports, call.organization_id, wanted)
    shown = schemas.Tariff(
        id=tariff.id,
        direction=direction,  # type: ignore[arg-type]  # one of DIRECTIONS, as read
        currency=tariff.currency,
        per="kWh",
        created_at=write_instant(tariff.created_at.replace(microsecond=0)),
    )
    return answer_json(201 if is_new else 200, shown)


async def put_rates(call: Call) -> Answer:
    """Replace a span of the tariff's rates, once for each key."""
    tariff_id, key = read_tariff_id(call.path["tariffId"]), read_idempotency_key(call.headers)
    content = await call.body(at_most=TIMESERIES_BYTES)
    slots = read_timeseries(content)
    ports = call.backend.ports
    taken = schemas.TimeseriesTaken(
        tariff_id=tariff_id,
        start_at=write_instant(slots[0].start_at),
        end_at=write_instant(slots[-1].end_at),
        values=len(slots),
    )
    answer = answer_json(200, taken)

    async def effect(tx: Transaction) -> tuple[int, bytes]:
        await put_timeseries(tx, (call.organization_id, tariff_id), slots, now=ports.clock.now())
        return answer.status, answer.body

    request = b"\0".join((tariff_id.encode(), content))
    try:
        status, body = await once(ports, (call.organization_id, key), request, effect)
    except Conflict as conflict:
        if conflict.code == OTHER_BODY:
            raise HttpRefusal(422, conflict.message) from conflict
        raise
    call.backend.changed()
    return Answer(status, body)


async def put_tariff_formula(call: Call) -> Answer:
    """Have the location pay by a formula."""
    location_id = _location_id(call)
    wanted = read_formula_body(read_document(await call.body()))
    formula = await put_formula(call.backend.ports, call.organization_id, location_id, wanted)
    call.backend.changed()
    shown = schemas.Formula(
        location_id=location_id,
        direction=wanted.direction,  # type: ignore[arg-type]  # one of DIRECTIONS, as read
        variables=dict(formula.variables),
        formula=formula.formula,
        currency=formula.currency,
        revision=formula.revision,
        valid_from=write_instant(formula.valid_from),
    )
    return answer_json(200, shown)


async def get_resolved(call: Call) -> Answer:
    """What the location pays within a window."""
    location_id = _location_id(call)
    filters = Filters(call.query)
    direction = filters.text("direction")
    from_at, to_at = filters.instant("from"), filters.instant("to")
    issues = [Issue(name, "is required") for name in ("direction", "from", "to") if name not in call.query]
    if direction is not None and direction not in DIRECTIONS:
        issues.append(Issue("direction", f"must be one of {', '.join(DIRECTIONS)}"))
    filters.end()
    if from_at is not None and to_at is not None and not timedelta(0) < to_at - from_at <= WINDOW_AT_MOST:
        issues.append(Issue("to", f"must come after from, by at most {WINDOW_AT_MOST.days} days"))
    if issues or direction is None or from_at is None or to_at is None:
        raise HttpRefusal(400, "The query has faults.", issues=issues)
    window = (from_at, to_at)
    curve = await resolved_rates(
        call.backend.ports, call.organization_id, location_id, direction=direction, window=window
    )
    data = tuple(
        schemas.ResolvedRate(
            start_at=write_instant(max(slot.start_at, from_at)),
            end_at=write_instant(min(slot.end_at, to_at)),
            rate=float(slot.price_per_kwh),
        )
        for slot in (curve.between(*window) if curve is not None else ())
    )
    shown = schemas.ResolvedTariffs(
        location_id=location_id,
        direction=direction,  # type: ignore[arg-type]  # one of DIRECTIONS, as checked
        currency=curve.currency if curve is not None else None,
        per="kWh",
        data=data,
    )
    return answer_json(200, shown)


def _location_id(call: Call) -> LocationId:
    found = canonical_uuid(call.path["locationId"])
    if found is None:
        raise NotFound(queries.NO_LOCATION)
    return LocationId(found)
