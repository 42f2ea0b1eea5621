"""What a refusal at the token endpoint takes, for the known and the unknown: `python -m benchmarks.sign_in`.

The application in this process on the in-memory store. Attempts of all kinds take turns in random order; printed are
medians and their ratio to the known one of the kind: who guesses names learns nothing by the clock where that is 1.
"""

from __future__ import annotations

import asyncio
import random
import time
from statistics import median
from typing import Any

import click
import httpx
from rich.console import Console
from rich.table import Table

from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds
from dwell.adapters.passwords import Argon2Passwords
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.credentials import Keyring, create_organization, revoke
from dwell.application.passwords import FAILURES_PER_MINUTE, set_password
from dwell.application.ports import Ports
from dwell.application.users import Person, add_user
from dwell.bootstrap import build_app, configure_log
from dwell.settings import Http, Log, Settings

URL = "/oauth2/token/"
WRONG = "wrong horse battery"
LOGINS = 40
CLIENTS_PER_USER = 10
"""So many attempts by client for each by password: they are quick, and their times noisy."""


async def measure(attempts: int) -> dict[str, list[float]]:
    """Seconds of refused attempts, by who was named."""
    ports, keyring = Ports(MemoryStore(), SystemClock(), SystemIds()), Keyring(b"k" * 32)
    new = await create_organization(ports, keyring, "Acme")
    gone = await create_organization(ports, keyring, "Gone")
    await revoke(ports, keyring, gone.client_id)
    hasher = Argon2Passwords()
    for number in range(LOGINS):
        user = await add_user(ports, new.organization_id, Person())
        login, password = f"known{number}@x", "correct horse battery"
        await set_password(ports, hasher, new.organization_id, user.id, login=login, password=password)
    app: Any = build_app(ports, Settings(http=Http(token_attempts_per_minute=1_000_000)), keyring=keyring)
    transport = httpx.ASGITransport(app=app)
    times: dict[str, list[float]] = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        turns = [_by_client(new.client_id, gone.client_id) for _ in range(attempts * CLIENTS_PER_USER)]
        turns += [_by_password(number) for number in range(attempts)]
        for turn in turns:
            for kind, request in random.sample(list(turn.items()), len(turn)):
                started_s = time.perf_counter()
                answer = await client.post(URL, **request)
                times.setdefault(kind, []).append(time.perf_counter() - started_s)
                if answer.status_code not in (400, 401):
                    raise RuntimeError(answer.text)
    return times


def _by_client(known: str, gone: str) -> dict[str, dict[str, Any]]:
    named = (("client, known", known), ("client, revoked", gone), ("client, none", _none(known)))
    return {
        name: {"auth": (client_id, WRONG), "json": {"grant_type": "client_credentials"}}
        for name, client_id in named
    }


def _by_password(number: int) -> dict[str, dict[str, Any]]:
    grant = {"grant_type": "password", "password": WRONG}
    return {
        f"user, {name}": {"data": {**grant, "username": f"{name}{number % LOGINS}@x"}}
        for name in ("known", "none")
    }


def _none(known: str) -> str:
    """A client id that is as long as a known one, and nobody's."""
    return known[:-1] + ("0" if known[-1] != "0" else "1")


@click.command()
@click.option("--attempts", default=LOGINS * (FAILURES_PER_MINUTE - 1), show_default=True)
def main(attempts: int) -> None:
    """Measure, and print a table. Each login may fail so often before it has to wait."""
    configure_log(Log(level="error"))
    times = asyncio.run(measure(min(attempts, LOGINS * (FAILURES_PER_MINUTE - 1))))
    table = Table("who is named", "median ms", "ratio")
    for kind, found in sorted(times.items()):
        first = median(times[f"{kind.partition(',')[0]}, known"])
        table.add_row(kind, f"{median(found) * 1000:.3f}", f"{median(found) / first:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
