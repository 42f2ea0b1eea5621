"""The Standard Webhooks signature: `v1,` and the base64 of HMAC-SHA256(key, `id.timestamp.body`).

Source of the format: the Standard Webhooks specification. A receiver checks it with any library of that name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """The key that `secret` stands for: base64 after `whsec_`, else its UTF-8 bytes. Raises ValueError."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a secret that starts with whsec_ goes on in base64") from error


def signed_headers(key: bytes, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers under which `body` is sent at `at`."""
    timestamp = str(int(at.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }


def delivery_headers(secret: str, delivery_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of one delivery of events, signed in both ways."""
    return {
        "content-type": "application/json",
        "user-agent": "dwell",
        "x-enode-delivery": delivery_id,
        "x-enode-signature": enode_signature(secret, body),
        **signed_headers(key_of(secret), delivery_id, at, body),
    }


def enode_signature(secret: str, body: bytes) -> str:
    """The value of `x-enode-signature`: `sha1=` and the lowercase hexadecimal of HMAC-SHA1 over the raw body."""
    return "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
