"""What the Flex dialect says of webhooks."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from dwell.api.flex.schemas import At, Id, Pagination, Struct

EventName = Literal["*", "flex:session:updated", "flex:session:withdrawn", "system:heartbeat"]
Url = Annotated[str, msgspec.Meta(min_length=8, max_length=200)]
Secret = Annotated[str, msgspec.Meta(min_length=6, max_length=256)]


class Authentication(Struct, frozen=True, kw_only=True):
    """A header that the receiver wants to see."""

    header_name: str
    header_value: str


class NewWebhook(Struct, frozen=True, kw_only=True):
    """An address that wants to be told."""

    url: Url
    secret: Secret
    events: tuple[EventName, ...] = ("*",)
    authentication: Authentication | None = None


class WebhookChange(Struct, frozen=True, kw_only=True):
    """What changes; it is active again afterwards."""

    url: Url | msgspec.UnsetType = msgspec.UNSET
    secret: Secret | msgspec.UnsetType = msgspec.UNSET
    events: tuple[EventName, ...] | msgspec.UnsetType = msgspec.UNSET
    authentication: Authentication | msgspec.UnsetType | None = msgspec.UNSET


class HeaderName(Struct, frozen=True, kw_only=True):
    """The header's name; its value is never shown."""

    header_name: str


class Webhook(Struct, frozen=True, kw_only=True):
    """A webhook, without its secret."""

    id: Id
    url: str
    events: tuple[str, ...]
    last_success: At | None
    is_active: bool
    created_at: At
    api_version: str | None
    authentication: HeaderName | None


class WebhookPage(Struct, frozen=True, kw_only=True):
    """A page of webhooks."""

    data: tuple[Webhook, ...]
    pagination: Pagination


class TestResponse(Struct, frozen=True, kw_only=True):
    """What the receiver answered."""

    code: int
    body: str
    headers: tuple[str, ...]


class TestResult(Struct, frozen=True, kw_only=True):
    """Whether the receiver took a test event."""

    status: Literal["SUCCESS", "FAILURE"]
    description: str
    response: TestResponse | None
