"""Reading what a caller says of tariffs: definitions, series of rates, formulas. Every fault is named at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

import msgspec

from dwell.api.shared.documents import Document
from dwell.api.shared.problems import HttpRefusal, Issue
from dwell.application.tariffs import FormulaText
from dwell.domain.instants import read_instant
from dwell.domain.tariff.contracts import EXPORT, IMPORT
from dwell.domain.tariff.curve import PriceSlot
from dwell.domain.tariff.formula import LIMIT_CHARACTERS, LIMIT_VARIABLES

DIRECTIONS = (IMPORT, EXPORT)
VALUES_AT_MOST = 50_000
"""A year of quarter hours is 35,136."""
WINDOW_AT_MOST = timedelta(days=400)
RATE_AT_MOST = 1_000
_RATE_DIGITS = 18
_FAULTS_NAMED = 100
_TARIFF_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


def read_tariff_id(text: str) -> str:
    """A caller's name of a tariff. Raises HttpRefusal with 400."""
    if not _TARIFF_ID.fullmatch(text):
        issue = Issue("tariffId", "must have 1 to 64 letters, digits, and . _ ~ - after the first")
        raise HttpRefusal(400, "The tariff id cannot be used.", issues=[issue])
    return text


def read_idempotency_key(headers: Mapping[str, str]) -> str:
    """The key of the request. Raises HttpRefusal with 400."""
    key = headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        issue = Issue("Idempotency-Key", "is required: 1 to 255 visible ASCII characters")
        raise HttpRefusal(400, "The header Idempotency-Key is missing or unusable.", issues=[issue])
    return key


def read_definition(body: Document) -> tuple[str, str, str]:
    """Direction, currency and unit of a tariff. Raises HttpRefusal with every fault."""
    direction = body.choice("direction", DIRECTIONS, required=True)
    currency = body.text("currency", at_most=3, at_least=3, required=True)
    if currency is not None and not _CURRENCY.fullmatch(currency):
        body.fault("currency", "must be the three capital letters of ISO 4217")
    per = body.choice("per", ("kWh",), required=True)
    body.end()
    return direction or "", currency or "", per or ""


def read_timeseries(content: bytes) -> tuple[PriceSlot, ...]:
    """The slots of a series: each rate holds until the next, the last until `to`. Raises HttpRefusal."""
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HttpRefusal(400, "The body is not JSON, or nested too deep.") from error
    if not isinstance(body, dict):
        raise HttpRefusal(400, "The body must be a JSON object.")
    issues = [
        Issue(str(name)[:64], "is not a member of this object") for name in set(body) - {"to", "values"}
    ]
    end_at = _instant(body.get("to"), "to", issues)
    values = body.get("values")
    if not isinstance(values, list) or not 1 <= len(values) <= VALUES_AT_MOST:
        issues.append(Issue("values", f"must be a list of 1 to {VALUES_AT_MOST} objects"))
        values = []
    points = [_point(value, f"values[{index}]", issues) for index, value in enumerate(values)]
    starts = [start_at for start_at, _ in points if start_at is not None]
    for index, (earlier, later) in enumerate(pairwise(starts)):
        if later <= earlier:
            issues.append(Issue(f"values[{index + 1}].at", "must come after the value before"))
    if end_at is not None and starts and end_at <= starts[-1]:
        issues.append(Issue("to", "must come after the last value"))
    if issues:
        raise HttpRefusal(400, "The body has faults.", issues=issues[:_FAULTS_NAMED])
    ends = [*starts[1:], *([end_at] if end_at is not None else [])]
    rates = [rate for _, rate in points if rate is not None]
    return tuple(PriceSlot(*slot) for slot in zip(starts, ends, rates, strict=True))


def _point(value: Any, path: str, issues: list[Issue]) -> tuple[datetime | None, Decimal | None]:
    if not isinstance(value, dict) or set(value) != {"at", "rate"}:
        issues.append(Issue(path, "must be an object of at and rate"))
        return None, None
    start_at = _instant(value["at"], f"{path}.at", issues)
    rate = _rate(value["rate"])
    if rate is None:
        issues.append(Issue(f"{path}.rate", f"must be a number from -{RATE_AT_MOST} to {RATE_AT_MOST}"))
    return start_at, rate


def _instant(value: object, path: str, issues: list[Issue]) -> datetime | None:
    try:
        if isinstance(value, str):
            return read_instant(value)
    except ValueError:
        pass
    issues.append(Issue(path, "must be an ISO 8601 instant with Z or an offset"))
    return None


def _rate(value: object) -> Decimal | None:
    """The rate as the digits that were sent: of a float its shortest spelling is those."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 40:
        return None
    try:
        rate = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        return None
    if not rate.is_finite() or abs(rate) > RATE_AT_MOST or len(rate.as_tuple().digits) > _RATE_DIGITS:
        return None
    return rate + 0


def read_formula_body(body: Document) -> FormulaText:
    """The formula of a location. Raises HttpRefusal with every fault of form; what it says is read by its use case."""
    direction = body.choice("direction", DIRECTIONS, required=True)
    formula = body.text("formula", at_most=LIMIT_CHARACTERS, required=True)
    variables = body.child("variables", required=True)
    named: dict[str, str] = {}
    if variables is not None:
        names = variables.names()
        if len(names) > LIMIT_VARIABLES:
            body.fault("variables", f"must have at most {LIMIT_VARIABLES} members")
        for name in names[:LIMIT_VARIABLES]:
            source = variables.text(name, at_most=80, required=True)
            if not _NAME.fullmatch(name):
                variables.fault(name, "must be letters, digits and _, and begin with no digit")
            named[name] = source or ""
    body.end()
    return FormulaText(direction=direction or "", variables=named, formula=formula or "")
