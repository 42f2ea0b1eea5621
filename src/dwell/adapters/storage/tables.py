"""The tables, once, for both SQL stores. Queries are in `statements`; what a change needs is in `migrations`.

Every key begins with the organization, save where no organization is known (credentials are how it becomes known),
where none is meant (prices), where order of arrival is the key (outbox, quarantine), and in what processes tell each
other (relay_…). What is asked for by column is a column; the rest of a thing is `body`, one msgpack blob, so that no
text can offend an engine. Instants are microseconds since 1970 (`domain.instants.micros_of`), flags 0 or 1. No foreign
keys: nothing that is referred to is ever deleted, and the use cases look it up in the same transaction.
"""

from __future__ import annotations

from sqlalchemy import Index, MetaData, Table

from dwell.adapters.storage.columns import blob, index_where, position, whole, words

SCHEMA = "0020"
"""The newest migration: what `schema.check` asks of a database. Revisions are numbers of four digits."""

metadata = MetaData()

_IS_SETTLED = "state = 'SETTLED'"

organizations = Table("organizations", metadata, words("id", key=True), blob("body"))

credentials = Table(
    "credentials",
    metadata,
    words("kind", key=True),
    blob("name_digest", key=True),
    words("organization_id"),
    blob("body"),
)

users = Table(
    "users",
    metadata,
    words("organization_id", key=True),
    words("id", key=True),
    blob("reference_digest"),
    blob("body"),
    Index("users_by_reference", "organization_id", "reference_digest", unique=True),
)

locations = Table(
    "locations",
    metadata,
    words("organization_id", key=True),
    words("id", key=True),
    words("user_id"),
    whole("created_at"),
    whole("deleted"),
    blob("body"),
    Index("locations_by_user", "organization_id", "user_id", "id"),
)

vehicles = Table(
    "vehicles",
    metadata,
    words("organization_id", key=True),
    words("id", key=True),
    words("user_id"),
    whole("deleted"),
    blob("body"),
    Index("vehicles_by_user", "organization_id", "user_id", "id"),
)

policies = Table(
    "policies",
    metadata,
    words("organization_id", key=True),
    words("id", key=True),
    words("vehicle_id"),
    words("location_id"),
    words("user_id"),
    whole("created_at"),
    whole("deleted"),
    blob("body"),
    index_where(
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
    words("organization_id", key=True),
    words("vehicle_id", key=True),
    whole("version"),
    whole("wake_at", null=True),
    blob("body"),
    index_where(
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
    words("organization_id", key=True),
    words("id", key=True),
    words("vehicle_id"),
    words("policy_id", null=True),
    words("location_id", null=True),
    words("state"),
    whole(
        "recency", null=True
    ),  # minus plugged_in_at: ascending is newest first, so a page is one range of an index
    whole("ended_at", null=True),
    whole("short"),
    words("zone", null=True),
    blob("body"),
    index_where(_IS_SETTLED, "sessions_settled", "organization_id", "recency", "id"),
    index_where(_IS_SETTLED, "sessions_settled_by_vehicle", "organization_id", "vehicle_id", "recency", "id"),
    index_where(_IS_SETTLED, "sessions_settled_by_policy", "organization_id", "policy_id", "recency", "id"),
    index_where(
        _IS_SETTLED, "sessions_settled_by_location", "organization_id", "location_id", "recency", "id"
    ),
    Index("sessions_by_vehicle", "organization_id", "vehicle_id", "state", "ended_at"),
    index_where(
        "state <> 'SETTLED' AND policy_id IS NOT NULL",
        "sessions_one_unsettled",
        "organization_id",
        "policy_id",
        unique=True,
    ),
    index_where("state = 'ACTIVE'", "sessions_running", "organization_id", "location_id", "vehicle_id"),
    index_where(
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
    words("organization_id", key=True),
    words("vehicle_id", key=True),
    blob("digest", key=True),
    whole("at"),
    whole("received_at"),
    blob("body"),
    sqlite_with_rowid=False,
)

fact_packs = Table(
    "fact_packs",
    metadata,
    words("organization_id", key=True),
    words("vehicle_id", key=True),
    whole("until_at", key=True),
    whole("from_at"),
    whole("count"),
    blob("body"),
)

quarantine = Table(
    "quarantine",
    metadata,
    position(),
    words("organization_id"),
    words("vehicle_id", null=True),
    whole("received_at"),
    words("reason"),
    blob("raw"),
    blob("digest", null=True),
    Index("quarantine_once", "organization_id", "digest", unique=True),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    position(),
    words("organization_id"),
    words("session_id"),
    words("event_id"),
    whole("created_at"),
    whole("significant"),
    whole("sequence", null=True),
    blob("body"),
    Index("outbox_by_session", "organization_id", "session_id", "position"),
    Index("outbox_by_number", "organization_id", "sequence"),
    index_where("sequence IS NULL", "outbox_to_route", "organization_id", "position"),
    index_where("sequence IS NULL", "outbox_to_route_in_all", "position"),
    sqlite_autoincrement=True,  # a position is never given twice, also when the newest row has been delivered
)

orders = Table(
    "orders",
    metadata,
    words("organization_id", key=True),
    words("id", key=True),
    words("vehicle_id"),
    words("state"),
    whole("created_at"),
    blob("body"),
    Index("orders_by_vehicle", "organization_id", "vehicle_id", "created_at", "id"),
)

price_zones = Table(
    "price_zones",
    metadata,
    words("zone", key=True),
    words("currency"),
    whole("stamp"),  # a new random number at each replacement: what was read under one stamp never changes
)

price_slots = Table(
    "price_slots",
    metadata,
    words("zone", key=True),
    whole(
        "end_at", key=True
    ),  # slots never overlap, so order by end is order by start, and a window is one range
    whole("start_at"),
    words("price"),
    sqlite_with_rowid=False,
)

price_origins = Table(  # which document a zone's prices came from; later rows overrule earlier ones
    "price_origins",
    metadata,
    position(),
    words("zone"),
    whole("start_at"),
    whole("end_at"),
    blob("body"),
    Index("price_origins_by_zone", "zone", "end_at"),
)

audit_log = Table(  # who changed what; each row's hash covers the one before it
    "audit_log",
    metadata,
    words("organization_id", key=True),
    whole("number", key=True),
    blob("hash"),
    blob("body"),
)

tariffs = Table("tariffs", metadata, words("organization_id", key=True), words("id", key=True), blob("body"))

tariff_formulas = Table(
    "tariff_formulas",
    metadata,
    words("organization_id", key=True),
    words("location_id", key=True),
    words("direction", key=True),
    blob("body"),
)

connection_loads = Table(
    "connection_loads",
    metadata,
    words("organization_id", key=True),
    words("location_id", key=True),
    blob("body"),
)

tariff_uses = Table(  # which formulas have to be worked out again when the prices of a source change
    "tariff_uses",
    metadata,
    words("organization_id", key=True),
    words("location_id", key=True),
    words("direction", key=True),
    words("source", key=True),
    Index("tariff_uses_by_source", "source", "organization_id", "location_id", "direction"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    words("organization_id", key=True),
    blob("key_digest", key=True),
    whole("created_at"),
    blob("body"),
    Index("idempotency_keys_by_age", "organization_id", "created_at"),
)

outbox_numbers = Table("outbox_numbers", metadata, words("organization_id", key=True), whole("last"))

webhooks = Table(
    "webhooks",
    metadata,
    words("organization_id", key=True),
    words("id", key=True),
    whole("deleted"),
    blob("body"),
)

webhook_lines = Table(
    "webhook_lines",
    metadata,
    words("organization_id", key=True),
    words("webhook_id", key=True),
    whole("next_at", null=True),
    whole("leased_until"),
    blob("body"),
    index_where("next_at IS NOT NULL", "webhook_lines_by_time", "next_at", "organization_id", "webhook_id"),
)

webhook_sequences = Table(
    "webhook_sequences",
    metadata,
    words("organization_id", key=True),
    words("webhook_id", key=True),
    words("session_id", key=True),
    whole("last"),
)

webhook_queue = Table(
    "webhook_queue",
    metadata,
    position(),
    words("organization_id"),
    words("webhook_id"),
    whole("dead"),
    words("session_id"),
    words("event_id"),
    whole("sequence"),
    whole("created_at"),
    blob("payload"),
    Index("webhook_queue_by_line", "organization_id", "webhook_id", "dead", "position"),
    index_where("dead = 1", "webhook_queue_dead", "created_at"),
    sqlite_autoincrement=True,
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    words("organization_id", key=True),
    words("webhook_id", key=True),
    words("id", key=True),
    whole("at"),
    blob("body"),
    Index("webhook_attempts_by_time", "at"),
)

stations = Table(
    "stations",
    metadata,
    words("organization_id", key=True),
    words("id", key=True),
    words("name"),
    blob("body"),
    Index("stations_by_name", "name", unique=True),  # the address a station connects to names nothing else
)

pending_stations = Table(
    "pending_stations",
    metadata,
    words("organization_id", key=True),
    words("name", key=True),
    blob("body"),
)

evses = Table(
    "evses",
    metadata,
    words("organization_id", key=True),
    words("evse_key", key=True),
    words("station_id"),
    blob("body"),
)

id_tokens = Table(
    "id_tokens",
    metadata,
    words("organization_id", key=True),
    blob("key_digest", key=True),
    blob("body"),
)

driver_tariffs = Table(
    "driver_tariffs",
    metadata,
    words("organization_id", key=True),
    words("scope", key=True),
    blob("body"),
)

transactions = Table(
    "transactions",
    metadata,
    words("organization_id", key=True),
    words("id", key=True),
    words("station_id"),
    blob("reference_digest", null=True),
    whole("stamped_at", null=True),
    words("status"),
    words("auth_type"),
    words("user_id", null=True),
    whole("open"),
    whole("recency"),  # minus created_at
    whole("wake_at", null=True),
    blob("body"),
    Index("transactions_newest", "organization_id", "recency", "id"),
    Index("transactions_by_reference", "organization_id", "station_id", "reference_digest"),
    Index("transactions_by_stamp", "organization_id", "station_id", "stamped_at"),
    index_where("open = 1", "transactions_open", "organization_id", "station_id"),
    index_where("wake_at IS NOT NULL", "transactions_by_wake", "wake_at"),
)

transaction_samples = Table(
    "transaction_samples",
    metadata,
    words("organization_id", key=True),
    words("transaction_id", key=True),
    whole("at", key=True),
    blob("digest", key=True),
    blob("body"),
    sqlite_with_rowid=False,
)

station_frames = Table(
    "station_frames",
    metadata,
    position(),
    words("organization_id"),
    words("station_id"),
    whole("received_at"),
    words("protocol"),
    blob("body"),
    blob("taken", null=True),
    Index("station_frames_by_station", "organization_id", "station_id", "position"),
    sqlite_autoincrement=True,
)

relay_processes = Table("relay_processes", metadata, words("id", key=True), whole("lease_until"))

relay_stations = Table(
    "relay_stations",
    metadata,
    words("station_id", key=True),
    words("process_id"),  # empty once the station has left
    whole("epoch"),
)

relay_orders = Table(
    "relay_orders",
    metadata,
    words("id", key=True),
    words("station_id"),
    words("process_id"),
    whole("epoch"),
    words("asked_by"),
    whole("deadline_at"),
    whole("claimed"),
    blob("body"),
    blob("answer", null=True),
    Index("relay_orders_by_process", "process_id"),
)
