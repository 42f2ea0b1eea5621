"""Names of things. Ids are canonical UUID text; a NewType each, so that one cannot stand in for another."""

from __future__ import annotations

from typing import NewType

OrganizationId = NewType("OrganizationId", str)
UserId = NewType("UserId", str)
LocationId = NewType("LocationId", str)
VehicleId = NewType("VehicleId", str)
PolicyId = NewType("PolicyId", str)
SessionId = NewType("SessionId", str)
OrderId = NewType("OrderId", str)
EventId = NewType("EventId", str)
StationId = NewType("StationId", str)
TransactionId = NewType("TransactionId", str)
Zone = NewType("Zone", str)
"""A price zone as the market names it: `DE-LU`, `AT`, `SE3`."""
