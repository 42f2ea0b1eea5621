"""Documents of the official schemas with something wrong in them: read, refused with a code, never an exception."""

from __future__ import annotations

import json
from copy import deepcopy
from random import Random
from typing import Any

import msgspec
import pytest

from dwell.domain.errors import Refused
from dwell.domain.station.orders import OrderAnswer
from dwell.protocols.ocpp.payloads import Refusal
from dwell.protocols.ocpp.versions import VERSIONS
from ocpp_schemas import made_up, schema_of
from unit.ocpp.test_schemas import ORDERS, RECEIVED

ODD: list[Any] = [
    None, True, -1, 0, 2**31, 10**30, 1e300, -0.5, "", "NaN", "x" * 3_000, "\ud800", "\x00", [], {}, [None], [[]],
    {"id": {}}, [{}], "2026-03-25", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+18:00",
]  # fmt: skip
SPOILT = 60


def spoilt(chance: Random, document: Any) -> Any:
    """The document with one to three of its members made odd, left out, or new."""
    for _ in range(chance.randint(1, 3)):
        inner = document
        while isinstance(inner, dict | list) and inner:
            key = chance.choice(list(inner)) if isinstance(inner, dict) else chance.randrange(len(inner))
            if isinstance(inner[key], dict | list) and inner[key] and chance.random() < 0.7:
                inner = inner[key]
                continue
            inner[key] = deepcopy(chance.choice(ODD))
            break
        if isinstance(document, dict) and chance.random() < 0.3:
            document["".join(chance.choice("abC") for _ in range(4))] = deepcopy(chance.choice(ODD))
    return document


@pytest.mark.parametrize(("version", "action"), RECEIVED)
def test_a_spoilt_call_is_read_or_refused_with_a_code(version: str, action: str) -> None:
    chance, row = Random(f"spoilt {version}{action}"), VERSIONS[version]
    for _ in range(SPOILT):
        document = spoilt(chance, made_up(chance, schema_of(version, action, response=False)))
        report = row.read(action, json.dumps(document).encode())
        if isinstance(report, Refusal):
            assert action not in row.dialect.forgiven, document
            assert row.dialect.codes[report.wrong] and report.why
        else:
            assert msgspec.json.encode(report), "and it can be kept"


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_spoilt_answer_is_an_answer(version: str, order: Any) -> None:
    try:
        call = VERSIONS[version].write_order(order)
    except Refused:
        return
    chance = Random(f"spoilt answer {version}{call.action}")
    for _ in range(SPOILT):
        document = spoilt(chance, made_up(chance, schema_of(version, call.action, response=True)))
        payload = json.dumps(document).encode()
        assert isinstance(VERSIONS[version].read_answer(order, payload), OrderAnswer)
