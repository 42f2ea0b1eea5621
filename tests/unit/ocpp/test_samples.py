"""IN8: units, phases, places and nonsense → whole Wh and W."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.protocols.ocpp.payloads import number_of
from dwell.protocols.ocpp.quirks.samples import REGISTER_WH_AT_MOST, Sample, readings_of

AT = datetime(2026, 3, 25, 12, 0, tzinfo=UTC)
REGISTER, POWER = "Energy.Active.Import.Register", "Power.Active.Import"


def field(name: str, *samples: Sample) -> Any:
    readings = readings_of(AT, samples)
    return getattr(readings[0], name) if readings else None


def sample(value: Any, measurand: str | None = None, unit: str | None = None, **rest: Any) -> Sample:
    return Sample(value=value, measurand=measurand, unit=unit, **rest)


@pytest.mark.parametrize(
    ("value", "unit", "wh"),
    [("1234", "Wh", 1234), ("1234", None, 1234), ("1234", "", 1234), ("1.234", "kWh", 1234), ("1.234", "KWH", 1234),
     ("0.5", "MWh", 500_000), ("1234000", "mWh", 1234), (1234, "Wh", 1234), (1.5, "kWh", 1500),
     ("3051.11", "kWh", 3051110), ("-0", "Wh", 0), ("1e3", "Wh", 1000)],
)  # fmt: skip
def test_units_of_energy(value: Any, unit: str | None, wh: int) -> None:
    assert field("register_wh", sample(value, REGISTER, unit)) == wh
    assert field("register_wh", sample(value, None, unit)) == wh, "no measurand is the import register"


@pytest.mark.parametrize(
    ("value", "unit", "watts"),
    [("7400", "W", 7400), ("7.4", "kW", 7400), ("7400", None, 7400), ("7400", "Wh", 7400), ("7.4", "kWh", 7400),
     ("-3.6", "kW", -3600), ("0.0074", "MW", 7400)],
)  # fmt: skip
def test_units_of_power(value: str, unit: str | None, watts: int) -> None:
    assert field("power_w", sample(value, POWER, unit)) == watts


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "1,5", "", " 12 ", None, "1e309", "9" * 400, "-5", True, "0x10", "1_000"]
)
def test_what_is_no_register_is_kept_unread(value: Any) -> None:
    assert field("register_wh", sample(value, REGISTER, "Wh")) is None
    assert len(field("unread", sample(value, REGISTER, "Wh"))) == 1


@pytest.mark.parametrize("unit", ["Hz", "kvarh", "parsec", "kilo"])
def test_an_unknown_unit_is_kept_unread_and_the_rest_is_taken(unit: str) -> None:
    samples = sample("5", REGISTER, unit), sample("7400", POWER, "W")
    assert (field("register_wh", *samples), field("power_w", *samples)) == (None, 7400)
    assert field("unread", *samples) == (f"{REGISTER} 5 {unit} -",)


def test_phases_without_a_total_are_summed() -> None:
    by_phase = [
        sample(str(value), POWER, "W", phase=phase)
        for value, phase in zip((1, 2, 4), ("L1", "L2", "L3"), strict=True)
    ]
    assert field("power_w", *by_phase) == 7
    assert field("power_w", *by_phase, sample("9", POWER, "W")) == 9, "a total is better"
    with_n = [sample("3", POWER, "kW", phase=phase) for phase in ("L1-N", "L2-N", "L3-N", "N", "L1-L2")]
    assert field("power_w", *with_n) == 9000


def test_registers_by_phase_count_only_when_all_are_there() -> None:
    three = [sample("10", REGISTER, "Wh", phase=phase) for phase in ("L1", "L2", "L3")]
    assert field("register_wh", *three) == 30
    assert field("register_wh", three[0]) == 10
    assert field("register_wh", *three[:2]) is None, (
        "a register that falls when a phase is silent is no register"
    )
    assert "without the others" in field("unread", *three[:2])[0]


def test_currents_and_voltages_are_the_greatest_of_the_phases() -> None:
    samples = [
        sample(value, "Current.Import", "A", phase=phase) for value, phase in (("6", "L1"), ("16", "L2"))
    ]
    assert field("current_a", *samples) == 16.0


def test_the_vehicles_side_outranks_the_grids() -> None:
    inlet, outlet = sample("100", POWER, "W", location="Inlet"), sample("90", POWER, "W", location="Outlet")
    assert field("power_w", inlet, outlet) == field("power_w", outlet, inlet) == 90
    assert field("power_w", inlet) == 100
    assert field("power_w", sample("5", POWER, "W", location="Body")) is None
    assert field("soc_percent", sample("55", "SoC", "Percent", location="EV")) == 55.0


def test_a_level_of_charge_is_a_percentage_or_nothing() -> None:
    assert field("soc_percent", sample("101", "SoC", "Percent")) is None


def test_each_context_is_a_reading_of_its_own() -> None:
    readings = readings_of(
        AT, [sample("1", context="Transaction.Begin"), sample("2", context="Sample.Clock")]
    )
    assert [(one.context, one.register_wh) for one in readings] == [
        ("Transaction.Begin", 1),
        ("Sample.Clock", 2),
    ]


def test_an_interval_is_not_a_register() -> None:
    assert field("interval_wh", sample("0.25", "Energy.Active.Import.Interval", "kWh")) == 250
    assert field("register_wh", sample("0.25", "Energy.Active.Import.Interval", "kWh")) is None


@given(st.integers(0, REGISTER_WH_AT_MOST))
def test_every_unit_says_the_same(register_wh: int) -> None:
    ways = [("Wh", 1), ("kWh", 10**3), ("MWh", 10**6)]
    texts = [
        (
            unit,
            f"{register_wh // size}.{register_wh % size:0{len(str(size)) - 1}d}"
            if size > 1
            else str(register_wh),
        )
        for unit, size in ways
    ]
    assert {field("register_wh", sample(text, REGISTER, unit)) for unit, text in texts} == {register_wh}


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)


@given(
    st.lists(
        st.builds(
            Sample, anything, anything, anything, anything, anything, anything, anything, st.integers(-99, 99)
        ),
        max_size=6,
    )
)
def test_no_sample_raises_and_all_that_is_made_of_it_is_in_bounds(samples: list[Sample]) -> None:
    for reading in readings_of(AT, samples):
        assert reading.register_wh is None or 0 <= reading.register_wh <= REGISTER_WH_AT_MOST
        assert reading.soc_percent is None or 0 <= reading.soc_percent <= 100


@given(st.text() | st.floats() | st.integers())
def test_a_number_is_finite_or_none(value: str | float) -> None:
    found = number_of(value)
    assert found is None or abs(found) < 1e301
