"""The smoke check must be able to fail: one fault at a time in an answer that is otherwise right."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from scripts.smoke import find_depot_faults, find_faults

Session = dict[str, Any]

GOOD: Session = {
    "id": "one",
    "state": "SETTLED",
    "statistics": {"aggregated": {"kwhSum": 3.0}, "timeseries": [{"kwh": 1.25}, {"kwh": 1.75}]},
    "valuation": {"currency": "EUR", "tariffCost": {"actual": 0.4, "baseline": 1.0, "savings": 0.6}},
}


def not_settled(session: Session) -> None:
    session["state"] = "ACTIVE:REGULAR"


def rows_off(session: Session) -> None:
    session["statistics"]["timeseries"].pop()


def energy_none(session: Session) -> None:
    session["statistics"] = {"aggregated": {"kwhSum": 0}, "timeseries": [{"kwh": 0}]}


def energy_negative(session: Session) -> None:
    session["statistics"] = {"aggregated": {"kwhSum": -1}, "timeseries": [{"kwh": -1}]}


def no_valuation(session: Session) -> None:
    session["valuation"] = None


def savings_off(session: Session) -> None:
    session["valuation"]["tariffCost"]["savings"] = 0.7


def field_missing(session: Session) -> None:
    del session["statistics"]


def test_a_right_answer_has_no_faults() -> None:
    assert find_faults([GOOD]) == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (not_settled, "state is ACTIVE:REGULAR"),
        (rows_off, "rows sum to 1.25"),
        (energy_none, "no energy flowed"),
        (energy_negative, "energy is negative"),
        (no_valuation, "no savings are stated"),
        (savings_off, "baseline less actual is 0.6"),
        (field_missing, "a field is missing"),
    ],
)
def test_a_fault_is_found_and_named(spoil: Callable[[Session], None], words: str) -> None:
    session = copy.deepcopy(GOOD)
    spoil(session)

    (fault,) = find_faults([session])
    assert words in fault


def test_nothing_at_all_and_the_same_twice_are_faults() -> None:
    assert find_faults([]) and find_faults({}) and find_faults(None)
    assert find_faults([GOOD, GOOD]) == ["a session appears twice"]


def drawn(vehicle: str, kwh: float, *, place: str = "depot") -> Session:
    row = {"startAt": "2026-01-05T18:00:00Z", "kwh": kwh}
    return {"locationId": place, "vehicleId": vehicle, "statistics": {"timeseries": [row]}}


def test_a_depot_that_draws_more_than_its_connection_carries_is_found() -> None:
    home = drawn("c", 9.0, place="home")  # of another connection

    assert find_depot_faults([drawn("a", 5.0), drawn("b", 5.75), home]) == []
    assert find_depot_faults([drawn("a", 5.0), drawn("b", 5.76), home]) == [
        "from 2026-01-05T18:00:00Z on the depot drew 43.04 kW of 43"
    ]
    assert find_depot_faults([drawn("a", 8.0), drawn("b", 8.0)]) == [
        "from 2026-01-05T18:00:00Z on the depot drew 64.00 kW of 43"
    ]


def test_no_depot_at_all_is_a_fault() -> None:
    [fault] = find_depot_faults([drawn("a", 1.0), drawn("b", 1.0, place="home")])
    assert "at 0 locations" in fault
