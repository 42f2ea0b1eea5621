"""Where to look for stations: a box of degrees or a circle around a point."""

from __future__ import annotations

from dataclasses import dataclass

from dwell.domain.session.cut import distance_m


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Degrees, edges included. Where the least longitude is above the greatest, the box crosses the date line.

    Raises ValueError where the least latitude is above the greatest.
    """

    min_latitude: float
    max_latitude: float
    min_longitude: float
    max_longitude: float

    def __post_init__(self) -> None:
        if self.min_latitude > self.max_latitude:
            raise ValueError("min_latitude is above max_latitude")

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether the position is within."""
        if not self.min_latitude <= latitude <= self.max_latitude:
            return False
        if self.min_longitude <= self.max_longitude:
            return self.min_longitude <= longitude <= self.max_longitude
        return longitude >= self.min_longitude or longitude <= self.max_longitude


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """A centre in degrees and a radius in metres along the ground, its edge included."""

    latitude: float
    longitude: float
    radius_m: float

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether the position is within."""
        return distance_m(self.latitude, self.longitude, latitude, longitude) <= self.radius_m


Area = Box | Circle
