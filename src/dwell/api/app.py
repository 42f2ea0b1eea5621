"""The application: all operations behind one front door that no request passes unseen.

The front door knows paths exactly (nothing is folded or decoded into another path), answers HEAD as GET without the
body, puts the security headers on, measures, logs, and turns what nobody foresaw into a numbered problem.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any, cast

import structlog
from litestar import Litestar, Request
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse, Response
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import (
    HTTPResponseStartEvent,
    HTTPScope,
    LifeSpanReceive,
    LifeSpanScope,
    LifeSpanSend,
    Message,
    Receive,
    Scope,
    Send,
)

from dwell.api.shared.answers import Answer
from dwell.api.shared.bodies import ClientGone
from dwell.api.shared.callers import caller_of, refusal_of
from dwell.api.shared.operations import PARAMETER, Access, Backend, Call, Operation, read_query
from dwell.api.shared.problems import KINDS, NO_SUCH_PATH, HttpRefusal, answer_refusal, write_problem
from dwell.application.audit import acting
from dwell.application.credentials import CredentialEnded
from dwell.domain.audit import Actor
from dwell.domain.errors import DwellError

SECURITY_HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
}
"""On every answer that does not say otherwise itself."""
_ENCODED_SECURITY = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_MISLEADING = (b"%2f", b"%5c", b"%00")
"""Parts of a path that mean one thing encoded and another decoded."""
_SLASH = "\ufffd"
_UNROUTED = "none"
_SEEN = "dwell_operation"

log = structlog.get_logger("dwell.http")


class Application(Litestar):
    """The ASGI application of one server."""

    def __init__(
        self,
        backend: Backend,
        operations: Iterable[Operation],
        *,
        refusals: Mapping[str, Callable[[HttpRefusal], Answer]] | None = None,
    ) -> None:
        """`refusals`: how a dialect answers what is at no operation, by the path that all of its paths begin with."""
        self.backend = backend
        self._refusals = refusals or {}
        table = tuple(operations)
        self._slashed = {o.path: _routed(o.path) for o in table if o.path.endswith("/") and o.path != "/"}
        super().__init__(
            # OPTIONS first: a path that has none yet gets one of the router's.
            route_handlers=[*_options(table), *(_handler(backend, operation) for operation in table)],
            exception_handlers={HTTPException: _answer_unrouted},
            openapi_config=None,
            logging_config=None,
            request_max_body_size=None,
        )

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        if scope["type"] == ScopeType.HTTP:
            await self._serve(cast(HTTPScope, scope), cast(Receive, receive), cast(Send, send))
        else:
            await super().__call__(scope, receive, send)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        method = str(scope["method"])
        started_s = time.perf_counter()
        door = _Door(send, bodiless=method == "HEAD")
        inner = cast(MutableMapping[str, Any], dict(scope))
        inner["method"] = "GET" if method == "HEAD" else method
        if scope["path"] in self._slashed and scope["raw_path"] == scope["path"].encode():
            inner["path"] = self._slashed[scope["path"]]
            await super().__call__(cast(Scope, inner), receive, door.send)
        elif _is_plain(scope):
            await super().__call__(cast(Scope, inner), receive, door.send)
        else:
            await _send(self.refused(scope["path"], HttpRefusal(404, NO_SUCH_PATH)), door.send)
        duration_s = time.perf_counter() - started_s
        operation = inner.get(_SEEN, _UNROUTED)
        self.backend.metrics.count_request(operation, door.status, duration_s)
        log.info(
            "request_answered",
            operation=operation,
            method=method,
            status=door.status,
            duration_ms=round(duration_s * 1000, 2),
        )

    def refused(self, path: str, refusal: HttpRefusal) -> Answer:
        """The answer to what no operation answers for, in the words of the dialect whose path it is."""
        for beginning, answer in self._refusals.items():
            if path == beginning or path.startswith(f"{beginning}/"):
                return answer(refusal)
        return answer_refusal(refusal)


class _Door:
    """The way out: notes the status, adds the security headers, and drops the body of an answer to HEAD."""

    def __init__(self, send: Send, *, bodiless: bool) -> None:
        self.status = 0
        self._send = send
        self._bodiless = bodiless

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._complete(message)
        elif message["type"] == "http.response.body" and self._bodiless:
            message["body"] = b""
        await self._send(message)

    def _complete(self, start: HTTPResponseStartEvent) -> None:
        self.status = start["status"]
        headers = list(start["headers"])
        names = {name for name, _ in headers}
        headers += [(name, value) for name, value in _ENCODED_SECURITY if name not in names]
        if b"allow" in names:
            headers = [
                (name, value if name != b"allow" or b"HEAD" in value else value.replace(b"GET", b"GET, HEAD"))
                for name, value in headers
            ]
        start["headers"] = headers


def _is_plain(scope: HTTPScope) -> bool:
    """Whether the path means what it says: UTF-8, no empty or dotted parts, no slash at its end, none hidden."""
    path = scope["path"]
    if "\ufffd" in path:  # what was not UTF-8 comes as this, and would make one id of many
        return False
    raw = bytes(scope.get("raw_path", b"")).lower()
    if path != "/" and any(part in {"", ".", ".."} for part in path.split("/")[1:]):
        return False
    return path.startswith("/") and not any(code in raw for code in _MISLEADING)


def _handler(backend: Backend, operation: Operation) -> HTTPRouteHandler:
    async def serve(request: Request[Any, Any, Any]) -> ASGIResponse:
        scope = cast(MutableMapping[str, Any], request.scope)
        scope[_SEEN] = operation.name
        answer = await _answer(backend, operation, scope, request.receive)
        return _response(answer)

    path = _routed(operation.path)
    return HTTPRouteHandler(
        path, http_method=cast(Any, operation.method), name=operation.name, status_code=200
    )(serve)


def _routed(path: str) -> str:
    """The path as the router knows it. The router folds a slash at the end away, so one that counts is marked.

    The mark is a sign that no plain path holds: nobody can ask for it in its place.
    """
    marked = f"{path}{_SLASH}" if path.endswith("/") and path != "/" else path
    return PARAMETER.sub(r"{\1:str}", marked)


def _options(operations: Iterable[Operation]) -> list[HTTPRouteHandler]:
    """For each path what it takes; the router's own answer knows only the method that was registered first."""
    methods: dict[str, set[str]] = {}
    for operation in operations:
        path = _routed(operation.path)
        also = {"HEAD"} if operation.method == "GET" else set[str]()
        methods.setdefault(path, {"OPTIONS"}).update({operation.method}, also)
    return [_options_of(path, ", ".join(sorted(names))) for path, names in methods.items()]


def _options_of(path: str, allowed: str) -> HTTPRouteHandler:
    async def serve() -> ASGIResponse:
        return ASGIResponse(status_code=204, headers={"allow": allowed})

    return HTTPRouteHandler(path, http_method="OPTIONS", name=f"OPTIONS {path}", status_code=200)(serve)


async def _answer(
    backend: Backend, operation: Operation, scope: MutableMapping[str, Any], receive: Any
) -> Answer:
    try:
        headers = _headers(scope)
        caller = None
        if operation.access is not Access.ANYBODY:
            caller = await caller_of(backend, operation.access, headers, method=operation.method)
        call = Call(
            backend=backend,
            operation=operation,
            scope=scope,
            headers=headers,
            path=scope["path_params"],
            query=read_query(operation, scope["query_string"]),
            receive=receive,
            caller=caller,
        )
        operation.allow(call)
        return await operation.serve(_acting(call))
    except HttpRefusal as refusal:
        return operation.on_refusal(refusal)
    except DwellError as error:
        return operation.on_error(error)
    except CredentialEnded:
        return operation.on_refusal(refusal_of(operation.access))
    except ClientGone:
        return write_problem(400, "The request was not complete.", headers={"connection": "close"})
    except Exception:  # the last resort: whatever it is, the caller gets a number and we get the trace
        number = backend.ports.ids.new_id()
        log.exception("request_failed", operation=operation.name, number=number)
        detail = f"Something unforeseen happened. Its number in the log is {number}."
        return operation.on_refusal(HttpRefusal(500, detail))


def _acting(call: Call) -> Call:
    """The call, with everything it changes noted under its caller's name."""
    backend = call.backend
    if call.caller is None or not call.operation.is_audited:
        return call
    actor = Actor(kind=call.caller.kind, name=call.caller.name, address=call.address)
    holds = call.caller.still_holds
    ports = acting(backend.ports, actor, call.caller.organization_id, holds=holds)
    office = replace(backend.office, ports=ports)
    return replace(call, backend=replace(backend, ports=ports, office=office))


def _headers(scope: Mapping[str, Any]) -> dict[str, str]:
    """The headers by name, those given more than once joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _answer_unrouted(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the router itself refuses: an unknown path, a method that the path does not have, a host that is none."""
    status = error.status_code if error.status_code in KINDS else 400
    details = {404: NO_SUCH_PATH, 405: "This address does not take that method."}
    refusal = HttpRefusal(status, details.get(status, "The request cannot be understood."))
    answer = cast(Application, request.app).refused(request.scope["path"], refusal)
    headers = {**(error.headers or {}), **answer.headers}
    return Response(answer.body, status_code=status, headers=headers, media_type=answer.media_type)


def _response(answer: Answer) -> ASGIResponse:
    if answer.stream is not None:
        return ASGIStreamingResponse(
            iterator=answer.stream,
            status_code=answer.status,
            headers=answer.headers,
            media_type=answer.media_type,
        )
    return ASGIResponse(
        body=answer.body,
        status_code=answer.status,
        headers=answer.headers,
        media_type=answer.media_type,
    )


async def _send(answer: Answer, send: Send) -> None:
    headers = [(b"content-type", answer.media_type.encode()), (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
