"""Files for commands: read and unpacked within a limit, whatever they claim to be."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path


def content_of(file: Path, *, limit_bytes: int) -> bytes:
    """The file's bytes, inflated if they are gzip (by their first bytes, not by name).

    Of a larger one at most `limit_bytes` + 1 bytes: that tells that it is too large, without reading it whole.
    Raises OSError for what cannot be read, or is no sound gzip.
    """
    with file.open("rb") as opened:
        content = opened.read(limit_bytes + 1)
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(content)).read(limit_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise OSError(f"not a sound gzip file: {error}") from error
