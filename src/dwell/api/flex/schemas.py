"""What the Flex dialect says, as structs whose fields stand in the order of the contract."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

Id = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]
At = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
Wall = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
Mode = Literal["BATTERY_RESERVE", "REGULAR", "IMMEDIATE_START"]
State = Literal["UPCOMING", "ACTIVE:BATTERY_RESERVE", "ACTIVE:REGULAR", "ACTIVE:IMMEDIATE_START", "SETTLED"]


FailureType = Literal[
    "START_FAILED", "STOP_FAILED", "CHARGE_INTERRUPTED", "FINISHED_LATE", "NO_RESPONSE", "UNKNOWN"
]


class Struct(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A JSON object of this dialect."""


class Block(Struct, frozen=True, kw_only=True):
    """A contiguous charging window: what happened, or, if coming, a plan that may move."""

    type: Mode
    kwh_sum: float
    start_at: At
    end_at: At


class Aggregated(Struct, frozen=True, kw_only=True):
    """Sums so far; planned blocks are not in them."""

    kwh_sum: float
    battery_from: Percent | None
    battery_to: Percent | None


class Row(Struct, frozen=True, kw_only=True):
    """The energy of one quarter hour."""

    start_at: At
    end_at: At
    kwh: float


class Statistics(Struct, frozen=True, kw_only=True):
    """Energy delivered, in sum and by quarter hour."""

    aggregated: Aggregated | None
    timeseries: tuple[Row, ...]


class Target(Struct, frozen=True, kw_only=True):
    """What the session charges towards; `id` counts its revisions. IMMEDIATE_START has neither source nor deadline."""

    id: int
    type: Literal["REGULAR", "IMMEDIATE_START"]
    source: Literal["POLICY", "OVERRIDE"] | msgspec.UnsetType = msgspec.UNSET
    battery_reserve: Percent | msgspec.UnsetType = msgspec.UNSET
    minimum_charge_target: Percent
    ready_by: At | msgspec.UnsetType | None = msgspec.UNSET


class Targets(Struct, frozen=True, kw_only=True):
    """The target in force; null for an unmanaged session."""

    latest: Target | None


class Outcome(Struct, frozen=True, kw_only=True):
    """Will the target be met, was it."""

    type: Literal["REGULAR", "IMMEDIATE_START"]
    state: Literal["ON_TRACK", "AT_RISK", "REACHED", "MISSED"]
    target_id: int
    battery_level_at_ready_by: Percent | None
    minimum_charge_target_reached_at: At | None


class Outcomes(Struct, frozen=True, kw_only=True):
    """The latest outcome; null while upcoming, and for an unmanaged session."""

    latest: Outcome | None


class Failure(Struct, frozen=True, kw_only=True):
    """What is wrong with the control of the charge."""

    type: FailureType
    detail: str
    created_at: At


class Failures(Struct, frozen=True, kw_only=True):
    """The latest error; null when healthy."""

    latest: Failure | None


class TariffCost(Struct, frozen=True, kw_only=True):
    """Money, rounded to the cent; `baseline` − `actual` = `savings`."""

    actual: Decimal | None
    baseline: Decimal | None
    savings: Decimal | None


class Valuation(Struct, frozen=True, kw_only=True):
    """What the energy cost, and what it would have cost charged at once."""

    currency: str
    tariff_cost: TariffCost


class Session(Struct, frozen=True, kw_only=True):
    """One charging visit."""

    id: Id
    policy_id: Id | None
    vehicle_id: Id
    location_id: Id | None
    state: State
    plugged_in_at: At | None
    plugged_out_at: At | None
    blocks: tuple[Block, ...]
    statistics: Statistics
    target: Targets
    outcome: Outcomes
    error: Failures
    valuation: Valuation | None


class Pagination(Struct, frozen=True, kw_only=True):
    """Cursors of the pages after and before this one; null where there is none."""

    after: str | None
    before: str | None


class Day(Struct, frozen=True, kw_only=True):
    """A weekday's deadline, local time of the location, and the charge to reach by it."""

    deadline: Wall
    minimum_charge_target: Percent


class Schedule(Struct, frozen=True, kw_only=True):
    """A week of deadlines; null on days without."""

    monday: Day | None
    tuesday: Day | None
    wednesday: Day | None
    thursday: Day | None
    friday: Day | None
    saturday: Day | None
    sunday: Day | None


class RestrictionWindow(Struct, frozen=True, kw_only=True):
    """Local times in which nothing is charged but the reserve; weekdays from 0, Monday."""

    type: Literal["NO_CHARGING"]
    weekdays: tuple[int, ...]
    start_time: Wall
    end_time: Wall


class Policy(Struct, frozen=True, kw_only=True):
    """What a vehicle's charging at a location has to keep to."""

    id: Id
    vehicle_id: Id
    location_id: Id
    user_id: str
    battery_reserve: Percent
    schedule: Schedule
    restriction_schedule: tuple[RestrictionWindow, ...]
    last_observed_location_charge_limit: Percent | None
    created_at: At
    updated_at: At


class BaseLoad(Struct, frozen=True, kw_only=True):
    """Load of the rest of the connection from a local time on."""

    start: Wall
    power_w: int


class Location(Struct, frozen=True, kw_only=True):
    """A place with a grid connection."""

    id: Id
    user_id: str
    name: str
    latitude: float
    longitude: float
    timezone_name: str
    zone: str | None
    area: str | None
    radius_m: int
    grid_limit_w: int | None
    base_load: tuple[BaseLoad, ...]
    created_at: At
    updated_at: At


class Information(Struct, frozen=True, kw_only=True):
    """How people name a vehicle."""

    vin: str | None
    brand: str
    model: str
    year: int | None
    display_name: str | None


class ChargeState(Struct, frozen=True, kw_only=True):
    """The vehicle's charging as last seen. Capacity in kWh, rate in kW, time in minutes, range in km, current in A."""

    battery_level: Percent | None
    range: float | None
    is_plugged_in: bool | None
    is_charging: bool | None
    is_fully_charged: bool | None
    battery_capacity: float | None
    charge_limit: Percent | None
    charge_rate: float | None
    charge_time_remaining: int | None
    last_updated: At | None
    max_current: float | None
    power_delivery_state: str


class VehicleLocation(Struct, frozen=True, kw_only=True):
    """Where the vehicle was last seen, and which of its user's locations that is."""

    id: Id | None
    longitude: float | None
    latitude: float | None
    last_updated: At | None


class Odometer(Struct, frozen=True, kw_only=True):
    """Distance driven, km."""

    distance: float | None
    last_updated: At | None


class Capability(Struct, frozen=True, kw_only=True):
    """Whether something can be known of, or done to, the vehicle."""

    is_capable: bool
    intervention_ids: tuple[str, ...] = ()


class Capabilities(Struct, frozen=True, kw_only=True):
    """What can be known of, and done to, the vehicle."""

    information: Capability
    charge_state: Capability
    location: Capability
    odometer: Capability
    set_max_current: Capability
    start_charging: Capability
    stop_charging: Capability
    smart_charging: Capability


class Vehicle(Struct, frozen=True, kw_only=True):
    """A vehicle and its state as last seen."""

    id: Id
    user_id: str
    vendor: str
    last_seen: At | None
    is_reachable: bool
    information: Information
    charge_state: ChargeState
    location: VehicleLocation
    odometer: Odometer
    capabilities: Capabilities


class SessionPage(Struct, frozen=True, kw_only=True):
    """A page of settled sessions, newest plug-in first."""

    data: tuple[Session, ...]
    pagination: Pagination


class PolicyPage(Struct, frozen=True, kw_only=True):
    """A page of policies, by id."""

    data: tuple[Policy, ...]
    pagination: Pagination


class LocationPage(Struct, frozen=True, kw_only=True):
    """A page of locations, by id."""

    data: tuple[Location, ...]
    pagination: Pagination


class VehiclePage(Struct, frozen=True, kw_only=True):
    """A page of vehicles, by id."""

    data: tuple[Vehicle, ...]
    pagination: Pagination


class NewPolicy(Struct, frozen=True, kw_only=True):
    """Joins a vehicle and a location of its user."""

    vehicle_id: Id
    location_id: Id


class ScheduleChange(Struct, frozen=True, kw_only=True):
    """The days to change; a day that is null has no deadline."""

    monday: Day | msgspec.UnsetType | None = msgspec.UNSET
    tuesday: Day | msgspec.UnsetType | None = msgspec.UNSET
    wednesday: Day | msgspec.UnsetType | None = msgspec.UNSET
    thursday: Day | msgspec.UnsetType | None = msgspec.UNSET
    friday: Day | msgspec.UnsetType | None = msgspec.UNSET
    saturday: Day | msgspec.UnsetType | None = msgspec.UNSET
    sunday: Day | msgspec.UnsetType | None = msgspec.UNSET


class PolicyChange(Struct, frozen=True, kw_only=True):
    """What is not named stays as it is. At least one day of the week must keep a deadline."""

    battery_reserve: Percent | msgspec.UnsetType = msgspec.UNSET
    schedule: ScheduleChange | msgspec.UnsetType = msgspec.UNSET


class ImmediateTarget(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", tag="IMMEDIATE_START"
):
    """So much at full power from now on, whatever the price."""

    minimum_charge_target: Percent


class RegularTarget(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", tag="REGULAR"
):
    """At least so much by an instant at most a week ahead; the reserve is the policy's where it is not named."""

    ready_by: At
    minimum_charge_target: Percent
    battery_reserve: Percent | None = None


TargetOverride = ImmediateTarget | RegularTarget


class LocationBody(Struct, frozen=True, kw_only=True):
    """A location as its user describes it. `zone` is its price zone, `area` free text."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    timezone_name: str
    zone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    area: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    radius_m: Annotated[int, msgspec.Meta(ge=10, le=10_000)] = 150
    grid_limit_w: Annotated[int, msgspec.Meta(ge=1, le=100_000_000)] | None = None
    base_load: tuple[BaseLoad, ...] = ()


class NewInformation(Struct, frozen=True, kw_only=True):
    """How people name a vehicle."""

    brand: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    year: Annotated[int, msgspec.Meta(ge=1900, le=2100)] | None = None
    vin: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    display_name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class NewVehicle(Struct, frozen=True, kw_only=True):
    """A vehicle: capacity in kWh, null if unknown; powers in kW at the meter."""

    vendor: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    information: NewInformation
    battery_capacity: Annotated[float, msgspec.Meta(ge=0.1, le=10_000)] | None
    max_power: Annotated[float, msgspec.Meta(ge=0.1, le=10_000)]
    min_power: Annotated[float, msgspec.Meta(ge=0.1, le=10_000)] = 1.4
    efficiency: Annotated[float, msgspec.Meta(ge=0.1, le=1)] = 0.9
    control: Literal["on_off", "modulating", "none"] = "on_off"


class TokenForm(msgspec.Struct, frozen=True):
    """What a client asks for; the scope is not used."""

    grant_type: Literal["client_credentials"]
    scope: str = ""


class Token(msgspec.Struct, frozen=True):
    """A bearer token."""

    access_token: str
    expires_in: int
    token_type: Literal["bearer"]
    scope: str


class TokenError(msgspec.Struct, frozen=True):
    """Why there is no token (RFC 6749, 5.2)."""

    error: Literal[
        "invalid_request",
        "invalid_client",
        "unsupported_grant_type",
        "invalid_scope",
        "temporarily_unavailable",
    ]
    error_description: str
