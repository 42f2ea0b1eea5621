"""Settings: one frozen tree, from a TOML file, then the environment (`DWELL_…`), then flags; the later one wins.

    database_url = "postgresql://dwell@db/dwell"     DWELL_DATABASE_URL
    [http]
    port = 8080                                      DWELL_HTTP_PORT

A key that is not known refuses to start, and so does a value that cannot be used; all faults are named at once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import platformdirs

from dwell.domain.webhooks.targets import Network
from dwell.protocols.prices.document import read_zone
from dwell.protocols.webhooks.signature import key_of

PREFIX = "DWELL_"
CONFIG_VARIABLE = "DWELL_CONFIG"
NOT_SETTINGS = frozenset({CONFIG_VARIABLE, "DWELL_SYSTEM_INSTALL"})
"""Variables of our prefix that are for others: the second one is read by the set-up that `make` runs."""
SECRET_KEY_BYTES = 32


class SettingsRefused(Exception):
    """The settings cannot be used; one sentence for each fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def data_directory() -> Path:
    """Where this user's data lives."""
    return Path(platformdirs.user_data_dir("dwell", appauthor=False))


def _default_database_url() -> str:
    return f"sqlite:///{data_directory() / 'dwell.sqlite3'}"


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    return value


def _database_url(value: object) -> str:
    text = _text(value)
    if not text.startswith(("sqlite:///", "postgresql://")) or text == "sqlite:///":
        raise ValueError("must be sqlite:/// and a path, or postgresql://…")
    return text


def _secret_key(value: object) -> bytes:
    try:
        key = bytes.fromhex(_text(value))
    except ValueError as error:
        raise ValueError(f"must be {SECRET_KEY_BYTES} bytes or more in hexadecimal") from error
    if len(key) < SECRET_KEY_BYTES:
        raise ValueError(f"must be {SECRET_KEY_BYTES} bytes or more in hexadecimal")
    return key


def _whole(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        try:
            number = int(value) if isinstance(value, str) else value
        except ValueError:
            number = None
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return number

    return read


def _seconds(low: float, high: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        try:
            number = float(value) if isinstance(value, str | int | float) else None
        except ValueError:
            number = None
        if isinstance(value, bool) or number is None or not low <= number <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return number

    return read


def _one_of(*words: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return str(value)

    return read


def _switch(value: object) -> bool:
    known = {True: True, False: False, "true": True, "false": False, "on": True, "off": False}
    if not isinstance(value, bool | str) or value not in known:
        raise ValueError("must be true or false")
    return known[value]


def _web_address(value: object) -> str:
    if not isinstance(value, str) or (value and not value.startswith(("http://", "https://"))):
        raise ValueError("must be an http:// or https:// address")
    return value


def _signing_secret(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    key_of(value)
    return value


def _networks(value: object) -> tuple[Network, ...]:
    texts = value.split(",") if isinstance(value, str) else value
    try:
        if isinstance(texts, list):
            return tuple(ip_network(str(text).strip()) for text in texts if str(text).strip())
    except ValueError:
        pass
    raise ValueError("must be networks such as 10.1.0.0/16, comma-separated")


def _price_zone(value: object) -> str:
    return read_zone(value) if isinstance(value, str) and value else ""


def _organization(value: object) -> str:
    if value in {None, ""}:
        return ""
    try:
        return str(UUID(str(value)))
    except ValueError as error:
        raise ValueError("must be the id of an organization") from error


def _setting(default: Any, read: Callable[[object], Any], says: str) -> Any:
    return field(default=default, metadata={"read": read, "says": says})


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """The server."""

    host: str = _setting("127.0.0.1", _text, "address to listen on")
    port: int = _setting(8080, _whole(0, 65535), "port to listen on; 0 takes a free one")
    trusted_proxies: str = _setting("", str, "addresses whose X-Forwarded-For is believed, comma-separated")
    connections_at_most: int = _setting(4096, _whole(1, 1_000_000), "more connections are answered 503")
    connections_per_address: int = _setting(
        1024,
        _whole(1, 1_000_000),
        "more from one address (an IPv6 /64) are answered 429; not of trusted_proxies",
    )
    body_timeout_s: float = _setting(30.0, _seconds(0.1, 3600), "how long a request's body may take")
    graceful_stop_s: float = _setting(
        20.0, _seconds(1, 3600), "how long requests under way may take at a stop"
    )
    token_attempts_per_minute: int = _setting(
        600, _whole(1, 1_000_000), "attempts at a token per address and minute; a failed one counts ten"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """The way to the vehicles: an address of the operator's that is called for every order."""

    url: str = _setting(
        "", _web_address, "http(s) address that orders are posted to; empty: no way to vehicles"
    )
    secret: str = field(
        default="",
        repr=False,
        metadata={"read": _signing_secret, "says": "signs the orders: whsec_ and base64, or any text"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Deliveries to receivers."""

    deliver: bool = _setting(True, _switch, "whether this process delivers; several may")
    allowed_networks: tuple[Network, ...] = _setting(
        (), _networks, "inner networks that may be targets, comma-separated (10.1.0.0/16,127.0.0.1)"
    )
    allow_http: bool = _setting(False, _switch, "whether targets without TLS are taken")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """How sessions are judged. A change counts from the next fact or look on; what is settled stays as it is."""

    fresh_within_s: float = _setting(
        1800.0,
        _seconds(60, 86_400),
        "how old the newest word that a vehicle is plugged in may be for plans and orders",
    )
    silent_after_s: float = _setting(
        86_400.0,
        _seconds(600, 604_800),
        "a visit that nothing was heard of for so long has ended, unless its deadline lies ahead",
    )
    late_after_s: float = _setting(
        604_800.0, _seconds(60, 31_536_000), "how long after its settlement a session still takes late facts"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What plans keep in hand."""

    spare_minutes: int = _setting(
        20, _whole(0, 240), "how long before its deadline a plan is done, where that is possible"
    )
    least_power_percent: int = _setting(
        90, _whole(50, 100), "the share of the told power with which a plan must still come out"
    )
    learn_power: bool = _setting(True, _switch, "count on the power that a vehicle was seen to give")
    taper: bool = _setting(True, _switch, "allow time for slow charging near full")
    after_deadline: str = _setting(
        "continue",
        _one_of("stop", "continue", "until_unplugged"),
        "after a missed deadline: the next one rules, what is owed is charged, or all until it leaves",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFeed:
    """A live feed of market prices; off unless a zone is named."""

    zone: str = _setting("", _price_zone, "the price zone that is kept fresh from the feed; empty: no feed")
    url: str = _setting(
        "https://api.energy-charts.info/price", _web_address, "where an Energy-Charts service answers"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The listener for charging stations, at ws://HOST:PORT/ocpp/STATION."""

    listen: bool = _setting(True, _switch, "whether this process listens for stations")
    host: str = _setting("127.0.0.1", _text, "address to listen on for stations")
    port: int = _setting(8180, _whole(0, 65535), "port to listen on for stations; 0 takes a free one")
    heartbeat_s: int = _setting(
        300, _whole(10, 86_400), "how often a station shall show that it lives, a tenth up or down"
    )
    without_key: bool = _setting(
        False,
        _switch,
        "whether a registered station that shows no key is let in (its name is all that it needs)",
    )
    connections_at_most: int = _setting(10_000, _whole(1, 1_000_000), "more stations are answered 503")
    connections_per_address: int = _setting(
        1_000, _whole(1, 1_000_000), "more stations from one address are answered 429"
    )
    failures_per_minute: int = _setting(
        30, _whole(1, 1_000_000), "after so many wrong keys an address or a name is answered 429 for a minute"
    )
    pending_organization: str = _setting(
        "", _organization, "whose stations unknown ones become once approved; empty: they are refused"
    )
    pending_at_most: int = _setting(
        100, _whole(1, 1_000), "more unknown stations do not wait, but are refused"
    )
    certificate: str = _setting("", str, "file of the server's TLS certificate and its chain; empty: no TLS")
    private_key: str = _setting("", str, "file of the certificate's key, where it is another")
    client_ca: str = _setting(
        "", str, "file of the authorities of stations' certificates; set: each station needs one in its name"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log, on standard error."""

    level: str = _setting("info", _one_of("debug", "info", "warning", "error"), "least level that is written")
    format: str = _setting("auto", _one_of("auto", "json", "text"), "auto: text on a terminal, else JSON")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that an operator may set."""

    database_url: str = field(
        default_factory=_default_database_url,
        repr=False,  # it may hold a password
        metadata={"read": _database_url, "says": "sqlite:/// and a path, or postgresql://…"},
    )
    secret_key: bytes | None = field(
        default=None,
        repr=False,
        metadata={"read": _secret_key, "says": "key of credentials and cursors; else one is kept in a file"},
    )
    http: Http = field(default_factory=Http)
    orders: Orders = field(default_factory=Orders)
    webhooks: Webhooks = field(default_factory=Webhooks)
    engine: Engine = field(default_factory=Engine)
    planning: Planning = field(default_factory=Planning)
    price_feed: PriceFeed = field(default_factory=PriceFeed)
    gateway: Gateway = field(default_factory=Gateway)
    log: Log = field(default_factory=Log)


def known_settings(
    kind: type = Settings, path: tuple[str, ...] = ()
) -> dict[tuple[str, ...], Mapping[str, Any]]:
    """Each setting by its path, with how it is read and what it says."""
    found: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for entry in fields(kind):
        here = (*path, entry.name)
        factory = entry.default_factory
        if isinstance(factory, type) and is_dataclass(factory):
            found |= known_settings(factory, here)
        else:
            found[here] = entry.metadata
    return found


def variable_of(path: tuple[str, ...]) -> str:
    """The environment variable of a setting."""
    return PREFIX + "_".join(path).upper()


def load_settings(
    environment: Mapping[str, str],
    *,
    config: Path | None = None,
    flags: Mapping[tuple[str, ...], object] | None = None,
) -> Settings:
    """The settings from the file (`config`, or what DWELL_CONFIG names), the environment and the flags.

    Raises SettingsRefused.
    """
    known = known_settings()
    faults = list[str]()
    given: dict[tuple[str, ...], tuple[str, object]] = {}
    named = config or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    if named is not None:
        for path, value in _flatten(_read_file(named)).items():
            given[path] = (f"{named}: {'.'.join(path)}", value)
    by_variable = {variable_of(path): path for path in known}
    for name, text in environment.items():
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            given[by_variable.get(name, (name,))] = (name, text)
    for path, flag in (flags or {}).items():
        given[path] = (f"--{'-'.join(path)}", flag)
    values: dict[tuple[str, ...], object] = {}
    for path, (origin, value) in given.items():
        if path not in known:
            faults.append(f"{origin} is not a setting")
            continue
        try:
            values[path] = known[path]["read"](value)
        except ValueError as error:
            faults.append(f"{origin} {error}")
    built: Settings = _build(Settings, (), values)
    faults += _disagreements(built)
    if faults:
        raise SettingsRefused(sorted(faults))
    return built


def _disagreements(settings: Settings) -> list[str]:
    """What is wrong with settings that are right one by one."""
    if settings.orders.url and not settings.orders.secret:
        return [f"{variable_of(('orders', 'secret'))} must be set where orders are posted: it signs them"]
    return []


def _build(kind: Any, path: tuple[str, ...], values: Mapping[tuple[str, ...], object]) -> Any:
    chosen: dict[str, object] = {}
    for entry in fields(kind):
        here = (*path, entry.name)
        factory = entry.default_factory
        if isinstance(factory, type) and is_dataclass(factory):
            chosen[entry.name] = _build(factory, here, values)
        elif here in values:
            chosen[entry.name] = values[here]
    return kind(**chosen)


def _read_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsRefused([f"{path} cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise SettingsRefused([f"{path} is not TOML: {error}"]) from error


def _flatten(table: Mapping[str, object], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], object]:
    flat: dict[tuple[str, ...], object] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat |= _flatten(value, (*path, name))
        else:
            flat[(*path, name)] = value
    return flat
