"""Frames without their secrets, for journal and log (OC24)."""

from __future__ import annotations

import re

BLACK = b'"***"'
_NAMES = b"authorizationkey|basicauthpassword|password|apikey|securitykey"
_PARTS = (b"key", b"password")
"""One of these is in each of the names."""
_STRING = rb'"(?:[^"\\]|\\.)*"'
_PAIR = re.compile(rb'("(?:' + _NAMES + rb')"\s*:\s*)' + _STRING, re.IGNORECASE)
"""`"password": "…"`: a member that is called so."""
_NAMED = re.compile(
    rb'("(?:key|name)"\s*:\s*"(?:'
    + _NAMES
    + rb')"[^{}]*?(?:\}\s*,\s*|,\s*)"(?:value|attributeValue)"\s*:\s*)'
    + _STRING,
    re.IGNORECASE,
)
"""`"key": "AuthorizationKey", …, "value": "…"`: configuration keys and variables, the name before the value."""
_NAMED_LATER = re.compile(
    rb'("(?:value|attributeValue)"\s*:\s*)'
    + _STRING
    + rb'([^{}]*?(?:\{[^{}]*\}[^{}]*?)?(?:\{\s*)?"(?:key|name)"\s*:\s*"(?:'
    + _NAMES
    + rb')")',
    re.IGNORECASE,
)
"""The same with the value before the name."""


def redacted(frame: bytes) -> bytes:
    """The frame with the values of keys and passwords blackened. What is no JSON is searched just the same."""
    lower = frame.lower()
    if not any(
        part in lower for part in _PARTS
    ):  # nearly every frame; each of the patterns costs microseconds
        return frame
    frame = _PAIR.sub(rb"\1" + BLACK, frame)
    frame = _NAMED.sub(rb"\1" + BLACK, frame)
    return _NAMED_LATER.sub(rb"\1" + BLACK + rb"\2", frame)
