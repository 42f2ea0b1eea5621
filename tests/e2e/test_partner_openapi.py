"""The Partner document is a true one: what it says is what is answered, whatever is asked (fault AP1)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from contract.partner.people import BASE, Partner, owner_of
from contract.serving import Home, Serving, serving
from e2e.test_openapi import CHECKS, EXAMPLES


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(f"sqlite:///{tmp_path_factory.mktemp('partner')}/dwell.sqlite3") as one:
        yield one


@pytest.fixture(scope="module")
def home(server: Serving) -> Home:
    home = server.tenant().home()
    home.visit(-300)
    return home


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_what_it_says_is_what_is_answered(home: Home, mode: GenerationMode) -> None:
    partner = Partner(tenant=home.tenant)
    schema = schemathesis.openapi.from_url(f"{home.tenant.serving.url}{BASE}/openapi.json")
    headers = {"authorization": partner.client().headers["authorization"]}
    ids = {
        "org_id": partner.organization_id,
        "user_id": owner_of(home),
        "electric_vehicle_id": home.vehicle["id"],
        "session_id": home.settled()[0]["id"],
        "building_id": home.location["id"],
    }
    asked = set()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), "the document has a fault"
        operation = result.ok()
        try:
            cases = operation.as_strategy(generation_mode=mode)
        except Unsatisfiable:  # nothing about it can be wrong: it takes nothing
            continue

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def ask(case: schemathesis.Case[Any]) -> None:
            for at_home in (False, True):  # as it was made up, and with ids of things that there are
                if at_home:
                    case.path_parameters = {
                        **case.path_parameters,
                        **{n: ids[n] for n in case.path_parameters if n in ids},
                    }
                answer = case.call_and_validate(checks=CHECKS, headers=headers)
                asked.add((case.operation.label, answer.status_code))

        with contextlib.suppress(Unsatisfiable):
            ask()
    assert len({label for label, _ in asked}) >= 9
    wanted = {200, 201, 403} if mode is GenerationMode.POSITIVE else {400, 422}
    assert {status for _, status in asked} >= wanted
