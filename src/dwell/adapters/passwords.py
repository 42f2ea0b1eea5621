"""Slow hashes of passwords by Argon2id, in threads of their own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from dwell.domain.errors import Unavailable

T = TypeVar("T")
TIME_COST = 2
MEMORY_KIB = 19 * 1024
LANES = 1
"""The least that OWASP's password storage cheat sheet asks of Argon2id; hashes made otherwise are still verified."""
THREADS = 2
WAITING_AT_MOST = 64
"""About a second of work; whoever comes then is told to come again."""


class Argon2Passwords:
    """A PasswordHasher. Lives on one loop; its threads end with the process."""

    def __init__(self) -> None:
        self._argon2 = PasswordHasher(
            time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID
        )
        self._threads = ThreadPoolExecutor(THREADS, "argon2")
        self._waiting = 0

    async def hashed(self, password: str) -> bytes:
        """A salted Argon2id hash with its parameters, in the usual notation. Raises Unavailable."""
        found = await self._in_thread(partial(self._argon2.hash, _bytes_of(password)))
        return found.encode("ascii")

    async def matches(self, password: str, known: bytes | None) -> bool:
        """Whether the hash is the password's; nobody's hash is worked out all the same. Raises Unavailable."""
        matched = await self._in_thread(partial(self._verified, known, _bytes_of(password)))
        return matched and known is not None

    def _verified(self, known: bytes | None, password: bytes) -> bool:
        nobody = self._nobody  # asked for either way, so that its making tells nothing
        try:
            return self._argon2.verify(known if known is not None else nobody, password)
        except (VerificationError, InvalidHashError):
            return False

    @cached_property
    def _nobody(self) -> bytes:
        return self._argon2.hash(b"").encode("ascii")

    async def _in_thread(self, work: partial[T]) -> T:
        if self._waiting >= WAITING_AT_MOST:
            raise Unavailable("Too many sign-ins are under way.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _bytes_of(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
