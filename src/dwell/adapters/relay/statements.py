"""The statements of the relay, each a transaction of its own (READ COMMITTED). All times are the database's.

A lease is of a process and covers every station that is its own, so that keeping 10,000 stations costs one row written.
Rows of stations stay when the station leaves: their epochs must not begin again.
"""

from __future__ import annotations

STATIONS = "dwell_stations"
"""The channel on which every process hears who holds a station: `station process epoch`, process `-` for nobody."""


def channel_of(process_id: str) -> str:
    """The channel of one process: `ask ID` and `answered ID`."""
    return f"dwell_{process_id}"


def _timed(sql: str) -> str:
    return sql.replace("@now", "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint")


RENEW = _timed(
    """
    WITH before AS (SELECT lease_until > @now AS lasted FROM relay_processes WHERE id = $1)
    INSERT INTO relay_processes (id, lease_until) VALUES ($1, @now + $2)
    ON CONFLICT (id) DO UPDATE SET lease_until = EXCLUDED.lease_until
    RETURNING (SELECT lasted FROM before)
    """
)

LEASES = _timed("SELECT id, lease_until - @now AS left_us FROM relay_processes WHERE lease_until > @now")

HOLDERS = "SELECT station_id, process_id, epoch FROM relay_stations"

RESIGN = "DELETE FROM relay_processes WHERE id = $1"

CLAIM = _timed(
    """
    WITH claimed AS (
        INSERT INTO relay_stations AS known (station_id, process_id, epoch) VALUES ($1, $2, 1)
        ON CONFLICT (station_id) DO UPDATE SET process_id = EXCLUDED.process_id, epoch = known.epoch + 1
        WHERE known.process_id = EXCLUDED.process_id OR NOT EXISTS (
            SELECT 1 FROM relay_processes AS other WHERE other.id = known.process_id AND other.lease_until > @now
        )
        RETURNING station_id, process_id, epoch
    )
    SELECT epoch, pg_notify('dwell_stations', station_id || ' ' || process_id || ' ' || epoch) FROM claimed
    """
)

RELEASE = """
    WITH released AS (
        UPDATE relay_stations SET process_id = '' WHERE station_id = $1 AND process_id = $2 AND epoch = $3
        RETURNING station_id, epoch
    )
    SELECT pg_notify('dwell_stations', station_id || ' - ' || epoch) FROM released
    """

STANDING = _timed(
    """
    SELECT process.lease_until - @now AS left_us
    FROM relay_stations AS held JOIN relay_processes AS process ON process.id = held.process_id
    WHERE held.station_id = $1 AND held.process_id = $2 AND held.epoch = $3 AND process.lease_until > @now
    """
)

ASK = _timed(
    """
    WITH asked AS (
        INSERT INTO relay_orders (id, station_id, process_id, epoch, asked_by, deadline_at, claimed, body)
        SELECT $1, held.station_id, held.process_id, held.epoch, $5, @now + $3, 0, $4
        FROM relay_stations AS held JOIN relay_processes AS process ON process.id = held.process_id
        WHERE held.station_id = $2 AND process.lease_until > @now
        RETURNING id, process_id
    )
    SELECT pg_notify('dwell_' || process_id, 'ask ' || id) FROM asked
    """
)

TAKE = _timed(
    """
    UPDATE relay_orders AS asked SET claimed = 1
    FROM relay_stations AS held, relay_processes AS process
    WHERE asked.id = $1 AND asked.process_id = $2 AND asked.claimed = 0 AND asked.deadline_at > @now
      AND held.station_id = asked.station_id AND held.process_id = $2 AND held.epoch = asked.epoch
      AND process.id = $2
    RETURNING asked.station_id, asked.epoch, asked.body, asked.deadline_at - @now AS time_us,
              process.lease_until - @now AS left_us
    """
)

WAITING = _timed("SELECT id FROM relay_orders WHERE process_id = $1 AND claimed = 0 AND deadline_at > @now")

ANSWER = """
    WITH answered AS (UPDATE relay_orders SET answer = $2 WHERE id = $1 RETURNING id, asked_by)
    SELECT pg_notify('dwell_' || asked_by, 'answered ' || id) FROM answered
    """

COLLECT = """
    DELETE FROM relay_orders
    WHERE id = $1 AND (answer IS NOT NULL OR ($2::boolean AND claimed = 0) OR $3::boolean)
    RETURNING claimed, answer
    """

SWEEP_ORDERS = _timed("DELETE FROM relay_orders WHERE deadline_at < @now - 60000000")
SWEEP_PROCESSES = _timed("DELETE FROM relay_processes WHERE lease_until < @now - 3600000000")
