"""Partner: the served OpenAPI document holds the published one, and a client generated from that one works as it is."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from contract.partner.people import BASE, Partner, owner_of
from contract.serving import AT_HOME, Home, Serving

PUBLISHED = Path(__file__).parents[2] / "data" / "partner" / "partner.openapi.yaml"
CURRENT = (
    f"{BASE}/org/{{org_id}}/users/{{user_id}}/electric-vehicles/{{electric_vehicle_id}}/sessions/current"
)
GENERATION_S = 60
PROSE = ("description", "summary", "tags")
"""What says nothing of the meaning."""
ADDED = {"responses", "schemas", "paths", "post", "put", "delete"}
"""Where more than was published may stand."""


def faults(published: Any, served: Any, at: str = "") -> list[str]:
    """Where the served document lacks what was published, differs from it, or says more than it may."""
    if isinstance(published, dict):
        if not isinstance(served, dict):
            return [f"{at}: is no object"]
        wanted = {name: value for name, value in published.items() if name not in PROSE}
        found = [f"{at}/{name}: is missing" for name in wanted if name not in served]
        for name in wanted.keys() & served.keys():
            found += faults(wanted[name], served[name], f"{at}/{name}")
        if at.rpartition("/")[2] not in ADDED and at:
            extra = served.keys() - wanted.keys() - set(PROSE)
            found += [f"{at}/{name}: was not published" for name in sorted(extra)]
        return found
    if isinstance(published, list) and not at.endswith(("/enum", "/parameters")):
        published, served = sorted(published, key=_in_order), sorted(served, key=_in_order)
    if isinstance(published, list):
        if len(published) != len(served):
            return [f"{at}: has {len(served)} entries for {len(published)}"]
        pairs = enumerate(zip(published, served, strict=True))
        return [fault for n, (a, b) in pairs for fault in faults(a, b, f"{at}/{n}")]
    return [] if published == served and type(published) is type(served) else [f"{at}: {served!r}"]


def _in_order(entry: Any) -> str:
    return json.dumps(entry, sort_keys=True)


def document_of(text: str) -> Any:
    """What is compared: all but the document's own title, version and terms."""
    document = YAML(typ="safe").load(text)
    return {name: document[name] for name in ("openapi", "servers", "security", "paths", "components")}


@pytest.fixture(scope="module")
def published() -> Any:
    return document_of(PUBLISHED.read_text())


@pytest.fixture(scope="module")
def served(server: Serving) -> Any:
    answer = httpx.get(f"{server.url}{BASE}/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    return document_of(answer.text)


def test_nothing_published_is_missing_or_different(published: Any, served: Any) -> None:
    assert faults(published, served) == []


@pytest.mark.parametrize(
    "path",
    [
        ("paths", CURRENT, "get", "operationId"),
        ("paths", CURRENT, "get", "parameters", 3, "required"),
        ("paths", CURRENT, "get", "parameters", 3, "schema", "default"),
        ("paths", CURRENT, "get", "security"),
        ("paths", CURRENT, "get", "responses", "200"),
        ("components", "schemas", "SessionItem", "required"),
        ("components", "schemas", "SessionItem", "properties", "plug_in_time", "format"),
        ("components", "schemas", "SessionItem", "properties", "unplug_time", "anyOf"),
        ("components", "schemas", "SessionItem", "properties", "is_hidden", "default"),
        ("components", "schemas", "SessionItem", "properties", "hidden_reason", "anyOf"),
        ("components", "schemas", "SessionOutcome", "enum"),
        ("components", "securitySchemes", "OAuth2", "flows", "password"),
    ],
    ids=lambda path: str(path[-1]),
)
def test_the_comparison_sees_what_is_left_out_or_put_elsewhere(
    published: Any, served: Any, path: tuple[Any, ...]
) -> None:
    changed = deepcopy(served)
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    value = inner[path[-1]]
    if isinstance(value, list) and len(value) > 1 and path[-1] == "enum":
        inner[path[-1]] = value[::-1]
    else:
        del inner[path[-1]]
    assert faults(published, changed)


def test_the_comparison_sees_a_parameter_or_member_too_many(published: Any, served: Any) -> None:
    spoilers: list[Callable[[Any], object]] = [
        lambda d: d["paths"][CURRENT]["get"]["parameters"].append({"name": "x"}),
        lambda d: d["components"]["schemas"]["SessionItem"]["properties"].update(x={"type": "string"}),
        lambda d: d["components"]["schemas"]["SessionItem"]["required"].append("is_hidden"),
        lambda d: d["components"]["schemas"]["SessionItem"]["properties"]["id"].update(maxLength=3),
    ]
    for spoil in spoilers:
        changed = deepcopy(served)
        spoil(changed)
        assert faults(published, changed)


@pytest.mark.parametrize("path", ["/openapi.json", f"{BASE}/openapi.json"])
def test_decimals_are_documented_as_they_are_answered(server: Serving, path: str) -> None:
    text = server.client().get(path).text
    assert '"decimal"' not in text
    schemas = json.loads(text)["components"]["schemas"]
    prices = [schemas[name]["properties"]["price"]["type"] for name in ("DayAheadPrice",) if name in schemas]
    assert prices == (["number"] if BASE in path else [])


def test_every_operation_of_the_dialect_is_in_the_document(served: Any) -> None:
    operations = [operation for methods in served["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) >= 10
    for operation in operations:
        assert operation["security"] == ([] if "Token" in operation["operationId"] else [{"OAuth2": []}])
        assert operation["summary"]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a client package made from the published document by openapi-python-client, as it comes."""
    folder = tmp_path_factory.mktemp("generated")
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
        *("--path", str(PUBLISHED), "--output-path", str(folder / "podero_client")),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=GENERATION_S, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield "podero_client"
    sys.path.remove(str(folder))


def test_a_generated_client_works_unchanged(generated: str, home: Home) -> None:
    partner = Partner(tenant=home.tenant)
    bearer = partner.client().headers["authorization"].removeprefix("Bearer ")
    package = importlib.import_module(generated)
    name = (
        "integrations_api_api_v2_organizations_users_electric_vehicles_sessions_router_"
        "get_current_session_endpoint"
    )
    call = importlib.import_module(f"{generated}.api.electric_vehicle_sessions.{name}")
    ids = {
        "org_id": partner.organization_id,
        "user_id": owner_of(home),
        "electric_vehicle_id": home.vehicle["id"],
    }
    with package.AuthenticatedClient(base_url=home.tenant.serving.url, token=bearer) as client:
        assert call.sync(client=client, **ids).session is None
        home.tenant.observe(home.at(-10, plugged_in=True, charging=False, soc_percent=44, **AT_HOME))
        session = call.sync(client=client, **ids, include_hidden=True).session
        shown = httpx.get(
            f"{home.tenant.serving.url}{CURRENT.format(**ids)}",
            headers={"authorization": f"Bearer {bearer}"},
        ).json()["session"]
        assert (str(session.id), session.session_outcome.value) == (shown["id"], "in_progress")
        assert session.plug_in_time == home.tenant.serving.clock.now().replace(minute=50, hour=11)
        assert session.initial_soc_pct == 44
        assert session.unplug_time is None
        assert set(session.to_dict()) == set(shown)
    with package.AuthenticatedClient(base_url=home.tenant.serving.url, token="x") as stranger:
        assert call.sync_detailed(client=stranger, **ids).status_code == 401
