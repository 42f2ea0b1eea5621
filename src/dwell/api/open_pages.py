"""What anybody may read: the front page, the documentation, health, and measures. Nothing here names a tenant.

The pages are plain HTML of our own: they work without a network, and hold no script.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec

from dwell.api.native.errors import RETRY_AFTER_S, answer_error
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.metrics import MEDIA_TYPE
from dwell.api.shared.openapi import write_openapi
from dwell.api.shared.operations import Access, Call, Operation
from dwell.api.shared.problems import write_problem
from dwell.application.engine import next_wake_at
from dwell.application.queries import lag_s, store_answers, tally
from dwell.domain.errors import DwellError

HTML = "text/html"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733;
  background: #fff; }
h1 { font-size: 1.6rem } h2 { margin-top: 2.5rem; border-bottom: 1px solid #d5dde5 } h3 { margin: 1.5rem 0 .3rem }
code, pre { font: 14px/1.45 ui-monospace, monospace; background: #f2f5f8; border-radius: 4px }
code { padding: .1em .3em } pre { padding: .8rem; overflow-x: auto }
table { border-collapse: collapse; margin: .4rem 0 } td, th { text-align: left; padding: .15rem 1rem .15rem 0;
  vertical-align: top }
.method { display: inline-block; min-width: 4rem; font-weight: 600; color: #0b5c8a }
a { color: #0b5c8a } summary { cursor: pointer; color: #51606f }
@media (prefers-color-scheme: dark) { body { color: #dbe3ea; background: #14191f } a, .method { color: #7cc4ef }
  code, pre { background: #1f2730 } h2 { border-color: #34404c } summary { color: #9fb0c0 } }
"""


def _page(title: str, body: str) -> bytes:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="/style.css"></head><body>{body}</body></html>'
    ).encode()


def front_page(text: str) -> bytes:
    """A short page with links, and `text` as it is, for instance lines to paste."""
    extra = f"<pre>{escape(text)}</pre>" if text else ""
    return _page(
        "Dwell",
        "<h1>Dwell</h1><p>An open engine for electric-vehicle charging sessions.</p><ul>"
        '<li><a href="/dashboard">Dashboard</a></li>'
        '<li><a href="/docs">Documentation of the interface</a></li>'
        '<li><a href="/openapi.json">OpenAPI document</a></li>'
        '<li><a href="/api/partners/v2.0/openapi.json">OpenAPI document of the Partner interface</a></li>'
        '<li><a href="/health/ready">Health</a></li>'
        '<li><a href="/metrics">Measures</a></li></ul>' + extra,
    )


def documentation_page(document: dict[str, Any]) -> bytes:
    """The OpenAPI document, for people."""
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(method.upper(), path, operation))
    parts = [
        f"<h1>{escape(document['info']['title'])} {escape(document['info']['version'])}</h1>"
        f"<p>{escape(document['info']['description'])} "
        '<a href="/openapi.json">The same as an OpenAPI document.</a></p>'
    ]
    parts += [f"<h2>{escape(tag)}</h2>{''.join(entries)}" for tag, entries in by_tag.items()]
    parts.append("<h2>Objects</h2>")
    parts += [_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    return _page("Dwell: the interface", "".join(parts))


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{parameter['in']}</td>"
        f"<td>{escape(parameter.get('description', ''))}</td></tr>"
        for parameter in operation["parameters"]
    ]
    if "requestBody" in operation:
        contents = operation["requestBody"]["content"]
        media, schema = ", ".join(contents), next(iter(contents.values()))["schema"]
        rows.append(f"<tr><td>body</td><td>{escape(media)}</td><td>{_reference(schema)}</td></tr>")
    for status, answer in operation["responses"].items():
        content: dict[str, Any] = next(iter(answer.get("content", {}).values()), {"schema": {}})
        what = _reference(content["schema"])
        rows.append(f"<tr><td>{status}</td><td>{what}</td><td>{escape(answer['description'])}</td></tr>")
    description = operation.get("description", "")
    return (
        f'<h3 id="{escape(operation["operationId"])}"><span class="method">{method}</span> '
        f"<code>{escape(path)}</code></h3><p>{escape(operation['summary'])}. {escape(description)}</p>"
        f"<details><summary>Takes and gives</summary><table>{''.join(rows)}</table></details>"
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    pretty = msgspec.json.format(msgspec.json.encode(schema), indent=2).decode()
    description = escape(schema.get("description", ""))
    return (
        f'<h3 id="object-{escape(name)}">{escape(name)}</h3><p>{description}</p>'
        f"<details><summary>Members</summary><pre>{escape(pretty)}</pre></details>"
    )


def _reference(schema: dict[str, Any]) -> str:
    inner = schema.get("items", schema)
    name = str(inner.get("$ref", "")).rpartition("/")[2]
    link = f'<a href="#object-{escape(name)}">{escape(name)}</a>' if name else ""
    return f"list of {link}" if "items" in schema else link


# --- the operations ---


async def _live(call: Call) -> Answer:
    del call
    return answer_json(200, {"status": "live"})


async def _ready(call: Call) -> Answer:
    backend = call.backend
    await store_answers(backend.ports)
    ailing = []
    if backend.ports.store.trouble is not None:
        ailing.append("The store could not commit when it last tried.")
    if backend.metrics.engine_trouble is not None:
        ailing.append("The engine's last run failed; it tries again.")
    if ailing:
        return write_problem(503, " ".join(ailing), headers={"retry-after": str(RETRY_AFTER_S)})
    return answer_json(200, {"status": "ready"})


async def _metrics(call: Call) -> Answer:
    ports, metrics = call.backend.ports, call.backend.metrics
    try:
        metrics.note_lag(lag_s(await next_wake_at(ports), ports.clock.now()))
        if metrics.wants_tally():
            metrics.note_tally(await tally(ports, call.backend.wall.now()))
    except DwellError:
        metrics.note_lag(float("nan"))  # measures are wanted most when the store is away
    return Answer(200, metrics.write(), media_type=MEDIA_TYPE)


def open_operations(
    documented: Sequence[Operation], *, version: str, front_text: str
) -> tuple[Operation, ...]:
    """The operations open to anybody; `documented` are all the others."""
    health = (
        _open("/health/live", "live", "The process answers", _live, documented=True),
        _open(
            "/health/ready",
            "ready",
            "The process answers, its store commits, and its engine runs",
            _ready,
            documented=True,
        ),
        _open("/metrics", "metrics", "Measures for Prometheus", _metrics),
    )
    document = write_openapi([*documented, *health], version)
    pages = {
        "/": Answer(200, front_page(front_text), media_type=HTML),
        "/docs": Answer(200, documentation_page(msgspec.json.decode(document)), media_type=HTML),
        "/openapi.json": Answer(200, document),
        "/style.css": Answer(200, _STYLE.encode(), media_type="text/css"),
    }
    return (
        *health,
        *(_open(path, f"page{path}", "A page", _always(answer)) for path, answer in pages.items()),
    )


def _always(answer: Answer) -> Any:
    async def serve(call: Call) -> Answer:
        del call
        return answer

    return serve


def _open(path: str, name: str, summary: str, serve: Any, *, documented: bool = False) -> Operation:
    return Operation(
        method="GET",
        path=path,
        name=name,
        summary=summary,
        serve=serve,
        access=Access.ANYBODY,
        tag="Health",
        answers={200: None} if path != "/health/ready" else {200: None, 503: None},
        on_error=answer_error,
        documented=documented,
    )
