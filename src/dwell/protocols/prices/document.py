"""What every price format is read into, and what is common to reading one: limits, units, amounts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from dwell.domain.errors import Fault, Refused
from dwell.domain.ids import Zone
from dwell.domain.tariff.curve import PriceSlot

LIMIT_BYTES = 32_000_000
"""A day of quarter hours takes 4 kB in the longest format; a whole decade of them fits."""
LIMIT_FAULTS = 100
"""So many faults are named one by one; the rest is counted."""
LIMIT_DIGITS = 28
"""Arithmetic on a price of more digits would round, see `domain.tariff.cost`."""

FLOOR_PER_MWH, CEILING_PER_MWH = Decimal(-500), Decimal(5000)
"""Harmonised bounds of the European day-ahead auction in EUR/MWh (the ceiling with room for its next rises)."""
_PER_EURO = {"AUD": 4, "BGN": 2, "CZK": 30, "DKK": 8, "HUF": 450, "NOK": 14, "PLN": 5, "RON": 6, "SEK": 14}
"""Whole units that a euro is worth at most, to widen the bounds; others are taken as near a euro."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceDocument:
    """One price document: slots in time order, not overlapping, in `currency` per kWh; a gap has no slot.

    `zone` is the one the document names (`zone_stated`), else the caller's, else the format's default, else None.
    `source` is who published the prices, `licence` the attribution that the document states. `notes` name what was
    odd but taken.
    """

    name: str
    format_name: str
    zone: Zone | None
    zone_stated: bool
    currency: str
    slots: tuple[PriceSlot, ...]
    source: str
    licence: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """A currency, and the power of ten that turns an amount into that currency per kWh."""

    currency: str
    exponent: int


_UNITS = {
    "eur/mwh": Unit("EUR", -3),
    "€/mwh": Unit("EUR", -3),
    "eur/kwh": Unit("EUR", 0),
    "ct/kwh": Unit("EUR", -2),
    "cent/kwh": Unit("EUR", -2),
}
_CURRENCY = re.compile("[A-Z]{3}", re.ASCII)


def read_unit(text: object) -> Unit:
    """The unit that `Eur/MWh`, `EUR / MWh`, `ct/kWh` … name. Raises ValueError for any other."""
    found = _UNITS.get(text.replace(" ", "").lower()) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"unknown unit {shown(text)}; known are EUR/MWh, EUR/kWh and ct/kWh")
    return found


def read_currency(text: object) -> str:
    """The currency by its three letters (ISO 4217). Raises ValueError for anything else."""
    if not isinstance(text, str) or not _CURRENCY.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a currency of three letters")
    return text


def read_number(text: str) -> Decimal:
    """The exact decimal that `text` spells with a point. Raises ValueError for everything else."""
    # Decimal() alone would take " 12 ", "1_000" and digits of other scripts.
    if len(text) > 64 or not text.isascii() or text != text.strip() or "_" in text:
        raise ValueError(f"{shown(text)} is not a number")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{shown(text)} is not a number (a decimal point, no separators)") from error
    if not number.is_finite():
        raise ValueError(f"{shown(text)} is not a finite number")
    return number


def price_per_kwh(amount: object, unit: Unit) -> Decimal:
    """The price in `unit.currency` per kWh, exactly. Raises ValueError for what is no number or not plausible."""
    if not isinstance(amount, Decimal):
        raise ValueError(f"{shown(amount)} is not a number")
    if len(amount.as_tuple().digits) > LIMIT_DIGITS:
        raise ValueError(f"more than {LIMIT_DIGITS} digits")
    # An exponent out of reach would make scaleb raise; such an amount is out of the band anyway, or nil.
    if abs(amount.adjusted()) > 40:
        raise ValueError(f"{amount:.3E} is not a plausible price; is the unit right?")
    per_mwh = amount.scaleb(unit.exponent + 3)
    width = _PER_EURO.get(unit.currency, 1)
    if not FLOOR_PER_MWH * width <= per_mwh <= CEILING_PER_MWH * width:
        bounds = f"{FLOOR_PER_MWH * width} … {CEILING_PER_MWH * width}"
        raise ValueError(
            f"{per_mwh:f} {unit.currency}/MWh is outside the plausible {bounds}; the unit is probably wrong"
        )
    # Adding nought turns a minus nought into nought.
    return amount.scaleb(unit.exponent) + 0


def shown(value: object) -> str:
    """A value of a document, short enough for a message."""
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= 40 else text[:37] + "...")


def refuse(faults: Sequence[Fault], *, code: str | None = None) -> Refused:
    """The refusal that names `faults`, by path; beyond `LIMIT_FAULTS` it counts them."""
    named = list(faults[:LIMIT_FAULTS])
    if len(faults) > LIMIT_FAULTS:
        named.append(Fault(field="$", message=f"and {len(faults) - LIMIT_FAULTS} more faults"))
    return Refused.because(*named, code=code)


_ZONE = re.compile(r"[A-Z0-9](?:[A-Z0-9-]{0,14}[A-Z0-9])?", re.ASCII)


def read_zone(text: str) -> Zone:
    """The price zone that `text` names, spelled as the market does (`DE-LU`). Raises ValueError."""
    zone = text.strip().upper().replace("_", "-")
    if not _ZONE.fullmatch(zone):
        raise ValueError(f"{shown(text)} is not the name of a price zone")
    return Zone(zone)
