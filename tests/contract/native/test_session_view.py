"""A session in the native dialect: what happened, why, and what is planned."""

from __future__ import annotations

from contract.serving import AT_HOME, Home


def test_a_running_session_tells_outcome_reason_and_plan(home: Home) -> None:
    home.tenant.observe(home.at(-10, plugged_in=True, charging=False, soc_percent=44, **AT_HOME))
    found = home.tenant.get(f"/v1/sessions/{home.session()['id']}")
    assert (found["state"], found["vehicle_id"]) == ("ACTIVE", home.vehicle["id"])
    assert found["outcome"]["state"] == "ON_TRACK"
    assert found["outcome"]["reason"] == "in_progress"
    assert found["outcome"]["sentence_de"].startswith("Das Laden ist")
    assert (found["suspect"], found["hidden"], found["energy_source"]) == ([], False, None)


def test_a_session_that_nobody_has_is_not_there(home: Home) -> None:
    for name in ("00000000-0000-7000-8000-000000000000", "x"):
        answer = home.tenant.client.get(f"/v1/sessions/{name}")
        assert answer.status_code == 404


def test_only_what_is_suspect_can_be_accepted(home: Home) -> None:
    home.tenant.observe(home.at(-10, plugged_in=True, charging=False, soc_percent=44, **AT_HOME))
    answer = home.tenant.client.post(f"/v1/sessions/{home.session()['id']}/accept")
    assert (answer.status_code, "suspect" in answer.json()["detail"]) == (409, True)
    assert home.tenant.client.post("/v1/sessions/x/accept").status_code == 404
