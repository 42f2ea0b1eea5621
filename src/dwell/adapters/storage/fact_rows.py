"""Facts in the SQL stores: rows while they are young, packs after that, and one ordered set to whoever asks.

Packs of one vehicle never overlap in time. A fact that comes late joins the first pack that ends at or after it; what
is newer than all packs makes new ones.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from dwell.adapters.storage import statements
from dwell.adapters.storage.bodies import decode_fact, encode
from dwell.adapters.storage.dialect import Row, Rows, Value
from dwell.adapters.storage.ordering import fact_order
from dwell.adapters.storage.packs import packed, unpacked
from dwell.application.records import StoredFact
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.instants import micros_of

PACK_LIMIT = 10_000
"""Facts in a new pack: more are cut into several, so that reading one stays a matter of milliseconds."""

END_OF_TIME = datetime.max.replace(tzinfo=UTC)


async def add(
    rows: Rows, organization_id: OrganizationId, facts: Sequence[StoredFact], received_at: datetime
) -> list[bool]:
    """Store the facts as rows; for each, whether it was new among them."""
    received = micros_of(received_at)
    return await rows.put(
        statements.ADD_FACT,
        [
            (organization_id, s.vehicle_id, s.digest, micros_of(s.fact.at), received, encode(s.fact))
            for s in facts
        ],
    )


async def read(
    rows: Rows,
    organization_id: OrganizationId,
    vehicle_id: VehicleId,
    window: tuple[datetime, datetime | None],
) -> list[StoredFact]:
    """Facts of the window, both ends included, in order; of one digest the packed one, else the row."""
    since, until = window[0], window[1] if window[1] is not None else END_OF_TIME
    names: dict[str, Value] = {
        "organization_id": organization_id,
        "vehicle_id": vehicle_id,
        "since": micros_of(since),
        "until": micros_of(until),
    }
    found: dict[bytes, StoredFact] = {}
    for _, _, blob in await rows.all(statements.PACKS, **names):
        for stored in unpacked(blob, vehicle_id):
            if since <= stored.fact.at <= until:
                found.setdefault(stored.digest, stored)
    for stored in _stored(await rows.all(statements.FACTS, **names), vehicle_id):
        found.setdefault(stored.digest, stored)
    return sorted(found.values(), key=fact_order)


async def pack(rows: Rows, organization_id: OrganizationId, vehicle_id: VehicleId, until: datetime) -> None:
    """Move the rows up to and including `until` into packs."""
    names = {"organization_id": organization_id, "vehicle_id": vehicle_id}
    loose = await rows.all(statements.FACTS_UNTIL, until=micros_of(until), **names)
    if not loose:
        return
    moved = sorted(_stored(loose, vehicle_id), key=fact_order)
    first, last = micros_of(moved[0].fact.at), micros_of(moved[-1].fact.at)
    known = await rows.all(statements.PACKS, since=first, until=last, **names)
    changed = [*_joined(known, moved, vehicle_id), *_new_packs(known, moved)]
    await rows.put(
        statements.SAVE_PACK,
        [
            (organization_id, vehicle_id, until_at, micros_of(group[0].fact.at), len(group), packed(group))
            for until_at, group in changed
        ],
    )
    await rows.run(statements.REMOVE_FACTS_UNTIL, until=micros_of(until), **names)


def _stored(loose: list[Row], vehicle_id: VehicleId) -> Iterator[StoredFact]:
    return (StoredFact(vehicle_id, digest, decode_fact(blob)) for digest, blob in loose)


def _joined(
    known: list[Row], moved: list[StoredFact], vehicle_id: VehicleId
) -> Iterator[tuple[int, list[StoredFact]]]:
    """Known packs with the late facts that belong in them; a digest that a pack has already adds nothing."""
    ends = [until_at for until_at, _, _ in known]
    late: dict[int, list[StoredFact]] = {}
    for stored in moved:
        place = bisect_left(ends, micros_of(stored.fact.at))
        if place < len(ends):
            late.setdefault(place, []).append(stored)
    for place, coming in late.items():
        until_at, _, blob = known[place]
        present = unpacked(blob, vehicle_id)
        names = {stored.digest for stored in present}
        fresh = [stored for stored in coming if stored.digest not in names]
        if fresh:
            yield until_at, sorted([*present, *fresh], key=fact_order)


def _new_packs(known: list[Row], moved: list[StoredFact]) -> Iterator[tuple[int, list[StoredFact]]]:
    """The facts after the last pack (a known one if they reach beyond it), in groups that no instant straddles."""
    newest = known[-1][0] if known else None
    group: list[StoredFact] = []
    for stored in moved:
        at = micros_of(stored.fact.at)
        if newest is not None and at <= newest:
            continue
        if len(group) >= PACK_LIMIT and stored.fact.at > group[-1].fact.at:
            yield micros_of(group[-1].fact.at), group
            group = []
        group.append(stored)
    if group:
        yield micros_of(group[-1].fact.at), group
