"""Things as blobs, and back. Sessions that wait or are settled are squeezed, they are many; so are events."""

from __future__ import annotations

import hashlib
import zlib

import msgspec

from dwell.application.records import Event, KeptAnswer, Quarantined
from dwell.domain.policy.load import ConnectionLoad
from dwell.domain.registry import Credential, Location, Organization, Policy, User, Vehicle
from dwell.domain.session.facts import Fact
from dwell.domain.session.record import ACTIVE, Session
from dwell.domain.session.steering import Order
from dwell.domain.session.track import Track
from dwell.domain.station.pending import PendingStation
from dwell.domain.station.registry import EvsePlace, StationRecord, Taken, TariffInForce, TokenRecord
from dwell.domain.station.transaction import Transaction
from dwell.domain.tariff.contracts import Tariff, TariffFormula
from dwell.domain.webhooks.subscription import Attempt, Line, Webhook

encode = msgspec.msgpack.Encoder().encode
decode_organization = msgspec.msgpack.Decoder(Organization).decode
decode_credential = msgspec.msgpack.Decoder(Credential).decode
decode_user = msgspec.msgpack.Decoder(User).decode
decode_location = msgspec.msgpack.Decoder(Location).decode
decode_vehicle = msgspec.msgpack.Decoder(Vehicle).decode
decode_policy = msgspec.msgpack.Decoder(Policy).decode
decode_track = msgspec.msgpack.Decoder(Track).decode
decode_fact = msgspec.msgpack.Decoder(Fact).decode
_decode_event = msgspec.msgpack.Decoder(Event).decode
decode_order = msgspec.msgpack.Decoder(Order).decode
decode_webhook = msgspec.msgpack.Decoder(Webhook).decode
decode_line = msgspec.msgpack.Decoder(Line).decode
decode_attempt = msgspec.msgpack.Decoder(Attempt).decode
decode_tariff = msgspec.msgpack.Decoder(Tariff).decode
decode_formula = msgspec.msgpack.Decoder(TariffFormula).decode
decode_connection_load = msgspec.msgpack.Decoder(ConnectionLoad).decode
decode_kept_answer = msgspec.msgpack.Decoder(KeptAnswer).decode
decode_station = msgspec.msgpack.Decoder(StationRecord).decode
decode_evse_place = msgspec.msgpack.Decoder(EvsePlace).decode
decode_id_token = msgspec.msgpack.Decoder(TokenRecord).decode
decode_driver_tariff = msgspec.msgpack.Decoder(TariffInForce).decode
decode_pending_station = msgspec.msgpack.Decoder(PendingStation).decode
decode_taken = msgspec.msgpack.Decoder(Taken).decode
decode_transaction = msgspec.msgpack.Decoder(Transaction).decode
_decode_session = msgspec.msgpack.Decoder(Session).decode

_SQUEEZED = 0x78
"""A zlib stream begins so; a msgpack map, which is what a session is, never does."""
_LEVEL = 6
_LIGHT_LEVEL = 1
_WORDS_1 = (
    b"reasons reached_at target_number made_at powers_w blocks start_at end_at energy_wh reachable "
    b"reachable_soc_percent price_coverage expected_savings start_soc_percent sentence "
    b"currency cost baseline_cost savings detail type minimum_charge_percent ready_by battery_reserve_percent number "
    b"source state target_number soc_at_ready_by_percent reached_at deadline 07:00 schedule restrictions weekdays "
    b"from_at terms timezone Europe/Berlin zone power_max_w power_min_w battery_capacity_wh efficiency control on_off "
    b"grid_limit_w agreed anticipated_at smart_charging charging_mode optimized link_valid at_home "
    b"id organization_id user_id vehicle_id policy_id location_id SETTLED created_at updated_at revision settled_at "
    b"mode REGULAR BATTERY_RESERVE plugged_in_at plugged_out_at inferred_end_at at_home short suspect "
    b"suspect_accepted energy_wh energy_source register power soc rows_from_at rows_wh soc_from_percent "
    b"soc_to_percent soc_observed_at average_power_w peak_power_w charging target outcome REACHED MISSED reason "
    b"valuation promise first_promise error"
)
"""Words that sessions are full of. Frozen: what was squeezed with it cannot be read without it."""


def encode_session(session: Session) -> bytes:
    """The session's blob; plain while it runs, for then it is written with every fact."""
    plain = encode(session)
    if session.state == ACTIVE:
        return plain
    squeezer = zlib.compressobj(_LEVEL, zdict=_WORDS_1)
    return squeezer.compress(plain) + squeezer.flush()


def decode_session(blob: bytes) -> Session:
    """The session of a blob, squeezed or plain."""
    return _decode_session(_unsqueezed(blob))


def encode_event(event: Event) -> bytes:
    """The event's blob, squeezed lightly: it is written with every change of a session, and soon gone."""
    squeezer = zlib.compressobj(_LIGHT_LEVEL, zdict=_WORDS_1)
    return squeezer.compress(encode(event)) + squeezer.flush()


def decode_event(blob: bytes) -> Event:
    """The event of a blob, squeezed or plain."""
    return _decode_event(_unsqueezed(blob))


def _unsqueezed(blob: bytes) -> bytes:
    return zlib.decompressobj(zdict=_WORDS_1).decompress(blob) if blob[0] == _SQUEEZED else blob


def digest_of_quarantined(item: Quarantined) -> bytes:
    """16 bytes that name what was kept aside of a vehicle, and why."""
    name = encode((item.vehicle_id, item.reason, item.raw))
    return hashlib.blake2b(name, digest_size=16, person=b"dwell-quarantine").digest()


def digest_of_name(name: str) -> bytes:
    """16 bytes by which a name of any length and alphabet is looked up."""
    return hashlib.blake2b(
        name.encode("utf-8", "surrogatepass"), digest_size=16, person=b"dwell-name"
    ).digest()
