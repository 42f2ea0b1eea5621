"""New names from the machine's clock and its source of chance."""

from __future__ import annotations

import os
import secrets
import string
import threading
import time

SECRET_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_LENGTH = 32
"""32 letters of 62 are 190 bits; 128 is the least a secret may have."""

_VERSION_7 = 0x7 << 76
_VARIANT = 0x2 << 62
_RANDOM_BITS = (1 << 62) - 1


class SystemIds:
    """UUIDs of version 7 (RFC 9562: 48 bits of milliseconds, then chance), and secrets in base 62.

    Ids made by one object never go back: within a millisecond, or where the clock was set back, the 74 bits after the
    milliseconds count on from where they were.
    """

    def __init__(self) -> None:
        self._last = 0
        self._turn = threading.Lock()  # units of work run in the store's threads too

    def new_id(self) -> str:
        """Canonical lower-case UUID text, greater than every one this object gave before."""
        fresh = (time.time_ns() // 1_000_000) << 74 | int.from_bytes(os.urandom(10)) >> 6
        with self._turn:
            if fresh >> 74 <= self._last >> 74:
                fresh = self._last + 1 + int.from_bytes(os.urandom(4))
            self._last = fresh
        high, low = fresh >> 62, fresh & _RANDOM_BITS
        value = (high >> 12) << 80 | _VERSION_7 | (high & 0xFFF) << 64 | _VARIANT | low
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def new_secret(self) -> str:
        """32 random letters and digits, none of which is a colon."""
        return "".join(secrets.choice(SECRET_LETTERS) for _ in range(SECRET_LENGTH))
