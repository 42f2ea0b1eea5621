"""The OpenAPI document: a valid one, of every operation, and what it says is what is answered (fault AP1)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from contract.serving import Serving, Tenant, serving

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 12


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(f"sqlite:///{tmp_path_factory.mktemp('openapi')}/dwell.sqlite3") as one:
        yield one


@pytest.fixture(scope="module")
def tenant(server: Serving) -> Tenant:
    tenant = server.tenant()
    tenant.home().visit(-300)
    return tenant


def test_the_document_names_every_operation(server: Serving) -> None:
    document = httpx.get(f"{server.url}/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    operations = [op for methods in document["paths"].values() for op in methods.values()]
    assert len({op["operationId"] for op in operations}) == len(operations) == 24
    assert all(op["responses"] and op["summary"] for op in operations)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_what_it_says_is_what_is_answered(server: Serving, tenant: Tenant, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    headers = {"authorization": tenant.client.headers["authorization"]}
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
            answer = case.call_and_validate(checks=CHECKS, headers=headers)
            asked.add((case.operation.label, answer.status_code))

        with contextlib.suppress(Unsatisfiable):
            ask()
    assert len({label for label, _ in asked}) >= (22 if mode is GenerationMode.POSITIVE else 15)
    assert {status for _, status in asked} >= ({200, 404} if mode is GenerationMode.POSITIVE else {400})
