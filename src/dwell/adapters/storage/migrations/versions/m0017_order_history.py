"""The orders of a vehicle by time, for whoever asks what it was told."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision: str | None = "0016"


def upgrade() -> None:
    """Only forwards."""
    op.create_index("orders_by_vehicle", "orders", ["organization_id", "vehicle_id", "created_at", "id"])
