"""The versions of OCPP that a station may speak, best first. A new one is a folder and a row here."""

from __future__ import annotations

from dwell.protocols.ocpp.translation import Version
from dwell.protocols.ocpp.v16.version import VERSION as V16
from dwell.protocols.ocpp.v201.version import VERSION as V201

VERSIONS: dict[str, Version] = {version.subprotocol: version for version in (V201, V16)}
"""By WebSocket subprotocol, in the order in which they are preferred when a station offers several."""
