"""ChargingStation > Evse > Connector, and the token somebody shows: what stands there, and who is asking."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from dwell.domain.ids import LocationId, OrganizationId, StationId, VehicleId

WHOLE_STATION = 0
"""The EVSE number by which a station speaks of itself as a whole: never a session's (OC26)."""


class TokenKind(StrEnum):
    """What carries a token's text; a station that does not say leaves it UNKNOWN."""

    RFID = "RFID"
    REMOTE = "REMOTE"
    CONTRACT = "CONTRACT"
    KEY_CODE = "KEY_CODE"
    LOCAL = "LOCAL"
    MAC_ADDRESS = "MAC_ADDRESS"
    NONE = "NONE"
    UNKNOWN = "UNKNOWN"


class IdToken(msgspec.Struct, frozen=True):
    """Who is asking. Two tokens are the same when their texts are, whatever the case (OCPP: case insensitive)."""

    text: str
    kind: TokenKind = TokenKind.UNKNOWN

    def is_same_as(self, other: IdToken) -> bool:
        """Whether both name the same card, app or car."""
        return self.text.casefold() == other.text.casefold()


class Connector(msgspec.Struct, frozen=True, kw_only=True):
    """A plug. `plug_type` in the fleet contract's words (TYPE_2, CCS_2, …), `voltage_v` phase to neutral."""

    number: int
    plug_type: str
    power_max_w: int
    voltage_v: int = 230
    current_max_a: int = 16
    phases: int = 3
    cable_attached: bool = False


class Evse(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a station that feeds one vehicle at a time.

    `number` is the station's own (1, 2, …); `evse` the public id (`DE*2GO*EMCD1311*1A*2`), echoed as it was given.
    """

    number: int
    evse: str
    connectors: tuple[Connector, ...] = ()
    vehicle_id: VehicleId | None = None

    @property
    def power_max_w(self) -> int | None:
        """What the strongest connector gives; None where no connector is known."""
        return max((connector.power_max_w for connector in self.connectors), default=None)


class ChargingStation(msgspec.Struct, frozen=True, kw_only=True):
    """The box that speaks OCPP. `name` is its identity on the wire, the last part of the address it connects to."""

    id: StationId
    organization_id: OrganizationId
    name: str
    location_id: LocationId | None = None
    evses: tuple[Evse, ...] = ()

    def evse(self, number: int) -> Evse | None:
        """The EVSE of that number; None for one we do not know, and for the station as a whole."""
        return next((evse for evse in self.evses if evse.number == number), None)


def evse_key(evse: str) -> str:
    """The form in which EVSE ids are compared: without `*` and case (eMI3, ISO 15118)."""
    return evse.replace("*", "").casefold()


def is_same_evse(one: str, other: str) -> bool:
    """Whether two spellings name one EVSE."""
    return evse_key(one) == evse_key(other)
