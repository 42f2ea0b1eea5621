"""Prices come in: what they change is replaced, plans are made anew, and settled sessions are valued anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from dwell.application.ports import Ports, Transaction
from dwell.domain.errors import Conflict
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.tariff.contracts import TariffFormula
from dwell.domain.tariff.coverage import Span
from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from dwell.domain.tariff.formula import read_formula
from dwell.domain.tariff.origin import PriceOrigin
from dwell.domain.tariff.replacement import replace
from dwell.domain.tariff.resolution import Steps, resolve, slots_of


@dataclass(frozen=True, slots=True)
class Published:
    """A document of prices: its format, its name, and its slots; as many as one import lays over each other."""

    format_name: str
    name: str
    slots: Sequence[PriceSlot]


async def import_prices(
    ports: Ports,
    zone: str,
    currency: str,
    slots: Sequence[PriceSlot],
    *,
    documents: Sequence[Published] = (),
) -> tuple[Span, ...]:
    """Lay `slots` over the zone's prices. Returns the spans in which the price is another than before, or new.

    `documents` are where the slots came from, later ones overrule earlier ones: noted where prices changed.
    Importing the same again changes nothing. Vehicles that charge in the zone get a new plan, sessions settled in a
    changed span are worked out again; both by the engine, soon. Raises Conflict for another currency than the zone's.
    """
    if not slots:
        return ()
    now = ports.clock.now()

    async def work(tx: Transaction) -> tuple[Span, ...]:
        changed = await lay_prices(tx, zone, currency, slots, now=now)
        if changed:
            await tx.add_price_origins(_origins(zone, changed, documents, now))
            await resolve_formulas_over(tx, zone, changed, now)
        return changed

    return await ports.store.write(work)


def _origins(
    zone: str, changed: Sequence[Span], documents: Sequence[Published], now: datetime
) -> list[PriceOrigin]:
    """Each document's word on what changed, as far as the document goes."""
    return [
        PriceOrigin(
            zone=zone,
            start_at=start_at,
            end_at=end_at,
            imported_at=now,
            format_name=document.format_name,
            document=document.name,
        )
        for document in documents
        if document.slots
        for span in changed
        for start_at, end_at in [
            (
                max(span.start_at, min(slot.start_at for slot in document.slots)),
                min(span.end_at, max(slot.end_at for slot in document.slots)),
            )
        ]
        if start_at < end_at
    ]


async def lay_prices(
    tx: Transaction, zone: str, currency: str, slots: Sequence[PriceSlot], *, now: datetime
) -> tuple[Span, ...]:
    """Lay `slots` over what the zone has, within a transaction; vehicles concerned are looked at by the engine, soon.

    Returns the spans in which the price is another than before, or new. Raises Conflict for another currency.
    """
    if not slots:
        return ()
    start_at, end_at = min(s.start_at for s in slots), max(s.end_at for s in slots)
    curve = await tx.curve(zone, start_at, end_at)
    if curve is not None and curve.currency != currency:
        raise Conflict(f"The prices of {zone} are in {curve.currency}, not in {currency}.")
    present = tuple(curve.between(start_at, end_at)) if curve is not None else ()
    merged = replace(present, slots)
    if merged.changed:
        await tx.replace_prices(zone, currency, merged.slots)
        await _tell_vehicles(tx, zone, merged.changed, now)
    return merged.changed


async def resolve_formulas_over(tx: Transaction, source: str, changed: Sequence[Span], now: datetime) -> None:
    """Work out anew, where `source` has changed, the rates of every location whose formula reads it."""
    start_at, end_at = changed[0].start_at, changed[-1].end_at
    for formula in await tx.formulas_using(source):
        await resolve_anew(tx, formula, (max(start_at, formula.valid_from), end_at), now)


async def resolve_anew(
    tx: Transaction, formula: TariffFormula, window: tuple[datetime, datetime], now: datetime
) -> None:
    """Keep what the formula gives within the window: rates where all of its sources have some, else none."""
    start_at, end_at = window
    if start_at >= end_at:
        return
    curves = {name: await tx.curve(source, start_at, end_at) for name, source in formula.sources.items()}
    of = {name: Steps.of(curve or PriceCurve.of(formula.currency, ())) for name, curve in curves.items()}
    slots = tuple(slots_of(resolve(read_formula(formula.formula), of, start_at, end_at)))
    gaps = _gaps(slots, start_at, end_at)
    present = await tx.curve(formula.zone, start_at, end_at)
    lost = tuple(gap for gap in gaps if present is not None and any(present.between(*gap)))
    for gap in lost:
        await tx.remove_prices(formula.zone, *gap)
    if lost:
        await _tell_vehicles(tx, formula.zone, tuple(Span(*gap) for gap in lost), now)
    await lay_prices(tx, formula.zone, formula.currency, slots, now=now)


def _gaps(
    slots: Sequence[PriceSlot], start_at: datetime, end_at: datetime
) -> list[tuple[datetime, datetime]]:
    """Where `[start_at, end_at)` has no slot; the slots are in order and within it."""
    edges = [start_at, *(edge for slot in slots for edge in (slot.start_at, slot.end_at)), end_at]
    return [(low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high]


async def _tell_vehicles(tx: Transaction, zone: str, changed: tuple[Span, ...], now: datetime) -> None:
    """Have the engine look at every vehicle that the change concerns."""
    affected: dict[OrganizationId, dict[VehicleId, datetime | None]] = {}
    for organization_id, vehicle_id in await tx.live_vehicles_in_zone(zone):
        affected.setdefault(organization_id, {})[vehicle_id] = None
    start_at, end_at = changed[0].start_at, changed[-1].end_at
    for organization_id, vehicle_id, plugged_in_at in await tx.settled_in_zone(zone, start_at, end_at):
        affected.setdefault(organization_id, {})[vehicle_id] = plugged_in_at
    for organization_id, since in affected.items():
        tracks = await tx.tracks(organization_id, since)
        await tx.save_tracks(
            [
                msgspec.structs.replace(
                    track,
                    plan_wanted=True,
                    recut_from_at=_earlier(track.recut_from_at, since[vid]),
                    wake_at=now,
                )
                for vid, track in tracks.items()
            ]
        )


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)
