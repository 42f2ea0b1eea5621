"""Stations' messages with what each was taken with, so that they can be taken again."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, LargeBinary

revision = "0015"
down_revision: str | None = "0014"


def upgrade() -> None:
    """Only forwards. Messages from before have none, and are not taken again."""
    op.add_column("station_frames", Column("taken", LargeBinary(), nullable=True))
