"""The metering of one visit: which source counts, where its energy goes, and what is not believed."""

from __future__ import annotations

from typing import TypedDict

import pytest
from msgspec.msgpack import encode

from dwell.domain.metering.ledger import Ledger, Reading
from house import BUILT_AT

MINUTE_S = 60
HOUR_S = 3600


class Said(TypedDict, total=False):
    """What a reading says."""

    power_w: float
    charging: bool
    plugged: bool
    register_wh: int
    soc_percent: float


def a_ledger(*, start_s: float = 0, battery_wh: float | None = 77_000) -> Ledger:
    """A ledger whose first fact comes that long after a quarter hour."""
    return Ledger(origin_at=BUILT_AT, battery_wh=battery_wh, efficiency=0.9, last_s=start_s)


def read(ledger: Ledger, at_s: float, said: Said, mode: str = "REGULAR") -> Ledger:
    """The same ledger after a reading."""
    ledger.enter(at_s, Reading(**said), mode)
    return ledger


def told(*readings: tuple[float, Said], battery_wh: float | None = 77_000) -> Ledger:
    """A ledger after readings, each with the minutes at which it was taken."""
    ledger = a_ledger(start_s=readings[0][0] * MINUTE_S, battery_wh=battery_wh)
    for minutes, said in readings:
        read(ledger, minutes * MINUTE_S, said)
    return ledger.closed()


def register(wh: int, *, power_w: float | None = None, charging: bool | None = None) -> Said:
    """A register reading, with what else it says."""
    said: Said = {"register_wh": wh}
    if power_w is not None:
        said["power_w"] = power_w
    if charging is not None:
        said["charging"] = charging
    return said


def charge(soc_percent: float, *, wh: int | None = None) -> Said:
    """A charge level, with a register reading perhaps."""
    return {"soc_percent": soc_percent} if wh is None else {"soc_percent": soc_percent, "register_wh": wh}


# --- registers ---------------------------------------------------------------------------------------------------


def test_the_difference_of_registers_is_the_energy() -> None:
    ledger = told((0, register(120_000)), (15, register(121_000)), (30, register(123_500)))
    assert ledger.energy_wh == 3_500
    assert ledger.whole_rows_wh(30 * MINUTE_S) == [1_000, 2_500]
    assert (ledger.source, ledger.register_faults) == ("register", 0)


def test_a_register_owns_the_energy_whatever_the_power_says() -> None:
    ledger = told((0, register(0, power_w=11_000)), (60, register(5_000, power_w=11_000)))
    assert (ledger.energy_wh, ledger.source) == (5_000, "register")


def test_a_register_owns_the_energy_whatever_the_charge_says() -> None:
    ledger = told((0, charge(20, wh=0)), (60, charge(90, wh=5_000)))
    assert (ledger.energy_wh, ledger.source) == (5_000, "register")


def test_a_register_that_is_reset_goes_on_from_there() -> None:
    ledger = told((0, register(120_000)), (60, register(0)), (120, register(4_000)))
    assert (ledger.energy_wh, ledger.register_faults) == (4_000, 1)


def test_over_a_reset_the_power_counts() -> None:
    ledger = told((0, register(120_000, power_w=6_000)), (30, register(0)), (60, register(4_000)))
    assert ledger.energy_wh == 3_000 + 4_000
    assert ledger.by_source_wh == {"power": 3_000, "register": 4_000}


def test_a_register_that_rolls_over_loses_no_more_than_the_time_it_took() -> None:
    ledger = told((0, register(999_000)), (15, register(999_900)), (30, register(800)), (45, register(1_800)))
    assert (ledger.energy_wh, ledger.register_faults) == (900 + 1_000, 1)


def test_a_register_that_jumps_beyond_any_connector_is_not_believed() -> None:
    ledger = told((0, register(0, power_w=4_000)), (15, register(900_000)), (30, register(901_000)))
    assert (ledger.energy_wh, ledger.register_faults) == (1_000 + 1_000, 1)


def test_after_a_single_register_reading_the_charge_counts() -> None:
    ledger = told((0, charge(40, wh=9_000)), (60, charge(45)), (120, charge(49)))
    assert ledger.energy_wh == pytest.approx(0.09 * 77_000 / 0.9)
    assert ledger.source == "soc"


def test_a_later_register_reading_takes_over_from_the_charge() -> None:
    ledger = a_ledger()
    for minutes, said in [(0, charge(40, wh=9_000)), (60, charge(49)), (90, charge(50))]:
        read(ledger, minutes * MINUTE_S, said)
    assert ledger.closed().energy_wh == pytest.approx(0.10 * 77_000 / 0.9)
    assert ledger.energy_since_wh(0) == pytest.approx(0.10 * 77_000 / 0.9)
    read(ledger, 120 * MINUTE_S, register(17_000))
    assert (ledger.closed().energy_wh, ledger.closed().source) == (8_000, "register")


def test_the_charge_after_a_register_counts_only_what_the_register_has_not() -> None:
    """40 to 50 % is 8,556 Wh at the meter; the register showed 6,000 of them."""
    ledger = told((0, charge(40, wh=9_000)), (60, register(15_000)), (120, charge(50)))
    assert ledger.by_source_wh == {"register": 6_000, "soc": pytest.approx(0.10 * 77_000 / 0.9 - 6_000)}


@pytest.mark.parametrize("absurd_wh", [900_000_000, 0, 5])
@pytest.mark.parametrize("minutes", [15, 120])
def test_an_absurd_reading_between_good_ones_changes_nothing(absurd_wh: int, minutes: int) -> None:
    readings = [120_000_000, 120_001_000, absurd_wh, 120_003_000, 120_004_000]
    ledger = told(*[(n * minutes, register(wh)) for n, wh in enumerate(readings)])
    assert (ledger.energy_wh, ledger.register_faults) == (4_000, 1)


def test_two_absurd_readings_in_a_row_change_nothing() -> None:
    readings = [120_000, 900_000_000, 700_000_000, 123_000]
    ledger = told(*[(15 * n, register(wh)) for n, wh in enumerate(readings)])
    assert (ledger.energy_wh, ledger.register_faults) == (3_000, 2)


def test_a_lifetime_is_never_the_energy_of_a_gap() -> None:
    """0 then 221 kWh after an hour could be a rise by 400 kW; no battery holds it, and the old reading explains it."""
    ledger = told((0, register(220_000)), (60, register(0)), (120, register(221_000)))
    assert ledger.energy_wh == 1_000


def test_over_a_reset_the_charge_counts() -> None:
    ledger = told((0, charge(40, wh=120_000)), (60, charge(49, wh=0)), (120, register(4_000)))
    assert ledger.energy_wh == pytest.approx(0.09 * 77_000 / 0.9 + 4_000)


def test_a_reading_that_is_doubted_to_the_end_gives_nothing() -> None:
    ledger = told((0, register(120_000, power_w=6_000)), (30, register(900_000_000, power_w=0)))
    assert (ledger.energy_wh, ledger.source) == (3_000, "power")


def test_a_register_that_was_rounded_down_is_no_reset() -> None:
    readings = [1_240, 1_240, 1_140, 1_350, 1_760, 1_660, 1_860]
    ledger = told(*[(n / 3, register(wh)) for n, wh in enumerate(readings)])
    assert (ledger.energy_wh, ledger.register_faults) == (1_860 - 1_240, 0)


def test_a_register_that_falls_to_nothing_was_reset_however_little_it_had() -> None:
    ledger = told((0, register(200)), (15, register(0)), (30, register(700)))
    assert (ledger.energy_wh, ledger.register_faults) == (700, 1)


def test_before_the_first_register_the_charge_counts() -> None:
    ledger = told((0, {"soc_percent": 40}), (60, charge(49, wh=9_000)), (120, register(10_000)))
    assert ledger.energy_wh == pytest.approx(0.09 * 77_000 / 0.9 + 1_000)
    assert set(ledger.by_source_wh) == {"soc", "register"}


def test_before_the_first_register_the_power_counts() -> None:
    ledger = told((0, {"power_w": 2_000}), (60, register(9_000)), (120, register(10_000)))
    assert ledger.energy_wh == 2_000 + 1_000


def test_after_the_last_register_the_power_counts_until_the_next_corrects_it() -> None:
    ledger = a_ledger()
    for minutes, said in [(0, register(0, power_w=6_000)), (15, register(1_500)), (30, Said(power_w=6_000))]:
        read(ledger, minutes * MINUTE_S, said)
    assert ledger.closed().energy_wh == 3_000
    assert ledger.energy_since_wh(0) == 3_000
    read(ledger, 45 * MINUTE_S, Said(register_wh=4_000))
    assert ledger.closed().energy_wh == 4_000


# --- spreading ---------------------------------------------------------------------------------------------------


def test_a_difference_is_spread_in_proportion_to_power() -> None:
    ledger = told(
        (0, register(0, power_w=9_000)),
        (15, {"power_w": 3_000}),
        (30, {"power_w": 0}),
        (45, register(4_000)),
    )
    assert ledger.whole_rows_wh(45 * MINUTE_S) == [3_000, 1_000, 0]


def test_a_difference_is_spread_over_the_time_of_charging_where_no_power_is_known() -> None:
    ledger = told(
        (0, register(0, charging=False)),
        (15, {"charging": True}),
        (45, {"charging": False}),
        (60, register(4_000)),
    )
    assert ledger.whole_rows_wh(60 * MINUTE_S) == [0, 2_000, 2_000, 0]
    assert ledger.charging_s == 30 * MINUTE_S


def test_a_difference_is_spread_over_time_where_nothing_is_known() -> None:
    ledger = told((0, register(0)), (40, register(4_000)))
    assert ledger.whole_rows_wh(40 * MINUTE_S) == [1_500, 1_500, 1_000]


def test_the_first_row_holds_the_plug_in_and_the_last_ends_at_or_after_the_end() -> None:
    ledger = a_ledger(start_s=7 * MINUTE_S)
    read(ledger, 7 * MINUTE_S, Said(register_wh=0))
    read(ledger, 23 * MINUTE_S, Said(register_wh=1_600))
    assert ledger.closed().whole_rows_wh(23 * MINUTE_S) == [800, 800]
    assert ledger.closed().whole_rows_wh(30 * MINUTE_S) == [800, 800]
    assert ledger.closed().whole_rows_wh(31 * MINUTE_S) == [800, 800, 0]
    assert a_ledger().whole_rows_wh(0) == [0]


def test_no_row_is_lost_though_the_visit_is_said_to_end_before_its_energy() -> None:
    assert told((0, register(0)), (45, register(3_000))).whole_rows_wh(5 * MINUTE_S) == [1_000] * 3


@pytest.mark.parametrize("hours", [1 / 6, 1, 5, 24])
def test_a_gap_keeps_the_energy_of_the_registers(hours: float) -> None:
    ledger = told((0, register(0, power_w=11_000)), (hours * 60, register(1_700, power_w=0)))
    assert sum(ledger.whole_rows_wh(hours * HOUR_S)) == 1_700


@pytest.mark.parametrize(("hours", "energy_wh"), [(0.5, 3_500), (1, 7_000), (5, 7_000), (24, 7_000)])
def test_over_a_gap_power_is_believed_for_an_hour_and_no_longer(hours: float, energy_wh: int) -> None:
    ledger = told((0, {"power_w": 7_000}), (hours * 60, {"power_w": 0}))
    assert ledger.energy_wh == energy_wh
    assert sum(ledger.whole_rows_wh(hours * HOUR_S)[4:]) == 0


def test_facts_that_say_nothing_of_power_do_not_prolong_it() -> None:
    ledger = told((0, {"power_w": 7_000}), *[(10 * n, Said()) for n in range(1, 61)])
    assert ledger.energy_wh == pytest.approx(7_000)


def test_a_vehicle_that_says_that_it_still_charges_prolongs_it() -> None:
    ledger = told((0, {"power_w": 6_000}), *[(30 * n, Said(charging=True)) for n in range(1, 7)])
    assert ledger.energy_wh == 18_000


# --- power and charge --------------------------------------------------------------------------------------------


def test_power_is_integrated_as_it_was_held() -> None:
    ledger = told((0, {"power_w": 6_000}), (15, {"power_w": 2_000}), (45, {"power_w": 0}), (60, {}))
    assert (ledger.energy_wh, ledger.source) == (1_500 + 1_000, "power")


def test_power_owns_the_energy_whatever_the_charge_says() -> None:
    ledger = told((0, {"power_w": 6_000, "soc_percent": 20}), (60, {"power_w": 0, "soc_percent": 90}))
    assert (ledger.energy_wh, ledger.source) == (6_000, "power")


@pytest.mark.parametrize("last", [{"plugged": False}, {"charging": False}, {"power_w": 0}])
def test_power_ends_with_the_cable_the_charge_or_a_zero(last: Said) -> None:
    ledger = told((0, {"power_w": 6_000}), (15, last), (30, {}))
    assert ledger.energy_wh == 1_500


def test_power_that_flows_back_is_no_charge() -> None:
    ledger = told((0, {"power_w": -5_000}), (30, {"power_w": 4_000}), (45, {"power_w": 0}))
    assert (ledger.energy_wh, ledger.peak_w) == (1_000, 4_000)


def test_power_that_flows_back_takes_no_share_of_a_difference() -> None:
    ledger = told(
        (0, register(0, power_w=-4_000)),
        (15, {"power_w": 6_000}),
        (30, {"power_w": 2_000}),
        (45, register(2_000)),
    )
    assert ledger.whole_rows_wh(45 * MINUTE_S) == [0, 1_500, 500]


def test_the_rise_of_the_charge_counts_where_nothing_else_is_known() -> None:
    ledger = told((0, {"soc_percent": 40}), (60, {"soc_percent": 49}))
    assert ledger.energy_wh == pytest.approx(0.09 * 77_000 / 0.9)
    assert ledger.source == "soc"


def test_a_charge_without_a_capacity_gives_no_energy() -> None:
    ledger = told((0, {"soc_percent": 40}), (60, {"soc_percent": 80}), battery_wh=None)
    assert (ledger.energy_wh, ledger.source) == (0, None)


def test_a_charge_that_wavers_by_a_point_is_not_charged_again_and_again() -> None:
    levels = [50, 49, 50, 49, 50, 51, 50, 51]
    ledger = told(*[(15 * n, charge(level)) for n, level in enumerate(levels)])
    assert ledger.energy_wh == pytest.approx(0.01 * 77_000 / 0.9)


def test_a_charge_that_was_used_and_refilled_counts() -> None:
    ledger = told(*[(60 * n, charge(level)) for n, level in enumerate([50, 46, 50])])
    assert ledger.energy_wh == pytest.approx(0.04 * 77_000 / 0.9)


def test_where_power_is_silent_the_charge_takes_over() -> None:
    ledger = told(
        (0, {"power_w": 0, "soc_percent": 40}),
        (15, {"charging": True}),
        (75, {"charging": False, "soc_percent": 49}),
    )
    assert ledger.energy_wh == pytest.approx(0.09 * 77_000 / 0.9)
    assert ledger.whole_rows_wh(75 * MINUTE_S)[0] == 0


def test_the_charge_counts_only_what_power_has_not() -> None:
    ledger = told(
        (0, {"power_w": 7_700, "soc_percent": 40}),
        (60, {}),
        (120, {}),
        (180, {"power_w": 0, "soc_percent": 58}),
    )
    assert ledger.energy_wh == pytest.approx(0.18 * 77_000 / 0.9)
    assert ledger.by_source_wh["power"] == 7_700


def test_the_charge_adds_no_more_than_the_power_seen_could_have_given() -> None:
    ledger = told(
        (0, {"power_w": 6_000, "soc_percent": 40}),
        (61, {"power_w": 0, "soc_percent": 90}),
    )
    assert ledger.energy_wh == pytest.approx(6_000 + 100)


# --- averages, peaks, runs ---------------------------------------------------------------------------------------


def test_time_of_charging_counts_no_pause() -> None:
    ledger = told(
        (0, register(0, power_w=6_000)),
        (30, register(3_000, power_w=0)),
        (600, register(3_000, power_w=6_000)),
        (630, register(6_000, power_w=0)),
    )
    assert ledger.charging_s == 60 * MINUTE_S
    assert ledger.peak_w == 6_000
    assert [(run.start_s / 60, run.end_s / 60, run.energy_wh) for run in ledger.runs] == [
        (0, 30, 3_000),
        (600, 630, 3_000),
    ]


def test_a_register_that_moves_in_steps_is_one_run_at_the_true_power() -> None:
    """7.2 kW by a counter of 0.1 kWh, read every 20 s: it stands still at most readings."""
    steps = [(n / 3, register(40 * n // 100 * 100, charging=True, power_w=7_000)) for n in range(181)]
    ledger = told(*steps)
    assert len(ledger.runs) == 1
    assert ledger.energy_wh * HOUR_S / ledger.charging_s == pytest.approx(7_200, rel=0.02)


def test_a_charge_that_moves_in_whole_points_is_one_run_at_the_true_power() -> None:
    steps = [(float(n), Said(soc_percent=40 + n // 7, charging=True)) for n in range(141)]
    ledger = told(*steps)
    assert len(ledger.runs) == 1
    assert ledger.energy_wh * HOUR_S / ledger.charging_s == pytest.approx(
        0.2 * 77_000 / 0.9 / (140 / 60), rel=0.02
    )


def test_what_had_not_moved_for_hours_was_idle() -> None:
    ledger = told((0, register(0)), (60, register(0)), (120, register(0)), (180, register(4_000)))
    assert ledger.whole_rows_wh(180 * MINUTE_S) == [0] * 8 + [1_000] * 4


def test_a_run_ends_where_the_mode_changes() -> None:
    ledger = a_ledger()
    for minutes, mode in [(0, ""), (15, "BATTERY_RESERVE"), (30, "BATTERY_RESERVE"), (45, "REGULAR")]:
        read(ledger, minutes * MINUTE_S, Said(register_wh=minutes * 100, power_w=6_000), mode)
    assert [(run.mode, run.energy_wh) for run in ledger.runs] == [
        ("BATTERY_RESERVE", 3_000),
        ("REGULAR", 1_500),
    ]


def test_runs_stay_in_order_where_the_charge_tells_of_the_time_before_power() -> None:
    ledger = told(
        (0, {"soc_percent": 40}),
        (15, {"power_w": 6_000}),
        (30, {"power_w": 0, "soc_percent": 45}),
        (45, {}),
    )
    assert [(run.start_s / 60, run.end_s / 60) for run in ledger.runs] == [(0, 15), (15, 30)]


def test_the_peak_is_no_artefact_of_two_readings_a_second_apart() -> None:
    ledger = told(
        (0, register(0)), (60, register(6_000)), (60 + 1 / 60, register(6_100)), (120, register(12_000))
    )
    assert ledger.peak_w == pytest.approx(6_000, rel=0.02)


def test_without_power_the_peak_is_that_of_the_time_of_charging() -> None:
    ledger = told((0, register(0, charging=False)), (120, {"charging": True}), (180, register(11_000)))
    assert ledger.peak_w == ledger.energy_wh * HOUR_S / ledger.charging_s == 11_000


# --- reading without changing ------------------------------------------------------------------------------------


def test_a_closed_copy_leaves_the_ledger_as_it_was() -> None:
    ledger = a_ledger()
    read(ledger, 0, Said(register_wh=0, power_w=6_000))
    read(ledger, 900, Said(power_w=6_000))
    before = encode(ledger)
    first, second = ledger.closed(), ledger.closed(1_800, "REGULAR")
    assert encode(ledger) == before
    assert (first.energy_wh, second.energy_wh) == (1_500, 3_000)


def test_a_copy_that_goes_on_leaves_the_ledger_as_it_was() -> None:
    ledger = a_ledger()
    for at_s in (0, 20, 40, 60):
        read(ledger, at_s, Said(register_wh=100 * (at_s // 40), charging=True))
    before, twin = encode(ledger), ledger.copy()
    assert ledger.held
    for at_s in (80, 100, 960):
        read(twin, at_s, Said(register_wh=at_s * 2, power_w=6_000))
    assert encode(ledger) == before
    assert encode(twin) != before


def test_power_goes_on_as_it_is_held_and_believed() -> None:
    ledger = read(a_ledger(), 0, Said(power_w=6_000))
    assert ledger.held_energy_wh(900) == 1_500
    assert ledger.held_energy_wh(10 * HOUR_S) == 6_000
    read(ledger, 1_800, Said())
    assert ledger.held_energy_wh(10 * HOUR_S) == 3_000
    assert ledger.held_energy_wh(900) == 0
