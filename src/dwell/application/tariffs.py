"""Tariffs and formulas: what a location really pays. Resolved rates are price curves, used like those of a market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from dwell.application.case import Moment
from dwell.application.locations import tell_waiting_sessions
from dwell.application.ports import Ports, Reader, Transaction
from dwell.application.prices import lay_prices, resolve_anew, resolve_formulas_over
from dwell.domain.errors import Conflict, Fault, NotFound, Refused
from dwell.domain.ids import LocationId, OrganizationId
from dwell.domain.instants import floor_quarter
from dwell.domain.registry import Location
from dwell.domain.tariff.contracts import IMPORT, MARKET, Tariff, TariffFormula, resolved_zone
from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from dwell.domain.tariff.formula import FormulaFault, read_formula

PRICES_BACK = timedelta(days=8)
"""A first formula holds for the week before, too: missing prices are made up from it."""
HORIZON = timedelta(days=400)
"""Rates further ahead than this are resolved when they come nearer, with the next change of a source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaText:
    """A formula as a caller states it: `variables` are names to tariff ids, or to `zone:` and a market's zone."""

    direction: str
    variables: Mapping[str, str]
    formula: str


async def define_tariff(ports: Ports, organization_id: OrganizationId, wanted: Tariff) -> tuple[Tariff, bool]:
    """The tariff, and whether it is new. Raises Conflict where it exists with another definition."""

    async def work(tx: Transaction) -> tuple[Tariff, bool]:
        known = await tx.tariff(organization_id, wanted.id)
        if known is None:
            await tx.save_tariff(wanted)
            return wanted, True
        if msgspec.structs.replace(wanted, created_at=known.created_at) != known:
            raise Conflict("The tariff exists with another definition.", code="tariff_exists")
        return known, False

    return await ports.store.write(work)


async def put_timeseries(
    tx: Transaction, name: tuple[OrganizationId, str], slots: Sequence[PriceSlot], *, now: datetime
) -> None:
    """Replace a tariff's rates within the span of `slots`, which follow each other without gaps.

    `name` is organization and tariff. Formulas over it are resolved anew there; live visits get new plans, settled
    ones new figures. Raises NotFound.
    """
    organization_id, tariff_id = name
    tariff = await tx.tariff(organization_id, tariff_id)
    if tariff is None:
        raise NotFound("There is no such tariff.")
    changed = await lay_prices(tx, tariff.zone, tariff.currency, slots, now=now)
    if changed:
        await resolve_formulas_over(tx, tariff.zone, changed, now)


async def put_formula(
    ports: Ports, organization_id: OrganizationId, location_id: LocationId, wanted: FormulaText
) -> TariffFormula:
    """Have the location pay by this formula from now on; visits that wait there take it over, running ones keep theirs.

    Raises NotFound for the location, Refused with every fault of the formula, Conflict for another currency than its
    last one.
    """
    now = ports.clock.now()

    async def work(tx: Transaction) -> TariffFormula:
        location = await tx.location(organization_id, location_id)
        if location is None or location.deleted_at is not None:
            raise NotFound("There is no such location.")
        known = await tx.formula(organization_id, location_id, wanted.direction)
        currency, sources = await _read(tx, organization_id, wanted)
        if known is not None and known.currency != currency:
            raise Conflict(f"The location's formula is in {known.currency}; it cannot become {currency}.")
        formula = TariffFormula(
            organization_id=organization_id,
            location_id=location_id,
            direction=wanted.direction,
            currency=currency,
            formula=wanted.formula,
            variables=dict(wanted.variables),
            sources=sources,
            revision=1 if known is None else known.revision + 1,
            valid_from=floor_quarter(now if known is not None else now - PRICES_BACK),
        )
        await tx.save_formula(formula)
        await resolve_anew(tx, formula, (formula.valid_from, await _known_until(tx, sources, now)), now)
        if wanted.direction == IMPORT:
            await _tell_location(Moment.of(ports, tx, now), location, formula.revision)
        return formula

    return await ports.store.write(work)


async def resolved_rates(
    ports: Ports,
    organization_id: OrganizationId,
    location_id: LocationId,
    *,
    direction: str,
    window: tuple[datetime, datetime],
) -> PriceCurve | None:
    """What the location pays, or is paid, within the window: by its formula, else its zone's prices for import.

    None where it has neither. Raises NotFound.
    """

    async def work(reader: Reader) -> PriceCurve | None:
        location = await reader.location(organization_id, location_id)
        if location is None:
            raise NotFound("There is no such location.")
        zone: str | None = resolved_zone(location_id, direction)
        if direction == IMPORT:
            zone = location.price_zone
        return None if zone is None else await reader.curve(zone, *window)

    return await ports.store.read(work)


async def _read(
    tx: Transaction, organization_id: OrganizationId, wanted: FormulaText
) -> tuple[str, dict[str, str]]:
    """The formula's currency, and the price curve behind each variable. Raises Refused with every fault."""
    faults: list[Fault] = []
    try:
        used = read_formula(wanted.formula).variables
    except FormulaFault as error:
        faults.append(Fault(field="formula", message=str(error)))
        used = ()
    faults += [
        Fault(field="formula", message=f"the variable {name} is not among variables")
        for name in used
        if name not in wanted.variables
    ]
    if not wanted.variables:
        faults.append(Fault(field="variables", message="at least one tariff is needed"))
    currencies: dict[str, str] = {}
    sources: dict[str, str] = {}
    for name, source in wanted.variables.items():
        path = f"variables.{name}"
        found = await _source(tx, organization_id, wanted.direction, source)
        if isinstance(found, str):
            faults.append(Fault(field=path, message=found))
            continue
        sources[name], currency = found
        currencies.setdefault(currency, path)
    if len(currencies) > 1:
        named = ", ".join(f"{currency} ({path})" for currency, path in currencies.items())
        faults.append(Fault(field="variables", message=f"rates in several currencies: {named}"))
    if faults:
        raise Refused.because(*faults)
    return next(iter(currencies)), sources


async def _source(
    tx: Transaction, organization_id: OrganizationId, direction: str, source: str
) -> tuple[str, str] | str:
    """Name and currency of the price curve that `source` means, or what is wrong with it."""
    if source.startswith(MARKET):
        zone = source.removeprefix(MARKET)
        known = {name: currency for name, currency, *_ in await tx.zones()}
        return (zone, known[zone]) if zone in known else f"there are no prices of {zone}"
    tariff = await tx.tariff(organization_id, source)
    if tariff is None:
        return "there is no such tariff"
    if tariff.direction != direction:
        return f"the tariff is for {tariff.direction}, not for {direction}"
    return tariff.zone, tariff.currency


async def _known_until(tx: Transaction, sources: Mapping[str, str], now: datetime) -> datetime:
    """The end of the last rate of any source, within the horizon."""
    latest = now
    for source in set(sources.values()):
        curve = await tx.curve(source, now - PRICES_BACK, now + HORIZON)
        if curve is not None and curve.slots:
            latest = max(latest, curve.slots[-1].end_at)
    return min(latest, now + HORIZON)


async def _tell_location(moment: Moment, location: Location, revision: int) -> None:
    changed = msgspec.structs.replace(location, formula_revision=revision, updated_at=moment.now)
    await moment.tx.save_location(changed)
    await tell_waiting_sessions(moment, changed)
