"""Price documents from files, for commands: opened, unpacked, read, and laid over each other zone by zone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from dwell.cli.contents import content_of
from dwell.domain.errors import Fault, Refused
from dwell.domain.ids import Zone
from dwell.domain.tariff.curve import PriceCurve
from dwell.domain.tariff.replacement import layered
from dwell.protocols.prices import LIMIT_BYTES, PriceDocument, read_all_prices


class Reading(Protocol):
    """What makes documents of a document's name and bytes. Raises Refused with every fault."""

    def __call__(self, name: str, content: bytes, *, zone: Zone | None) -> Sequence[PriceDocument]: ...


ENDINGS = (".json", ".csv", ".xml", ".json.gz", ".csv.gz", ".xml.gz")
"""Of the files that are taken from a folder; a file that is named itself may be called anything."""


def read_price_files(
    paths: Iterable[Path], *, zone: Zone | None, others: bool = False, read: Reading = read_all_prices
) -> list[PriceDocument]:
    """The documents in `paths` (files, plain or gzip, or folders of them), in the order given; a folder's by name.

    `zone` is for documents that name none. One that names another is at fault, or with `others` keeps its own. `read`
    makes documents of a name and bytes.
    Raises Refused with every fault of every file, each by file and path.
    """
    faults: list[Fault] = []
    contents: list[tuple[str, bytes]] = []
    for path in paths:
        try:
            contents += [(str(file), content_of(file, limit_bytes=LIMIT_BYTES)) for file in _files_in(path)]
        except OSError as error:
            faults.append(Fault(field=str(path), message=error.strerror or str(error)))
    documents, found = _read_all(contents, zone, others=others, read=read)
    if faults or found:
        raise Refused.because(*faults, *found)
    return documents


def read_price_contents(contents: Iterable[tuple[str, bytes]], *, zone: Zone | None) -> list[PriceDocument]:
    """As `read_price_files`, of documents given as (name, bytes)."""
    documents, faults = _read_all(contents, zone, others=False, read=read_all_prices)
    if faults:
        raise Refused.because(*faults)
    return documents


def by_zone(documents: Iterable[PriceDocument]) -> dict[Zone | None, list[PriceDocument]]:
    """The documents of each zone, in their order."""
    zones: dict[Zone | None, list[PriceDocument]] = {}
    for document in documents:
        zones.setdefault(document.zone, []).append(document)
    return zones


def curve_of(documents: Sequence[PriceDocument]) -> PriceCurve:
    """The prices of one zone, later documents laid over earlier ones. Raises Refused where currencies differ."""
    currencies = {document.currency: document.name for document in documents}
    if len(currencies) > 1:
        named = ", ".join(f"{currency} ({name})" for currency, name in currencies.items())
        raise Refused.because(Fault(field="currency", message=f"one zone has prices in {named}"))
    return layered(documents[0].currency, (document.slots for document in documents))


def _files_in(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.is_file() and file.name.endswith(ENDINGS))
    if not files:
        raise OSError(f"no price documents ({', '.join('*' + ending for ending in ENDINGS)}) in this folder")
    return files


def _read_all(
    contents: Iterable[tuple[str, bytes]], zone: Zone | None, *, others: bool, read: Reading
) -> tuple[list[PriceDocument], list[Fault]]:
    documents: list[PriceDocument] = []
    faults: list[Fault] = []
    for name, content in contents:
        try:
            documents += _placed(name, content, zone, others=others, read=read)
        except Refused as refused:
            faults += [
                Fault(field=f"{name}: {fault.field}", message=fault.message) for fault in refused.faults
            ]
    return documents, faults


def _placed(
    name: str, content: bytes, zone: Zone | None, *, others: bool, read: Reading
) -> Sequence[PriceDocument]:
    try:
        return read(name, content, zone=zone)
    except Refused as refused:
        if others and refused.code == "zone_mismatch":
            return read(name, content, zone=None)
        raise
