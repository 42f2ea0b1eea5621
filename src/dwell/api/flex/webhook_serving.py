"""What serves webhooks in the Flex dialect."""

from __future__ import annotations

import re

import msgspec

from dwell.api.flex import webhook_schemas as schemas
from dwell.api.flex.requests import Filters, canonical_uuid
from dwell.api.flex.serving import pages_of, pagination_of, window_of
from dwell.api.shared.answers import NO_CONTENT, Answer, answer_json
from dwell.api.shared.documents import Document, read_document
from dwell.api.shared.operations import Call
from dwell.application.webhooks import (
    NO_WEBHOOK,
    Wanted,
    WebhookView,
    add_webhook,
    change_webhook,
    header_of,
    reactivate,
    remove_webhook,
    secret_of,
    webhook_view,
    webhook_views,
)
from dwell.domain.errors import NotFound
from dwell.domain.instants import write_instant
from dwell.domain.webhooks.subscription import ALL_EVENTS, EVENT_NAMES
from dwell.protocols.webhooks.signature import delivery_headers, key_of

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", re.ASCII)
_NOT_THEIRS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent"}
)
_TEST_EVENT = "system:test"


async def post_webhook(call: Call) -> Answer:
    """Register a webhook."""
    wanted = _read(read_document(await call.body()), new=True)
    view = await add_webhook(call.backend.office, call.organization_id, wanted)
    return answer_json(201, _shown(view))


async def list_webhooks(call: Call) -> Answer:
    """A page of webhooks."""
    pages = pages_of(call, Filters(call.query))
    window = window_of(pages)
    rows = await webhook_views(
        call.backend.ports,
        call.organization_id,
        after_id=window.after_id,
        before_id=window.before_id,
        limit=window.limit,
    )
    page = pages.cut(rows, lambda row: (row.webhook.id,), reversed_before=True)
    data = tuple(_shown(row) for row in page.rows)
    return answer_json(200, schemas.WebhookPage(data=data, pagination=pagination_of(page)))


async def get_webhook(call: Call) -> Answer:
    """One webhook."""
    return answer_json(200, _shown(await webhook_view(call.backend.ports, call.organization_id, _id(call))))


async def patch_webhook(call: Call) -> Answer:
    """Change the webhook, and have it active again."""
    webhook_id = _id(call)
    wanted = _read(read_document(await call.body()), new=False)
    view = await change_webhook(call.backend.office, call.organization_id, webhook_id, wanted)
    call.backend.changed()
    return answer_json(200, _shown(view))


async def delete_webhook(call: Call) -> Answer:
    """End the webhook."""
    await remove_webhook(call.backend.ports, call.organization_id, _id(call))
    return NO_CONTENT


async def test_webhook(call: Call) -> Answer:
    """Send a test event now, and tell what became of it; a receiver that takes it is active again."""
    office, ports = call.backend.office, call.backend.ports
    view = await webhook_view(ports, call.organization_id, _id(call))
    now = ports.clock.now()
    said = {"event": _TEST_EVENT, "createdAt": write_instant(now.replace(microsecond=0))}
    body = msgspec.json.encode([said])
    headers = delivery_headers(secret_of(office.keyring, view.webhook), ports.ids.new_id(), now, body)
    headers |= header_of(office.keyring, view.webhook)
    answered = await office.deliver.post(view.webhook.url, body, headers)
    if answered.is_success:
        await reactivate(ports, call.organization_id, view.webhook.id)
        call.backend.changed()
    taken = "The receiver took the test event."
    response = None
    if answered.status is not None:
        response = schemas.TestResponse(code=answered.status, body=answered.body, headers=())
    result = schemas.TestResult(
        status="SUCCESS" if answered.is_success else "FAILURE",
        description=taken
        if answered.is_success
        else f"The receiver did not take it: {answered.fault or f'status {answered.status}'}.",
        response=response,
    )
    return answer_json(200, result)


def _id(call: Call) -> str:
    found = canonical_uuid(call.path["webhookId"])
    if found is None:
        raise NotFound(NO_WEBHOOK)
    return found


def _read(body: Document, *, new: bool) -> Wanted:
    url = body.text("url", at_least=8, at_most=200, required=new or body.has("url"))
    secret = body.text("secret", at_least=6, at_most=256, required=new or body.has("secret"))
    if secret is not None:
        try:
            key_of(secret)
        except ValueError as error:
            body.fault("secret", str(error))
    events = body.texts("events", (ALL_EVENTS, *EVENT_NAMES))
    header, clears = None, False
    if body.has("authentication"):
        authentication = body.child("authentication")
        clears = authentication is None
        header = _read_header(authentication) if authentication is not None else None
    body.end()
    return Wanted(url=url, secret=secret, events=events, header=header, clears_header=clears)


def _read_header(entry: Document) -> tuple[str, str]:
    name = entry.text("headerName", at_most=64, required=True)
    value = entry.text("headerValue", at_most=1_024, required=True)
    taken = name is not None and (
        name.lower() in _NOT_THEIRS or name.lower().startswith(("x-enode", "webhook-"))
    )
    if name is not None and (taken or not _HEADER.fullmatch(name)):
        entry.fault("headerName", "must be a header name that is not ours")
    if value is not None and not (value.isascii() and value.isprintable()):
        entry.fault("headerValue", "must be visible ASCII")
    return name or "", value or ""


def _shown(view: WebhookView) -> schemas.Webhook:
    webhook, line = view.webhook, view.line
    last = line.last_success_at
    return schemas.Webhook(
        id=webhook.id,
        url=webhook.url,
        events=webhook.events,
        last_success=None if last is None else write_instant(last.replace(microsecond=0)),
        is_active=line.is_active,
        created_at=write_instant(webhook.created_at.replace(microsecond=0)),
        api_version=None,
        authentication=schemas.HeaderName(header_name=webhook.header_name) if webhook.header_name else None,
    )
