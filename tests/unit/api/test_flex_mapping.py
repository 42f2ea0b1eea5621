"""The Flex view of a session record, held against the published example and the rules of rounding."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from dwell.api.flex.mapping import blocks_of, power_delivery_state, session_of
from dwell.api.shared.answers import answer_json
from dwell.domain.ids import LocationId, OrganizationId, PolicyId, SessionId, UserId, VehicleId
from dwell.domain.policy.terms import Agreed, PolicyTerms, VisitTerms
from dwell.domain.session.record import ACTIVE, SETTLED, Block, OutcomeState, Promise, Session, Valuation
from dwell.domain.session.track import Seen
from dwell.domain.session.visit import Target

DAY = datetime(2025, 6, 11, tzinfo=UTC)


def at(hour: int, minute: int = 0) -> datetime:
    return DAY + timedelta(hours=hour, minutes=minute)


def example() -> Session:
    """Plugged in 22:15Z, now 02:30Z; reserve and regular charged, more of it planned."""
    planned = Block("REGULAR", at(3, 30), at(4, 30), 7400)
    return Session(
        id=SessionId("s"),
        organization_id=OrganizationId("o"),
        user_id=UserId("u"),
        vehicle_id=VehicleId("v"),
        policy_id=PolicyId("p"),
        location_id=LocationId("l"),
        state=ACTIVE,
        created_at=at(-3),
        updated_at=at(2, 30),
        terms=VisitTerms(agreed=(Agreed(at(-24), PolicyTerms()),)),
        plugged_in_at=at(-2, 15),
        energy_wh=12_400,
        rows_from_at=at(-2, 15),
        rows_wh=(0,) * 7 + (1600, 1600, 0, 0) + (1533, 1533, 1534, 1533, 1533, 1534),
        blocks=(
            Block("BATTERY_RESERVE", at(0), at(0, 30), 3200),
            Block("REGULAR", at(1), at(2, 30), 9200),
        ),
        soc_from_percent=34.6,
        soc_to_percent=52.4,
        target=Target(1, "REGULAR", "POLICY", 20.0, 80.0, at(7)),
        outcome=OutcomeState("ON_TRACK", 1, 80.4, None),
        promise=Promise(made_at=at(-2, 15), target_number=1, blocks=(planned,), powers_w=(7400,)),
    )


def test_the_published_example() -> None:
    session = msgspec.json.decode(answer_json(200, session_of(example(), at(2, 30))).body)
    assert session["state"] == "ACTIVE:REGULAR"
    assert session["blocks"] == [
        {
            "type": "BATTERY_RESERVE",
            "kwhSum": 3.2,
            "startAt": "2025-06-11T00:00:00Z",
            "endAt": "2025-06-11T00:30:00Z",
        },
        {
            "type": "REGULAR",
            "kwhSum": 9.2,
            "startAt": "2025-06-11T01:00:00Z",
            "endAt": "2025-06-11T02:30:00Z",
        },
        {
            "type": "REGULAR",
            "kwhSum": 7.4,
            "startAt": "2025-06-11T03:30:00Z",
            "endAt": "2025-06-11T04:30:00Z",
        },
    ]
    assert session["statistics"]["aggregated"] == {"kwhSum": 12.4, "batteryFrom": 35, "batteryTo": 52}
    assert session["target"]["latest"]["id"] == 1
    assert session["outcome"]["latest"]["batteryLevelAtReadyBy"] == 80


def test_instants_are_whole_seconds() -> None:
    record = msgspec.structs.replace(example(), plugged_in_at=at(-2, 15) + timedelta(microseconds=999_999))
    assert session_of(record, at(2, 30)).plugged_in_at == "2025-06-10T22:15:00Z"


@pytest.mark.parametrize(
    ("charging", "now", "coming"),
    [
        (True, at(2, 40), [(at(2, 30), at(4), 9_000)]),  # under way: the plan goes on where the facts end
        (False, at(2, 40), [(at(2, 40), at(4), 8_000)]),  # missed so far: no plan for what is past
        (False, at(1), [(at(2, 30), at(4), 9_000)]),
        (False, at(5), []),
    ],
)
def test_what_is_planned_begins_where_the_facts_end(
    charging: bool, now: datetime, coming: list[tuple[datetime, datetime, int]]
) -> None:
    plan = Promise(made_at=at(1), target_number=1, blocks=(Block("REGULAR", at(2), at(4), 12_000),))
    record = msgspec.structs.replace(example(), promise=plan, charging=charging)
    found = blocks_of(record, now)[len(record.blocks) :]
    assert [(block.start_at, block.end_at, block.energy_wh) for block in found] == coming


def test_a_settled_session_has_facts_only_and_its_inferred_end() -> None:
    record = msgspec.structs.replace(example(), state=SETTLED, inferred_end_at=at(3))
    view = session_of(record, at(5))
    assert (view.state, view.plugged_out_at, len(view.blocks)) == ("SETTLED", "2025-06-11T03:00:00Z", 2)


def test_money_is_rounded_half_up_once_and_adds_up() -> None:
    money = Valuation("EUR", Decimal("1.2345"), Decimal("2.3450"), Decimal("1.1105"))
    body = answer_json(200, session_of(msgspec.structs.replace(example(), valuation=money), at(3))).body
    assert (
        b'"valuation":{"currency":"EUR","tariffCost":{"actual":1.23,"baseline":2.35,"savings":1.12}}' in body
    )


def test_a_gated_session_has_a_cost_and_no_savings() -> None:
    money = Valuation("EUR", Decimal("-0.005"), None, None)
    body = answer_json(200, session_of(msgspec.structs.replace(example(), valuation=money), at(3))).body
    assert b'"tariffCost":{"actual":-0.01,"baseline":null,"savings":null}' in body


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (Seen(), "UNKNOWN"),
        (Seen(plugged_in=False, power_w=0), "UNPLUGGED"),
        (Seen(plugged_in=True), "PLUGGED_IN:INITIALIZING"),
        (Seen(plugged_in=True, charging=True, power_w=7000), "PLUGGED_IN:CHARGING"),
        (Seen(plugged_in=True, charging=False, power_w=0), "PLUGGED_IN:STOPPED"),
        (Seen(plugged_in=True, charging=False, fully_charged=True), "PLUGGED_IN:COMPLETE"),
        (Seen(plugged_in=True, charging=True, power_w=-3000), "PLUGGED_IN:DISCHARGING"),
    ],
)
def test_what_the_plug_does(seen: Seen, state: str) -> None:
    assert power_delivery_state(seen) == state
