"""What the Flex dialect says of tariffs."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from dwell.api.flex.schemas import At, Id, Struct

Direction = Literal["import", "export"]
Rate = Annotated[float | str, msgspec.Meta(description="Per kWh; a number, or its exact text.")]


class TariffDefinition(Struct, frozen=True, kw_only=True):
    """What a tariff's rates are rates of."""

    direction: Direction
    currency: str
    per: Literal["kWh"]


class Tariff(TariffDefinition, frozen=True, kw_only=True):
    """A tariff as it is defined."""

    id: str
    created_at: At


class RateAt(Struct, frozen=True, kw_only=True):
    """A rate that holds from `at` until the next."""

    at: At
    rate: Rate


class Timeseries(Struct, frozen=True, kw_only=True):
    """Rates for `[values[0].at, to)`."""

    to: At
    values: tuple[RateAt, ...]


class TimeseriesTaken(Struct, frozen=True, kw_only=True):
    """The span that was replaced, and of how many values."""

    tariff_id: str
    start_at: At
    end_at: At
    values: int


class FormulaBody(Struct, frozen=True, kw_only=True):
    """A formula over tariffs by their ids, or over a market's prices (`zone:DE-LU`)."""

    direction: Direction
    variables: dict[str, str]
    formula: str


class Formula(FormulaBody, frozen=True, kw_only=True):
    """A location's formula; `revision` counts those that it has had."""

    location_id: Id
    currency: str
    revision: int
    valid_from: At


class ResolvedRate(Struct, frozen=True, kw_only=True):
    """A rate and the time for which it holds."""

    start_at: At
    end_at: At
    rate: float


class ResolvedTariffs(Struct, frozen=True, kw_only=True):
    """What the location pays, or is paid; times without a rate are left out."""

    location_id: Id
    direction: Direction
    currency: str | None
    per: Literal["kWh"]
    data: tuple[ResolvedRate, ...]
