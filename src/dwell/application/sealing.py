"""Secrets at rest: encrypted with a key that is not in the database, bound to what they belong to."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dwell.application.credentials import Keyring
from dwell.application.ports import Ids
from dwell.domain.errors import Unavailable

_NONCE_BYTES = 12
_PURPOSE = "sealing"


def seal(keyring: Keyring, ids: Ids, owner: str, secret: str) -> bytes:
    """AES-256-GCM over `secret`, readable only with the key and for the same `owner`."""
    nonce = keyring.digest("nonce", ids.new_secret())[:_NONCE_BYTES]
    sealed: bytes = AESGCM(keyring.digest(_PURPOSE, "")).encrypt(nonce, secret.encode(), owner.encode())
    return nonce + sealed


def unseal(keyring: Keyring, owner: str, sealed: bytes) -> str:
    """The secret. Raises Unavailable where the key is another one than it was sealed with."""
    cipher = AESGCM(keyring.digest(_PURPOSE, ""))
    try:
        plain: bytes = cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())
    except InvalidTag as error:
        raise Unavailable("a stored secret was sealed with another key", code="sealed") from error
    return plain.decode()
