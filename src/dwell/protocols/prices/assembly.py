"""From the entries of a document, whatever its format, to ordered slots: order, overlaps, duplicates, gaps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from dwell.domain.errors import Fault
from dwell.domain.instants import write_instant
from dwell.domain.tariff.curve import PriceSlot
from dwell.protocols.prices.document import refuse

FINEST = timedelta(minutes=5)
LONGEST = timedelta(hours=25)
"""A day when summer time ends."""
LIMIT_COUNTED = 10_000
"""A document with so many faults is not read to its end."""
_SECOND = timedelta(seconds=1)
_LONG_ZERO = timedelta(hours=6)
"""The longest run of exactly nought in five years of DE-LU prices we looked at is 1 h; feeds pad with it."""
_SMALL_PER_KWH = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Entry:
    """One interval as the document states it, at `path`; a price of None is a gap that the document names."""

    path: str
    start_at: datetime
    end_at: datetime
    price_per_kwh: Decimal | None


@dataclass(slots=True)
class Findings:
    """What a reader found wrong (`faults`, refused all at once) and odd (`notes`, taken)."""

    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(self, path: str, message: object) -> None:
        """One more fault at `path`. Raises Refused with all so far at `LIMIT_COUNTED`: nobody reads on."""
        self.faults.append(Fault(field=path, message=str(message)))
        if len(self.faults) >= LIMIT_COUNTED:
            raise refuse(self.faults)

    def raise_if_any(self) -> None:
        """Raises Refused with every fault, if there is one."""
        if self.faults:
            raise refuse(self.faults)


def whole_end(end_at: datetime) -> datetime:
    """`end_at`, or the next full minute for an inclusive end "one second before the hour"."""
    if end_at.second != 59:
        return end_at
    return end_at.replace(microsecond=0) + _SECOND


def assemble(entries: Iterable[Entry], findings: Findings, *, of_money: bool = True) -> tuple[PriceSlot, ...]:
    """The slots of `entries`. Raises Refused naming every disorder, overlap and contradiction, and all before.

    An entry that says again what an earlier one said is merged; one that contradicts it is a fault. Amounts that are
    odd for a price are noted unless they are not `of_money`.
    """
    seen: dict[datetime, Entry] = {}
    latest: Entry | None = None
    merged = 0
    for entry in entries:
        before = seen.get(entry.start_at)
        if before is not None and _same(before, entry):
            merged += 1
            continue
        message = _clash(entry, before, latest)
        if message is not None:
            findings.fault(entry.path, message)
            continue
        seen[entry.start_at] = latest = entry
    findings.raise_if_any()
    slots = tuple(
        PriceSlot(e.start_at, e.end_at, e.price_per_kwh) for e in seen.values() if e.price_per_kwh is not None
    )
    if not slots:
        raise refuse([Fault(field="$", message="the document holds no price")], code="no_prices")
    findings.notes.extend(_notes(slots, merged, named_gaps=len(seen) - len(slots)))
    if of_money:
        findings.notes.extend(_odd_amounts(slots))
    return slots


def _same(one: Entry, other: Entry) -> bool:
    return one.end_at == other.end_at and one.price_per_kwh == other.price_per_kwh


def _clash(entry: Entry, before: Entry | None, latest: Entry | None) -> str | None:
    """Why `entry` cannot stand after what was read so far, or None."""
    start = write_instant(entry.start_at)
    if before is not None:
        return f"{start} was stated before with another price or end ({before.path})"
    length = entry.end_at - entry.start_at
    if length < FINEST:
        return f"{start} lasts {length.total_seconds():g} s; at least 5 minutes are expected"
    if length > LONGEST:
        return f"{start} lasts {length.total_seconds() / 3600:g} h; at most a day is expected"
    if latest is None:
        return None
    if entry.start_at < latest.start_at:
        return f"{start} is out of order: it comes after {write_instant(latest.start_at)}"
    if entry.start_at < latest.end_at:
        return f"{start} overlaps the slot before, which ends at {write_instant(latest.end_at)}"
    return None


def _notes(slots: tuple[PriceSlot, ...], merged: int, *, named_gaps: int) -> list[str]:
    notes = []
    if merged:
        notes.append(f"{merged} identical duplicates merged")
    if named_gaps:
        notes.append(f"{named_gaps} slots without a price")
    holes = [earlier.end_at for earlier, later in pairwise(slots) if later.start_at > earlier.end_at]
    if holes:
        notes.append(f"{len(holes)} gaps, the first from {write_instant(holes[0])}")
    return notes


def _odd_amounts(slots: tuple[PriceSlot, ...]) -> list[str]:
    notes = []
    if len(slots) >= 24 and all(abs(slot.price_per_kwh) < _SMALL_PER_KWH for slot in slots):
        notes.append("every price is below 1 per MWh: is the unit right?")
    zeros = _long_zero(slots)
    if zeros is not None:
        notes.append(f"at least 6 h of exactly 0 from {write_instant(zeros)}: real prices, or padding?")
    return notes


def _long_zero(slots: tuple[PriceSlot, ...]) -> datetime | None:
    """The start of the first suspiciously long run of exactly nought."""
    since: datetime | None = None
    for slot in slots:
        if slot.price_per_kwh != 0:
            since = None
            continue
        since = since or slot.start_at
        if slot.end_at - since >= _LONG_ZERO:
            return since
    return None
