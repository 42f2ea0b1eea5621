"""Day-ahead prices, as rows of the dialect's table."""

from __future__ import annotations

from dwell.api.partner import price_serving, schemas
from dwell.api.partner.paths import operation
from dwell.api.partner.price_schemas import DayAheadFields, DayAheadPrices
from dwell.api.partner.roles import BASE
from dwell.api.shared.operations import Operation, Parameter

_PATH = BASE + "/org/{org_id}/trading/dayahead/prices"
_BODY_REFUSALS = {400: schemas.Detail, 408: schemas.Detail, 413: schemas.Detail, 415: schemas.Detail}


def price_operations() -> tuple[Operation, ...]:
    """What is known of a market's prices, and corrections of it."""
    return _ROWS


_ROWS = (
    operation(
        "GET",
        _PATH,
        "getDayAheadPrices",
        price_serving.get_prices,
        summary="A zone's day-ahead prices in a window",
        tag="Day-ahead prices",
        query=(
            Parameter(name="price_zone", description="AT, BE, CH, DE_LU and so on."),
            Parameter(
                name="from",
                description="From this instant on; without it from the beginning of this day (UTC).",
                schema={"type": "string", "format": "date-time"},
            ),
            Parameter(
                name="to",
                description="Before this instant; without it the end of this day (UTC).",
                schema={"type": "string", "format": "date-time"},
            ),
        ),
        answers={200: DayAheadPrices},
    ),
    operation(
        "PATCH",
        _PATH,
        "updateDayAheadPrices",
        price_serving.patch_prices,
        summary="Lay prices over what is known of a zone",
        description="Where several organizations are served, prices are the operator's to import: 409.",
        tag="Day-ahead prices",
        body=DayAheadFields,
        answers={200: DayAheadPrices, 409: schemas.Detail, **_BODY_REFUSALS},
    ),
)
