"""The orders of a vehicle by time, for whoever asks what it was told."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision: str | None = "0014"


def upgrade() -> None:
    """Only forwards."""
    op.create_index("orders_by_vehicle", "orders", ["organization_id", "vehicle_id", "created_at", "id"])
