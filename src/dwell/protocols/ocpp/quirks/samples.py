"""Sampled values as stations send them → readings in whole Wh and W (IN8).

| what comes | what is made of it |
|---|---|
| Wh, kWh, MWh, mWh, W, kW, MW, mW, whatever the case save m and M | Wh and W |
| no unit | Wh, W, A, V or %, as the measurand has it |
| a power in Wh or kWh, as OCPP 1.6's default unit makes some stations say | W or kW |
| no measurand | the import register |
| phases without a total | powers summed; registers summed where L1 is alone or all three are there; else unread |
| currents and voltages by phase | the greatest |
| the grid's side (Inlet) | used where the vehicle's side says nothing; Body and EV never, but for the level of charge |
| an unknown unit, no number, or beyond all measure | kept as it came in `unread`, used for nothing |
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from dwell.domain.station.readings import MeterReading
from dwell.domain.units import round_half_up
from dwell.protocols.ocpp.payloads import Loose, number_of, text_of

REGISTER_WH_AT_MOST = 10**13
POWER_W_AT_MOST = 10**7
UNREAD_AT_MOST = 32
SIGNED_AT_MOST = 8_192
_IMPORT_REGISTER = "Energy.Active.Import.Register"
_PERIODIC = "Sample.Periodic"


class Sample(msgspec.Struct, gc=False):
    """One sampled value, as OCPP 1.6 has it on the wire. OCPP 2.0.1 is brought into this form."""

    value: Loose = None
    context: Loose = None
    format: Loose = None
    measurand: Loose = None
    phase: Loose = None
    location: Loose = None
    unit: Loose = None
    multiplier: int = 0


class _Quantity(msgspec.Struct, frozen=True, gc=False):
    """A field of a reading: the factor of each unit, and what the values may be."""

    field: str
    factors: dict[str, float]
    low: float
    high: float
    is_whole: bool = True
    is_summed: bool = False
    is_register: bool = False


_ENERGY = {
    "": 1.0,
    "Wh": 1.0,
    "WH": 1.0,
    "wh": 1.0,
    "kWh": 1e3,
    "KWh": 1e3,
    "KWH": 1e3,
    "kwh": 1e3,
    "Kwh": 1e3,
}
_ENERGY |= {"kWH": 1e3, "MWh": 1e6, "MWH": 1e6, "mWh": 1e-3, "mwh": 1e-3}
_POWER = {"": 1.0, "W": 1.0, "w": 1.0, "kW": 1e3, "KW": 1e3, "kw": 1e3, "Kw": 1e3, "MW": 1e6, "mW": 1e-3}
_POWER |= {"Wh": 1.0, "kWh": 1e3}
_PERCENT = {"": 1.0, "Percent": 1.0, "percent": 1.0, "%": 1.0, "Wh": 1.0}
_CURRENT = {"": 1.0, "A": 1.0, "a": 1.0, "mA": 1e-3, "Wh": 1.0}
_VOLTAGE = {"": 1.0, "V": 1.0, "v": 1.0, "kV": 1e3, "mV": 1e-3, "Wh": 1.0}

_QUANTITIES: dict[str, _Quantity] = {
    "energy.active.import.register": _Quantity(
        "register_wh", _ENERGY, 0, REGISTER_WH_AT_MOST, is_summed=True, is_register=True
    ),
    "energy.active.export.register": _Quantity(
        "export_register_wh", _ENERGY, 0, REGISTER_WH_AT_MOST, is_summed=True, is_register=True
    ),
    "energy.active.import.interval": _Quantity(
        "interval_wh", _ENERGY, 0, REGISTER_WH_AT_MOST, is_summed=True, is_register=True
    ),
    "power.active.import": _Quantity("power_w", _POWER, -POWER_W_AT_MOST, POWER_W_AT_MOST, is_summed=True),
    "power.offered": _Quantity("offered_w", _POWER, 0, POWER_W_AT_MOST, is_summed=True),
    "soc": _Quantity("soc_percent", _PERCENT, 0, 100, is_whole=False),
    "current.import": _Quantity("current_a", _CURRENT, -10_000, 10_000, is_whole=False),
    "voltage": _Quantity("voltage_v", _VOLTAGE, 0, 100_000, is_whole=False),
}
"""By the measurand's name without case. What is not here (temperatures, reactive energy, …) is nobody's concern yet."""
_BY_SPELLING: dict[str, _Quantity | None] = {
    "Energy.Active.Import.Register": _QUANTITIES["energy.active.import.register"],
    "Power.Active.Import": _QUANTITIES["power.active.import"],
    "Current.Import": _QUANTITIES["current.import"],
    "Voltage": _QUANTITIES["voltage"],
    "SoC": _QUANTITIES["soc"],
    "Temperature": None,
    "Current.Offered": None,
    "Frequency": None,
}
"""The usual spellings, which need no change of case."""

_PHASES = {"L1": "L1", "L2": "L2", "L3": "L3", "L1-N": "L1", "L2-N": "L2", "L3-N": "L3"}
_TOTAL, _INLET = 0, 1
_WHOLE_SETS = ({"L1"}, {"L1", "L2", "L3"})


def readings_of(
    at: datetime | None, samples: Iterable[Sample], *, signed: str | None = None
) -> list[MeterReading]:
    """The readings of one instant, one for each context that its samples name. None where there are no samples."""
    found: dict[str, _Gathering] = {}
    for sample in samples:
        context = sample.context if isinstance(sample.context, str) and sample.context else _PERIODIC
        gathering = found.get(context)
        if gathering is None:
            gathering = found[context] = _Gathering()
        gathering.take(sample)
    if signed is not None and not found:
        found[_PERIODIC] = _Gathering()
    return [gathering.reading(at, context[:32], signed) for context, gathering in found.items()]


class _Gathering:
    """The samples of one instant and context on their way to a reading."""

    __slots__ = ("_by_phase", "_signed", "_totals", "_unread")

    def __init__(self) -> None:
        self._totals: dict[str, tuple[int, float]] = {}
        self._by_phase: dict[_Key, dict[str, float]] = {}
        self._unread: list[str] = []
        self._signed: str | None = None

    def take(self, sample: Sample) -> None:
        if sample.format == "SignedData":
            self._signed = text_of(sample.value, SIGNED_AT_MOST)
            return
        name = sample.measurand or _IMPORT_REGISTER
        try:
            quantity = _BY_SPELLING[name]  # type: ignore[index]  # a name that is no text is not in it either
        except KeyError:
            quantity = _QUANTITIES.get(str(name).strip().casefold())
        if quantity is None:
            return
        inlet = sample.location == "Inlet"
        if sample.location in {"Body", "EV"} and quantity.field != "soc_percent":
            return
        value = self._value(sample, quantity)
        if value is None:
            self._keep_unread(sample)
            return
        phase = sample.phase
        if phase is None or phase == "":
            before = self._totals.get(quantity.field)
            if before is None or (before[0] == _INLET and not inlet):
                self._totals[quantity.field] = (_INLET if inlet else _TOTAL, value)
            return
        name_of_phase = _PHASES.get(str(phase))
        if name_of_phase is not None:
            self._by_phase.setdefault((quantity.field, inlet), {})[name_of_phase] = value

    def _value(self, sample: Sample, quantity: _Quantity) -> float | None:
        number = number_of(sample.value)
        factor = quantity.factors.get(str(sample.unit or "").strip())
        if number is None or factor is None:
            return None
        value = number * factor
        if sample.multiplier:
            if not -12 <= sample.multiplier <= 12:
                return None
            value *= 10.0**sample.multiplier
        return value if quantity.low <= value <= quantity.high else None

    def _keep_unread(self, sample: Sample) -> None:
        if len(self._unread) < UNREAD_AT_MOST:
            parts = (sample.measurand, sample.value, sample.unit, sample.phase)
            self._unread.append(" ".join((text_of(part, 64) or "-") for part in parts))

    def reading(self, at: datetime | None, context: str, signed: str | None) -> MeterReading:
        values = {field: value for field, (_, value) in self._totals.items()}
        if self._by_phase:
            self._add_phases(values)
        for field in values.keys() & _WHOLE_FIELDS:
            values[field] = round_half_up(values[field])
        return MeterReading(
            at=at,
            context=context,
            signed=self._signed or signed,
            unread=tuple(self._unread),
            **values,  # type: ignore[arg-type]  # whole ones were made int just above
        )

    def _add_phases(self, values: dict[str, float]) -> None:
        for quantity in _QUANTITIES.values():
            if quantity.field in values:
                continue
            phases = self._by_phase.get((quantity.field, False)) or self._by_phase.get((quantity.field, True))
            if phases is None:
                continue
            if quantity.is_register and phases.keys() not in _WHOLE_SETS:
                if len(self._unread) < UNREAD_AT_MOST:
                    self._unread.append(f"{quantity.field} of {', '.join(sorted(phases))} without the others")
            elif quantity.is_summed:
                values[quantity.field] = sum(phases.values())
            else:
                values[quantity.field] = max(phases.values())


_Key = tuple[str, bool]
_WHOLE_FIELDS = frozenset(quantity.field for quantity in _QUANTITIES.values() if quantity.is_whole)
