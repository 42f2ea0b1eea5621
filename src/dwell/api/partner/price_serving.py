"""Serving day-ahead prices. Per MWh here, per kWh within."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dwell.api.partner.errors import invalid
from dwell.api.partner.paths import Faults, path_faults
from dwell.api.partner.price_schemas import DayAheadPrice, DayAheadPrices
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.documents import Document, read_document
from dwell.api.shared.operations import Call
from dwell.api.shared.problems import HttpRefusal
from dwell.application.day_ahead import DayAhead, correct_day_ahead, day_ahead
from dwell.domain.ids import Zone
from dwell.domain.instants import read_instant
from dwell.domain.tariff.curve import PriceSlot
from dwell.protocols.prices.document import Unit, price_per_kwh, read_currency, read_zone

WINDOW_AT_MOST = timedelta(days=32)
SLOTS_AT_MOST = 3_000
"""A month of quarter hours."""
_LENGTHS = (timedelta(minutes=5), timedelta(hours=25))


async def get_prices(call: Call) -> Answer:
    """What is known of a zone's prices in a window."""
    faults = path_faults(call)
    zone = _zone(call.query.get("price_zone", ""), ("query", "price_zone"), faults)
    start_at, end_at = _instant(call, "from", faults), _instant(call, "to", faults)
    if start_at is not None and end_at is not None and not start_at < end_at <= start_at + WINDOW_AT_MOST:
        faults["query", "to"] = f"must be after from, by at most {WINDOW_AT_MOST.days} days"
    if faults or zone is None or start_at is None or end_at is None:
        return invalid(faults)
    return _answer(zone, await day_ahead(call.backend.ports, zone, start_at, end_at))


async def patch_prices(call: Call) -> Answer:
    """Lay prices over what is known."""
    faults = path_faults(call)
    body = read_document(await call.body())
    zone = _zone(body.text("price_zone", at_most=64, required=True) or "", ("body", "price_zone"), faults)
    currency = _currency(body, faults)
    entries = body.children("prices", at_most=SLOTS_AT_MOST)
    slots = [_slot(entry, currency) for entry in entries]
    if body.has("prices") and not entries:
        body.fault("prices", "must hold a price at least")
    known = _in_order(body, list(zip(entries, slots, strict=True)))
    try:
        body.end(unknown=True)
    except HttpRefusal as refusal:
        faults |= {("body", *issue.field.split(".")): issue.message for issue in refusal.issues}
    if faults or zone is None or not known:
        return invalid(faults or {("body", "prices"): "is required"})
    ports = call.backend.ports
    await correct_day_ahead(ports, zone, currency, tuple(known), said_by=f"org {call.organization_id}")
    call.backend.changed()
    return _answer(zone, await day_ahead(ports, zone, known[0].start_at, known[-1].end_at))


def _in_order(body: Document, entries: list[tuple[Document, PriceSlot | None]]) -> list[PriceSlot]:
    """The slots by their start; every one that begins within another is a fault, and so are too many days at once."""
    pairs = sorted(
        ((slot, entry) for entry, slot in entries if slot is not None), key=lambda p: p[0].start_at
    )
    if not pairs:
        return []
    first_at, end_at = pairs[0][0].start_at, pairs[0][0].end_at
    for slot, entry in pairs[1:]:
        if slot.start_at < end_at:
            entry.fault("start", "must not be within another price's time")
        end_at = max(end_at, slot.end_at)
    if end_at - first_at > WINDOW_AT_MOST:
        body.fault("prices", f"must lie within {WINDOW_AT_MOST.days} days")
    return [slot for slot, _ in pairs]


def _answer(zone: Zone, found: DayAhead) -> Answer:
    return answer_json(
        200,
        DayAheadPrices(
            price_zone=zone.replace("-", "_"),
            currency=found.currency,
            unit=f"{found.currency}/MWh" if found.currency is not None else None,
            state="missing" if not found.slots else "complete" if found.complete else "partial",
            prices=[
                DayAheadPrice(slot.start_at, slot.end_at, slot.price_per_kwh.scaleb(3))
                for slot in found.slots
            ],
        ),
    )


def _zone(text: str, where: tuple[str, ...], faults: Faults) -> Zone | None:
    try:
        return read_zone(text)
    except ValueError:
        faults[where] = "must name a price zone, as AT, BE, CH or DE_LU"
        return None


def _instant(call: Call, name: str, faults: Faults) -> datetime | None:
    """An instant of the query; without one the day that runs (UTC), or its end."""
    text = call.query.get(name)
    if text is None:
        today_at = call.backend.ports.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        return today_at if name == "from" else today_at + timedelta(days=1)
    try:
        return read_instant(text).astimezone(UTC)
    except ValueError:
        faults["query", name] = "must be an ISO 8601 instant with its offset"
        return None


def _currency(body: Document, faults: Faults) -> str:
    text = body.text("currency", at_most=3) or "EUR"
    try:
        return read_currency(text)
    except ValueError as error:
        faults["body", "currency"] = str(error)
        return "EUR"


def _slot(entry: Document, currency: str) -> PriceSlot | None:
    start_at, end_at = entry.instant("start", required=True), entry.instant("end", required=True)
    price = entry.amount("price")
    if start_at is None or end_at is None or price is None:
        return None
    if not _LENGTHS[0] <= end_at - start_at <= _LENGTHS[1]:
        entry.fault("end", "must be 5 minutes to 25 hours after start")
        return None
    try:
        return PriceSlot(start_at, end_at, price_per_kwh(price, Unit(currency, -3)))
    except ValueError as error:
        entry.fault("price", str(error))
        return None
