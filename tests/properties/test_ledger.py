"""Whatever a vehicle says of its energy, the books of the visit add up."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.msgpack import encode

from dwell.domain.ids import OrganizationId, PolicyId, SessionId, UserId, VehicleId
from dwell.domain.metering.ledger import Ledger, Reading
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.session.cut import End
from dwell.domain.session.facts import Fact, in_order
from dwell.domain.session.record import ACTIVE, Session
from dwell.domain.session.settle import settled
from dwell.domain.session.visit import Visit, begin, step
from house import BUILT_AT

MODES = st.sampled_from(["REGULAR", "BATTERY_RESERVE"])
GAPS_S = st.one_of(st.floats(0.001, 60), st.floats(1, 5_000), st.floats(60, 86_400), st.just(900.0))


@dataclass(frozen=True)
class Told:
    """A reading, how long after the one before, and in which mode the time between was."""

    after_s: float
    reading: Reading
    mode: str


READINGS = st.builds(
    Reading,
    power_w=st.none() | st.floats(-5_000, 300_000) | st.sampled_from([0.0, 6_000.0, 7_400.0]),
    charging=st.none() | st.booleans(),
    plugged=st.sampled_from([None, None, True, False]),
    register_wh=st.none() | st.integers(0, 200_000),
    soc_percent=st.none() | st.integers(0, 100).map(float),
)
LIVES = st.lists(st.builds(Told, GAPS_S, READINGS, MODES), min_size=1, max_size=30)
STARTS_S = st.floats(0, 899.999)


def fold(lives: list[Told], start_s: float) -> list[Ledger]:
    """The ledger after each reading."""
    ledger = Ledger(origin_at=BUILT_AT, battery_wh=60_000, efficiency=0.9, last_s=start_s)
    at_s, states = start_s, list[Ledger]()
    for told in lives:
        ledger.enter(at_s, told.reading, told.mode)
        at_s += told.after_s
        states.append(ledger.copy())
    return states


@given(LIVES, STARTS_S)
def test_rows_runs_and_sources_add_up_to_the_energy(lives: list[Told], start_s: float) -> None:
    ledger = fold(lives, start_s)[-1].closed()
    rows = ledger.whole_rows_wh(ledger.last_s)
    assert abs(sum(rows) - ledger.energy_wh) <= 0.5 + 1e-5
    for parts in (ledger.rows_wh, [run.energy_wh for run in ledger.runs], ledger.by_source_wh.values()):
        assert abs(sum(parts) - ledger.energy_wh) < 1e-6 * max(1.0, ledger.energy_wh)


@given(LIVES, STARTS_S)
def test_energy_is_never_negative_and_never_taken_back(lives: list[Told], start_s: float) -> None:
    states = fold(lives, start_s)
    energies = [ledger.energy_wh for ledger in states]
    assert energies == sorted(energies)
    assert all(wh >= 0 for wh in states[-1].closed().whole_rows_wh(states[-1].last_s))
    assert all(run.energy_wh > 0 for run in states[-1].runs)
    assert all(state.closed().energy_wh >= state.energy_wh for state in states)


@given(LIVES, STARTS_S)
def test_runs_are_in_order_and_within_the_visit(lives: list[Told], start_s: float) -> None:
    ledger = fold(lives, start_s)[-1].closed()
    edges = [edge for run in ledger.runs for edge in (run.start_s, run.end_s)]
    assert edges == sorted(edges)
    assert all(start_s <= edge <= ledger.last_s for edge in edges)
    assert ledger.charging_s <= ledger.last_s - start_s + 1e-6


@given(LIVES, STARTS_S)
def test_reading_a_ledger_does_not_change_it(lives: list[Told], start_s: float) -> None:
    ledger = fold(lives, start_s)[-1]
    before = encode(ledger)
    assert ledger.closed() == ledger.closed()
    ledger.closed(ledger.last_s + 1_000, "REGULAR").enter(ledger.last_s + 2_000, Reading(power_w=5_000.0), "")
    ledger.copy().enter(ledger.last_s + 2_000, Reading(register_wh=7), "REGULAR")
    assert encode(ledger) == before


@given(LIVES, STARTS_S, st.data())
def test_power_alone_gives_no_more_than_was_seen(
    lives: list[Told], start_s: float, data: st.DataObject
) -> None:
    only_power = [
        Told(told.after_s, Reading(power_w=told.reading.power_w, charging=told.reading.charging), told.mode)
        for told in lives
    ]
    ledger = fold(only_power, start_s)[-1]
    hours = (ledger.last_s - start_s) / 3600
    assert ledger.energy_wh <= ledger.peak_w * hours + 1e-6
    if ledger.charging_s > 0:
        assert ledger.energy_wh * 3600 / ledger.charging_s <= ledger.peak_w * (1 + 1e-9)


@given(
    st.lists(st.tuples(GAPS_S, st.integers(0, 20), st.none() | st.floats(0, 11_000)), max_size=20), STARTS_S
)
def test_a_register_that_only_rises_gives_its_difference(
    steps: list[tuple[float, int, float | None]], start_s: float
) -> None:
    wh, lives = 5_000, [Told(600, Reading(register_wh=5_000), "REGULAR")]
    for after_s, rise_wh, power_w in steps:
        wh += rise_wh
        lives.append(Told(after_s, Reading(register_wh=wh, power_w=power_w), "REGULAR"))
    ledger = fold(lives, start_s)[-1]
    assert abs(ledger.energy_wh - (wh - 5_000)) < 1e-6
    assert sum(ledger.whole_rows_wh(ledger.last_s)) == wh - 5_000


@given(LIVES, STARTS_S, st.data())
def test_one_register_reading_covers_nothing_and_loses_nothing(
    lives: list[Told], start_s: float, data: st.DataObject
) -> None:
    plain = [without_register(told) for told in lives]
    index = data.draw(st.integers(0, len(plain) - 1))
    with_one = [*plain]
    with_one[index] = with_register(plain[index], 7_000)
    before, after = fold(plain, start_s)[-1].closed(), fold(with_one, start_s)[-1].closed()
    assert after.energy_wh >= before.energy_wh - 1e-6 * max(1.0, before.energy_wh)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), STARTS_S)
def test_charge_levels_count_after_the_last_register_reading(levels: list[int], start_s: float) -> None:
    soc_percent, tail = 20.0, list[Told]()
    for rise in levels:
        soc_percent += rise
        tail.append(Told(600.0, Reading(soc_percent=soc_percent), "REGULAR"))
    metered = [
        Told(600.0, Reading(register_wh=5_000, soc_percent=20.0), "REGULAR"),
        Told(600.0, Reading(register_wh=6_000, soc_percent=20.0), "REGULAR"),
    ]
    ledger = fold([*metered, *tail], start_s)[-1].closed()
    assert abs(ledger.energy_wh - 1_000 - sum(levels) / 100 * 60_000 / 0.9) < 1e-6 * ledger.energy_wh


@given(
    st.lists(st.tuples(st.floats(60, 20_000), st.integers(0, 3_000)), min_size=2, max_size=15),
    st.sampled_from([0, 1, 10**9, 2**31 - 1]),
    st.data(),
)
def test_an_absurd_register_reading_between_good_ones_changes_nothing(
    steps: list[tuple[float, int]], absurd_wh: int, data: st.DataObject
) -> None:
    wh, good = 120_000_000, [Told(600, Reading(register_wh=120_000_000), "REGULAR")]
    for after_s, rise_wh in steps:
        wh += rise_wh
        good.append(Told(after_s, Reading(register_wh=wh), "REGULAR"))
    index = data.draw(st.integers(1, len(good) - 1))
    odd = Told(300, Reading(register_wh=absurd_wh), "REGULAR")
    ledger = fold([*good[:index], odd, *good[index:]], 0)[-1].closed()
    assert abs(ledger.energy_wh - (wh - 120_000_000)) < 1e-6
    assert ledger.register_faults == 1


def without_register(told: Told) -> Told:
    return with_register(told, None)


def with_register(told: Told, register_wh: int | None) -> Told:
    return Told(told.after_s, msgspec.structs.replace(told.reading, register_wh=register_wh), told.mode)


@given(LIVES, STARTS_S, st.randoms(use_true_random=False))
def test_the_order_in_which_facts_came_changes_nothing(
    lives: list[Told], start_s: float, chance: random.Random
) -> None:
    facts = facts_of(lives, start_s)
    shuffled = [*facts, *facts[:3]]
    chance.shuffle(shuffled)
    terms = VisitTerms(battery_capacity_wh=60_000, at_home=True)
    assert encode(folded(facts, terms).ledger) == encode(folded(shuffled, terms).ledger)


def folded(facts: list[Fact], terms: VisitTerms) -> Visit:
    first, *rest = in_order(facts)
    visit = begin(first, terms)
    for fact in rest:
        step(visit, fact, terms)
    return visit


def facts_of(lives: list[Told], start_s: float) -> list[Fact]:
    at, facts = BUILT_AT + timedelta(seconds=start_s), list[Fact]()
    for told in lives:
        said = told.reading
        facts.append(
            Fact(
                at=at,
                plugged_in=True,
                charging=said.charging,
                power_w=None if said.power_w is None else round(said.power_w),
                soc_percent=said.soc_percent,
                energy_register_wh=said.register_wh,
            )
        )
        at += timedelta(seconds=max(1, round(told.after_s)))
    return facts


@given(LIVES, STARTS_S)
def test_a_settled_session_adds_up_in_rows_and_blocks(lives: list[Told], start_s: float) -> None:
    facts = facts_of(lives, start_s)
    terms = VisitTerms(battery_capacity_wh=60_000, at_home=True)
    visit = begin(facts[0], terms)
    for fact in facts[1:]:
        step(visit, fact, terms)
    record = settled(a_session(terms), visit, End(facts[-1].at, observed=True), facts[-1].at, curve=None)
    assert sum(record.rows_wh) == record.energy_wh == sum(block.energy_wh for block in record.blocks)
    assert all(block.energy_wh > 0 and block.start_at < block.end_at for block in record.blocks)
    assert record.rows_from_at is not None
    assert record.rows_from_at <= facts[0].at < record.rows_from_at + timedelta(minutes=15)
    assert record.rows_from_at + len(record.rows_wh) * timedelta(minutes=15) >= facts[-1].at


def a_session(terms: VisitTerms) -> Session:
    return Session(
        id=SessionId("s"),
        organization_id=OrganizationId("o"),
        user_id=UserId("u"),
        vehicle_id=VehicleId("v"),
        policy_id=PolicyId("p"),
        location_id=None,
        state=ACTIVE,
        created_at=BUILT_AT,
        updated_at=BUILT_AT,
        terms=terms,
    )
