"""The tables, once, for both SQL stores. Queries are in `statements`; what a change needs is in `migrations`.

Every key begins with the organization, save where no organization is known (credentials are how it becomes known),
where none is meant (prices), where order of arrival is the key (outbox, quarantine), and in what processes tell each
other (relay_…). What is asked for by column is a column; the rest of a thing is `body`, one msgpack blob, so that no
text can offend an engine. Instants are microseconds since 1970 (`domain.instants.micros_of`), flags 0 or 1. No foreign
keys: nothing that is referred to is ever deleted, and the use cases look it up in the same transaction.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.types import TypeEngine

SCHEMA = "0019"
"""The newest migration: what `schema.check` asks of a database. Revisions are numbers of four digits."""

metadata = MetaData()

_BINARY_ORDER: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that sorts by its bytes on both engines, as Python does."""


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, _BINARY_ORDER, primary_key=key, nullable=null)


def _whole(name: str, *, key: bool = False, null: bool = False) -> Column[int]:
    return Column(name, BigInteger(), primary_key=key, nullable=null, autoincrement=False)


def _blob(name: str, *, key: bool = False, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(), primary_key=key, nullable=null)


def _position() -> Column[int]:
    """Order of arrival. SQLite hands out row ids only for a column that is plainly INTEGER."""
    return Column(
        "position", BigInteger().with_variant(Integer(), "sqlite"), Identity(always=False), primary_key=True
    )


def _index_where(condition: str, name: str, *columns: str, unique: bool = False) -> Index:
    """An index of the rows for which `condition` holds."""
    where = text(condition)
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


_IS_SETTLED = "state = 'SETTLED'"

organizations = Table("organizations", metadata, _text("id", key=True), _blob("body"))

credentials = Table(
    "credentials",
    metadata,
    _text("kind", key=True),
    _blob("name_digest", key=True),
    _text("organization_id"),
    _blob("body"),
)

users = Table(
    "users",
    metadata,
    _text("organization_id", key=True),
    _text("id", key=True),
    _blob("reference_digest"),
    _blob("body"),
    Index("users_by_reference", "organization_id", "reference_digest", unique=True),
)

locations = Table(
    "locations",
    metadata,
    _text("organization_id", key=True),
    _text("id", key=True),
    _text("user_id"),
    _whole("created_at"),
    _whole("deleted"),
    _blob("body"),
    Index("locations_by_user", "organization_id", "user_id", "id"),
)

vehicles = Table(
    "vehicles",
    metadata,
    _text("organization_id", key=True),
    _text("id", key=True),
    _text("user_id"),
    _whole("deleted"),
    _blob("body"),
    Index("vehicles_by_user", "organization_id", "user_id", "id"),
)

policies = Table(
    "policies",
    metadata,
    _text("organization_id", key=True),
    _text("id", key=True),
    _text("vehicle_id"),
    _text("location_id"),
    _text("user_id"),
    _whole("created_at"),
    _whole("deleted"),
    _blob("body"),
    _index_where(
        "deleted = 0",
        "policies_one_live",
        "organization_id",
        "vehicle_id",
        "location_id",
        unique=True,
    ),
    Index("policies_by_location", "organization_id", "location_id", "id"),
    Index("policies_by_user", "organization_id", "user_id", "id"),
)

tracks = Table(
    "tracks",
    metadata,
    _text("organization_id", key=True),
    _text("vehicle_id", key=True),
    _whole("version"),
    _whole("wake_at", null=True),
    _blob("body"),
    _index_where(
        "wake_at IS NOT NULL",
        "tracks_by_wake",
        "wake_at",
        "organization_id",
        "vehicle_id",
    ),
)


sessions = Table(
    "sessions",
    metadata,
    _text("organization_id", key=True),
    _text("id", key=True),
    _text("vehicle_id"),
    _text("policy_id", null=True),
    _text("location_id", null=True),
    _text("state"),
    _whole(
        "recency", null=True
    ),  # minus plugged_in_at: ascending is newest first, so a page is one range of an index
    _whole("ended_at", null=True),
    _whole("short"),
    _text("zone", null=True),
    _blob("body"),
    _index_where(_IS_SETTLED, "sessions_settled", "organization_id", "recency", "id"),
    _index_where(
        _IS_SETTLED, "sessions_settled_by_vehicle", "organization_id", "vehicle_id", "recency", "id"
    ),
    _index_where(_IS_SETTLED, "sessions_settled_by_policy", "organization_id", "policy_id", "recency", "id"),
    _index_where(
        _IS_SETTLED, "sessions_settled_by_location", "organization_id", "location_id", "recency", "id"
    ),
    Index("sessions_by_vehicle", "organization_id", "vehicle_id", "state", "ended_at"),
    _index_where(
        "state <> 'SETTLED' AND policy_id IS NOT NULL",
        "sessions_one_unsettled",
        "organization_id",
        "policy_id",
        unique=True,
    ),
    _index_where("state = 'ACTIVE'", "sessions_running", "organization_id", "location_id", "vehicle_id"),
    _index_where(
        "zone IS NOT NULL",
        "sessions_by_zone",
        "zone",
        "state",
        "ended_at",
        "recency",
    ),
)

facts = Table(
    "facts",
    metadata,
    _text("organization_id", key=True),
    _text("vehicle_id", key=True),
    _blob("digest", key=True),
    _whole("at"),
    _whole("received_at"),
    _blob("body"),
    sqlite_with_rowid=False,
)

fact_packs = Table(
    "fact_packs",
    metadata,
    _text("organization_id", key=True),
    _text("vehicle_id", key=True),
    _whole("until_at", key=True),
    _whole("from_at"),
    _whole("count"),
    _blob("body"),
)

quarantine = Table(
    "quarantine",
    metadata,
    _position(),
    _text("organization_id"),
    _text("vehicle_id", null=True),
    _whole("received_at"),
    _text("reason"),
    _blob("raw"),
    _blob("digest", null=True),
    Index("quarantine_once", "organization_id", "digest", unique=True),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    _position(),
    _text("organization_id"),
    _text("session_id"),
    _text("event_id"),
    _whole("created_at"),
    _whole("significant"),
    _whole("sequence", null=True),
    _blob("body"),
    Index("outbox_by_session", "organization_id", "session_id", "position"),
    Index("outbox_by_number", "organization_id", "sequence"),
    _index_where("sequence IS NULL", "outbox_to_route", "organization_id", "position"),
    _index_where("sequence IS NULL", "outbox_to_route_in_all", "position"),
    sqlite_autoincrement=True,  # a position is never given twice, also when the newest row has been delivered
)

orders = Table(
    "orders",
    metadata,
    _text("organization_id", key=True),
    _text("id", key=True),
    _text("vehicle_id"),
    _text("state"),
    _whole("created_at"),
    _blob("body"),
    Index("orders_by_vehicle", "organization_id", "vehicle_id", "created_at", "id"),
)

price_zones = Table(
    "price_zones",
    metadata,
    _text("zone", key=True),
    _text("currency"),
    _whole("stamp"),  # a new random number at each replacement: what was read under one stamp never changes
)

price_slots = Table(
    "price_slots",
    metadata,
    _text("zone", key=True),
    _whole(
        "end_at", key=True
    ),  # slots never overlap, so order by end is order by start, and a window is one range
    _whole("start_at"),
    _text("price"),
    sqlite_with_rowid=False,
)

price_origins = Table(  # which document a zone's prices came from; later rows overrule earlier ones
    "price_origins",
    metadata,
    _position(),
    _text("zone"),
    _whole("start_at"),
    _whole("end_at"),
    _blob("body"),
    Index("price_origins_by_zone", "zone", "end_at"),
)

audit_log = Table(  # who changed what; each row's hash covers the one before it
    "audit_log",
    metadata,
    _text("organization_id", key=True),
    _whole("number", key=True),
    _blob("hash"),
    _blob("body"),
)

tariffs = Table("tariffs", metadata, _text("organization_id", key=True), _text("id", key=True), _blob("body"))

tariff_formulas = Table(
    "tariff_formulas",
    metadata,
    _text("organization_id", key=True),
    _text("location_id", key=True),
    _text("direction", key=True),
    _blob("body"),
)

tariff_uses = Table(  # which formulas have to be worked out again when the prices of a source change
    "tariff_uses",
    metadata,
    _text("organization_id", key=True),
    _text("location_id", key=True),
    _text("direction", key=True),
    _text("source", key=True),
    Index("tariff_uses_by_source", "source", "organization_id", "location_id", "direction"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _text("organization_id", key=True),
    _blob("key_digest", key=True),
    _whole("created_at"),
    _blob("body"),
    Index("idempotency_keys_by_age", "organization_id", "created_at"),
)

outbox_numbers = Table("outbox_numbers", metadata, _text("organization_id", key=True), _whole("last"))

webhooks = Table(
    "webhooks",
    metadata,
    _text("organization_id", key=True),
    _text("id", key=True),
    _whole("deleted"),
    _blob("body"),
)

webhook_lines = Table(
    "webhook_lines",
    metadata,
    _text("organization_id", key=True),
    _text("webhook_id", key=True),
    _whole("next_at", null=True),
    _whole("leased_until"),
    _blob("body"),
    _index_where("next_at IS NOT NULL", "webhook_lines_by_time", "next_at", "organization_id", "webhook_id"),
)

webhook_sequences = Table(
    "webhook_sequences",
    metadata,
    _text("organization_id", key=True),
    _text("webhook_id", key=True),
    _text("session_id", key=True),
    _whole("last"),
)

webhook_queue = Table(
    "webhook_queue",
    metadata,
    _position(),
    _text("organization_id"),
    _text("webhook_id"),
    _whole("dead"),
    _text("session_id"),
    _text("event_id"),
    _whole("sequence"),
    _whole("created_at"),
    _blob("payload"),
    Index("webhook_queue_by_line", "organization_id", "webhook_id", "dead", "position"),
    _index_where("dead = 1", "webhook_queue_dead", "created_at"),
    sqlite_autoincrement=True,
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    _text("organization_id", key=True),
    _text("webhook_id", key=True),
    _text("id", key=True),
    _whole("at"),
    _blob("body"),
    Index("webhook_attempts_by_time", "at"),
)

stations = Table(
    "stations",
    metadata,
    _text("organization_id", key=True),
    _text("id", key=True),
    _text("name"),
    _blob("body"),
    Index("stations_by_name", "name", unique=True),  # the address a station connects to names nothing else
)

pending_stations = Table(
    "pending_stations",
    metadata,
    _text("organization_id", key=True),
    _text("name", key=True),
    _blob("body"),
)

evses = Table(
    "evses",
    metadata,
    _text("organization_id", key=True),
    _text("evse_key", key=True),
    _text("station_id"),
    _blob("body"),
)

id_tokens = Table(
    "id_tokens",
    metadata,
    _text("organization_id", key=True),
    _blob("key_digest", key=True),
    _blob("body"),
)

driver_tariffs = Table(
    "driver_tariffs",
    metadata,
    _text("organization_id", key=True),
    _text("scope", key=True),
    _blob("body"),
)

transactions = Table(
    "transactions",
    metadata,
    _text("organization_id", key=True),
    _text("id", key=True),
    _text("station_id"),
    _blob("reference_digest", null=True),
    _whole("stamped_at", null=True),
    _text("status"),
    _text("auth_type"),
    _text("user_id", null=True),
    _whole("open"),
    _whole("recency"),  # minus created_at
    _whole("wake_at", null=True),
    _blob("body"),
    Index("transactions_newest", "organization_id", "recency", "id"),
    Index("transactions_by_reference", "organization_id", "station_id", "reference_digest"),
    Index("transactions_by_stamp", "organization_id", "station_id", "stamped_at"),
    _index_where("open = 1", "transactions_open", "organization_id", "station_id"),
    _index_where("wake_at IS NOT NULL", "transactions_by_wake", "wake_at"),
)

transaction_samples = Table(
    "transaction_samples",
    metadata,
    _text("organization_id", key=True),
    _text("transaction_id", key=True),
    _whole("at", key=True),
    _blob("digest", key=True),
    _blob("body"),
    sqlite_with_rowid=False,
)

station_frames = Table(
    "station_frames",
    metadata,
    _position(),
    _text("organization_id"),
    _text("station_id"),
    _whole("received_at"),
    _text("protocol"),
    _blob("body"),
    _blob("taken", null=True),
    Index("station_frames_by_station", "organization_id", "station_id", "position"),
    sqlite_autoincrement=True,
)

relay_processes = Table("relay_processes", metadata, _text("id", key=True), _whole("lease_until"))

relay_stations = Table(
    "relay_stations",
    metadata,
    _text("station_id", key=True),
    _text("process_id"),  # empty once the station has left
    _whole("epoch"),
)

relay_orders = Table(
    "relay_orders",
    metadata,
    _text("id", key=True),
    _text("station_id"),
    _text("process_id"),
    _whole("epoch"),
    _text("asked_by"),
    _whole("deadline_at"),
    _whole("claimed"),
    _blob("body"),
    _blob("answer", null=True),
    Index("relay_orders_by_process", "process_id"),
)
