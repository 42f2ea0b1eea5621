"""Facts: what they imply, what names them, and how several of one instant become one."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from dwell.domain.session.facts import Fact, believable_soc, digest_of, in_order
from dwell.domain.session.incoming import implausible
from dwell.domain.session.track import Seen, seen_after
from house import BUILT_AT


def fact(**said: object) -> Fact:
    return Fact(BUILT_AT, **said)  # type: ignore[arg-type]  # a builder names the fields


@pytest.mark.parametrize(
    ("said", "plugged"),
    [
        ({}, None),
        ({"plugged_in": True}, True),
        ({"plugged_in": False}, False),
        ({"charging": True}, True),
        ({"charging": False}, None),
        ({"power_w": 7_000}, True),
        ({"power_w": 0}, None),
        ({"power_w": -3_000}, None),
        ({"plugged_in": False, "charging": True, "power_w": 7_000}, False),
    ],
)
def test_what_is_said_of_the_cable(said: dict[str, object], plugged: bool | None) -> None:
    assert fact(**said).says_plugged is plugged


@pytest.mark.parametrize(
    ("soc", "before", "believed"),
    [(0, None, None), (0, 60, None), (0, 5.1, None), (0, 5, 0), (0, 0, 0), (1, None, 1), (None, 50, None)],
)
def test_nothing_is_a_charge_only_after_next_to_nothing(
    soc: float | None, before: float | None, believed: float | None
) -> None:
    assert believable_soc(soc, before) == believed


def test_a_source_names_its_facts_else_their_content_does() -> None:
    named = fact(external_id="a", soc_percent=50)
    assert digest_of(named) == digest_of(fact(external_id="a", soc_percent=60))
    assert digest_of(named) != digest_of(fact(external_id="a", source="app"))
    assert digest_of(fact(soc_percent=50)) == digest_of(fact(soc_percent=50))
    assert digest_of(fact(soc_percent=50)) != digest_of(fact(soc_percent=51))


def test_of_one_instant_the_higher_source_wins_field_by_field() -> None:
    facts = [
        fact(source="app", soc_percent=40, power_w=3_000, odometer_m=7),
        fact(source="vehicle", soc_percent=50),
        fact(source="station", power_w=7_000),
    ]
    merged = {next(in_order(order)) for order in itertools.permutations(facts)}
    [one] = merged
    assert (one.soc_percent, one.power_w, one.odometer_m) == (50, 7_000, 7)


def test_of_one_source_the_greater_text_wins_in_any_order() -> None:
    facts = [fact(soc_percent=51), fact(soc_percent=52), fact(soc_percent=52, power_w=1)]
    merged = {next(in_order(order)) for order in itertools.permutations(facts)}
    assert len(merged) == 1


@pytest.mark.parametrize(
    ("after_min", "reason"), [(-60, None), (0, None), (10, None), (10.01, "in_future"), (10_000, "in_future")]
)
def test_a_fact_of_more_than_ten_minutes_ahead_is_implausible(after_min: float, reason: str | None) -> None:
    assert implausible(BUILT_AT + timedelta(minutes=after_min), BUILT_AT) == reason


def test_a_fact_from_before_telemetry_is_implausible() -> None:
    assert implausible(BUILT_AT.replace(year=2009), BUILT_AT) == "before_2010"
    assert implausible(BUILT_AT.replace(year=2010), BUILT_AT) is None


def test_what_was_last_seen_keeps_each_part_with_its_instant() -> None:
    seen = seen_after(Seen(), fact(plugged_in=True, soc_percent=50, power_w=7_000), BUILT_AT)
    later = BUILT_AT + timedelta(minutes=5)
    seen = seen_after(seen, Fact(later, odometer_m=9, soc_percent=0), later)
    assert (seen.at, seen.soc_percent, seen.soc_at, seen.odometer_at) == (later, 50, BUILT_AT, later)
    assert (seen.plugged_in, seen.charging, seen.power_w) == (True, True, 7_000)
    seen = seen_after(seen, Fact(later, plugged_in=False), later)
    assert (seen.plugged_in, seen.charging, seen.power_w) == (False, False, 0)


def test_a_vehicle_seen_first_without_a_charge_has_an_unknown_one() -> None:
    assert seen_after(Seen(), fact(soc_percent=0), BUILT_AT).soc_percent is None
