"""EVSE ids, tariffs, the ladder of ways to steer a station, and plans as charging profiles."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.domain.ids import OrganizationId, StationId
from dwell.domain.planning.profile import Step, Wiring, express, limit_of
from dwell.domain.station.equipment import ChargingStation, Connector, Evse, evse_key, is_same_evse
from dwell.domain.station.ladder import (
    TRIES,
    Ladder,
    Rung,
    after_answer,
    after_measured,
    after_silence,
    first_rung,
    obeys,
)
from dwell.domain.station.orders import Verdict
from dwell.domain.station.profile import ChargingProfile, ProfilePeriod, Purpose, RateUnit
from dwell.domain.tariff.driver import DriverTariff, TimeBand, amount_of, rounded
from unit.stations.station_builders import NOON, at

CHECK = DriverTariff(kwh_price=Decimal("0.88"), time_bands=(TimeBand(45, Decimal("0.12")),))


def test_evse_ids_are_compared_without_stars_and_case() -> None:
    assert is_same_evse("DE*2GO*EMCD1311*1A*2", "de2goEMCD13111a2")
    assert not is_same_evse("DE*2GO*EMCD1311*1A*2", "DE*2GO*EMCD1311*1A*3")
    assert evse_key("DE*2GO*E1") == "de2goe1"


def test_a_station_knows_its_evses() -> None:
    connectors = (Connector(number=1, plug_type="TYPE_2", power_max_w=11_000),)
    evse = Evse(number=1, evse="DE*1", connectors=connectors)
    station = ChargingStation(id=StationId("s"), organization_id=OrganizationId("o"), name="n", evses=(evse,))
    assert station.evse(1) is evse and station.evse(0) is None
    assert evse.power_max_w == 11_000 and Evse(number=2, evse="DE*2").power_max_w is None


def test_the_check_value_of_the_driver_tariff() -> None:
    assert amount_of(CHECK, 20_000, NOON, at(60)) == Decimal("19.40")


@pytest.mark.parametrize(
    ("minutes", "amount"), [(0, "17.60"), (44, "17.60"), (45, "17.60"), (45.5, "17.66"), (60, "19.40")]
)
def test_minutes_are_exact(minutes: float, amount: str) -> None:
    assert amount_of(CHECK, 20_000, NOON, at(minutes)) == Decimal(amount)


def test_a_later_band_replaces_the_earlier_one() -> None:
    bands = (TimeBand(0, Decimal("0.10")), TimeBand(30, Decimal("0.20")), TimeBand(60, Decimal(0)))
    tariff = DriverTariff(session_price=Decimal("0.35"), time_bands=bands)
    assert amount_of(tariff, 0, NOON, at(90)) == Decimal("0.35") + 3 + 6
    assert amount_of(tariff, 0, NOON, at(-5)) == Decimal("0.35")


def test_bands_out_of_order_are_no_tariff() -> None:
    with pytest.raises(ValueError, match="bands"):
        DriverTariff(time_bands=(TimeBand(30, Decimal(1)), TimeBand(0, Decimal(1))))


def test_an_amount_is_rounded_half_up_once() -> None:
    assert rounded(Decimal("1.005")) == Decimal("1.01") and rounded(Decimal("-1.005")) == Decimal("-1.01")


@given(st.integers(0, 10**6), st.floats(0, 3000), st.floats(0, 3000))
def test_an_amount_never_falls_with_time_or_energy(energy_wh: int, minutes: float, more: float) -> None:
    less = amount_of(CHECK, energy_wh, NOON, at(minutes))
    assert less <= amount_of(CHECK, energy_wh, NOON, at(minutes + more)) + Decimal("1e-9")
    assert less < amount_of(CHECK, energy_wh + 1, NOON, at(minutes))


def test_the_ladder_begins_with_what_the_station_can() -> None:
    assert first_rung(smart_charging=True).rung is Rung.TX_PROFILE
    assert first_rung(smart_charging=False).rung is Rung.CONFIGURATION
    assert first_rung(smart_charging=False, evses=2).rung is Rung.START_STOP


def test_each_rung_is_tried_so_often_and_then_the_next() -> None:
    ladder, rungs = first_rung(smart_charging=True), list[Rung]()
    for _ in range(TRIES * len(Rung)):
        assert ladder.rung is not None
        rungs.append(ladder.rung)
        ladder = after_measured(ladder, obeyed=False)
    assert ladder.is_exhausted and ladder == after_silence(ladder) == after_answer(
        ladder, Verdict.NOT_SUPPORTED
    )
    assert rungs == [rung for rung in Rung for _ in range(TRIES)]


@pytest.mark.parametrize("verdict", Verdict)
def test_accepted_proves_nothing_and_not_supported_is_tried_once(verdict: Verdict) -> None:
    after = after_answer(Ladder(), verdict)
    match verdict:
        case Verdict.ACCEPTED | Verdict.SCHEDULED | Verdict.REBOOT_REQUIRED:
            assert after == Ladder() and not after.proven
        case Verdict.NOT_SUPPORTED:
            assert after.rung is Rung.TX_DEFAULT_PROFILE and after.ruled_out == (Rung.TX_PROFILE,)
        case _:
            assert after.tries == 1


def test_a_station_seen_to_obey_is_proven_and_starts_its_tries_again() -> None:
    proven = after_measured(Ladder(tries=2), obeyed=True)
    assert proven.proven and proven.tries == 0


def test_obeying_has_a_tolerance() -> None:
    assert obeys(11_000, 11_500) and not obeys(11_000, 12_000) and obeys(0, 250) and not obeys(0, 1_400)


def plan(*blocks: tuple[float, float, float]) -> list[Step]:
    """Steps of (from minute, to minute, kW)."""
    return [Step(at(start), at(end), kw) for start, end, kw in blocks]


def test_a_plan_becomes_limits_with_pauses_and_an_end() -> None:
    expressed = express(
        plan((30, 60, 11.04), (60, 90, 11.04), (120, 150, 4.14)), Wiring(), profile_id=3, now=NOON
    )
    assert expressed.is_whole and expressed.profile.duration_s is None
    assert [(one.start_s, int(one.limit), one.phases) for one in expressed.profile.periods] == [
        (0, 0, 3), (1800, 16, 3), (5400, 0, 3), (7200, 6, 3), (9000, 0, 3),
    ]  # fmt: skip


def test_a_plan_that_runs_begins_now() -> None:
    wiring = Wiring(unit=RateUnit.WATT)
    expressed = express(plan((-30, -10, 3.0), (-10, 20, 7.4)), wiring, profile_id=3, now=at(0.001))
    assert [(one.start_s, int(one.limit)) for one in expressed.profile.periods] == [(0, 7400), (1200, 0)]
    assert expressed.profile.start_at == NOON


def test_a_plan_without_blocks_is_a_limit_of_0() -> None:
    assert [one.limit for one in express(plan(), Wiring(), profile_id=1, now=NOON).profile.periods] == [0]


def test_a_plan_with_too_many_steps_ends_where_the_profile_is_full() -> None:
    blocks = [(10 * number, 10 * number + 5, 11.0) for number in range(20)]
    expressed = express(
        plan(*blocks), Wiring(periods_at_most=4), profile_id=1, now=NOON, purpose=Purpose.DEFAULT
    )
    assert not expressed.is_whole and len(expressed.profile.periods) == 4
    assert (
        expressed.profile.duration_s == 1200
        and expressed.good_until == at(20) == expressed.profile.valid_until
    )


@given(
    st.floats(0, 350), st.sampled_from([1, 2, 3]), st.sampled_from([110, 230, 240]), st.sampled_from(RateUnit)
)
def test_a_limit_is_never_above_the_plan_and_at_most_a_tenth_below(
    power_kw: float, phases: int, voltage_v: int, unit: RateUnit
) -> None:
    wiring = Wiring(unit=unit, phases=phases, voltage_v=voltage_v)
    step_w = 1 if unit is RateUnit.WATT else phases * voltage_v
    limit_w = float(limit_of(power_kw, wiring)) * step_w
    assert power_kw * 1000 - step_w / 10 - 1e-3 <= limit_w <= power_kw * 1000 + 1e-3


@pytest.mark.parametrize("periods", [(), ((5, 1),), ((0, 1), (0, 2)), ((0, 1), (10, 2), (5, 3)), ((0, -1),)])
def test_a_profile_is_valid_by_construction(periods: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match=r"periods|limit"):
        ChargingProfile(
            id=1, purpose=Purpose.DEFAULT, unit=RateUnit.WATT, start_at=NOON,
            periods=tuple(ProfilePeriod(start, Decimal(limit)) for start, limit in periods),
        )  # fmt: skip


@pytest.mark.parametrize("wiring", [{"phases": 0}, {"voltage_v": 0}, {"periods_at_most": 1}])
def test_wiring_is_valid_by_construction(wiring: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="wiring"):
        Wiring(**wiring)  # type: ignore[arg-type]  # only whole numbers are tried


def test_a_tenth_is_not_lost_to_binary_dust() -> None:
    assert limit_of(7.4, Wiring(unit=RateUnit.WATT)) == 7400
    assert limit_of(6 * 690 / 1000, Wiring()) == 6
    assert timedelta(seconds=1800) == at(30) - NOON
