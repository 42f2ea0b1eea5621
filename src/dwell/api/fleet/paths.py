"""Where the Fleet dialect is."""

from __future__ import annotations

BASE = "/public/charging/1"
