"""Where a visit ends: what shows a vehicle gone, what is only a flap, and how long silence lasts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dwell.domain.session.cut import Cutter, End, distance_m, ended_by, silence_ends_at
from dwell.domain.session.facts import Fact
from dwell.domain.session.rules import Rules
from house import AT_HOME, BUILT_AT, ELSEWHERE

HOUR = timedelta(hours=1)


def plugged(at_h: float, **said: object) -> Fact:
    return Fact(BUILT_AT + at_h * HOUR, **{"plugged_in": True, **said})  # type: ignore[arg-type]  # a builder names the fields


def silent(at_h: float, **said: object) -> Fact:
    """A fact that says nothing of the cable."""
    return plugged(at_h, plugged_in=None, **said)


def unplugged(at_h: float, **said: object) -> Fact:
    return plugged(at_h, plugged_in=False, **said)


def after(*facts: Fact) -> tuple[Cutter, list[End]]:
    """The cutter after the facts, and the ends they showed."""
    cutter, ends = Cutter(), list[End]()
    for fact in facts:
        ended, _ = cutter.take(fact, Rules())
        if ended is not None:
            ends.append(ended)
    return cutter, ends


def at(place: tuple[float, float]) -> dict[str, object]:
    return {"latitude": place[0], "longitude": place[1]}


def test_power_alone_opens_a_visit() -> None:
    cutter, _ = after(silent(0), silent(1, power_w=7_000))
    assert cutter.span is not None
    assert cutter.span.plugged_in_at == BUILT_AT + HOUR


def test_a_visit_is_over_at_the_first_unplugged_fact() -> None:
    cutter, ends = after(plugged(0), unplugged(1), unplugged(2), plugged(3))
    assert ends == [End(BUILT_AT + HOUR, observed=True)]
    assert cutter.span is not None and cutter.span.plugged_in_at == BUILT_AT + 3 * HOUR


def test_five_flaps_in_a_minute_are_one_visit() -> None:
    facts = [plugged(0)]
    for n in range(5):
        facts += [unplugged(1 + n / 300), plugged(1 + n / 300 + 1 / 600)]
    cutter, ends = after(*facts)
    assert ends == []
    assert cutter.span is not None and cutter.span.plugged_in_at == BUILT_AT


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ({"odometer_m": 1_000}, {"odometer_m": 1_201}),
        (at(AT_HOME), at(ELSEWHERE)),
        ({"soc_percent": 80}, {"soc_percent": 77}),
    ],
)
def test_a_vehicle_that_was_gone_ends_where_it_was_last_known_plugged(
    before: dict[str, object], then: dict[str, object]
) -> None:
    _, ends = after(plugged(0, **before), plugged(1), silent(2), plugged(30, **then))
    assert ends == [End(BUILT_AT + HOUR, observed=False)]


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ({"odometer_m": 1_000}, {"odometer_m": 1_200}),
        ({"odometer_m": 1_000}, {"odometer_m": 900}),
        (at(AT_HOME), at((AT_HOME[0] + 0.0026, AT_HOME[1]))),
        ({"soc_percent": 80}, {"soc_percent": 77.1}),
        ({"soc_percent": 80}, {"soc_percent": 0}),
        ({"soc_percent": 80}, {"soc_percent": 90}),
    ],
)
def test_what_shows_nothing_of_the_kind_ends_nothing(
    before: dict[str, object], then: dict[str, object]
) -> None:
    _, ends = after(plugged(0, **before), plugged(1), silent(2), plugged(30, **then))
    assert ends == []


def test_charge_that_is_lost_while_facts_come_is_no_departure() -> None:
    _, ends = after(*[plugged(n, soc_percent=80 - n) for n in range(40)])
    assert ends == []


def test_power_that_is_drawn_tells_that_the_vehicle_was_there() -> None:
    cutter, _ = after(plugged(0), silent(1, power_w=7_000), silent(2, power_w=0))
    assert cutter.span is not None
    assert cutter.span.last_plugged_at == BUILT_AT + HOUR


def test_silence_lasts_a_day_and_until_the_deadline_is_past() -> None:
    cutter, _ = after(plugged(0), silent(2))
    span = cutter.span
    assert span is not None
    assert silence_ends_at(span, None, Rules()) == BUILT_AT + 26 * HOUR
    assert silence_ends_at(span, BUILT_AT + 12 * HOUR, Rules()) == BUILT_AT + 26 * HOUR
    assert silence_ends_at(span, BUILT_AT + 90 * HOUR, Rules()) == BUILT_AT + 90 * HOUR
    assert ended_by(span, BUILT_AT + 25.99 * HOUR, None, Rules()) is None
    assert ended_by(span, BUILT_AT + 26 * HOUR, None, Rules()) == End(BUILT_AT, observed=False)


def test_a_plug_out_is_believed_when_no_flap_can_undo_it() -> None:
    cutter, _ = after(plugged(0), unplugged(1))
    span = cutter.span
    assert span is not None
    assert ended_by(span, BUILT_AT + HOUR + timedelta(seconds=59), None, Rules()) is None
    assert ended_by(span, BUILT_AT + HOUR + timedelta(seconds=60), None, Rules()) == End(
        BUILT_AT + HOUR, observed=True
    )


@pytest.mark.parametrize(("age_min", "known"), [(30, True), (31, False)])
def test_a_position_tells_for_half_an_hour_where_the_plug_in_was(age_min: float, known: bool) -> None:
    cutter, _ = after(silent(0, **at(AT_HOME)), plugged(age_min / 60))
    assert cutter.span is not None
    assert (cutter.span.position == AT_HOME) is known


def test_a_copy_that_goes_on_leaves_the_cutter_as_it_was() -> None:
    cutter, _ = after(plugged(0, odometer_m=5))
    twin = cutter.copy()
    twin.take(unplugged(1, odometer_m=9, **at(AT_HOME)), Rules())
    assert cutter.span is not None
    assert (cutter.span.unplugged_at, cutter.span.odometer_m, cutter.position) == (None, 5, None)


def test_distance_on_the_sphere() -> None:
    assert distance_m(52.5, 13.4, 52.5, 13.4) == 0
    assert distance_m(0, 0, 0, 1) == pytest.approx(111_195, abs=1)
    assert distance_m(0, 179.999, 0, -179.999) == pytest.approx(222.4, abs=0.1)
