"""A session's money with everything behind it: the quarter hours, their prices, and where those came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dwell.application.ports import Ports, Reader
from dwell.application.queries import NO_SESSION
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrganizationId, SessionId
from dwell.domain.instants import QUARTER
from dwell.domain.session.record import Session
from dwell.domain.session.valuation import ValuedQuarter, quarters_of
from dwell.domain.tariff.contracts import carbon_zone
from dwell.domain.tariff.origin import PriceOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuationView:
    """The session, its quarter hours, and in order of import the documents their prices came from.

    `emissions` are the same quarter hours with g of CO2 in the place of money; empty where no intensity is known.
    """

    session: Session
    quarters: tuple[ValuedQuarter, ...]
    origins: tuple[PriceOrigin, ...]
    emissions: tuple[ValuedQuarter, ...] = ()


async def valuation_view(
    ports: Ports, organization_id: OrganizationId, session_id: SessionId
) -> ValuationView:
    """The session's valuation, whatever its state; money there is once it is settled. Raises NotFound."""

    async def look(reader: Reader) -> ValuationView:
        session = await reader.session(organization_id, session_id)
        if session is None:
            raise NotFound(NO_SESSION)
        zone, start_at = session.terms.zone, session.rows_from_at
        if start_at is None:
            return ValuationView(session=session, quarters=tuple(quarters_of(session, None)), origins=())
        end_at = max(start_at + len(session.rows_wh) * QUARTER, session.ended_at or start_at)
        curve = await reader.curve(zone, start_at, end_at) if zone is not None else None
        origins = await reader.price_origins(zone, start_at, end_at) if zone is not None else []
        return ValuationView(
            session=session,
            quarters=tuple(quarters_of(session, curve)),
            origins=tuple(origins),
            emissions=await _emissions(reader, session, (start_at, end_at)),
        )

    return await ports.store.read(look)


async def _emissions(
    reader: Reader, session: Session, window: tuple[datetime, datetime]
) -> tuple[ValuedQuarter, ...]:
    """Along the intensities of the market's zone that the session's location lies in now."""
    if session.location_id is None:
        return ()
    location = await reader.location(session.organization_id, session.location_id)
    if location is None or location.zone is None:
        return ()
    intensities = await reader.curve(carbon_zone(location.zone), *window)
    if intensities is None or not any(intensities.between(*window)):
        return ()
    return tuple(quarters_of(session, intensities))
