"""What is registered of stations: the box with its key and its standing, tokens, and what drivers pay where."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dwell.domain.ids import OrganizationId, StationId, TransactionId, UserId, VehicleId
from dwell.domain.station.equipment import ChargingStation, Evse, IdToken, evse_key
from dwell.domain.station.ladder import Ladder
from dwell.domain.station.read_back import ReadBack
from dwell.domain.station.reports import ChargingState, ConnectorState
from dwell.domain.tariff.driver import DriverTariff

NAME_LENGTH = 48
"""OCPP 2.0.1 part 4: an identity has up to 48 characters."""
EVSES_AT_MOST = 64
EVERYWHERE = ""
"""The scope of the tariff of EVSEs that have none of their own."""


class Site(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a station stands and who runs it; coordinates in degrees, `country_code` of three letters."""

    operator: str = ""
    latitude: float | None = None
    longitude: float | None = None
    zip: str = ""
    city: str = ""
    street: str = ""
    country_code: str = ""
    always_open: bool = True
    hotline: str = ""


NOWHERE = Site()


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an EVSE last said of itself, since when, and the vehicle that was last linked to it."""

    state: ConnectorState
    said: str
    since_at: datetime
    heard_at: datetime
    charging_state: ChargingState | None = None
    error_code: str | None = None
    vehicle_id: VehicleId | None = None


class Boot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a station said of itself when it last came up."""

    at: datetime
    vendor: str
    model: str
    serial_number: str | None = None
    firmware_version: str | None = None
    protocol: str = ""


class StationRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A registered station. `key_hash` None: it has no key and may connect only where the operator allows that.

    `next_number` is the next integer that this station's transactions and remote starts are given: counted in the
    store, so none is ever given twice.
    """

    station: ChargingStation
    created_at: datetime
    updated_at: datetime
    key_hash: bytes | None = None
    site: Site = NOWHERE
    boot: Boot | None = None
    standings: dict[int, Standing] = {}
    next_number: int = 1
    ladder: Ladder | None = None
    """How far down the station had to be tried; None: not yet."""
    read_back: ReadBack | None = None
    """What its composite schedule showed of the profile that it took last; None: never asked."""
    removed_at: datetime | None = None

    @property
    def id(self) -> StationId:
        return self.station.id

    @property
    def organization_id(self) -> OrganizationId:
        return self.station.organization_id

    def with_evse(self, evse: Evse) -> StationRecord:
        """The record with this EVSE in place of the one of its number."""
        others = [one for one in self.station.evses if one.number != evse.number]
        evses = tuple(sorted([*others, evse], key=lambda one: one.number))
        return msgspec.structs.replace(self, station=msgspec.structs.replace(self.station, evses=evses))

    def with_standing(self, number: int, standing: Standing) -> StationRecord:
        """The record with the standing of one EVSE."""
        return msgspec.structs.replace(self, standings={**self.standings, number: standing})


class EvsePlace(msgspec.Struct, frozen=True):
    """Which station an EVSE is part of, and under which number."""

    station_id: StationId
    number: int


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token that may charge, unless `blocked_at`: whose it is, and the vehicle that always charges with it."""

    organization_id: OrganizationId
    token: IdToken
    created_at: datetime
    user_id: UserId | None = None
    vehicle_id: VehicleId | None = None
    expires_at: datetime | None = None
    blocked_at: datetime | None = None


class TariffInForce(msgspec.Struct, frozen=True, kw_only=True):
    """What drivers pay at the EVSE whose key is `scope`, or EVERYWHERE else."""

    organization_id: OrganizationId
    scope: str
    tariff: DriverTariff


class SampleRow(msgspec.Struct, frozen=True):
    """Readings of a transaction as one message brought them, packed; `digest` knows a repeat."""

    transaction_id: TransactionId
    at: datetime
    digest: bytes
    packed: bytes


class Taken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a message was taken with that is not in it: enough to take it again, whatever became of the rest.

    `at` is its instant in our time and `moved` how far that is from its own stamp; the others are the transaction it
    opened, the number it was given, the token as it was known then, and the tariff that was in force.
    """

    at: datetime
    moved: timedelta = timedelta(0)
    transaction_id: TransactionId | None = None
    number: int | None = None
    token: TokenRecord | None = None
    tariff: DriverTariff | None = None


OURS = "dwell"
"""The protocol of rows of the journal that no station sent: what we did ourselves to a transaction."""


class FrameRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it came from a station, its secrets blackened, or an act of ours."""

    organization_id: OrganizationId
    station_id: StationId
    received_at: datetime
    protocol: str
    text: bytes
    taken: Taken | None = None


def scope_of(evse: str | None) -> str:
    """Under what the tariff of an EVSE is kept; None for everywhere else."""
    return EVERYWHERE if evse is None else evse_key(evse)


def token_key(text: str) -> str:
    """The form in which tokens are compared."""
    return text.casefold()
