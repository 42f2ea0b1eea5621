"""Which vehicles charge at one location: those that share its connection."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0013"
down_revision: str | None = "0012"


def upgrade() -> None:
    """Only forwards."""
    running = text("state = 'ACTIVE'")
    op.create_index(
        "sessions_running",
        "sessions",
        ["organization_id", "location_id", "vehicle_id"],
        postgresql_where=running,
        sqlite_where=running,
    )
