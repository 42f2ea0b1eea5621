"""What a composite schedule says of the profile that was sent: units, rounding, edges, and what both cover."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dwell.domain.station.orders import ScheduleRead
from dwell.domain.station.profile import ChargingProfile, ProfilePeriod, Purpose, RateUnit
from dwell.domain.station.read_back import Difference, Holding, ReadBack, compare, judged

START = datetime(2026, 1, 5, 18, tzinfo=UTC)
SENT = ChargingProfile(
    id=1,
    purpose=Purpose.TRANSACTION,
    unit=RateUnit.AMPERE,
    start_at=START,
    periods=(
        ProfilePeriod(0, Decimal("0"), 3),
        ProfilePeriod(3600, Decimal("15.9"), 3),
        ProfilePeriod(7200, Decimal("0"), 3),
    ),
)
BLANK = ReadBack(at=START, evse_number=1, purpose=Purpose.TRANSACTION, holding=Holding.UNKNOWN)


def read(
    *limits: tuple[int, float], unit: RateUnit = RateUnit.AMPERE, later_s: float = 0, duration_s: int = 10_800
) -> ReadBack:
    said = ScheduleRead(
        start_at=START + timedelta(seconds=later_s), unit=unit, limits=limits, duration_s=duration_s
    )
    return judged(BLANK, compare(SENT, said, asked_at=START, voltage_v=230, phases=3))


def test_the_same_holds_also_in_watts_rounded_and_with_edges_a_minute_off() -> None:
    for kept in (
        read((0, 0), (3600, 15.9), (7200, 0)),
        read((0, 0), (3600, 16), (7200, 0)),
        read((0, 0), (3600, 10_971.0), (7200, 0), unit=RateUnit.WATT),
        read((0, 0), (3660, 15.9), (7140, 0)),
    ):
        assert (kept.holding, kept.compared_s, kept.worst) == (Holding.HOLDS, 10_800, None)


def test_only_what_both_speak_of_is_compared() -> None:
    kept = read((0, 15.9), later_s=3600, duration_s=3000)
    assert (kept.holding, kept.compared_s) == (Holding.HOLDS, 3000)
    before = read((0, 32.0), later_s=-7200, duration_s=7200)
    assert (before.holding, before.compared_s) == (Holding.UNKNOWN, 0)
    assert read().holding is Holding.UNKNOWN


def test_more_than_was_sent_is_ignored_with_its_figures() -> None:
    kept = read((0, 32.0))
    assert (kept.holding, kept.ignored, kept.differs_s) == (Holding.DIFFERS, True, 10_800)
    assert kept.worst == Difference(at=START, sent=0.0, kept=32.0, unit=RateUnit.AMPERE)


def test_less_than_was_sent_differs_and_is_not_ignored() -> None:
    kept = read((0, 0.0), unit=RateUnit.WATT)
    assert (kept.holding, kept.ignored, kept.differs_s) == (Holding.DIFFERS, False, 3600)
    assert kept.worst == Difference(
        at=START + timedelta(hours=1), sent=10_971.0, kept=0.0, unit=RateUnit.WATT
    )


def test_a_first_period_that_does_not_begin_at_once_is_compared_from_there_on() -> None:
    assert read((3600, 15.9), (7200, 0)).compared_s == 7200
