"""The dashboard's files, out of the package: one page, its style and its modules, each with an ETag."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files

from dwell.api.shared.answers import Answer
from dwell.api.shared.operations import Call
from dwell.api.shared.problems import NO_SUCH_PATH, HttpRefusal

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


async def page(call: Call) -> Answer:
    """The page, whatever is behind it: it asks by itself who is there."""
    return _file(call, "index.html")


async def asset(call: Call) -> Answer:
    """A file of ours."""
    return _file(call, call.path["name"])


async def vendored(call: Call) -> Answer:
    """A file of a library."""
    return _file(call, f"vendor/{call.path['name']}")


def _file(call: Call, name: str) -> Answer:
    found = _read(name)
    if found is None:
        raise HttpRefusal(404, NO_SUCH_PATH)
    body, etag = found
    headers = {"etag": etag, "cache-control": "no-cache", "content-security-policy": POLICY}
    media_type = TYPES[name.rpartition(".")[2]]
    if call.headers.get("if-none-match") == etag:
        return Answer(304, media_type=media_type, headers=headers)
    return Answer(200, body, media_type=media_type, headers=headers)


@lru_cache(maxsize=64)
def _read(name: str) -> tuple[bytes, str] | None:
    """A file and its tag; None for a name that is none of ours. The folder is listed, never joined with the name."""
    folder = files("dwell.api.dashboard").joinpath("static")
    inner, _, last = name.rpartition("/")
    shelf = folder.joinpath("vendor") if inner else folder
    if not shelf.is_dir():
        return None
    known = {one.name: one for one in shelf.iterdir() if one.is_file()}
    if last not in known or last.rpartition(".")[2] not in TYPES:
        return None
    body = known[last].read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
