"""The OpenAPI document, written from the table of operations and the structs they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from dwell.api.shared.answers import JSON
from dwell.api.shared.operations import Access, Operation
from dwell.api.shared.problems import KINDS

_REFERENCE = "#/components/schemas/{name}"
_SECURITY: Mapping[Access, list[dict[str, list[str]]]] = {
    Access.ANYBODY: [],
    Access.FLEET: [{"apiKey": []}],
    Access.FLEX: [{"bearer": []}],
    Access.NATIVE: [{"bearer": []}, {"apiKey": []}],
    Access.PARTNER: [{"OAuth2": []}],
    Access.BROWSER: [{"cookie": []}],
}
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "From POST /oauth2/token."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "client": {"type": "http", "scheme": "basic", "description": "Client id and client secret."},
}
_GOOD = {200: "Done.", 201: "Made.", 202: "Taken.", 204: "Done; there is nothing to say."}
TOKEN_OPERATION = "issueToken"


def write_openapi(operations: Iterable[Operation], version: str) -> bytes:
    """The document as JSON."""
    paths, components = described([operation for operation in operations if operation.documented])
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Dwell",
            "version": version,
            "description": "An open engine for electric-vehicle charging sessions.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SCHEMES},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def described(operations: Sequence[Operation]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The operations by path and method, and the schemas that they refer to."""
    types = list(dict.fromkeys(_types(operations)))
    schemas, components = _with_numbers(msgspec.json.schema_components(types, ref_template=_REFERENCE))
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schema_of)
    return paths, components


def _with_numbers(schema: Any) -> Any:
    """The schema with decimals as answers write them: numbers, where the library says strings."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            return {k: v for k, v in schema.items() if k != "format"} | {"type": "number"}
        return {name: _with_numbers(value) for name, value in schema.items()}
    return type(schema)(map(_with_numbers, schema)) if isinstance(schema, list | tuple) else schema


def _types(operations: Sequence[Operation]) -> Iterable[Any]:
    for operation in operations:
        if operation.body is not None:
            yield operation.body
        yield from (kind for kind in operation.answers.values() if kind is not None)


def _operation(operation: Operation, schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    security = _SECURITY[operation.access]
    entry: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": [{"client": []}] if operation.name == TOKEN_OPERATION else security,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": {
            str(status): _answer(status, kind, schema_of, operation.answer_types.get(status, JSON))
            for status, kind in sorted(operation.answers.items())
        },
    }
    if operation.description:
        entry["description"] = operation.description
    if operation.body is not None:
        content = {media: {"schema": schema_of[operation.body]} for media in operation.body_types}
        entry["requestBody"] = {"required": True, "content": content}
    return entry


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": operation.path_schemas.get(name, {"type": "string"}),
        }
        for name in operation.path_names
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": parameter.name,
            "in": "query",
            "required": False,
            "description": parameter.description,
            "schema": parameter.schema,
        }
        for parameter in operation.query
    ]


def _answer(status: int, kind: Any, schema_of: Mapping[Any, Any], media_type: str) -> dict[str, Any]:
    description = _GOOD.get(status) or KINDS[status][1] + "."
    if kind is None:
        return {"description": description}
    return {"description": description, "content": {media_type: {"schema": schema_of[kind]}}}
