"""CSV text: comment lines, header, records with their line numbers. The separator is told by the header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from typing import NamedTuple

from dwell.domain.errors import Fault
from dwell.protocols.prices.document import refuse

_SEPARATORS = (",", ";", "\t")


class Table(NamedTuple):
    """A CSV document: `# key: value` lines before the header, the column names, the records."""

    remarks: dict[str, str]
    header: list[str]
    records: list[tuple[int, list[str]]]


def header_of(content: bytes) -> list[str]:
    """The column names of `content`, lower case and trimmed; empty when there are none to be seen."""
    head = content[:4096].removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    for line in head.splitlines():
        if line.strip() and not line.startswith("#"):
            return _cells(line)
    return []


def read_table(content: bytes) -> Table:
    """All of `content`. Raises Refused when it is no CSV text in UTF-8."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse([Fault(field="$", message=f"not UTF-8: {error}")]) from error
    remarks, skipped, body = _split_remarks(text)
    lines = StringIO(body, newline="")
    header = _cells(lines.readline())
    try:
        records = list(_records(lines, _separator(body.partition("\n")[0]), skipped + 1))
    except csv.Error as error:
        raise refuse([Fault(field="$", message=f"not CSV: {error}")]) from error
    return Table(remarks, header, records)


def _split_remarks(text: str) -> tuple[dict[str, str], int, str]:
    remarks: dict[str, str] = {}
    skipped = 0
    while text and (text[0] == "#" or not text.partition("\n")[0].strip()):
        line, _, text = text.partition("\n")
        skipped += 1
        key, colon, value = line.lstrip("# ").partition(":")
        if colon:
            remarks[key.strip().lower()] = value.strip()
    return remarks, skipped, text


def _separator(line: str) -> str:
    return max(_SEPARATORS, key=line.count)


def _cells(line: str) -> list[str]:
    line = line.rstrip("\r\n")
    return [cell.strip().strip('"').strip().lower() for cell in line.split(_separator(line))]


def _records(lines: StringIO, separator: str, before: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=separator, strict=True)
    for record in reader:
        if any(record):
            yield before + reader.line_num, record
