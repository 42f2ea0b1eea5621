"""A file of prices read in on the page: the same as `dwell prices import`, one file at a time."""

from __future__ import annotations

import msgspec

from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.operations import Call, Parameter
from dwell.api.shared.problems import HttpRefusal, Issue
from dwell.application.ports import Reader
from dwell.application.prices import Published, import_prices
from dwell.domain.errors import Refused
from dwell.domain.ids import Zone
from dwell.domain.registry import ADMIN
from dwell.protocols.prices import PriceDocument, read_all_prices, read_zone

FILE_BYTES = 8 * 1024 * 1024
NAME_LENGTH = 200
BODY_TYPES = ("application/octet-stream",)
QUERY = (
    Parameter(name="name", description="The file's name, for errors and for where a price came from."),
    Parameter(name="zone", description="The zone of a document that names none."),
)
SHARED = "Prices belong to all organizations of this installation: its operator imports them (`dwell prices import`)."
_ALONE = 2


class ImportedZone(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a zone: `changed` counts the spans in which the price is another than before, or new."""

    zone: str
    slots: int
    changed: int


class ImportedFile(msgspec.Struct, frozen=True, kw_only=True):
    """Zone by zone."""

    imported: list[ImportedZone]


async def post_price_file(call: Call) -> Answer:
    """Take one document of prices. All of it is read before anything is stored; every fault is named."""
    await _refuse_others(call)
    documents = _read(call, await call.body(at_most=FILE_BYTES))
    imported = []
    for document in documents:
        changed = await import_prices(
            call.backend.ports,
            str(document.zone),
            document.currency,
            document.slots,
            documents=[Published(document.format_name, document.name, document.slots)],
        )
        imported.append(
            ImportedZone(zone=str(document.zone), slots=len(document.slots), changed=len(changed))
        )
    call.backend.changed()
    return answer_json(200, ImportedFile(imported=imported))


async def _refuse_others(call: Call) -> None:
    """Raise HttpRefusal for all but the administrator of the only organization: what comes in is everybody's."""

    async def look(reader: Reader) -> int:
        return len(await reader.organizations(limit=_ALONE))

    if call.who.role != ADMIN:
        raise HttpRefusal(403, "Prices are imported by administrators.")
    if await call.backend.ports.store.read(look) == _ALONE:
        raise HttpRefusal(403, SHARED)


def _read(call: Call, content: bytes) -> tuple[PriceDocument, ...]:
    """The documents of the file, each in its zone. Raises HttpRefusal with every fault."""
    text = call.query.get("zone")
    try:
        zone = Zone(read_zone(text)) if text else None
    except ValueError as error:
        raise _refused([Issue("zone", str(error))]) from error
    try:
        documents = read_all_prices(call.query.get("name", "file")[:NAME_LENGTH], content, zone=zone)
    except Refused as refused:
        raise _refused([Issue(_field(fault.field), fault.message) for fault in refused.faults]) from refused
    if any(document.zone is None for document in documents):
        raise _refused([Issue("zone", "the file names no zone; say which it is")])
    return documents


def _refused(issues: list[Issue]) -> HttpRefusal:
    return HttpRefusal(400, "The file cannot be taken.", issues=issues)


def _field(path: str) -> str:
    """Faults of the whole document are shown beside the file; those of a part of it are told by their path."""
    return {"$": "file", "zone": "zone"}.get(path, path)
