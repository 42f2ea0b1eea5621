"""Open data that ships with Dwell: real prices and real charging visits, byte for byte as published.

Where each comes from, under which licence and what we changed is in `ATTRIBUTION.md` beside this file (`attribution`
returns it); whoever shows this data to others has to name its sources.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from importlib.resources import files
from importlib.resources.abc import Traversable

DE_LU = "energy-charts_DE-LU"
"""89 days of day-ahead prices of Germany and Luxembourg, hourly to 2025-09-30, then quarter hours."""
AT = "awattar_AT_15min"
"""12 days of Austrian prices in quarter hours (the first of them in hours)."""
PRICE_SETS = (DE_LU, AT)


def shipped_prices(price_set: str = DE_LU) -> list[tuple[str, bytes]]:
    """Name and content of each document of a price set, in order of time. Raises KeyError for an unknown set."""
    if price_set not in PRICE_SETS:
        raise KeyError(price_set)
    packed = (_here() / "prices" / f"{price_set}.tar.gz").read_bytes()
    documents = []
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                documents.append((f"{price_set}/{member.name}", content.read()))
    return sorted(documents)


def shipped_visits() -> list[tuple[str, bytes]]:
    """Name and content of the Norwegian residential visits and of the file of their users' predicted vehicles."""
    folder = _here() / "visits"
    packed = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".csv.gz")), key=_name_of)
    return [(entry.name.removesuffix(".gz"), gzip.decompress(entry.read_bytes())) for entry in packed]


def attribution() -> str:
    """Sources, licences and changes, as Markdown."""
    return (_here() / "ATTRIBUTION.md").read_text(encoding="utf-8")


def _here() -> Traversable:
    return files(__name__)


def _name_of(entry: Traversable) -> str:
    return entry.name
