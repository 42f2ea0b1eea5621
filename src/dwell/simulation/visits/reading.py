"""Files of recorded visits, of whatever data set: opened, told apart by their header, read row by row.

A further data set is one file beside this one (`NAME`, `recognises`, `visit_of`) and one row in `_DATA_SETS`.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from dwell.domain.errors import Fault, Refused
from dwell.simulation.visits import acn, dundee, norway, plain, workplace
from dwell.simulation.visits.copies import order_of, with_copies
from dwell.simulation.visits.rows import Cells, Reading, Vehicle
from dwell.simulation.visits.visit import LeftOut, Reason, Rule, Unusable, Visit, VisitFile

LIMIT_BYTES = 512_000_000
"""After inflation; some five million visits."""


class _DataSet(NamedTuple):
    name: str
    columns: frozenset[str]
    recognises: Callable[[list[str]], bool]
    visit_of: Callable[[Cells, Reading], Visit]


_DATA_SETS = (
    _DataSet(norway.NAME, norway.COLUMNS, norway.recognises, norway.visit_of),
    _DataSet(acn.NAME, acn.COLUMNS, acn.recognises, acn.visit_of),
    _DataSet(workplace.NAME, workplace.COLUMNS, workplace.recognises, workplace.visit_of),
    _DataSet(dundee.NAME, dundee.COLUMNS, dundee.recognises, dundee.visit_of),
    _DataSet(plain.NAME, plain.COLUMNS, plain.recognises, plain.visit_of),
)
DATA_SET_NAMES = tuple(row.name for row in _DATA_SETS)


class _Sheet(NamedTuple):
    source: str
    header: list[str]
    records: Iterator[tuple[int, list[str]]]


class _Found(NamedTuple):
    visit: Visit
    source: str
    row: int


def read_visits(paths: Iterable[Path]) -> VisitFile:
    """The visits in `paths`: CSV files, plain or gzip, or folders of them.

    A companion file (the users of the Norwegian data) is taken from `paths` or from beside the file that needs it.
    Raises Refused naming every file that is none of the known data sets, OSError for one that cannot be read.
    """
    files = [file for path in paths for file in _files_in(path)]
    beside = {path.parent / name for path in files for name in norway.COMPANION_NAMES}
    files += sorted(path for path in beside - set(files) if path.is_file())
    return read_visit_contents((path.name, path.read_bytes()) for path in files)


def read_visit_contents(contents: Iterable[tuple[str, bytes]]) -> VisitFile:
    """The visits in documents given as (name, bytes), as `read_visits`."""
    faults: list[Fault] = []
    vehicles: dict[str, Vehicle] = {}
    readable: list[tuple[_Sheet, _DataSet]] = []
    for name, content in contents:
        try:
            sheet = _open(name, content)
        except ValueError as error:
            faults.append(Fault(field=name, message=str(error)))
            continue
        if norway.recognises_companion(sheet.header):
            vehicles.update(_vehicles_in(sheet))
            continue
        data_set = next((row for row in _DATA_SETS if row.recognises(sheet.header)), None)
        if data_set is None:
            faults.append(Fault(field=name, message=_unknown(sheet.header)))
            continue
        misspelt = _misspelt(sheet.header) if data_set.name == plain.NAME else []
        faults += [Fault(field=f"{name}: header", message=message) for message in misspelt]
        readable.append((sheet, data_set))
    if faults:
        raise Refused.because(*faults, code="unknown_format")
    return _read_all(readable, Reading(vehicles=vehicles))


def _unknown(header: list[str]) -> str:
    """Why a header is that of no data set: what the nearest one has that it lacks, and what that one does not know."""
    nearest = max(reversed(_DATA_SETS), key=lambda row: len(row.columns & set(header)))
    message = f"not a file of visits of a known data set ({', '.join(DATA_SET_NAMES)})"
    if not nearest.columns & set(header):
        return message
    known = nearest.columns | (plain.OPTIONAL if nearest.name == plain.NAME else frozenset())
    lacking = ", ".join(sorted(nearest.columns - set(header)))
    odd = ", ".join(repr(column[:40]) for column in header if column not in known)
    return f"{message}; as {nearest.name} it lacks {lacking}" + (f", and has unknown {odd}" if odd else "")


def _misspelt(header: list[str]) -> list[str]:
    """Columns that are passed over though they look like ones that are read, and those that are there twice."""
    known = plain.COLUMNS | plain.OPTIONAL
    found = [f"{column!r} is there twice" for column in sorted(known) if header.count(column) > 1]
    for column in header:
        near = get_close_matches(column, plain.OPTIONAL - set(header), n=1, cutoff=0.75)
        if column not in known and near:
            found.append(f"unknown column {column[:40]!r}; {near[0]} is meant?")
    return found


def _files_in(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.name.endswith((".csv", ".csv.gz")))


def _open(name: str, content: bytes) -> _Sheet:
    """The header and records of a CSV document. Raises ValueError when it is none."""
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(LIMIT_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"not a sound gzip file: {error}") from error
    if len(content) > LIMIT_BYTES:
        raise ValueError(f"more than {LIMIT_BYTES} bytes")
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    first = text.readline()
    separator = max(",;\t", key=first.count)
    header = [cell.strip().strip('"').strip().lower() for cell in first.rstrip("\r\n").split(separator)]
    return _Sheet(name, header, _records(name, text, separator))


def _records(name: str, text: io.StringIO, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text, delimiter=separator)
    try:
        for record in reader:
            if record:
                yield reader.line_num + 1, [cell.strip() for cell in record]
    except csv.Error as error:
        line = reader.line_num + 1
        raise Refused.because(Fault(field=f"{name}.line[{line}]", message=f"not CSV: {error}")) from error


def _vehicles_in(sheet: _Sheet) -> Iterator[tuple[str, Vehicle]]:
    for row, record in sheet.records:
        try:
            yield norway.vehicle_of(_cells(sheet, record))
        except Unusable as verdict:
            fault = Fault(field=f"{sheet.source}.line[{row}]", message=verdict.detail)
            raise Refused.because(fault) from verdict


def _cells(sheet: _Sheet, record: list[str]) -> Cells:
    """The record by column name. Raises Unusable when it has more or fewer values than the header has names."""
    if len(record) != len(sheet.header):
        raise Unusable(Reason.UNREADABLE, f"{len(record)} values for {len(sheet.header)} columns")
    return dict(zip(sheet.header, record, strict=True))


def _read_all(readable: list[tuple[_Sheet, _DataSet]], reading: Reading) -> VisitFile:
    found: list[_Found] = []
    left_out: list[LeftOut] = []
    adjusted: Counter[Rule] = Counter()
    for sheet, data_set in readable:
        for row, record in sheet.records:
            reading.applied.clear()
            try:
                visit = data_set.visit_of(_cells(sheet, record), reading)
            except Unusable as verdict:
                reason, detail = verdict.reason, verdict.detail
                left_out.append(
                    LeftOut(reason=reason, visit_id=None, source=sheet.source, row=row, detail=detail)
                )
            else:
                found.append(_Found(visit, sheet.source, row))
                adjusted.update(reading.applied)
    kept: list[Visit] = []
    for one, clash in _against_each_other(found):
        if clash is None:
            kept.append(one.visit)
        else:
            visit_id = one.visit.visit_id
            left_out.append(LeftOut(reason=clash, visit_id=visit_id, source=one.source, row=one.row))
    visits = tuple(with_copies(kept))
    copied = sum(old is not new for old, new in zip(kept, visits, strict=True))
    adjusted.update({Rule.GIVEN_TO_COPY: copied} if copied else {})
    return VisitFile(visits=visits, left_out=tuple(left_out), adjusted=dict(adjusted))


def _against_each_other(found: list[_Found]) -> Iterator[tuple[_Found, Reason | None]]:
    """Each by plug-in, with the reason to leave it out for the sake of an earlier one of the same user, if any."""
    seen: set[tuple[str, str]] = set()
    free_at: dict[str, datetime] = {}
    for one in sorted(found, key=lambda f: order_of(f.visit)):
        visit = one.visit
        user = visit.user_reference
        if (user, visit.visit_id) in seen:
            yield one, Reason.DUPLICATE
            continue
        seen.add((user, visit.visit_id))
        if user in free_at and visit.plugged_in_at < free_at[user]:
            yield one, Reason.OVERLAPS
            continue
        free_at[user] = visit.plugged_out_at
        yield one, None
