"""Prices come in: what they change is replaced, plans are made anew, and settled sessions are valued anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from dwell.application.ports import Ports, Transaction
from dwell.domain.errors import Conflict
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.tariff.coverage import Span
from dwell.domain.tariff.curve import PriceSlot
from dwell.domain.tariff.replacement import replace


async def import_prices(
    ports: Ports, zone: str, currency: str, slots: Sequence[PriceSlot]
) -> tuple[Span, ...]:
    """Lay `slots` over the zone's prices. Returns the spans in which the price is another than before, or new.

    Importing the same again changes nothing. Vehicles that charge in the zone get a new plan, sessions settled in a
    changed span are worked out again; both by the engine, soon. Raises Conflict for another currency than the zone's.
    """
    if not slots:
        return ()
    now = ports.clock.now()
    start_at, end_at = min(s.start_at for s in slots), max(s.end_at for s in slots)

    async def work(tx: Transaction) -> tuple[Span, ...]:
        curve = await tx.curve(zone, start_at, end_at)
        if curve is not None and curve.currency != currency:
            raise Conflict(f"The prices of {zone} are in {curve.currency}, not in {currency}.")
        present = tuple(curve.between(start_at, end_at)) if curve is not None else ()
        merged = replace(present, slots)
        if merged.changed:
            await tx.replace_prices(zone, currency, merged.slots)
            await _tell_vehicles(tx, zone, merged.changed, now)
        return merged.changed

    return await ports.store.write(work)


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
