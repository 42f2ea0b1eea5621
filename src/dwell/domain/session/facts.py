"""Facts: timed statements about one vehicle from one source, and how several of one instant become one.

A fact holds only what its source said: a field it did not mention is None and stays unknown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import msgspec

SOURCE_RANK = {"station": 3, "vehicle": 2, "app": 1}
"""Who is believed when two sources disagree about one field at one instant; unnamed sources rank 0."""


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One observation of a vehicle. Power in W and energy in Wh at the meter, import positive."""

    at: datetime
    source: str = "vehicle"
    plugged_in: bool | None = None
    charging: bool | None = None
    power_w: int | None = None
    soc_percent: float | None = None
    energy_register_wh: int | None = None
    charge_limit_percent: float | None = None
    fully_charged: bool | None = None
    latitude: float | None = None
    longitude: float | None = None
    odometer_m: int | None = None
    external_id: str | None = None

    @property
    def says_plugged(self) -> bool | None:
        """Plugged as said, or as charging or power implies; None where the fact is silent about it."""
        if self.plugged_in is not None:
            return self.plugged_in
        return True if self.charging or (self.power_w or 0) > 0 else None


SOC_ZERO_BELIEVED_FROM = 5.0
"""A charge level of 0 % is a missing one, unless the level before was at most this."""


def believable_soc(soc_percent: float | None, before_percent: float | None) -> float | None:
    """The reported level, or None for the 0 % by which some vehicles say that they do not know."""
    if soc_percent == 0 and (before_percent is None or before_percent > SOC_ZERO_BELIEVED_FROM):
        return None
    return soc_percent


canonical = msgspec.json.Encoder(order="deterministic").encode
_by_instant = attrgetter("at")


def digest_of(fact: Fact) -> bytes:
    """16 bytes that name the fact: its source's id for it, or without one all of its content."""
    if fact.external_id is not None:
        name = f"{fact.source}\x00{fact.external_id}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(name, digest_size=16, person=b"dwell-fact-id").digest()
    return hashlib.blake2b(canonical(fact), digest_size=16, person=b"dwell-fact").digest()


def in_order(facts: Iterable[Fact]) -> Iterator[Fact]:
    """The facts in time order, those of one instant merged into one."""
    for _, same_instant in groupby(sorted(facts, key=_by_instant), key=_by_instant):
        group = list(same_instant)
        yield group[0] if len(group) == 1 else _merged(group)


def _merged(facts: list[Fact]) -> Fact:
    """Per field the higher-ranked source wins, then the greater canonical JSON."""
    facts.sort(key=lambda fact: (SOURCE_RANK.get(fact.source, 0), canonical(fact)))
    values = list(msgspec.structs.astuple(facts[0]))
    for fact in facts[1:]:
        for index, value in enumerate(msgspec.structs.astuple(fact)):
            if value is not None:
                values[index] = value
    return Fact(*values)
