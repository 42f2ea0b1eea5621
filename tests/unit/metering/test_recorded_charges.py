"""Three charges of a real car, as its maker's telemetry gave them, told to the product in any order.

The car counts the energy since it was plugged in, in steps of about 0.1 kWh that now and then go back by one.
"""

from __future__ import annotations

import csv
import gzip
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dwell.domain.policy.terms import VisitTerms
from dwell.domain.session.facts import Fact, in_order
from dwell.domain.session.visit import Visit, begin, step

CAPTURES = Path(__file__).parents[2] / "data" / "telemetry"
PLUNGE = "teslamate_plunge_test.csv.gz"
CLOCKS = "teslamate_daylightsavingstime_test.csv.gz"
TERMS = VisitTerms(battery_capacity_wh=73_500, at_home=True)
POWER, SOC, REGISTER = "power_w", "soc_percent", "energy_register_wh"


def charge(name: str, *tells: str) -> list[Fact]:
    """The facts of a capture, in the order of its rows; of energy only what the vehicle is to tell."""
    content = (CAPTURES / name).read_bytes()
    text = gzip.decompress(content) if name.endswith(".gz") else content
    facts = [_fact(row, tells) for row in csv.DictReader(text.decode().splitlines())]
    first = min(facts, key=lambda fact: fact.at)
    counted_from = Fact(first.at - timedelta(minutes=1), plugged_in=True, energy_register_wh=0)
    return [counted_from, *facts] if REGISTER in tells else facts


def _fact(row: dict[str, str], tells: tuple[str, ...]) -> Fact:
    power_w = int(row["charger_power"]) * 1_000
    said = {
        POWER: power_w,
        SOC: float(row["battery_level"]),
        REGISTER: round(float(row["charge_energy_added"]) * 1_000),
    }
    return Fact(
        at=datetime.fromisoformat(row["date"]).replace(tzinfo=UTC),
        plugged_in=True,
        charging=power_w > 0 if POWER in tells else None,
        **{name: said[name] for name in tells},  # type: ignore[arg-type]  # the fields of a fact by their names
    )


def visit_of(facts: list[Fact]) -> Visit:
    ordered = list(in_order(facts))
    visit = begin(ordered[0], TERMS)
    for fact in ordered[1:]:
        step(visit, fact, TERMS)
    return visit


@pytest.mark.parametrize(
    ("name", "kwh", "from_percent", "to_percent"), [(PLUNGE, 35.80, 7, 53), (CLOCKS, 15.61, 26, 48)]
)
def test_a_recorded_charge_has_the_energy_that_the_car_counted(
    name: str, kwh: float, from_percent: float, to_percent: float
) -> None:
    visit = visit_of(charge(name, POWER, SOC, REGISTER))
    ledger = visit.ledger.closed()
    assert ledger.energy_wh / 1_000 == pytest.approx(kwh, abs=0.2)
    assert (visit.soc_from_percent, visit.soc_now_percent()) == (from_percent, to_percent)
    assert (ledger.source, ledger.register_faults, ledger.peak_w) == ("register", 0, 8_000)
    assert len(ledger.runs) <= 2
    assert 6_500 < ledger.energy_wh * 3600 / ledger.charging_s < 7_500


@pytest.mark.parametrize("name", [PLUNGE, CLOCKS])
def test_the_order_in_which_it_is_told_does_not_matter(name: str, seed: int) -> None:
    facts = charge(name, POWER, SOC, REGISTER)
    again = facts.copy()
    random.Random(seed).shuffle(again)
    assert visit_of(again) == visit_of(facts)


@pytest.mark.parametrize(
    ("name", "tells", "kwh"),
    [
        (PLUNGE, (POWER, SOC), 35.80),
        (PLUNGE, (POWER,), 35.80),
        (PLUNGE, (REGISTER,), 35.80),
        (PLUNGE, (SOC,), 35.80),
        (CLOCKS, (POWER, SOC), 15.61),
        (CLOCKS, (POWER,), 15.61),
        (CLOCKS, (REGISTER,), 15.61),
    ],
)
def test_with_less_to_go_by_the_energy_is_near(name: str, tells: tuple[str, ...], kwh: float) -> None:
    ledger = visit_of(charge(name, *tells)).ledger.closed()
    assert ledger.energy_wh / 1_000 == pytest.approx(kwh, rel=0.1)
    assert 6_000 < ledger.energy_wh * 3600 / ledger.charging_s < 8_000
    assert len(ledger.runs) <= 2


def test_a_recorded_charge_that_never_began_has_no_energy() -> None:
    visit = visit_of(charge("teslamate_nophasedata_test.csv", POWER, SOC, REGISTER))
    assert (visit.ledger.closed().energy_wh, visit.soc_now_percent()) == (0, 38)
