"""The dialect's own OpenAPI document, for whoever generates a client from it.

Written from the same table as the routes, in the manner of the published document: closed sets of words are schemas of
their own in their published order, members have titles, amounts are numbers, and what may be null has no default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, get_args

import msgspec

from dwell.api.partner import schemas
from dwell.api.partner.errors import answer_error, answer_refusal
from dwell.api.partner.roles import BASE
from dwell.api.shared.answers import Answer
from dwell.api.shared.openapi import described
from dwell.api.shared.operations import Access, Call, Operation

PATH = BASE + "/openapi.json"
_TOKEN_URL = BASE + "/auth/token"
_FLOW = {"tokenUrl": _TOKEN_URL, "scopes": dict[str, str]()}
_SCHEMES = {"OAuth2": {"type": "oauth2", "flows": {"password": _FLOW, "clientCredentials": _FLOW}}}
_WORDS: Mapping[str, tuple[str, ...]] = {
    "SessionOutcome": get_args(schemas.SessionOutcome),
    "HiddenReason": get_args(schemas.HiddenReason),
}
"""Closed sets of words that are schemas of their own, in their published order."""
_DECIMAL = {"type": "string", "format": "decimal"}


def document_operation(operations: Sequence[Operation]) -> Operation:
    """The operation that serves the document of these, to anybody."""

    @cache
    def written() -> Answer:
        return Answer(200, msgspec.json.encode(document_of(operations)))

    async def serve(call: Call) -> Answer:
        del call
        return written()

    return Operation(
        method="GET",
        path=PATH,
        name="getPartnerDocument",
        summary="This dialect as an OpenAPI document",
        serve=serve,
        access=Access.ANYBODY,
        tag="Document",
        answers={200: None},
        on_error=answer_error,
        on_refusal=answer_refusal,
        documented=False,
    )


def document_of(operations: Sequence[Operation]) -> dict[str, Any]:
    """The document of these operations."""
    paths, components = described(operations)
    for operation in operations:
        _describe(paths[operation.path][operation.method.lower()], operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Partner API",
            "version": "2.0",
            "description": "Charging sessions of one organization's users and their vehicles, served by Dwell.",
        },
        "servers": [],
        "security": [],
        "paths": _mended(paths),
        "components": {
            "schemas": {
                **{name: _mended(_titled(one)) for name, one in components.items()},
                **_word_schemas(),
            },
            "securitySchemes": _SCHEMES,
        },
    }


def _describe(entry: dict[str, Any], operation: Operation) -> None:
    """A parameter's description stands beside its schema too."""
    for parameter in entry["parameters"]:
        if "description" in parameter["schema"]:
            parameter.setdefault("description", parameter["schema"]["description"])
    if operation.access is Access.ANYBODY:
        entry["security"] = []


def _word_schemas() -> dict[str, Any]:
    return {name: {"title": name, "type": "string", "enum": list(words)} for name, words in _WORDS.items()}


def _titled(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with a title on every member that is not told by reference."""
    members = {
        name: member if _refers(member) else {**member, "title": name.replace("_", " ").title()}
        for name, member in schema.get("properties", {}).items()
    }
    return {**schema, "properties": members} if members else schema


def _refers(member: Mapping[str, Any]) -> bool:
    choices = [member, *member.get("anyOf", ())]
    return any("$ref" in choice or _words_of(choice) is not None for choice in choices)


def _mended(value: Any) -> Any:
    """The value with every schema in it as the published document would have it."""
    if isinstance(value, list):
        return [_mended(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    for is_such, mend in _MENDERS:
        if is_such(value):
            value = mend(value)
    return {name: _mended(entry) for name, entry in value.items()}


def _words_of(schema: Mapping[str, Any]) -> str | None:
    words = schema.get("enum")
    found = (name for name, known in _WORDS.items() if isinstance(words, list) and set(words) == set(known))
    return next(found, None)


def _referred(schema: dict[str, Any]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{_words_of(schema)}"}


def _as_number(schema: dict[str, Any]) -> dict[str, Any]:
    return {**{name: entry for name, entry in schema.items() if name != "format"}, "type": "number"}


def _without_default(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: entry for name, entry in schema.items() if name != "default"}


_MENDERS: tuple[tuple[Callable[[dict[str, Any]], bool], Callable[[dict[str, Any]], dict[str, Any]]], ...] = (
    (lambda schema: _words_of(schema) is not None, _referred),
    (lambda schema: _DECIMAL.items() <= schema.items(), _as_number),
    (lambda schema: "anyOf" in schema and schema.get("default", ...) is None, _without_default),
)
