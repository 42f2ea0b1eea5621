"""The ledger of one visit: facts go in in time order, energy per quarter hour and per charging run comes out.

Each stretch of time between two facts is valued by the best source that covers it: register differences, else
integrated power, else the rise of the charge level × capacity ÷ efficiency. A register difference that spans several
stretches is spread over them in proportion to observed power, else over those that were charging, else over time.
Stretches after the latest reading wait in `pending`; those after a register's, with the charge levels read since
(`levels`), are valued provisionally when the ledger is read: no register covers them yet, and perhaps none will.
A register reading that cannot follow the one before is doubted, not believed: the next one tells whether it was
reset (it goes on from the doubted reading) or misread (it goes on from the one before). A reading that has not moved or
went back by no more than its rounding, leaves the stretches before it in `held`: registers and charge levels move in
steps, and the next step covers the time since the last.

Seconds count from `origin_at`, the quarter hour that holds the plug-in. Energies are Wh, as floats until they are read;
the order of additions is fixed by the order of facts, so equal sets of facts give equal ledgers to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from dwell.domain.units import HOUR_S, QUARTER_S, round_half_up

POWER_HOLD_S = 3600.0
"""How long a power sample is believed without a newer one; a longer silence is a gap, not energy."""
STEP_S = 3600.0
"""How far back a step of a register or a charge level reaches over readings that had not moved, while charging."""
UNTOLD_STEP_S = 900.0
"""The same where nobody said whether the vehicle charged: what had not moved for longer was idle."""
REGISTER_JITTER_WH = 250
"""A register that falls by no more than this, and not to nothing, was rounded, not reset: cars correct by 0.1 kWh."""
SOC_JITTER_PERCENT = 1.0
"""A charge level that falls by no more than this was rounded: the point that follows is not charged twice."""
RISE_W = 400_000
"""No connector gives more: a register that rises faster did not measure this visit (a replaced or misread meter)."""
RISE_MARGIN_WH = 500
HOLDS = 1.5
"""Times the battery: a rise of more between two readings is rather a register that came back from a misreading."""


class Run(msgspec.Struct, array_like=True, gc=False):
    """A stretch of charging in one mode, `[start_s, end_s)` after the origin, with its energy in Wh."""

    start_s: float
    end_s: float
    mode: str
    energy_wh: float


class Stretch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The time between two facts: the power held in W (None unknown), whether it was charging, the mode.

    `believed`: the power was measured, and recently enough to be taken for energy.
    """

    start_s: float
    end_s: float
    power_w: float | None
    charging: bool | None
    mode: str
    believed: bool = False

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s

    @property
    def weight_wh(self) -> float:
        """The energy that the power would have given all along, 0 where none is known."""
        return (self.power_w or 0.0) * self.seconds / HOUR_S

    @property
    def power_energy_wh(self) -> float:
        """The energy of the power while it is believed."""
        return self.weight_wh if self.believed else 0.0


class Reading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a fact says about energy: W, Wh and percent, None where it says nothing."""

    power_w: float | None = None
    charging: bool | None = None
    plugged: bool | None = None
    register_wh: int | None = None
    soc_percent: float | None = None


class Level(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A charge level in percent, read when `after` stretches were pending and power up to `seen_w` had been seen."""

    after: int
    soc_percent: float
    seen_w: float


class Doubt(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A register reading in Wh that cannot follow the one before, read when `after` stretches were pending."""

    after: int
    register_wh: int


class Ledger(msgspec.Struct, kw_only=True):
    """State of the metering of one visit. `enter` moves it on; `closed` gives a readable copy.

    `bare`: stretches before the first register reading, or before a reset, that only a charge level can still tell of.
    `powered_wh`: counted since the latest charge level that is not in `levels`, by power or register.
    """

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
    power_until_s: float = 0.0
    charging: bool | None = None
    register_wh: int | None = None
    soc_percent: float | None = None
    powered_wh: float = 0.0
    power_seen: bool = False
    pending: list[Stretch] = msgspec.field(default_factory=list)
    held: list[Stretch] = msgspec.field(default_factory=list)
    bare: list[Stretch] = msgspec.field(default_factory=list)
    levels: list[Level] = msgspec.field(default_factory=list)
    doubt: Doubt | None = None
    by_source_wh: dict[str, float] = msgspec.field(default_factory=dict)
    register_faults: int = 0

    def copy(self) -> Ledger:
        """A ledger that can go on without changing this one."""
        twin = msgspec.structs.replace(self)
        twin.rows_wh = self.rows_wh.copy()
        twin.runs = [Run(r.start_s, r.end_s, r.mode, r.energy_wh) for r in self.runs]
        twin.pending = self.pending.copy()
        twin.held = self.held.copy()
        twin.bare = self.bare.copy()
        twin.levels = self.levels.copy()
        twin.by_source_wh = self.by_source_wh.copy()
        return twin

    def enter(self, at_s: float, reading: Reading, mode: str) -> None:
        """Take in the reading at `at_s`; `mode` is what the session did since the fact before."""
        self._pass_time(at_s, mode)
        self._read_soc(
            reading.soc_percent
        )  # first: a first register reading covers nothing that came before it
        self._read_register(reading.register_wh)
        self._hold(at_s, reading)

    def closed(self, at_s: float | None = None, mode: str = "") -> Ledger:
        """A copy in which everything pending is valued; with `at_s`, after holding the last power until then."""
        twin = self.copy()
        if at_s is not None:
            twin._pass_time(at_s, mode)
        if twin.register_wh is not None:
            twin._fall_back(len(twin.pending))
        return twin

    def energy_since_wh(self, energy_wh: float) -> float:
        """Energy counted since the total was `energy_wh`, with what is pending as it would be valued now."""
        if self.register_wh is None or not self.pending:
            return self.energy_wh - energy_wh
        if self.levels:
            return self.closed().energy_wh - energy_wh
        return self.energy_wh + sum(s.power_energy_wh for s in self.pending) - energy_wh

    def seems_charging(self, *, within_s: float) -> bool:
        """Whether the vehicle charges: as it said, or else as energy shows that came in the last `within_s`."""
        if self.charging is not None:
            return self.charging
        return bool(self.runs) and self.runs[-1].end_s >= self.last_s - within_s

    def held_energy_wh(self, at_s: float) -> float:
        """The energy from the latest fact to `at_s` if the power of that fact holds on, as long as it is believed."""
        seconds = min(at_s, self.power_until_s) - self.last_s
        return (self.power_w or 0.0) * max(0.0, seconds) / HOUR_S

    def whole_rows_wh(self, until_s: float) -> list[int]:
        """Whole Wh per quarter hour from the origin to the one that ends at or after `until_s`, and after all energy.

        They add up to the energy exactly.
        """
        count = max(1, -int(-until_s // QUARTER_S))
        rows = self.rows_wh + [0.0] * (count - len(self.rows_wh))
        return whole_parts_wh(rows)

    @property
    def source(self) -> str | None:
        """The source that gave most of the energy; None where nothing was charged."""
        best = max(self.by_source_wh.items(), key=lambda item: (item[1], item[0]), default=None)
        return best[0] if best and best[1] > 0 else None

    def _pass_time(self, at_s: float, mode: str) -> None:
        """Value the time from the latest fact to `at_s`, in two parts where belief in the power ends between."""
        start_s, edge_s = self.last_s, self.power_until_s
        if at_s <= start_s:
            return
        if start_s < edge_s < at_s:
            self._value(Stretch(start_s, edge_s, self.power_w, self.charging, mode, True))
            start_s = edge_s
        self._value(Stretch(start_s, at_s, self.power_w, self.charging, mode, at_s <= edge_s))
        self.last_s = at_s

    def _value(self, stretch: Stretch) -> None:
        if self.register_wh is not None or not stretch.believed:
            self.pending.append(stretch)
        else:
            self._add(stretch, stretch.power_energy_wh, "power")
            self.powered_wh += stretch.power_energy_wh

    def _hold(self, at_s: float, reading: Reading) -> None:
        """What is drawn from now on, until a newer fact says otherwise."""
        if reading.power_w is not None and reading.plugged is not False:
            self.power_seen = True
            self.power_w = max(0.0, reading.power_w)
            self.charging = reading.charging if reading.charging is not None else self.power_w > 0
            self.peak_w = max(self.peak_w, self.power_w)
        elif reading.plugged is False or reading.charging is False:
            self.power_w, self.charging = 0.0, False
        elif reading.charging:
            self.charging = True
            if self.power_w == 0.0:
                self.power_w = None
        else:
            return
        believed = self.power_seen and self.power_w is not None
        self.power_until_s = at_s + POWER_HOLD_S if believed else at_s

    def _read_register(self, register_wh: int | None) -> None:
        if register_wh is None:
            return
        before = self.register_wh
        if before is None:
            self.register_wh = register_wh
            self.bare = [*self.held, *self.pending]
            self.pending, self.held = [], []
        elif self.doubt is not None:
            self._read_after_doubt(before, self.doubt, register_wh)
        elif self._follows(before, register_wh, [*self.held, *self.pending]):
            self._believe(register_wh)
        else:
            self.register_faults += 1
            self.doubt = Doubt(len(self.pending), register_wh)

    def _read_after_doubt(self, before: int, doubt: Doubt, register_wh: int) -> None:
        """The register was reset if this reading goes on from the doubted one, misread if from the one before."""
        reset = self._follows(doubt.register_wh, register_wh, self.pending[doubt.after :])
        misread = self._follows(before, register_wh, [*self.held, *self.pending])
        if reset and misread and self.battery_wh:
            reset = register_wh - doubt.register_wh <= HOLDS * self.battery_wh / self.efficiency
        if reset:
            self._fall_back(doubt.after)
            self.register_wh = doubt.register_wh
            self._believe(register_wh)
        elif misread:
            self._believe(register_wh)
        else:
            self.register_faults += 1
            self.doubt = Doubt(len(self.pending), register_wh)

    def _follows(self, before: int, register_wh: int, over: list[Stretch]) -> bool:
        """Whether a register that read `before` can read this after the stretches, as one that was not touched."""
        rise = register_wh - before
        if rise < 0:
            return rise >= -REGISTER_JITTER_WH and register_wh > 0
        return rise <= RISE_W * sum(s.seconds for s in over) / HOUR_S + RISE_MARGIN_WH

    def _believe(self, register_wh: int) -> None:
        """The register goes on: its rise is the energy of all that waits, whatever else was said of it."""
        self.doubt = None
        rise = register_wh - (self.register_wh or 0)
        level = self.levels[-1] if self.levels else None
        self.levels.clear()
        if level is not None:
            self.soc_percent, self.powered_wh, self.bare = level.soc_percent, 0.0, []
        if rise <= 0:
            self._wait_for_step()
            return
        self.register_wh = register_wh
        before_level = len(self.held) + level.after if level is not None else 0
        parts = self._spread(float(rise), "register")
        self.powered_wh += sum(part for _, part in parts[before_level:])
        spread_s = sum(stretch.seconds for stretch, part in parts if part > 0)
        if spread_s >= 60 and not self.power_seen:
            self.peak_w = max(self.peak_w, rise * HOUR_S / spread_s)
        self.pending.clear()
        self.held.clear()

    def _fall_back(self, count: int) -> None:
        """Value the first `count` stretches that are pending as if there were no register; the others go on waiting."""
        register_wh, self.register_wh, self.doubt = self.register_wh, None, None
        waiting, levels = self.pending, self.levels
        self.pending, self.held, self.levels = [], self.bare, []
        told = iter([level for level in levels if level.after <= count])
        level = next(told, None)
        for index in range(count + 1):
            while level is not None and level.after == index:
                self._take_level(level.soc_percent, level.seen_w)
                level = next(told, None)
            if index < count:
                self._value(waiting[index])
        self.register_wh = register_wh
        self.bare = [*self.held, *self.pending]
        self.pending, self.held = waiting[count:], []
        self.levels = [
            Level(level.after - count, level.soc_percent, level.seen_w)
            for level in levels
            if level.after > count
        ]

    def _read_soc(self, soc_percent: float | None) -> None:
        if soc_percent is None:
            return
        if self.register_wh is not None:
            self.levels.append(Level(len(self.pending), soc_percent, self._seen_w))
            return
        self._take_level(soc_percent, self._seen_w)

    @property
    def _seen_w(self) -> float:
        """The largest power that was measured, 0 where none was."""
        return self.peak_w if self.power_seen else 0.0

    def _take_level(self, soc_percent: float, seen_w: float) -> None:
        before = self.soc_percent
        if before is not None and before - SOC_JITTER_PERCENT <= soc_percent <= before:
            self._wait_for_step()
            return
        self.soc_percent = soc_percent
        if before is not None and soc_percent > before and self.battery_wh:
            rise_wh = (soc_percent - before) / 100 * self.battery_wh / self.efficiency
            self._spread(self._not_powered(rise_wh, seen_w), "soc")
        self.powered_wh = 0.0
        self.pending.clear()
        self.held.clear()

    def _not_powered(self, rise_wh: float, seen_w: float) -> float:
        """What of a rise no power has accounted for; never more than the largest power would have given."""
        rest_wh = rise_wh - self.powered_wh
        if seen_w <= 0:
            return rest_wh
        return min(rest_wh, seen_w * sum(s.seconds for s in (*self.held, *self.pending)) / HOUR_S)

    def _wait_for_step(self) -> None:
        """The reading has not moved: what may have been charged since shows in its next step."""
        if self.pending:
            now_s = self.pending[-1].end_s
            self.held = [s for s in (*self.held, *self.pending) if _may_have_charged(s, now_s)]
            self.pending.clear()

    def _spread(self, energy_wh: float, source: str) -> list[tuple[Stretch, float]]:
        """Give `energy_wh` to what waits: by power, else to those charging, else by time. Returns each and its part."""
        waiting = [*self.held, *self.pending]
        weights = [s.weight_wh for s in waiting]
        if not any(weights):
            weights = [s.seconds if s.charging else 0.0 for s in waiting]
        if not any(weights):
            weights = [s.seconds for s in waiting]
        total = sum(weights)
        if total <= 0:
            return []
        left, parts = energy_wh, list[tuple[Stretch, float]]()
        last = max(index for index, weight in enumerate(weights) if weight > 0)
        for index, (stretch, weight) in enumerate(zip(waiting, weights, strict=True)):
            part = left if index == last else energy_wh * weight / total if weight > 0 else 0.0
            self._add(stretch, part, source)
            left -= part
            parts.append((stretch, part))
        return parts

    def _add(self, stretch: Stretch, energy_wh: float, source: str) -> None:
        if energy_wh <= 0:
            return
        start_s, end_s = stretch.start_s, stretch.end_s
        self.energy_wh += energy_wh
        self.charging_s += end_s - start_s
        self.by_source_wh[source] = self.by_source_wh.get(source, 0.0) + energy_wh
        self._add_rows(start_s, end_s, energy_wh)
        # A charge level may tell of time before a power that was counted at once.
        place = len(self.runs)
        while place > 0 and self.runs[place - 1].start_s > start_s:
            place -= 1
        before = self.runs[place - 1] if place > 0 else None
        if before is not None and before.mode == stretch.mode and before.end_s >= start_s:
            before.end_s = end_s
            before.energy_wh += energy_wh
        else:
            self.runs.insert(place, Run(start_s, end_s, stretch.mode, energy_wh))

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
        rows[last] += max(0.0, left)


def _may_have_charged(stretch: Stretch, now_s: float) -> bool:
    """Whether a reading that had not moved by `now_s` leaves room for energy in the stretch."""
    if stretch.charging is None:
        return now_s - stretch.start_s <= UNTOLD_STEP_S
    return stretch.charging and now_s - stretch.end_s < STEP_S


def whole_parts_wh(parts_wh: Sequence[float]) -> list[int]:
    """Whole Wh for each part, rounded on the running sum: they add up as the parts do, and are never negative."""
    whole, total, given = [0] * len(parts_wh), 0.0, 0
    for index, part_wh in enumerate(parts_wh):
        if part_wh:  # most quarter hours of a visit hold nothing, and this runs after every fact
            total += part_wh
            upto = round_half_up(total + _HAIR_WH)
            whole[index] = upto - given
            given = upto
    return whole


def seconds_after(origin_at: datetime, at: datetime) -> float:
    """Seconds from `origin_at` to `at`."""
    return (at - origin_at) / _SECOND


_SECOND = timedelta(seconds=1)
_HAIR_WH = 1e-6
"""Equal sums added in another order differ in the last bits: without it rows and blocks would part at half a Wh."""
