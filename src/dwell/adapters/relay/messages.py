"""What processes write to each other: an order or a ping, and what came of it."""

from __future__ import annotations

import msgspec

from dwell.domain.errors import PeerFault, Refused
from dwell.domain.station.orders import OrderAnswer, StationOrder


class Ask(msgspec.Struct, frozen=True):
    """Give this order to the station; None: see whether it is there."""

    order: StationOrder | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of it: the station's answer or whether it lives, or else why it could not be asked."""

    answer: OrderAnswer | None = None
    lives: bool | None = None
    code: str = ""
    message: str = ""
    refused: bool = False

    @classmethod
    def of(cls, fault: PeerFault | Refused) -> Outcome:
        """The fault, to be raised again where the order came from."""
        return cls(code=fault.code, message=fault.message, refused=isinstance(fault, Refused))

    def told(self) -> OrderAnswer:
        """The station's answer. Raises PeerFault or Refused as the process did that holds the station."""
        if self.answer is not None:
            return self.answer
        if self.refused:
            raise Refused(self.message, code=self.code)
        raise PeerFault(self.message, code=self.code)


encode = msgspec.msgpack.Encoder().encode
decode_ask = msgspec.msgpack.Decoder(Ask).decode
decode_outcome = msgspec.msgpack.Decoder(Outcome).decode
