"""Partner and the others at once: two writers of one policy, and a boost while its visit is settled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from contract.partner.people import Partner
from contract.partner.test_partner_vehicles import look, path_of
from contract.serving import AT_HOME, VEHICLE, Home, Serving, serving_on

ROUNDS = 8
REASONS = {"already_charging", "fully_charged", "no_active_session", "internal_error"}


def both(one: Callable[[], Any], other: Callable[[], Any]) -> list[Any]:
    """The answers of two callers who begin together."""
    ready, answers = threading.Barrier(2), [None, None]

    def call(place: int, act: Callable[[], Any]) -> None:
        ready.wait()
        answers[place] = act()

    threads = [threading.Thread(target=call, args=(n, act)) for n, act in enumerate((one, other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_two_writers_of_one_policy_are_both_heard(home: Home) -> None:
    client, path = Partner(tenant=home.tenant).client(), f"{path_of(home)}/charge-policy"
    flex = f"/flex/vehicle-policies/{home.policy['id']}"
    for minute in range(ROUNDS):
        ours = {"charge_percentage": 50 + minute, "charge_deadline": f"06:{minute:02}"}
        theirs = {"deadline": f"07:{minute:02}", "minimumChargeTarget": 60 + minute}
        answers = both(
            partial(client.put, path, json={"data": {"mon": ours}}),
            partial(home.tenant.client.patch, flex, json={"schedule": {"tuesday": theirs}}),
        )
        assert [answer.status_code for answer in answers] == [200, 200]
        week = client.get(path).json()["data"]
        assert week["mon"] == ours
        assert (week["tue"]["charge_deadline"], week["tue"]["charge_percentage"]) == (
            theirs["deadline"],
            theirs["minimumChargeTarget"],
        )


def test_of_the_target_and_the_deadline_of_every_day_neither_is_lost(home: Home) -> None:
    client, path = Partner(tenant=home.tenant).client(), path_of(home)
    monday = {"mon": {"charge_percentage": 70, "charge_deadline": "05:00"}, "sun": None}
    assert client.put(f"{path}/charge-policy", json={"data": monday}).status_code == 200
    for turn in range(ROUNDS * 2):
        target, deadline = 50 + turn, f"06:{turn:02}"
        answers = both(
            partial(client.put, path, json={"charge_target_min": target}),
            partial(client.put, path, json={"charge_deadline_at": deadline}),
        )
        assert [answer.status_code for answer in answers] == [200, 200]
        week = client.get(f"{path}/charge-policy").json()["data"]
        days = [week[day] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")]
        assert days == [{"charge_percentage": target, "charge_deadline": deadline}] * 7


def test_of_two_who_make_the_policy_by_their_words_both_are_heard(home: Home) -> None:
    client, garage = Partner(tenant=home.tenant).client(), path_of(home).rsplit("/", 1)[0]
    for _ in range(ROUNDS):
        path = f"{garage}/{client.post(garage, json=VEHICLE).json()['id']}"
        answers = both(
            partial(client.put, path, json={"charge_target_min": 55}),
            partial(client.put, path, json={"charge_deadline_at": "05:45"}),
        )
        assert [answer.status_code for answer in answers] == [200, 200]
        shown = client.get(path).json()
        assert (shown["charge_target_min"], shown["charge_deadline_at"]) == (55, "05:45")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def moving(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server whose clock only these tests move."""
    with serving_on(request, tmp_path_factory, "meetings") as one:
        yield one


def later(home: Home, minutes: float, *, plugged_in: bool) -> None:
    """Time passes, the vehicle says whether it is plugged in, and the engine looks."""
    clock = home.tenant.serving.clock
    clock.move_to(clock.now() + timedelta(minutes=minutes))
    home.tenant.observe(home.at(0, plugged_in=plugged_in, charging=False, soc_percent=50, **AT_HOME))
    look(home.tenant.serving)


def is_boosted(home: Home, session: Any) -> bool:
    return bool(home.tenant.get(f"/v1/sessions/{session['id']}")["mode"] == "IMMEDIATE_START")


@pytest.mark.parametrize("gap_s", [0, 30])
@pytest.mark.parametrize("first", ["boost", "leave", "both"])
def test_a_boost_that_meets_the_end_of_its_visit_is_in_it_or_for_the_next_or_refused(
    moving: Serving, first: str, gap_s: int
) -> None:
    """`gap_s`: how long ago the vehicle was unplugged; a session runs on for a while, lest the plug has but slipped."""
    home = moving.tenant().home()
    client, path = Partner(tenant=home.tenant).client(), path_of(home)
    for turn in range(ROUNDS):
        later(home, 60, plugged_in=True)
        later(home, 60, plugged_in=True)
        moving.clock.move_to(moving.clock.now() + timedelta(minutes=10))
        unplugged = home.at(0, plugged_in=False)
        if first == "leave":
            moving.clock.move_to(moving.clock.now() + timedelta(seconds=gap_s))
        acts = {
            "boost": partial(client.post, f"{path}/boost"),
            "leave": partial(home.tenant.client.post, "/v1/observations", json=[unplugged]),
        }
        if first == "both":
            answered, receipt = both(acts["boost"], acts["leave"])
        else:
            answers = {name: acts[name]() for name in sorted(acts, reverse=first == "leave")}
            answered, receipt = answers["boost"], answers["leave"]
        assert receipt.json()["accepted"] == 1
        look(moving)
        later(home, 15, plugged_in=False)

        settled = home.settled()
        assert len(settled) == 2 * turn + 1
        assert client.get(f"{path}/sessions/current").json()["session"] is None
        armed = client.get(path).json()["boost_for_next_session"]
        boosted = is_boosted(home, settled[0])
        if answered.status_code == 204:
            assert boosted != armed, "the visit's or the next one's, never both and never nobody's"
            assert first == "both" or boosted == (first == "boost")
        else:
            assert answered.status_code == 409, answered.text
            assert answered.json()["reason"] in REASONS
            assert not boosted
            assert not armed

        later(home, 60, plugged_in=True)
        assert is_boosted(home, home.session()) == armed, "a visit begins with what was armed for it only"
        later(home, 60, plugged_in=False)
        later(home, 15, plugged_in=False)
        assert len(home.settled()) == 2 * turn + 2
        shown = client.get(path).json()
        assert (shown["boost_state"], shown["boost_for_next_session"]) == ("available", False)


def test_a_boost_of_a_vehicle_that_has_just_left_can_be_taken_back(moving: Serving) -> None:
    home = moving.tenant().home()
    client, boost = Partner(tenant=home.tenant).client(), f"{path_of(home)}/boost"
    later(home, 60, plugged_in=True)
    later(home, 60, plugged_in=False)
    assert [client.post(boost).status_code, client.delete(boost).status_code] == [204, 204]
    later(home, 15, plugged_in=False)
    assert not client.get(path_of(home)).json()["boost_for_next_session"]
    later(home, 60, plugged_in=True)
    assert not is_boosted(home, home.session())
