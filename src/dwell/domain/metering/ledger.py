"""The ledger of one visit: facts go in in time order, energy per quarter hour and per charging run comes out.

Each stretch of time between two facts is valued by the best source that covers it: register differences, else
integrated power, else the rise of the charge level × capacity ÷ efficiency. A register difference that spans several
stretches is spread over them in proportion to observed power, else over those that were charging, else over time.
Stretches after the latest register reading wait in `pending` and are valued provisionally when the ledger is read.

Seconds count from `origin_at`, the quarter hour that holds the plug-in. Energies are Wh, as floats until they are read;
the order of additions is fixed by the order of facts, so equal sets of facts give equal ledgers to the last bit.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dwell.domain.units import HOUR_S, QUARTER_S, round_half_up

POWER_HOLD_S = 3600.0
"""How long a power sample is believed without a newer one; a longer silence is a gap, not energy."""
RISE_W = 400_000
"""No connector gives more: a register that rises faster did not measure this visit (a replaced or misread meter)."""
RISE_MARGIN_WH = 500


class Run(msgspec.Struct, array_like=True, gc=False):
    """A stretch of charging in one mode, `[start_s, end_s)` after the origin, with its energy in Wh."""

    start_s: float
    end_s: float
    mode: str
    energy_wh: float


class Stretch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The time between two facts: the power held in W (None unknown), whether it was charging, the mode."""

    start_s: float
    end_s: float
    power_w: float | None
    charging: bool | None
    mode: str

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s

    @property
    def power_energy_wh(self) -> float:
        """The energy of the held power, 0 where none is known."""
        return (self.power_w or 0.0) * min(self.seconds, POWER_HOLD_S) / HOUR_S


class Reading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a fact says about energy: W, Wh and percent, None where it says nothing."""

    power_w: float | None = None
    charging: bool | None = None
    plugged: bool | None = None
    register_wh: int | None = None
    soc_percent: float | None = None


class Ledger(msgspec.Struct, kw_only=True):
    """State of the metering of one visit. `enter` moves it on; `closed` gives a readable copy."""

    origin_at: datetime
    battery_wh: float | None
    efficiency: float
    last_s: float
    rows_wh: list[float] = msgspec.field(default_factory=list)
    runs: list[Run] = msgspec.field(default_factory=list)
    energy_wh: float = 0.0
    charging_s: float = 0.0
    peak_w: float = 0.0
    power_w: float | None = None
    charging: bool | None = None
    register_wh: int | None = None
    soc_percent: float | None = None
    power_seen: bool = False
    pending: list[Stretch] = msgspec.field(default_factory=list)
    by_source_wh: dict[str, float] = msgspec.field(default_factory=dict)
    register_faults: int = 0

    def copy(self) -> Ledger:
        """A ledger that can go on without changing this one."""
        twin = msgspec.structs.replace(self)
        twin.rows_wh = self.rows_wh.copy()
        twin.runs = [Run(r.start_s, r.end_s, r.mode, r.energy_wh) for r in self.runs]
        twin.pending = self.pending.copy()
        twin.by_source_wh = self.by_source_wh.copy()
        return twin

    def enter(self, at_s: float, reading: Reading, mode: str) -> None:
        """Take in the reading at `at_s`; `mode` is what the session did since the fact before."""
        if at_s > self.last_s:
            stretch = Stretch(self.last_s, at_s, self.power_w, self.charging, mode)
            self._value(stretch)
        self._read_register(reading.register_wh)
        self._read_soc(reading.soc_percent)
        self._hold(reading)
        self.last_s = at_s

    def closed(self, at_s: float | None = None, mode: str = "") -> Ledger:
        """A copy in which everything pending is valued; with `at_s`, after holding the last power until then."""
        twin = self.copy()
        if at_s is not None and at_s > twin.last_s:
            twin._value(Stretch(twin.last_s, at_s, twin.power_w, twin.charging, mode))
            twin.last_s = at_s
        if twin.register_wh is not None:
            for stretch in twin.pending:
                twin._add(stretch, stretch.power_energy_wh, "power")
        return twin

    def energy_since_wh(self, energy_wh: float) -> float:
        """Energy counted since the total was `energy_wh`, with what is pending by its power."""
        waiting = sum(s.power_energy_wh for s in self.pending) if self.register_wh is not None else 0.0
        return self.energy_wh + waiting - energy_wh

    def whole_rows_wh(self, until_s: float) -> list[int]:
        """Whole Wh per quarter hour from the origin to the one that ends at or after `until_s`; they add up exactly."""
        count = max(1, -int(-until_s // QUARTER_S))
        rows, total, given = [], 0.0, 0
        for index in range(count):
            total += self.rows_wh[index] if index < len(self.rows_wh) else 0.0
            upto = round_half_up(total)
            rows.append(upto - given)
            given = upto
        return rows

    @property
    def source(self) -> str | None:
        """The source that gave most of the energy; None where nothing was charged."""
        best = max(self.by_source_wh.items(), key=lambda item: (item[1], item[0]), default=None)
        return best[0] if best and best[1] > 0 else None

    def _value(self, stretch: Stretch) -> None:
        if self.register_wh is not None:
            self.pending.append(stretch)
        elif self.power_seen:
            self._add(stretch, stretch.power_energy_wh, "power")
        else:
            self.pending.append(stretch)

    def _hold(self, reading: Reading) -> None:
        """What is drawn from now on, until a newer fact says otherwise."""
        if reading.plugged is False:
            self.power_w, self.charging = 0.0, False
        elif reading.power_w is not None:
            self._first_power()
            self.power_w = max(0.0, reading.power_w)
            self.charging = reading.charging if reading.charging is not None else self.power_w > 0
            self.peak_w = max(self.peak_w, self.power_w)
        elif reading.charging is not None:
            self.charging = reading.charging
            if not reading.charging:
                self.power_w = 0.0
            elif self.power_w == 0.0:
                self.power_w = None

    def _first_power(self) -> None:
        """From the first power on, charge levels no longer measure; what waited for one is given up to its flags."""
        if not self.power_seen:
            self.power_seen = True
            if self.register_wh is None:
                self.pending.clear()

    def _read_register(self, register_wh: int | None) -> None:
        if register_wh is None:
            return
        before = self.register_wh
        self.register_wh = register_wh
        if before is None:
            self.pending.clear()
            return
        rise = register_wh - before
        span_s = sum(s.seconds for s in self.pending)
        if rise < 0 or rise > RISE_W * span_s / HOUR_S + RISE_MARGIN_WH:
            self.register_faults += 1
            for stretch in self.pending:
                self._add(stretch, stretch.power_energy_wh, "power")
        else:
            self._spread(float(rise), "register")
            if span_s >= 60 and not self.power_seen:
                self.peak_w = max(self.peak_w, rise * HOUR_S / span_s)
        self.pending.clear()

    def _read_soc(self, soc_percent: float | None) -> None:
        if soc_percent is None:
            return
        before = self.soc_percent
        self.soc_percent = soc_percent
        if self.register_wh is not None or self.power_seen:
            return
        if before is not None and soc_percent > before and self.battery_wh:
            self._spread((soc_percent - before) / 100 * self.battery_wh / self.efficiency, "soc")
        self.pending.clear()

    def _spread(self, energy_wh: float, source: str) -> None:
        """Give `energy_wh` to the pending stretches: by power, else to those charging, else by time."""
        weights = [s.power_energy_wh for s in self.pending]
        if not any(weights):
            weights = [s.seconds if s.charging else 0.0 for s in self.pending]
        if not any(weights):
            weights = [s.seconds for s in self.pending]
        total = sum(weights)
        if total <= 0:
            return
        left = energy_wh
        last = max(index for index, weight in enumerate(weights) if weight > 0)
        for index, (stretch, weight) in enumerate(zip(self.pending, weights, strict=True)):
            part = left if index == last else energy_wh * weight / total
            if weight > 0:
                self._add(stretch, part, source)
                left -= part

    def _add(self, stretch: Stretch, energy_wh: float, source: str) -> None:
        if energy_wh <= 0:
            return
        start_s = stretch.start_s
        end_s = min(stretch.end_s, start_s + POWER_HOLD_S) if source == "power" else stretch.end_s
        self.energy_wh += energy_wh
        self.charging_s += end_s - start_s
        self.by_source_wh[source] = self.by_source_wh.get(source, 0.0) + energy_wh
        self._add_rows(start_s, end_s, energy_wh)
        last = self.runs[-1] if self.runs else None
        if last is not None and last.mode == stretch.mode and last.end_s >= start_s:
            last.end_s = end_s
            last.energy_wh += energy_wh
        else:
            self.runs.append(Run(start_s, end_s, stretch.mode, energy_wh))

    def _add_rows(self, start_s: float, end_s: float, energy_wh: float) -> None:
        first, last = int(start_s // QUARTER_S), int(-(-end_s // QUARTER_S)) - 1
        rows = self.rows_wh
        while len(rows) <= last:
            rows.append(0.0)
        if first == last:
            rows[first] += energy_wh
            return
        per_s = energy_wh / (end_s - start_s)
        left = energy_wh
        for index in range(first, last):
            part = per_s * (min(end_s, (index + 1) * QUARTER_S) - max(start_s, index * QUARTER_S))
            rows[index] += part
            left -= part
        rows[last] += left


def seconds_after(origin_at: datetime, at: datetime) -> float:
    """Seconds from `origin_at` to `at`."""
    return (at - origin_at) / _SECOND


_SECOND = timedelta(seconds=1)
