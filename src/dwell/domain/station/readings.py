"""What a meter said at one instant, in whole Wh and W, whatever units and phases it came in."""

from __future__ import annotations

from datetime import datetime

import msgspec


class MeterReading(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The usable values of one instant. Import is positive; what was not said is None.

    `register_wh` counts up for the life of the meter (or of the transaction: only differences mean anything);
    `interval_wh` is the energy since the reading before. `unread` keeps, as they came, values in units that are not
    known, and `signed` the meter's own signature. A station that gave no readable instant leaves `at` None.
    """

    at: datetime | None
    context: str = "Sample.Periodic"
    register_wh: int | None = None
    export_register_wh: int | None = None
    interval_wh: int | None = None
    power_w: int | None = None
    offered_w: int | None = None
    soc_percent: float | None = None
    current_a: float | None = None
    voltage_v: float | None = None
    signed: str | None = None
    unread: tuple[str, ...] = ()
