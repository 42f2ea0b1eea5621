"""The dialect's own OpenAPI document, for whoever generates a client from it: written from the table of the routes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from dwell.api.fleet.errors import answer_error, answer_refusal
from dwell.api.fleet.paths import BASE
from dwell.api.shared.answers import Answer
from dwell.api.shared.openapi import described
from dwell.api.shared.operations import Access, Call, Operation


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
        path=f"{BASE}/openapi.json",
        name="getFleetDocument",
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
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fleet charging API",
            "version": "1",
            "description": "Charging sessions at one organization's stations, and the stations, served by Dwell.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
        },
    }
