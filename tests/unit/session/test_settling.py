"""From a visit to its record: short ones hidden, doubtful ones marked, ends that lie before the energy."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from dwell.domain.policy.terms import VisitTerms
from dwell.domain.session.cut import End
from dwell.domain.session.facts import Fact
from dwell.domain.session.record import Session
from dwell.domain.session.settle import baseline_stretches, is_hidden, observed, settled
from dwell.domain.session.visit import begin, step
from house import BUILT_AT
from properties.test_ledger import a_session

MINUTE = timedelta(minutes=1)
TERMS = VisitTerms(battery_capacity_wh=60_000, at_home=True)


def over(
    minutes: float,
    wh: int,
    *,
    now: datetime | None = None,
    terms: VisitTerms = TERMS,
    ends: float | None = None,
) -> Session:
    """The record of a visit that took so much energy by its register."""
    end_at = BUILT_AT + minutes * MINUTE
    visit = begin(Fact(BUILT_AT, plugged_in=True, energy_register_wh=0), terms)
    step(visit, Fact(end_at, plugged_in=False, energy_register_wh=wh), terms)
    end = End(BUILT_AT + ends * MINUTE if ends is not None else end_at, observed=ends is None)
    session = msgspec.structs.replace(a_session(terms), at_home=terms.at_home)
    return settled(session, visit, end, now or end_at, curve=None)


@pytest.mark.parametrize(
    ("minutes", "wh", "short"), [(4.99, 99, True), (5, 99, False), (4.99, 100, False), (600, 0, False)]
)
def test_a_visit_of_under_five_minutes_and_a_tenth_of_a_kwh_is_hidden(
    minutes: float, wh: int, short: bool
) -> None:
    record = over(minutes, wh)
    assert record.short is short
    assert is_hidden(record, BUILT_AT + timedelta(days=1)) is short


def test_a_running_visit_is_hidden_for_its_first_minute() -> None:
    visit = begin(Fact(BUILT_AT, plugged_in=True), TERMS)
    record = observed(a_session(TERMS), visit, BUILT_AT)
    assert is_hidden(record, BUILT_AT + 0.99 * MINUTE)
    assert not is_hidden(record, BUILT_AT + MINUTE)


@pytest.mark.parametrize(
    ("minutes", "wh", "suspect"),
    [
        (600, 50_000, ()),
        (1_200, 106_000, ("energy_above_battery",)),
        (60, 17_400, ()),
        (60, 17_600, ("energy_above_connector",)),
    ],
)
def test_energy_that_neither_battery_nor_connector_can_hold_is_suspect(
    minutes: float, wh: int, suspect: tuple[str, ...]
) -> None:
    assert over(minutes, wh).suspect == suspect


def test_elsewhere_the_connector_is_not_known() -> None:
    assert over(60, 40_000, terms=VisitTerms(battery_capacity_wh=60_000)).suspect == ()


@pytest.mark.parametrize(
    ("now", "suspect"),
    [
        (BUILT_AT + timedelta(days=90), ()),
        (BUILT_AT + timedelta(days=90, seconds=1), ("older_than_90_days",)),
        (BUILT_AT + 50 * MINUTE, ()),
        (BUILT_AT + 49 * MINUTE, ("in_future",)),
    ],
)
def test_what_is_too_old_or_not_yet_true_is_suspect(now: datetime, suspect: tuple[str, ...]) -> None:
    assert over(60, 1_000, now=now).suspect == suspect


def test_what_was_not_suspect_when_it_was_settled_does_not_become_so_by_age() -> None:
    visit = begin(Fact(BUILT_AT, plugged_in=True), TERMS)
    session = msgspec.structs.replace(a_session(TERMS), settled_at=BUILT_AT + MINUTE)
    later = BUILT_AT + timedelta(days=200)
    assert settled(session, visit, End(BUILT_AT, observed=False), later, curve=None).suspect == ()


def test_energy_after_an_inferred_end_stays_in_the_books() -> None:
    record = over(50, 3_000, ends=10)
    assert (record.energy_wh, sum(record.rows_wh)) == (3_000, 3_000)
    assert sum(block.energy_wh for block in record.blocks) == 3_000
    assert (record.inferred_end_at, record.plugged_out_at) == (BUILT_AT + 10 * MINUTE, None)


def test_average_and_peak_are_those_of_the_charge() -> None:
    visit = begin(Fact(BUILT_AT, plugged_in=True, power_w=0, energy_register_wh=0), TERMS)
    for minutes, power_w, wh in [(300, 6_000, 0), (330, 8_000, 3_000), (360, 0, 7_000), (600, 0, 7_000)]:
        fact = Fact(BUILT_AT + minutes * MINUTE, plugged_in=True, power_w=power_w, energy_register_wh=wh)
        step(visit, fact, TERMS)
    record = observed(a_session(TERMS), visit, BUILT_AT + 600 * MINUTE)
    assert (record.energy_wh, record.average_power_w, record.peak_power_w) == (7_000, 7_000, 8_000)
    assert record.energy_source == "register"


@pytest.mark.parametrize(
    ("limit_w", "power_w", "takes_h"),
    [(None, 4_000, 1), (3_700, 3_000, 11 / 3.7), (None, 22_000, 0.5), (1_000, 1_000, 10)],
)
def test_the_baseline_charges_at_the_full_power_there_was(
    limit_w: int | None, power_w: int, takes_h: float
) -> None:
    terms = VisitTerms(battery_capacity_wh=60_000, at_home=True, grid_limit_w=limit_w)
    visit = begin(Fact(BUILT_AT, plugged_in=True, power_w=power_w, energy_register_wh=0), terms)
    step(visit, Fact(BUILT_AT + 600 * MINUTE, plugged_in=False, energy_register_wh=11_000), terms)
    end = End(BUILT_AT + 600 * MINUTE, observed=True)
    [baseline] = baseline_stretches(settled(a_session(terms), visit, end, end.at, curve=None))
    assert (baseline.start_at, baseline.energy_wh) == (BUILT_AT, 11_000)
    assert (baseline.end_at - BUILT_AT) / timedelta(hours=1) == pytest.approx(takes_h)
