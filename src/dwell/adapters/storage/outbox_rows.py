"""Events on their way out: one row each, save where a newer one tells all that an undelivered one would have told."""

from __future__ import annotations

from collections.abc import Sequence

from dwell.adapters.storage import statements
from dwell.adapters.storage.bodies import encode_event
from dwell.adapters.storage.dialect import Row, Rows
from dwell.application.records import Event
from dwell.domain.ids import OrganizationId
from dwell.domain.instants import micros_of


async def add(rows: Rows, events: Sequence[Event]) -> None:
    """Add the events; one that is not significant takes the place of its session's newest if that is not either.

    A row that has been numbered for delivery (`sequence`) is never replaced.
    """
    by_organization: dict[OrganizationId, list[Event]] = {}
    for event in events:
        by_organization.setdefault(event.organization_id, []).append(event)
    for organization_id, group in by_organization.items():
        await _add_for(rows, organization_id, group)


async def _add_for(rows: Rows, organization_id: OrganizationId, events: list[Event]) -> None:
    replaceable = await _replaceable(rows, organization_id, events)
    coming: list[Event] = []
    waiting: dict[str, int] = {}
    for event in events:
        session_id = event.session.id
        if event.significant:
            waiting.pop(session_id, None)
            replaceable.pop(session_id, None)
            coming.append(event)
        elif session_id in waiting:
            coming[waiting[session_id]] = event
        elif session_id in replaceable:
            await _replace(rows, event, replaceable[session_id])
        else:
            waiting[session_id] = len(coming)
            coming.append(event)
    if coming:
        await rows.put(statements.ADD_EVENT, [_row_of(event) for event in coming])


async def _replaceable(rows: Rows, organization_id: OrganizationId, events: list[Event]) -> dict[str, int]:
    """By session, the position of its newest row where that may be replaced."""
    mergeable = sorted({str(event.session.id) for event in events if not event.significant})
    if not mergeable:
        return {}
    newest = await rows.all(statements.NEWEST_EVENTS, organization_id=organization_id, ids=mergeable)
    return {
        session_id: position
        for session_id, position, significant, sequence in newest
        if not significant and sequence is None
    }


async def _replace(rows: Rows, event: Event, position: int) -> None:
    await rows.run(
        statements.REPLACE_EVENT,
        organization_id=event.organization_id,
        position=position,
        event_id=event.id,
        created_at=micros_of(event.created_at),
        body=encode_event(event),
    )


def _row_of(event: Event) -> Row:
    return (
        event.organization_id,
        event.session.id,
        event.id,
        micros_of(event.created_at),
        int(event.significant),
        None,
        encode_event(event),
    )
