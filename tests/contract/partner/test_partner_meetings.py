"""Partner and the others at once: two writers of one policy, and a boost while its visit is settled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from contract.partner.people import Partner
from contract.partner.test_partner_vehicles import path_of
from contract.serving import AT_HOME, VEHICLE, Home

ROUNDS = 8


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


def test_a_boost_during_settlement_is_in_it_or_for_the_next_or_refused(home: Home) -> None:
    client, path = Partner(tenant=home.tenant).client(), path_of(home)
    for turn in range(ROUNDS):
        minutes = -60 * (ROUNDS - turn)
        home.tenant.observe(
            home.at(
                minutes, plugged_in=True, charging=False, soc_percent=50, energy_register_kwh=100, **AT_HOME
            )
        )
        leave = [home.at(minutes + 20, plugged_in=False), home.at(minutes + 25, plugged_in=False)]
        answered, receipt = both(
            partial(client.post, f"{path}/boost"),
            partial(home.tenant.client.post, "/v1/observations", json=leave),
        )
        assert receipt.json()["accepted"] == 2
        assert answered.status_code in {204, 409}, answered.text
        current = client.get(f"{path}/sessions/current").json()["session"]
        assert current is None
        shown = client.get(path).json()
        assert shown["boost_for_next_session"] in {True, False}
        assert client.delete(f"{path}/boost").status_code == 204
    settled = home.settled()
    assert len(settled) == ROUNDS
    assert {session["state"] for session in settled} == {"SETTLED"}
