"""Series: whatever the zone, the clock changes and the resolution, sums agree with each other and with the sessions."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest

from dwell.domain.ids import OrganizationId, SessionId, UserId, VehicleId
from dwell.domain.instants import QUARTER, floor_quarter
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.series import Resolution, TooManyPeriods, edges_of, periods_of, savings_of
from dwell.domain.session.record import SETTLED, Session, Valuation
from dwell.domain.session.settle import baseline_stretches, row_stretches
from dwell.domain.session.valuation import exact_sum, quarters_of
from dwell.domain.tariff.cost import cost_of
from dwell.domain.tariff.curve import PriceCurve, PriceSlot

ZONES = (
    "Europe/Berlin",
    "Europe/Lisbon",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Havana",
    "America/Santiago",
    "Asia/Beirut",
    "Pacific/Chatham",
    "America/St_Johns",
    "UTC",
)
CHANGES = (
    datetime(2025, 3, 30, 1, tzinfo=UTC),
    datetime(2025, 10, 26, 1, tzinfo=UTC),
    datetime(2025, 4, 5, 15, tzinfo=UTC),
)
MANY = 100_000
LIVES = 3


def a_session(lots: random.Random, start_at: datetime) -> Session:
    """A settled visit whose rows, baseline and money are of chance."""
    end_at = start_at + timedelta(minutes=lots.randint(1, 2_500), microseconds=lots.randint(0, 999_999))
    rows_from_at = floor_quarter(start_at)
    count = -((rows_from_at - end_at) // QUARTER)
    rows = tuple(lots.choice((0, 0, lots.randint(0, 2_750))) for _ in range(count))
    money = [Decimal(lots.randint(-(10**9), 10**9)).scaleb(-lots.randint(3, 12)) for _ in range(2)]
    return Session(
        id=SessionId(str(lots.random())),
        organization_id=OrganizationId("o"),
        user_id=UserId("u"),
        vehicle_id=VehicleId("v"),
        policy_id=None,
        location_id=None,
        state=SETTLED,
        created_at=start_at,
        updated_at=end_at,
        terms=VisitTerms(power_max_w=lots.choice((3_700, 7_400, 11_000))),
        plugged_in_at=start_at,
        plugged_out_at=end_at,
        energy_wh=sum(rows),
        rows_from_at=rows_from_at,
        rows_wh=rows,
        peak_power_w=lots.choice((None, 7_213)),
        valuation=Valuation("EUR", money[0], money[1], exact_sum([money[1], -money[0]])),
    )


def some_sessions(lots: random.Random, first_at: datetime) -> list[Session]:
    found, at = list[Session](), first_at
    for _ in range(lots.randint(1, 12)):
        at += timedelta(seconds=lots.randint(1, 200_000))
        found.append(a_session(lots, at))
        at = found[-1].ended_at or at
    return found


def by_local_day(
    sessions: list[Session], zone: ZoneInfo, edges: list[datetime], window: tuple[datetime, datetime]
) -> list[int]:
    """The energy of each day, by the date that the local calendar shows at each quarter hour."""
    of_day = dict.fromkeys((at.astimezone(zone).date() for at in edges[:-1]), 0)
    for session in sessions:
        for row in row_stretches(session):
            if window[0] <= row.start_at < window[1]:
                of_day[row.start_at.astimezone(zone).date()] += row.energy_wh
    return list(of_day.values())


@pytest.mark.parametrize("name", ZONES)
def test_sums_agree_at_every_resolution(name: str, seed: int) -> None:
    zone = ZoneInfo(name)
    for life in range(LIVES):
        lots = random.Random(f"{name} {seed} {life}")
        first_at = lots.choice(CHANGES) - timedelta(seconds=lots.randint(0, 500_000))
        sessions = some_sessions(lots, first_at)
        ended_at = max(s.ended_at for s in sessions if s.ended_at is not None)
        whole = floor_quarter(first_at) - QUARTER, ended_at + QUARTER
        cut = floor_quarter(first_at + (ended_at - first_at) * 0.3), floor_quarter(ended_at)
        for window in (whole, cut):
            if window[0] >= window[1]:
                continue
            sums = set[tuple[int, Decimal]]()
            saved = set[tuple[int, int, Decimal]]()
            for resolution in Resolution:
                edges = edges_of(resolution, zone, *window, at_most=MANY)
                assert edges[0] <= window[0] < edges[1]
                assert edges[-2] < window[1] <= edges[-1]
                assert all(low < high for low, high in pairwise(edges))
                periods = periods_of(sessions, edges, window)
                if resolution is Resolution.DAY:
                    assert [p.energy_wh for p in periods] == by_local_day(sessions, zone, edges, window)
                baseline = exact_sum([p.baseline_energy_wh for p in periods])
                sums.add((sum(p.energy_wh for p in periods), baseline))
                rows = savings_of(sessions, edges, window)
                total = exact_sum([row.savings for row in rows])
                saved.add((sum(r.sessions for r in rows), sum(r.energy_wh for r in rows), total))
            assert len(sums) == len(saved) == 1
            if window is whole:
                energy_wh = sum(session.energy_wh for session in sessions)
                assert sums == {(energy_wh, Decimal(energy_wh))}
                money = [s.valuation.savings for s in sessions if s.valuation is not None]
                assert saved == {(len(sessions), energy_wh, exact_sum([m for m in money if m is not None]))}


@pytest.mark.parametrize(
    ("name", "day", "quarters"),
    [
        ("Europe/Berlin", datetime(2025, 3, 30, 12, tzinfo=UTC), 92),
        ("Europe/Berlin", datetime(2025, 10, 26, 12, tzinfo=UTC), 100),
        ("Australia/Lord_Howe", datetime(2025, 4, 6, 1, tzinfo=UTC), 98),
        ("Australia/Lord_Howe", datetime(2025, 10, 5, 1, tzinfo=UTC), 94),
        ("America/Havana", datetime(2025, 3, 9, 12, tzinfo=UTC), 92),
        ("Asia/Kathmandu", datetime(2025, 3, 9, 12, tzinfo=UTC), 96),
    ],
)
def test_a_day_has_the_quarter_hours_of_its_zone(name: str, day: datetime, quarters: int) -> None:
    zone = ZoneInfo(name)
    edges = edges_of(Resolution.DAY, zone, day, day + QUARTER, at_most=2)
    assert (edges[1] - edges[0]) / QUARTER == quarters
    assert {at.astimezone(zone).date() for at in (edges[0], edges[1] - QUARTER)} == {
        day.astimezone(zone).date()
    }
    hours = edges_of(Resolution.HOUR, zone, *edges, at_most=30)
    assert (hours[0], hours[-1]) == (edges[0], edges[1])


def test_a_day_that_a_zone_leaves_out_has_no_period() -> None:
    zone = ZoneInfo("Pacific/Apia")
    start_at, end_at = datetime(2011, 12, 29, 12, tzinfo=UTC), datetime(2012, 1, 1, 9, tzinfo=UTC)
    edges = edges_of(Resolution.DAY, zone, start_at, end_at, at_most=10)
    assert [at.astimezone(zone).day for at in edges] == [29, 31, 1, 2]


def test_more_periods_than_may_be_asked_for_are_refused() -> None:
    start_at = datetime(2025, 1, 1, tzinfo=UTC)
    for resolution, days in ((Resolution.QUARTER_HOUR, 1), (Resolution.HOUR, 2), (Resolution.DAY, 12)):
        with pytest.raises(TooManyPeriods):
            edges_of(resolution, ZoneInfo("UTC"), start_at, start_at + timedelta(days=days), at_most=10)


def test_suspect_sessions_are_left_out_until_they_are_accepted() -> None:
    session = a_session(random.Random(3), CHANGES[0])
    edges = edges_of(Resolution.YEAR, ZoneInfo("UTC"), CHANGES[0], CHANGES[1], at_most=2)
    window = edges[0], edges[-1]
    odd = msgspec.structs.replace(session, suspect=("energy_above_battery",))
    assert periods_of([odd], edges, window)[0].energy_wh == savings_of([odd], edges, window)[0].energy_wh == 0
    taken = msgspec.structs.replace(odd, suspect_accepted=True)
    assert savings_of([taken], edges, window) == savings_of([session], edges, window)


def a_curve(lots: random.Random, start_at: datetime, end_at: datetime) -> PriceCurve:
    """Prices of 5 to 60 minutes, not always aligned with quarter hours, some negative."""
    slots, at = list[PriceSlot](), floor_quarter(start_at) - QUARTER
    while at < end_at + QUARTER:
        until = at + timedelta(minutes=lots.choice((5, 15, 15, 20, 60)))
        slots.append(PriceSlot(at, until, Decimal(lots.randint(-(10**15), 10**15)).scaleb(-15)))
        at = until
    return PriceCurve.of("EUR", slots)


def test_quarter_hours_cost_what_the_session_costs(seed: int) -> None:
    for life in range(LIVES):
        lots = random.Random(f"valued {seed} {life}")
        session = a_session(lots, CHANGES[0] + timedelta(seconds=lots.randint(0, 10**6), microseconds=life))
        end_at = session.ended_at
        assert session.plugged_in_at is not None
        assert end_at is not None
        curve = a_curve(lots, session.plugged_in_at, end_at)
        cost, baseline_cost = (cost_of(f(session), curve) for f in (row_stretches, baseline_stretches))
        quarters = quarters_of(session, curve)
        assert sum(q.energy_wh for q in quarters) == session.energy_wh
        assert sum(Fraction(q.baseline_energy_wh) for q in quarters) == session.energy_wh
        assert cost == exact_sum([q.cost for q in quarters if q.cost is not None])
        assert baseline_cost == exact_sum([q.baseline_cost for q in quarters if q.baseline_cost is not None])
        assert all(q.cost is not None and q.baseline_cost is not None for q in quarters)
