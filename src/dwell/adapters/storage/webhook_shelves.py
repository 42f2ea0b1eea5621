"""What the in-memory store holds about webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dwell.application.records import Event
from dwell.domain.webhooks.subscription import Attempt, Line, Queued, Webhook

Key = tuple[str, str]


@dataclass
class WebhookShelves:
    """All about webhooks: dicts by (organization id, webhook id); events numbered, by organization."""

    webhooks: dict[Key, Webhook] = field(default_factory=dict)
    lines: dict[Key, Line] = field(default_factory=dict)
    waiting: dict[Key, tuple[Queued, ...]] = field(default_factory=dict)
    dead: dict[Key, tuple[Queued, ...]] = field(default_factory=dict)
    attempts: dict[Key, tuple[Attempt, ...]] = field(default_factory=dict)
    sequences: dict[Key, Mapping[str, int]] = field(default_factory=dict)
    numbered: dict[str, tuple[Event, ...]] = field(default_factory=dict)
    numbered_ids: set[str] = field(default_factory=set)
    position: int = 0
