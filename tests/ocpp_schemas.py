"""The official JSON schemas of OCPP, as the `ocpp` package ships them, and documents made up from them by a seed."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

import jsonschema

FOLDERS = {"ocpp1.6": "v16", "ocpp2.0.1": "v201"}
Document = dict[str, Any]


@cache
def schema_of(version: str, action: str, *, response: bool) -> Document:
    """The schema of a request or a response."""
    ending = "Response" if response else "" if version == "ocpp1.6" else "Request"
    text = (
        files("ocpp").joinpath(FOLDERS[version], "schemas", f"{action}{ending}.json").read_text("utf-8-sig")
    )
    schema: Document = json.loads(text, parse_float=Decimal)
    return schema


@cache
def actions_of(version: str) -> frozenset[str]:
    """Every action that the version has a request for."""
    names = [
        path.name.removesuffix(".json")
        for path in files("ocpp").joinpath(FOLDERS[version], "schemas").iterdir()
    ]
    return frozenset(name.removesuffix("Request") for name in names if not name.endswith("Response"))


@cache
def _validator(version: str, action: str, response: bool) -> Any:
    schema = schema_of(version, action, response=response)
    return jsonschema.validators.validator_for(schema)(schema)


def faults_of(version: str, action: str, payload: str | bytes, *, response: bool) -> list[str]:
    """What the schema says against a payload."""
    document = json.loads(payload, parse_float=Decimal)
    return [error.message for error in _validator(version, action, response).iter_errors(document)]


def made_up(chance: Random, schema: Document, definitions: Document | None = None) -> Any:
    """A document that `schema` allows; optional members are there or not."""
    definitions = schema.get("definitions", {}) if definitions is None else definitions
    if "$ref" in schema:
        return made_up(chance, definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "enum" in schema:
        return chance.choice(schema["enum"])
    match schema.get("type"):
        case "object":
            required = schema.get("required", [])
            return {
                name: made_up(chance, member, definitions)
                for name, member in schema.get("properties", {}).items()
                if name in required or chance.random() < 0.5
            }
        case "array":
            least = schema.get("minItems", 0)
            most = min(schema.get("maxItems", 3), 3)
            return [
                made_up(chance, schema["items"], definitions)
                for _ in range(chance.randint(least, max(least, most)))
            ]
        case "string":
            return _text(chance, schema)
        case "integer":
            return chance.randint(int(schema.get("minimum", 0)), int(schema.get("maximum", 100)))
        case "number":
            return chance.randrange(0, 100_000) / 10
        case "boolean":
            return chance.random() < 0.5
        case _:
            return {"any": "thing"}


def _text(chance: Random, schema: Document) -> str:
    if schema.get("format") == "date-time":
        return f"2026-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}T0{chance.randint(0, 9)}:00:00.000Z"
    if schema.get("format") == "uri":
        return "https://example.com/file"
    length = chance.randint(1, min(schema.get("maxLength", 20), 40))
    return "".join(chance.choice("abcXYZ 0189-_äß") for _ in range(length))
