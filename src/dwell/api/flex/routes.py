"""The operations of the Flex dialect, one row each: the routes, their access and their documentation come from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dwell.api.flex import (
    schemas,
    serving,
    tariff_schemas,
    tariff_serving,
    webhook_schemas,
    webhook_serving,
)
from dwell.api.flex.errors import answer_error
from dwell.api.flex.token import TokenEndpoint
from dwell.api.flex.token import answer_error as answer_token_error
from dwell.api.shared.limits import PAGE_SIZE, PAGE_SIZE_AT_MOST
from dwell.api.shared.operations import Access, Call, Operation, Parameter
from dwell.api.shared.problems import Problem
from dwell.api.shared.tokens import FORM_TYPES

TOKENS, SESSIONS, POLICIES = "Tokens", "Sessions", "Vehicle policies"
LOCATIONS, VEHICLES, TARIFFS, WEBHOOKS = "Locations", "Vehicles", "Tariffs", "Webhooks"


_UUID_SCHEMA = {"type": "string", "format": "uuid"}
_PATH_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "policyId": _UUID_SCHEMA,
    "sessionId": _UUID_SCHEMA,
    "locationId": _UUID_SCHEMA,
    "vehicleId": _UUID_SCHEMA,
    "webhookId": _UUID_SCHEMA,
    "tariffId": {"type": "string", "minLength": 1, "maxLength": 64},
    "userId": {"type": "string", "minLength": 1, "maxLength": 128},
}
_PAGING = (
    Parameter(name="after", description="Cursor of the next page; not together with `before`."),
    Parameter(name="before", description="Cursor of the previous page; not together with `after`."),
    Parameter(
        name="pageSize",
        description="How many rows at most.",
        schema={"type": "integer", "minimum": 1, "maximum": PAGE_SIZE_AT_MOST, "default": PAGE_SIZE},
    ),
)


def _filter(name: str, description: str, schema: Mapping[str, Any] = _UUID_SCHEMA) -> Parameter:
    return Parameter(name=name, description=description, schema=schema)


_INSTANT = {"type": "string", "format": "date-time"}
_SESSION_FILTERS = (
    _filter("from", "Sessions plugged in at or after this instant.", _INSTANT),
    _filter("to", "Sessions plugged out at or before this instant.", _INSTANT),
    _filter("policyId", "Managed sessions of this policy."),
    _filter("locationId", "Sessions at this location."),
    _filter("vehicleId", "Sessions of this vehicle."),
    *_PAGING,
)
_POLICY_FILTERS = (
    _filter("vehicleId", "Policies of this vehicle."),
    _filter("locationId", "Policies at this location."),
    _filter("userId", "Policies of this user.", {"type": "string"}),
    *_PAGING,
)


def _operation(method: str, path: str, name: str, serve: Callable[[Call], Any], **more: Any) -> Operation:
    answers = {**more.pop("answers"), 401: Problem, 503: Problem}
    if "{" in path:
        answers.setdefault(404, Problem)
    if more.get("query") or more.get("body") is not None or "userId" in path:
        answers[400] = Problem
    if more.get("body") is not None:
        answers |= {408: Problem, 413: Problem, 415: Problem}
    return Operation(
        method=method,
        path=path,
        name=name,
        serve=serve,
        access=Access.FLEX,
        on_error=answer_error,
        path_schemas=_PATH_SCHEMAS,
        answers=answers,
        **more,
    )


_NO_BODY = None
_SESSION_OPERATIONS = (
    _operation(
        "GET",
        "/flex/vehicle-policies/{policyId}/session",
        "getActiveSession",
        serving.get_current_session,
        tag=SESSIONS,
        summary="A policy's session that is not settled: UPCOMING or ACTIVE",
        answers={200: schemas.Session},
    ),
    _operation(
        "GET",
        "/flex/vehicle-policies/{policyId}/sessions/{sessionId}",
        "getSettledSession",
        serving.get_settled_session,
        tag=SESSIONS,
        summary="One settled session of a policy, or an unmanaged one of its vehicle",
        answers={200: schemas.Session},
    ),
    _operation(
        "GET",
        "/flex/vehicle-policies/sessions",
        "listSettledSessions",
        serving.list_settled_sessions,
        tag=SESSIONS,
        summary="Settled sessions, newest plug-in first",
        query=_SESSION_FILTERS,
        answers={200: schemas.SessionPage},
    ),
    _operation(
        "PUT",
        "/flex/sessions/{sessionId}/target",
        "overrideSessionTarget",
        serving.put_target,
        tag=SESSIONS,
        summary="Override the target of a session that is not settled; the override dies with the session",
        body=schemas.TargetOverride,
        answers={200: schemas.Session, 409: Problem},
    ),
    _operation(
        "DELETE",
        "/flex/sessions/{sessionId}/target",
        "removeSessionTargetOverride",
        serving.remove_target,
        tag=SESSIONS,
        summary="Return a session to its policy's target",
        answers={200: schemas.Session, 409: Problem},
    ),
)
_POLICY_OPERATIONS = (
    _operation(
        "GET",
        "/flex/vehicle-policies",
        "listVehiclePolicies",
        serving.list_policies,
        tag=POLICIES,
        summary="Policies, by id",
        query=_POLICY_FILTERS,
        answers={200: schemas.PolicyPage},
    ),
    _operation(
        "POST",
        "/flex/vehicle-policies",
        "createVehiclePolicy",
        serving.post_policy,
        tag=POLICIES,
        summary="Join a vehicle and a location of its user",
        body=schemas.NewPolicy,
        answers={201: schemas.Policy, 404: Problem, 409: Problem},
    ),
    _operation(
        "GET",
        "/flex/vehicle-policies/{policyId}",
        "getVehiclePolicy",
        serving.get_policy,
        tag=POLICIES,
        summary="One policy",
        answers={200: schemas.Policy},
    ),
    _operation(
        "PATCH",
        "/flex/vehicle-policies/{policyId}",
        "updateVehiclePolicy",
        serving.patch_policy,
        tag=POLICIES,
        summary="Change the reserve, or days of the schedule",
        body=schemas.PolicyChange,
        answers={200: schemas.Policy},
    ),
    _operation(
        "DELETE",
        "/flex/vehicle-policies/{policyId}",
        "deleteVehiclePolicy",
        serving.remove_policy,
        tag=POLICIES,
        summary="End a policy",
        answers={204: _NO_BODY},
    ),
)
_LOCATION_OPERATIONS = (
    _operation(
        "POST",
        "/users/{userId}/locations",
        "createUserLocation",
        serving.post_location,
        tag=LOCATIONS,
        summary="Register a location of a user, who is made on first use",
        body=schemas.LocationBody,
        answers={201: schemas.Location},
    ),
    _operation(
        "GET",
        "/users/{userId}/locations",
        "listUserLocations",
        serving.list_locations,
        tag=LOCATIONS,
        summary="A user's locations, by id",
        query=_PAGING,
        answers={200: schemas.LocationPage},
    ),
    _operation(
        "GET",
        "/locations",
        "listLocations",
        serving.list_locations,
        tag=LOCATIONS,
        summary="Locations, by id",
        query=_PAGING,
        answers={200: schemas.LocationPage},
    ),
    _operation(
        "GET",
        "/locations/{locationId}",
        "getLocation",
        serving.get_location,
        tag=LOCATIONS,
        summary="One location",
        answers={200: schemas.Location},
    ),
    _operation(
        "PUT",
        "/locations/{locationId}",
        "replaceLocation",
        serving.put_location,
        tag=LOCATIONS,
        summary="Replace what is known of a location",
        body=schemas.LocationBody,
        answers={200: schemas.Location},
    ),
    _operation(
        "DELETE",
        "/locations/{locationId}",
        "deleteLocation",
        serving.remove_location,
        tag=LOCATIONS,
        summary="Take a location without policies out of use",
        answers={204: _NO_BODY, 409: Problem},
    ),
)
_VEHICLE_OPERATIONS = (
    _operation(
        "POST",
        "/users/{userId}/vehicles",
        "createUserVehicle",
        serving.post_vehicle,
        tag=VEHICLES,
        summary="Register a vehicle of a user, who is made on first use",
        body=schemas.NewVehicle,
        answers={201: schemas.Vehicle},
    ),
    _operation(
        "GET",
        "/users/{userId}/vehicles",
        "listUserVehicles",
        serving.list_vehicles,
        tag=VEHICLES,
        summary="A user's vehicles, by id",
        query=_PAGING,
        answers={200: schemas.VehiclePage},
    ),
    _operation(
        "GET",
        "/vehicles",
        "listVehicles",
        serving.list_vehicles,
        tag=VEHICLES,
        summary="Vehicles, by id",
        query=_PAGING,
        answers={200: schemas.VehiclePage},
    ),
    _operation(
        "GET",
        "/vehicles/{vehicleId}",
        "getVehicle",
        serving.get_vehicle,
        tag=VEHICLES,
        summary="One vehicle and its state as last seen",
        answers={200: schemas.Vehicle},
    ),
)
_TARIFF_OPERATIONS = (
    _operation(
        "POST",
        "/flex/tariffs/{tariffId}",
        "createTariff",
        tariff_serving.post_tariff,
        tag=TARIFFS,
        summary="Define a tariff; again with the same definition changes nothing",
        body=tariff_schemas.TariffDefinition,
        answers={200: tariff_schemas.Tariff, 201: tariff_schemas.Tariff, 409: Problem},
    ),
    _operation(
        "PUT",
        "/flex/tariffs/{tariffId}/timeseries",
        "putTariffTimeseries",
        tariff_serving.put_rates,
        tag=TARIFFS,
        summary="Replace a span of a tariff's rates",
        description="The header `Idempotency-Key` is required; the answer to a key is kept for 24 h.",
        body=tariff_schemas.Timeseries,
        answers={200: tariff_schemas.TimeseriesTaken, 409: Problem, 422: Problem},
    ),
    _operation(
        "PUT",
        "/flex/locations/{locationId}/tariff-formulas",
        "putTariffFormula",
        tariff_serving.put_tariff_formula,
        tag=TARIFFS,
        summary="Have a location pay by a formula over tariffs",
        description="Operators + - * / ( ) and unary minus; min, max, clamp, abs, round.",
        body=tariff_schemas.FormulaBody,
        answers={200: tariff_schemas.Formula, 409: Problem},
    ),
    _operation(
        "GET",
        "/flex/locations/{locationId}/resolved-tariffs",
        "getResolvedTariffs",
        tariff_serving.get_resolved,
        tag=TARIFFS,
        summary="What a location pays per kWh, or is paid",
        query=(
            _filter("direction", "import or export.", {"type": "string", "enum": ["import", "export"]}),
            _filter("from", "Begin of the window.", _INSTANT),
            _filter("to", "End of the window, at most 400 days later.", _INSTANT),
        ),
        answers={200: tariff_schemas.ResolvedTariffs},
    ),
)
_WEBHOOK_OPERATIONS = (
    _operation(
        "POST",
        "/webhooks",
        "createWebhook",
        webhook_serving.post_webhook,
        tag=WEBHOOKS,
        summary="Register an address that is told of events",
        body=webhook_schemas.NewWebhook,
        answers={201: webhook_schemas.Webhook, 409: Problem},
    ),
    _operation(
        "GET",
        "/webhooks",
        "listWebhooks",
        webhook_serving.list_webhooks,
        tag=WEBHOOKS,
        summary="Webhooks, by id",
        query=_PAGING,
        answers={200: webhook_schemas.WebhookPage},
    ),
    _operation(
        "GET",
        "/webhooks/{webhookId}",
        "getWebhook",
        webhook_serving.get_webhook,
        tag=WEBHOOKS,
        summary="One webhook",
        answers={200: webhook_schemas.Webhook},
    ),
    _operation(
        "PATCH",
        "/webhooks/{webhookId}",
        "updateWebhook",
        webhook_serving.patch_webhook,
        tag=WEBHOOKS,
        summary="Change a webhook, and have it active again",
        body=webhook_schemas.WebhookChange,
        answers={200: webhook_schemas.Webhook},
    ),
    _operation(
        "DELETE",
        "/webhooks/{webhookId}",
        "deleteWebhook",
        webhook_serving.delete_webhook,
        tag=WEBHOOKS,
        summary="End a webhook",
        answers={204: _NO_BODY},
    ),
    _operation(
        "POST",
        "/webhooks/{webhookId}/test",
        "testWebhook",
        webhook_serving.test_webhook,
        tag=WEBHOOKS,
        summary="Send a test event now",
        answers={200: webhook_schemas.TestResult},
    ),
)


def operations(tokens: TokenEndpoint) -> tuple[Operation, ...]:
    """All operations of the dialect."""
    token = Operation(
        method="POST",
        path="/oauth2/token",
        name="issueToken",
        summary="A bearer token for a client (OAuth2 client credentials, HTTP Basic)",
        serve=tokens.serve,
        access=Access.ANYBODY,
        tag=TOKENS,
        body=schemas.TokenForm,
        body_types=FORM_TYPES,
        answers={
            200: schemas.Token,
            400: schemas.TokenError,
            401: schemas.TokenError,
            429: Problem,
            503: schemas.TokenError,
        },
        on_error=answer_token_error,
    )
    return (
        token,
        *_SESSION_OPERATIONS,
        *_POLICY_OPERATIONS,
        *_LOCATION_OPERATIONS,
        *_VEHICLE_OPERATIONS,
        *_TARIFF_OPERATIONS,
        *_WEBHOOK_OPERATIONS,
    )
