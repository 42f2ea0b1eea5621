"""Tibber: the `priceInfo` of a home, as its GraphQL service answers (with or without `data`, `viewer`, `homes` around).

`today` and `tomorrow` list starts with the home's own offset, hourly or by the quarter; an end is the next start.
`total` is taken, energy and tax together, since that is what the customer pays. The zone is the market area of the
home's meter with the seller's name before it (`TIBBER-SE3`), for these are not the prices of the market.
"""

from __future__ import annotations

from collections.abc import Iterator

from dwell.domain.errors import Fault
from dwell.domain.ids import Zone
from dwell.protocols.prices.assembly import Findings, assemble
from dwell.protocols.prices.document import PriceDocument, Unit, read_currency, read_zone, refuse
from dwell.protocols.prices.json_items import Point, amount, ended_by_the_next, instant, objects
from dwell.protocols.prices.json_text import read_object, text_at

NAME = "tibber"
_DAYS = ("today", "tomorrow")


def recognises(content: bytes) -> bool:
    """Whether `content` looks like an answer of this service."""
    return b'"startsAt"' in content and b'"total"' in content


def read(name: str, content: bytes) -> PriceDocument:
    """The prices of the first home that has any. Raises Refused naming every fault by its path."""
    findings = Findings()
    path, home, info = _home_with_prices(read_object(content))
    currencies = {text_at(item, "currency") or "" for _, item in _items(info, path, Findings())}
    try:
        currency = read_currency(min(currencies, default=""))
        if len(currencies) > 1:
            raise ValueError(f"several currencies: {', '.join(sorted(currencies))}")
    except ValueError as error:
        raise refuse([Fault(field=f"{path}.currency", message=str(error))]) from error
    slots = assemble(ended_by_the_next(_points(info, path, Unit(currency, 0), findings)), findings)
    findings.notes.append("prices include tax")
    return PriceDocument(
        name=name,
        format_name=NAME,
        zone=_zone(home),
        zone_stated=False,
        currency=currency,
        slots=slots,
        source="Tibber",
        notes=tuple(findings.notes),
    )


def _home_with_prices(document: dict[str, object]) -> tuple[str, dict[str, object], dict[str, object]]:
    """Path, home and price information of the first home with prices; raises Refused when there is none."""
    prefix, level = "", document
    for key in ("data", "viewer"):
        inner = level.get(key)
        if isinstance(inner, dict):
            prefix, level = f"{prefix}{key}.", inner
    homes = level.get("homes")
    for index, home in enumerate(homes if isinstance(homes, list) else [level]):
        subscription = home.get("currentSubscription") if isinstance(home, dict) else None
        info = subscription.get("priceInfo") if isinstance(subscription, dict) else None
        if isinstance(home, dict) and isinstance(info, dict):
            return f"{prefix}homes[{index}].currentSubscription.priceInfo", home, info
    message = "no home with a subscription that has prices"
    raise refuse([Fault(field=f"{prefix}homes", message=message)], code="no_prices")


def _zone(home: dict[str, object]) -> Zone | None:
    point = home.get("meteringPointData")
    area = text_at(point, "priceAreaCode") if isinstance(point, dict) else None
    return None if area is None else read_zone(f"TIBBER-{area}")


def _items(info: dict[str, object], path: str, findings: Findings) -> Iterator[tuple[str, dict[str, object]]]:
    for day in _DAYS:
        items = info.get(day)
        if isinstance(items, list):
            yield from objects(items, f"{path}.{day}", findings)


def _points(info: dict[str, object], path: str, unit: Unit, findings: Findings) -> Iterator[Point]:
    for here, item in _items(info, path, findings):
        start_at = instant(item.get("startsAt"), f"{here}.startsAt", findings)
        price = amount(item.get("total"), unit, f"{here}.total", findings)
        if start_at is not None and price is not None:
            yield Point(here, start_at, price)
