"""The packed form of facts: nothing is lost, and dense samples are small."""

from __future__ import annotations

import math
import random
import struct
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.storage import builders as b
from dwell.adapters.storage.packs import packed, unpacked
from dwell.application.records import StoredFact
from dwell.domain.instants import instant_of
from dwell.domain.session.facts import Fact, digest_of

WHOLE = st.integers(-(2**63), 2**63 - 1) | st.integers(-10, 10_000)
DECIMAL = st.floats(allow_nan=False) | st.integers(-(10**8), 10**8).map(lambda whole: whole / 10**5)
WORDS = st.text(max_size=20) | st.sampled_from(["vehicle", "station", "app", "", "\x00", "-0.0"])


def said(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


FACTS = st.builds(
    Fact,
    at=st.integers(0, 10**15).map(instant_of),
    source=WORDS,
    plugged_in=said(st.booleans()),
    charging=said(st.booleans()),
    power_w=said(WHOLE),
    soc_percent=said(DECIMAL),
    energy_register_wh=said(WHOLE),
    charge_limit_percent=said(DECIMAL),
    fully_charged=said(st.booleans()),
    latitude=said(DECIMAL),
    longitude=said(DECIMAL),
    odometer_m=said(WHOLE),
    external_id=said(WORDS),
)


def stored(fact: Fact) -> StoredFact:
    return StoredFact(b.CAR, digest_of(fact), fact)


def exactly(facts: list[StoredFact]) -> list[object]:
    """Every field with its type, and floats by their bits: 0.0 is not −0.0 here, and a NaN is itself."""
    return [
        (s.vehicle_id, s.digest, [bits(value) for value in msgspec.structs.astuple(s.fact)]) for s in facts
    ]


def bits(value: object) -> object:
    return struct.pack("<d", value) if isinstance(value, float) else (type(value), value)


@given(st.lists(FACTS, min_size=1, max_size=30))
def test_a_pack_gives_back_every_field(facts: list[Fact]) -> None:
    kept = [stored(fact) for fact in facts]
    assert exactly(unpacked(packed(kept), b.CAR)) == exactly(kept)


@given(st.lists(st.tuples(st.booleans(), st.integers(-2, 2), st.integers(0, 3)), min_size=1, max_size=60))
def test_a_pack_of_samples_that_resemble_each_other_does_too(samples: list[tuple[bool, int, int]]) -> None:
    facts = [
        Fact(
            b.NOON + timedelta(seconds=10 * number),
            plugged_in=flag if step else None,
            power_w=11_000 + step,
            soc_percent=(40 + step) / 10**scale,
            latitude=-0.0 if step < 0 else 0.0,
            external_id=None if flag else "x",
        )
        for number, (flag, step, scale) in enumerate(samples)
    ]
    kept = [stored(fact) for fact in facts]
    assert exactly(unpacked(packed(kept), b.CAR)) == exactly(kept)


@given(st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=8))
def test_a_digest_of_somebodys_own_is_kept(digests: list[bytes]) -> None:
    kept = [StoredFact(b.CAR, digest, Fact(b.NOON)) for digest in digests]
    assert unpacked(packed(kept), b.CAR) == kept


@pytest.mark.parametrize(
    "odd", [math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 2.0**53, 1e15 + 0.5]
)
def test_odd_floats_are_kept_by_their_bits(odd: float) -> None:
    kept = [
        StoredFact(b.CAR, b"%016d" % n, Fact(b.NOON, soc_percent=value))
        for n, value in enumerate([1.5, odd, 2])
    ]
    assert exactly(unpacked(packed(kept), b.CAR)) == exactly(kept)


@pytest.mark.parametrize(("named", "most_bytes"), [(False, 5), (True, 8)])
def test_dense_samples_take_few_bytes_each(named: bool, most_bytes: int) -> None:
    chance, register_wh, kept = random.Random(1), 1_000_000.0, []
    for number in range(2_000):
        power_w = round(chance.gauss(10_800, 40))
        register_wh += power_w * 10 / 3600
        kept.append(
            stored(
                Fact(
                    b.NOON + timedelta(seconds=10 * number + chance.random() / 2),
                    source="station",
                    plugged_in=True,
                    charging=True,
                    power_w=power_w,
                    soc_percent=round(30 + number / 60, 1),
                    energy_register_wh=int(register_wh),
                    external_id=f"s-{number:07}" if named else None,
                )
            )
        )
    assert len(packed(kept)) / len(kept) < most_bytes
