"""What the in-memory store holds of stations."""

from __future__ import annotations

from datetime import datetime

from dwell.domain.station.pending import PendingStation
from dwell.domain.station.registry import (
    EvsePlace,
    FrameRow,
    SampleRow,
    StationRecord,
    TariffInForce,
    TokenRecord,
)
from dwell.domain.station.transaction import Transaction

Key = tuple[str, str]


class StationShelves:
    """What is held of stations: dicts by (organization id, id) unless said otherwise."""

    def __init__(self) -> None:
        self.stations: dict[Key, StationRecord] = {}
        self.pending: dict[Key, PendingStation] = {}
        self.names: dict[str, Key] = {}
        self.evses: dict[Key, EvsePlace] = {}
        self.tokens: dict[Key, TokenRecord] = {}
        self.tariffs: dict[Key, TariffInForce] = {}
        self.transactions: dict[Key, Transaction] = {}
        self.wakes: dict[Key, datetime] = {}
        self.samples: dict[Key, dict[tuple[datetime, bytes], SampleRow]] = {}
        self.frames: dict[int, FrameRow] = {}
        self.next_frame = 1
