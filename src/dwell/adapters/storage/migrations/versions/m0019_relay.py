"""What several processes tell each other: which of them live, which holds a station, and orders on their way."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary, PrimaryKeyConstraint, Text

revision = "0019"
down_revision: str | None = "0017"


def upgrade() -> None:
    """Only forwards."""
    op.create_table("relay_processes", _text("id"), _whole("lease_until"), PrimaryKeyConstraint("id"))
    op.create_table(
        "relay_stations",
        _text("station_id"),
        _text("process_id"),
        _whole("epoch"),
        PrimaryKeyConstraint("station_id"),
    )
    op.create_table(
        "relay_orders",
        _text("id"),
        _text("station_id"),
        _text("process_id"),
        _whole("epoch"),
        _text("asked_by"),
        _whole("deadline_at"),
        _whole("claimed"),
        _blob("body"),
        _blob("answer", null=True),
        PrimaryKeyConstraint("id"),
    )
    op.create_index("relay_orders_by_process", "relay_orders", ["process_id"])


def _text(name: str) -> Column[str]:
    return Column(name, Text().with_variant(Text(collation="C"), "postgresql"), nullable=False)


def _whole(name: str) -> Column[int]:
    return Column(name, BigInteger(), autoincrement=False, nullable=False)


def _blob(name: str, *, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(), nullable=null)
