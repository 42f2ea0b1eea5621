"""The audit log as it is served."""

from __future__ import annotations

from typing import Any

import msgspec

from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.limits import PAGE_SIZE, PAGE_SIZE_AT_MOST
from dwell.api.shared.operations import Call
from dwell.application.audit import newest_entries
from dwell.domain.audit import Entry
from dwell.domain.errors import Fault, Refused
from dwell.domain.instants import write_instant

_MOST = 1 << 53


class AuditActor(msgspec.Struct, frozen=True):
    """Who acted: client, api_key, user or cli, by a public name, and from which address."""

    kind: str
    name: str
    address: str


class AuditEntry(msgspec.Struct, frozen=True):
    """One change. `before` and `after` are the thing without secrets; `hash` covers it all and `previous_hash`."""

    number: int
    at: str
    actor: AuditActor
    thing: str
    thing_id: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    previous_hash: str
    hash: str


class AuditPage(msgspec.Struct, frozen=True):
    """Entries, newest first; `next_before` asks for those that follow, null at the end."""

    entries: list[AuditEntry]
    next_before: int | None


async def get_audit(call: Call) -> Answer:
    """A page of the organization's log."""
    faults = list[Fault]()
    before = _whole(call, "before", _MOST, faults)
    limit = _whole(call, "limit", PAGE_SIZE_AT_MOST, faults) or PAGE_SIZE
    if faults:
        raise Refused.because(*faults)
    entries = await newest_entries(call.backend.ports, call.organization_id, before=before, limit=limit)
    more = len(entries) == limit and entries[-1].number > 1
    page = {"entries": [shown_entry(e) for e in entries], "next_before": entries[-1].number if more else None}
    return answer_json(200, page)


def shown_entry(entry: Entry) -> dict[str, Any]:
    """The entry as JSON shows it."""
    change = entry.change
    return {
        "number": entry.number,
        "at": write_instant(entry.at),
        "actor": msgspec.structs.asdict(entry.actor),
        "thing": change.thing,
        "thing_id": change.thing_id,
        "action": change.action,
        "before": msgspec.json.decode(change.before) if change.before else None,
        "after": msgspec.json.decode(change.after) if change.after else None,
        "previous_hash": entry.previous_hash.hex(),
        "hash": entry.hash.hex(),
    }


def _whole(call: Call, name: str, most: int, faults: list[Fault]) -> int | None:
    text = call.query.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) < 17 and 1 <= int(text) <= most:
        return int(text)
    faults.append(Fault(field=name, message=f"must be a whole number from 1 to {most}"))
    return None
