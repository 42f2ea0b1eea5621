"""Every statement of the SQL stores, by name, in the words that `dialect` turns into those of each engine.

A test reads all of them: one that touches a table of tenants must name the organization, save those listed there.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Table

from dwell.adapters.storage import tables
from dwell.adapters.storage.dialect import Insert


def _insert(table: Table) -> Insert:
    return Insert(table, tuple(column.name for column in table.columns if column.identity is None))


def _upsert(table: Table, *, condition: str = "", tells: bool = False) -> Insert:
    """Insert, or replace the row of the same primary key where `condition` holds."""
    key = tuple(column.name for column in table.primary_key)
    columns = tuple(column.name for column in table.columns)
    changes = [f"{name} = excluded.{name}" for name in columns if name not in key]
    conflict = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(changes)} {condition}".strip()
    return Insert(table, columns, conflict, key if tells else ())


ADD_ORGANIZATION = _insert(tables.organizations)
SAVE_CREDENTIAL = _upsert(tables.credentials)
ADD_USER = _insert(tables.users)
SAVE_USER = _upsert(tables.users)
SAVE_LOCATION = _upsert(tables.locations)
SAVE_VEHICLE = _upsert(tables.vehicles)
SAVE_POLICY = _upsert(tables.policies)
SAVE_TRACK = _upsert(tables.tracks, condition="WHERE tracks.version = excluded.version - 1", tells=True)
SAVE_SESSION = _upsert(tables.sessions)
ADD_FACT = Insert(
    tables.facts,
    tuple(column.name for column in tables.facts.columns),
    "ON CONFLICT (organization_id, vehicle_id, digest) DO NOTHING",
    ("vehicle_id", "digest"),
)
SAVE_PACK = _upsert(tables.fact_packs)
ADD_QUARANTINED = Insert(
    tables.quarantine,
    ("organization_id", "digest", "received_at", "vehicle_id", "reason", "raw"),
    "ON CONFLICT (organization_id, digest) DO NOTHING",
    ("organization_id", "digest"),
)
ADD_EVENT = _insert(tables.outbox)
SAVE_ORDER = _upsert(tables.orders)
SAVE_ZONE = _upsert(tables.price_zones)
ADD_SLOT = _insert(tables.price_slots)

SAVE_WEBHOOK = _upsert(tables.webhooks)
SAVE_LINE = _upsert(tables.webhook_lines)
SAVE_SEQUENCE = _upsert(tables.webhook_sequences)
ADD_QUEUED = _insert(tables.webhook_queue)
ADD_ATTEMPT = _insert(tables.webhook_attempts)
SAVE_LAST_NUMBER = _upsert(tables.outbox_numbers)
ADD_PRICE_ORIGIN = _insert(tables.price_origins)
ADD_AUDIT_ENTRY = _insert(tables.audit_log)
SAVE_TARIFF = _upsert(tables.tariffs)
SAVE_CONNECTION_LOAD = _upsert(tables.connection_loads)
SAVE_FORMULA = _upsert(tables.tariff_formulas)
ADD_FORMULA_USE = _insert(tables.tariff_uses)
ADD_KEPT_ANSWER = _insert(tables.idempotency_keys)
SAVE_STATION = _upsert(tables.stations)
SAVE_PENDING_STATION = _upsert(tables.pending_stations)
SAVE_EVSE = _upsert(tables.evses)
SAVE_ID_TOKEN = _upsert(tables.id_tokens)
SAVE_DRIVER_TARIFF = _upsert(tables.driver_tariffs)
SAVE_TRANSACTION = _upsert(tables.transactions)
ADD_SAMPLES = Insert(
    tables.transaction_samples,
    tuple(column.name for column in tables.transaction_samples.columns),
    "ON CONFLICT (organization_id, transaction_id, at, digest) DO NOTHING",
)
ADD_FRAME = _insert(tables.station_frames)

SOME_ORGANIZATIONS = "SELECT id FROM organizations ORDER BY id LIMIT :limit"
ORGANIZATION = "SELECT body FROM organizations WHERE id = :organization_id"
CREDENTIAL = "SELECT body FROM credentials WHERE kind = :kind AND name_digest = :name_digest"
CREDENTIALS = """
SELECT body FROM credentials WHERE kind = :kind AND name_digest > :after ORDER BY name_digest LIMIT :limit
"""
REMOVE_CREDENTIAL = "DELETE FROM credentials WHERE kind = :kind AND name_digest = :name_digest"
USER = "SELECT body FROM users WHERE organization_id = :organization_id AND id = :id"
USERS = """
SELECT body FROM users WHERE organization_id = :organization_id AND id > :after_id ORDER BY id LIMIT :limit
"""
USER_BY_REFERENCE = """
SELECT body FROM users WHERE organization_id = :organization_id AND reference_digest = :reference_digest
"""
LOCATION = "SELECT body FROM locations WHERE organization_id = :organization_id AND id = :id"
HOLD_LOCATION = """
UPDATE locations SET deleted = deleted WHERE organization_id = :organization_id AND id = :id RETURNING body
"""
VEHICLE = "SELECT body FROM vehicles WHERE organization_id = :organization_id AND id = :id"
VEHICLES_BY_ID = "SELECT body FROM vehicles WHERE organization_id = :organization_id AND id @in(ids)"
POLICY = "SELECT body FROM policies WHERE organization_id = :organization_id AND id = :id"
POLICIES_OF_VEHICLES = """
SELECT body FROM policies WHERE organization_id = :organization_id AND vehicle_id @in(ids) AND deleted = 0
ORDER BY created_at, id
"""
LOCATIONS_OF_USERS = """
SELECT body FROM locations WHERE organization_id = :organization_id AND user_id @in(ids) AND deleted = 0
ORDER BY created_at, id
"""

TRACK = "SELECT body FROM tracks WHERE organization_id = :organization_id AND vehicle_id = :vehicle_id"
TRACKS = """
SELECT body FROM tracks WHERE organization_id = :organization_id AND vehicle_id @in(ids)
ORDER BY vehicle_id @for_update
"""
DUE_TRACKS = """
SELECT body FROM tracks WHERE wake_at <= :now ORDER BY wake_at, organization_id, vehicle_id
LIMIT :limit @for_update @skip_locked
"""
FORGET_EVENTS = """
DELETE FROM outbox WHERE position < (SELECT MIN(position) FROM outbox) + :limit AND created_at < :before
RETURNING position
"""
FORGET_QUARANTINED = """
DELETE FROM quarantine
WHERE position < (SELECT MIN(position) FROM quarantine) + :limit AND received_at < :before
RETURNING position
"""
COUNT_SESSIONS = """
SELECT state, COUNT(*) FROM sessions WHERE state <> 'SETTLED' AND policy_id IS NOT NULL GROUP BY state
"""
ORDERS_OF_VEHICLE = """
SELECT body FROM orders
WHERE organization_id = :organization_id AND vehicle_id = :vehicle_id
  AND created_at >= :since AND created_at <= :until
ORDER BY created_at, id LIMIT :limit
"""
# Organization by organization, so that each is one range of the orders' key; the order of CROSS JOIN is kept.
COUNT_ORDERS = """
SELECT orders.state, COUNT(*) FROM organizations CROSS JOIN orders
WHERE orders.organization_id = organizations.id AND orders.id >= :first_id GROUP BY orders.state
"""
# Its first and last position bound the count without walking the table.
COUNT_EVENTS = """
SELECT COALESCE((SELECT MAX(position) FROM outbox) - (SELECT MIN(position) FROM outbox) + 1, 0)
"""
NEXT_WAKE = "SELECT MIN(wake_at) FROM tracks WHERE wake_at IS NOT NULL"

SESSION = "SELECT body FROM sessions WHERE organization_id = :organization_id AND id = :id"
UNSETTLED_OF_POLICY = """
SELECT body FROM sessions
WHERE organization_id = :organization_id AND policy_id = :policy_id AND state <> 'SETTLED' AND policy_id IS NOT NULL
"""
UNSETTLED_OF_VEHICLES = """
SELECT body FROM sessions
WHERE organization_id = :organization_id AND vehicle_id @in(ids) AND state IN ('UPCOMING', 'ACTIVE')
"""
SESSIONS_OF_VEHICLE = """
SELECT body FROM sessions
WHERE organization_id = :organization_id AND vehicle_id = :vehicle_id
  AND (state = 'ACTIVE' OR (state = 'SETTLED' AND ended_at >= :since))
ORDER BY recency DESC, id
"""
WITHDRAW_SESSIONS = "DELETE FROM sessions WHERE organization_id = :organization_id AND id @in(ids)"
LIVE_VEHICLES_IN_ZONE = """
SELECT DISTINCT organization_id, vehicle_id FROM sessions WHERE zone = :zone AND state = 'ACTIVE'
ORDER BY organization_id, vehicle_id
"""
RUNNING_AT = """
SELECT vehicle_id FROM sessions
WHERE organization_id = :organization_id AND location_id = :location_id AND state = 'ACTIVE' ORDER BY vehicle_id
"""
SETTLED_IN_ZONE = """
SELECT organization_id, vehicle_id, -MAX(recency) FROM sessions
WHERE zone = :zone AND state = 'SETTLED' AND ended_at > :start_at AND recency > :end_recency
GROUP BY organization_id, vehicle_id ORDER BY organization_id, vehicle_id
"""

FACTS = """
SELECT digest, body FROM facts WHERE organization_id = :organization_id AND vehicle_id = :vehicle_id
  AND at >= :since AND at <= :until
"""
FACTS_UNTIL = """
SELECT digest, body FROM facts WHERE organization_id = :organization_id AND vehicle_id = :vehicle_id AND at <= :until
"""
REMOVE_FACT = """
DELETE FROM facts WHERE organization_id = :organization_id AND vehicle_id = :vehicle_id AND digest = :digest
"""
REMOVE_FACTS_UNTIL = """
DELETE FROM facts WHERE organization_id = :organization_id AND vehicle_id = :vehicle_id AND at <= :until
"""
PACKS = """
SELECT until_at, from_at, body FROM fact_packs
WHERE organization_id = :organization_id AND vehicle_id = :vehicle_id AND until_at >= :since AND until_at <= COALESCE(
    (SELECT MIN(until_at) FROM fact_packs
     WHERE organization_id = :organization_id AND vehicle_id = :vehicle_id AND until_at >= :until), :until
)
ORDER BY until_at
"""

NEWEST_EVENTS = """
SELECT session_id, position, significant, sequence FROM outbox
WHERE organization_id = :organization_id AND position IN (
    SELECT MAX(position) FROM outbox
    WHERE organization_id = :organization_id AND session_id @in(ids) GROUP BY session_id
)
"""
REPLACE_EVENT = """
UPDATE outbox SET event_id = :event_id, created_at = :created_at, body = :body
WHERE organization_id = :organization_id AND position = :position
"""

ZONE = "SELECT currency, stamp FROM price_zones WHERE zone = :zone"
ZONES = """
SELECT zone, currency,
  (SELECT start_at FROM price_slots WHERE price_slots.zone = price_zones.zone ORDER BY end_at LIMIT 1),
  (SELECT MAX(end_at) FROM price_slots WHERE price_slots.zone = price_zones.zone)
FROM price_zones
WHERE SUBSTR(zone, 1, LENGTH(CAST(:under AS TEXT))) = :under
  AND SUBSTR(zone, 1 + LENGTH(CAST(:under AS TEXT))) NOT LIKE '%:%'
ORDER BY zone
"""
SLOTS = """
SELECT start_at, end_at, price FROM price_slots
WHERE zone = :zone AND end_at > :start_at AND start_at < :end_at AND end_at <= COALESCE(
    (SELECT MIN(last.end_at) FROM price_slots AS last WHERE last.zone = :zone AND last.end_at >= :end_at), :end_at
)
ORDER BY end_at
"""
REMOVE_SLOTS = """
DELETE FROM price_slots
WHERE zone = :zone AND end_at > :start_at AND start_at < :end_at AND end_at <= COALESCE(
    (SELECT MIN(last.end_at) FROM price_slots AS last WHERE last.zone = :zone AND last.end_at >= :end_at), :end_at
)
"""

WEBHOOK = "SELECT body FROM webhooks WHERE organization_id = :organization_id AND id = :id"
LINE = """
SELECT body FROM webhook_lines WHERE organization_id = :organization_id AND webhook_id = :webhook_id @for_update
"""
LINE_SEEN = (
    "SELECT body FROM webhook_lines WHERE organization_id = :organization_id AND webhook_id = :webhook_id"
)
DUE_LINES = """
SELECT body FROM webhook_lines WHERE next_at <= :now AND leased_until <= :now
ORDER BY next_at, organization_id, webhook_id LIMIT :limit @for_update @skip_locked
"""
QUEUED = """
SELECT position, session_id, event_id, sequence, created_at, payload FROM webhook_queue
WHERE organization_id = :organization_id AND webhook_id = :webhook_id AND dead = :dead AND position > :after
ORDER BY position LIMIT :limit
"""
REMOVE_QUEUED = """
DELETE FROM webhook_queue
WHERE organization_id = :organization_id AND webhook_id = :webhook_id AND dead = 0 AND position <= :last
"""
BURY = """
UPDATE webhook_queue SET dead = 1
WHERE organization_id = :organization_id AND webhook_id = :webhook_id AND dead = 0
"""
REVIVE = """
UPDATE webhook_queue SET dead = 0
WHERE organization_id = :organization_id AND webhook_id = :webhook_id AND dead = 1 AND position IN (
    SELECT position FROM webhook_queue
    WHERE organization_id = :organization_id AND webhook_id = :webhook_id AND dead = 1
      AND created_at >= :start_at AND created_at < :end_at
    ORDER BY position LIMIT :limit
)
RETURNING position
"""
FORGET_QUEUED = (
    "DELETE FROM webhook_queue WHERE organization_id = :organization_id AND webhook_id = :webhook_id"
)
SEQUENCES = """
SELECT session_id, last FROM webhook_sequences
WHERE organization_id = :organization_id AND webhook_id = :webhook_id AND session_id @in(ids)
"""
ATTEMPTS = """
SELECT body FROM webhook_attempts
WHERE organization_id = :organization_id AND webhook_id = :webhook_id AND id < :before_id
ORDER BY id DESC LIMIT :limit
"""
FORGET_ATTEMPTS = "DELETE FROM webhook_attempts WHERE at < :before RETURNING id"
FORGET_DEAD_LETTERS = "DELETE FROM webhook_queue WHERE dead = 1 AND created_at < :before RETURNING position"
ORGANIZATIONS_TO_ROUTE = """
SELECT organization_id FROM outbox WHERE sequence IS NULL AND position > :after ORDER BY position LIMIT :limit
"""
EVENTS_TO_ROUTE = """
SELECT position, body FROM outbox WHERE organization_id = :organization_id AND sequence IS NULL
ORDER BY position LIMIT :limit
"""
LAST_NUMBER = "SELECT last FROM outbox_numbers WHERE organization_id = :organization_id @for_update"
LAST_NUMBER_SEEN = "SELECT last FROM outbox_numbers WHERE organization_id = :organization_id"
NUMBER_EVENTS = """
UPDATE outbox SET sequence = :last + numbered.number
FROM (
    SELECT position, ROW_NUMBER() OVER (ORDER BY position) AS number FROM outbox
    WHERE organization_id = :organization_id AND sequence IS NULL AND position <= :until
) AS numbered
WHERE outbox.position = numbered.position AND organization_id = :organization_id
RETURNING outbox.position
"""
EVENTS_AFTER = """
SELECT sequence, body FROM outbox WHERE organization_id = :organization_id AND sequence > :number
ORDER BY sequence LIMIT :limit
"""
PRICE_ORIGINS = """
SELECT body FROM price_origins WHERE zone = :zone AND end_at > :start_at AND start_at < :end_at ORDER BY position
"""
AUDIT_ENTRIES = """
SELECT hash, body FROM audit_log WHERE organization_id = :organization_id AND number > :after
ORDER BY number LIMIT :limit
"""
AUDIT_ENTRIES_BEFORE = """
SELECT hash, body FROM audit_log WHERE organization_id = :organization_id AND number < :before
ORDER BY number DESC LIMIT :limit
"""

CONNECTION_LOAD = """
SELECT body FROM connection_loads WHERE organization_id = :organization_id AND location_id = :location_id
"""
TARIFF = "SELECT body FROM tariffs WHERE organization_id = :organization_id AND id = :id"
FORMULA = """
SELECT body FROM tariff_formulas
WHERE organization_id = :organization_id AND location_id = :location_id AND direction = :direction
"""
FORMULAS_USING = """
SELECT tariff_formulas.body FROM tariff_uses JOIN tariff_formulas
  ON tariff_formulas.organization_id = tariff_uses.organization_id
  AND tariff_formulas.location_id = tariff_uses.location_id
  AND tariff_formulas.direction = tariff_uses.direction
WHERE tariff_uses.source = :source
ORDER BY tariff_uses.organization_id, tariff_uses.location_id, tariff_uses.direction
"""
REMOVE_FORMULA_USES = """
DELETE FROM tariff_uses
WHERE organization_id = :organization_id AND location_id = :location_id AND direction = :direction
"""
KEPT_ANSWER = """
SELECT body FROM idempotency_keys WHERE organization_id = :organization_id AND key_digest = :key_digest @for_update
"""
REMOVE_KEPT_ANSWER = """
DELETE FROM idempotency_keys WHERE organization_id = :organization_id AND key_digest = :key_digest
"""
REMOVE_OLD_ANSWERS = """
DELETE FROM idempotency_keys WHERE organization_id = :organization_id AND created_at < :before
"""

STATION = "SELECT body FROM stations WHERE organization_id = :organization_id AND id = :id"
HOLD_STATION = """
UPDATE stations SET name = name WHERE organization_id = :organization_id AND id = :id RETURNING body
"""
STATIONS_BY_ID = "SELECT body FROM stations WHERE organization_id = :organization_id AND id @in(ids)"
STATION_NAMED = "SELECT body FROM stations WHERE name = :name"
STATIONS = """
SELECT body FROM stations WHERE organization_id = :organization_id AND id > :after ORDER BY id LIMIT :limit
"""
PENDING_STATION = """
SELECT body FROM pending_stations WHERE organization_id = :organization_id AND name = :name
"""
PENDING_STATIONS = """
SELECT body FROM pending_stations WHERE organization_id = :organization_id ORDER BY name LIMIT :limit
"""
REMOVE_PENDING_STATION = """
DELETE FROM pending_stations WHERE organization_id = :organization_id AND name = :name
"""
EVSE = "SELECT body FROM evses WHERE organization_id = :organization_id AND evse_key = :evse_key"
ID_TOKEN = "SELECT body FROM id_tokens WHERE organization_id = :organization_id AND key_digest = :key_digest"
ID_TOKENS = """
SELECT body FROM id_tokens WHERE organization_id = :organization_id ORDER BY key_digest LIMIT :limit
"""
DRIVER_TARIFF = "SELECT body FROM driver_tariffs WHERE organization_id = :organization_id AND scope = :scope"
DRIVER_TARIFFS = "SELECT body FROM driver_tariffs WHERE organization_id = :organization_id ORDER BY scope"
TRANSACTION = "SELECT body FROM transactions WHERE organization_id = :organization_id AND id = :id"
OPEN_TRANSACTIONS = """
SELECT body FROM transactions
WHERE organization_id = :organization_id AND station_id = :station_id AND open = 1
"""
OPEN_TRANSACTIONS_OF = """
SELECT body FROM transactions WHERE organization_id = :organization_id AND station_id @in(ids) AND open = 1
"""
TRANSACTIONS_REFERRED = """
SELECT body FROM transactions
WHERE organization_id = :organization_id AND station_id = :station_id AND reference_digest = :reference_digest
"""
TRANSACTIONS_STAMPED = """
SELECT body FROM transactions
WHERE organization_id = :organization_id AND station_id = :station_id AND stamped_at = :stamped_at
"""
TRANSACTIONS_NEWEST = """
SELECT body FROM transactions
WHERE organization_id = :organization_id AND (recency, id) > (:after, :after_id) AND recency < :until
ORDER BY recency, id LIMIT :limit
"""
DUE_TRANSACTIONS = """
SELECT organization_id, id FROM transactions WHERE wake_at <= :now ORDER BY wake_at LIMIT :limit
"""
SAMPLES = """
SELECT at, digest, body FROM transaction_samples
WHERE organization_id = :organization_id AND transaction_id = :transaction_id
ORDER BY at, digest
"""
SAMPLES_NEWEST = """
SELECT at, digest, body FROM transaction_samples
WHERE organization_id = :organization_id AND transaction_id = :transaction_id
ORDER BY at DESC, digest DESC LIMIT :limit
"""
FRAMES = """
SELECT position, received_at, protocol, body, taken FROM station_frames
WHERE organization_id = :organization_id AND station_id = :station_id AND position > :after
ORDER BY position LIMIT :limit
"""
FRAMES_NEWEST = """
SELECT position, received_at, protocol, body, taken FROM station_frames
WHERE organization_id = :organization_id AND station_id = :station_id
ORDER BY position DESC LIMIT :limit
"""
FORGET_FRAMES = """
DELETE FROM station_frames
WHERE position < (SELECT MIN(position) FROM station_frames) + :limit AND received_at < :before
RETURNING position
"""

LISTS = {
    "locations": "SELECT body FROM locations",
    "vehicles": "SELECT body FROM vehicles",
    "policies": "SELECT body FROM policies",
    "webhooks": "SELECT body FROM webhooks",
}
LIST_FILTERS = {
    "user_id": "user_id = :user_id",
    "vehicle_id": "vehicle_id = :vehicle_id",
    "location_id": "location_id = :location_id",
    "after_id": "id > :after_id",
    "before_id": "id < :before_id",
}
PAGE_FILTERS = {
    "vehicle_id": "vehicle_id = :vehicle_id",
    "policy_id": "policy_id = :policy_id",
    "location_id": "location_id = :location_id",
    "shown": "short = 0",
    "since": "recency <= :since",
    "until": "+ended_at <= :until",  # the sign keeps engines from seeking by it and sorting what they find
    "until_recency": "recency >= :until_recency",
    "after": "(recency, id) > (:after, :after_id)",
    "before": "(recency, id) < (:before, :before_id)",
}


@lru_cache(maxsize=256)
def list_of(table: str, filters: frozenset[str]) -> str:
    """A page of what is not deleted, by id; backwards where there is a `before_id`."""
    conditions = ["WHERE organization_id = :organization_id AND deleted = 0"]
    conditions += [text for name, text in LIST_FILTERS.items() if name in filters]
    order = "ORDER BY id DESC" if "before_id" in filters else "ORDER BY id"
    return " ".join((LISTS[table], " AND ".join(conditions), order, "LIMIT :limit"))


@lru_cache(maxsize=512)
def settled_page(filters: frozenset[str]) -> str:
    """A page of settled sessions, newest plug-in first; from the other end where the filters hold `backwards`."""
    order = "ORDER BY recency DESC, id DESC" if "backwards" in filters else "ORDER BY recency, id"
    limit = "LIMIT :limit OFFSET :offset" if "offset" in filters else "LIMIT :limit"
    return " ".join(("SELECT body FROM sessions", _settled(filters), order, limit))


@lru_cache(maxsize=64)
def settled_count(filters: frozenset[str]) -> str:
    """How many settled sessions there are of which pages are read."""
    return " ".join(("SELECT COUNT(*) FROM sessions", _settled(filters)))


def _settled(filters: frozenset[str]) -> str:
    conditions = ["WHERE organization_id = :organization_id AND state = 'SETTLED'"]
    conditions += [text for name, text in PAGE_FILTERS.items() if name in filters]
    return " AND ".join(conditions)
