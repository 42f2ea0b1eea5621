"""The two ways of reading observations agree: the usual one by a typed decode, the long one item by item."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.domain.errors import Refused
from dwell.domain.instants import NoZone, read_instant
from dwell.domain.session.facts import Fact
from dwell.protocols.observations import CHECKS, Observation, read_batch, split

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
VEHICLE = "0190a0a0-0000-7000-8000-000000000001"
A_FAULT = '{"at":"2026-01-10T10:00:00Z","nonsense":1}'

numbers = st.one_of(
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0, -0.0, 100]),
)
texts = st.one_of(
    st.text(max_size=8), st.sampled_from(["", "x" * 256, "x" * 257, "\x00", "2026-01-10T10:00:00Z"])
)
values = st.one_of(st.none(), st.booleans(), numbers, texts, st.just([]), st.just({}))
items = st.fixed_dictionaries(
    {"at": st.one_of(st.just("2026-01-10T10:00:00Z"), texts)},
    optional={name: values for name in [*CHECKS, "other"] if name != "at"},
)


def read(*texts: str) -> Any:
    return read_batch(f"[{','.join(texts)}]".encode(), lines=False, received_at=NOW)


def test_every_member_is_checked_in_words_too() -> None:
    assert set(CHECKS) == set(Observation.__struct_fields__)


@given(item=items)
def test_both_ways_take_and_refuse_the_same(item: dict[str, Any]) -> None:
    text = json.dumps(item)
    alone, beside = read(text), read(text, A_FAULT)
    assert [r for r in beside.rejected if r.index == 0] == alone.rejected
    shown = [msgspec.structs.replace(one, raw=b"") for one in alone.items]
    assert [msgspec.structs.replace(one, raw=b"") for one in beside.items] == shown
    assert len(alone.items) + len(alone.rejected) == 1
    assert all(rejection.message != "cannot be read" for rejection in alone.rejected)


@given(item=items)
def test_a_line_is_read_like_an_item(item: dict[str, Any]) -> None:
    text = json.dumps(item)
    by_line = read_batch(text.encode() + b"\n", lines=True, received_at=NOW)
    assert by_line.rejected == read(text).rejected


@given(
    st.one_of(
        st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat().replace("+00:00", "Z")),
        st.datetimes().map(lambda at: at.isoformat() + "+05:30"),
        st.from_regex(r"\d{4}-[\dW][\d-]{4}T\d\d:?\d\d:?\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)", fullmatch=True),
    )
)
def test_an_instant_is_what_the_domain_reads(text: str) -> None:
    batch = read(json.dumps({"vehicle_id": VEHICLE, "at": text}))
    try:
        expected = read_instant(text)
    except NoZone:
        assert batch.items[0].flag == "no_zone"
    except ValueError:
        assert batch.rejected[0].field == "at"
    else:
        [item] = batch.items
        if item.flag is None:
            assert item.fact is not None
            assert item.fact.at == expected


@given(st.binary(max_size=200))
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    for lines in (True, False):
        try:
            read_batch(body, lines=lines, received_at=NOW)
        except Refused as refused:
            assert refused.code == "not_json"


def test_units_are_those_of_the_domain() -> None:
    said = {
        "vehicle_id": VEHICLE.upper(),
        "at": "2026-01-10T12:00:00.25+01:00",
        "power_kw": 7.3605,
        "energy_register_kwh": 1234.5675,
        "odometer_km": 10.0004,
        "soc_percent": -0.0,
    }
    [item] = read(json.dumps(said)).items
    assert item.vehicle_id == VEHICLE
    assert item.fact == Fact(
        at=NOW - timedelta(hours=1) + timedelta(milliseconds=250),
        power_w=7361,
        energy_register_wh=1_234_568,
        odometer_m=10_000,
        soc_percent=0.0,
    )


def test_a_flagged_item_is_kept_as_it_came() -> None:
    text = f'{{ "vehicle_id":"{VEHICLE}",  "at":"2026-01-10T10:00:00","power_kw":1.50}}'
    [item] = read(text, A_FAULT).items
    assert (item.flag, item.fact, item.raw) == ("no_zone", None, text.encode())
    [item] = read(text).items
    assert json.loads(item.raw) == json.loads(text)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_long_text_is_cut_into_parts_that_know_their_place(size: int) -> None:
    whole = [{"at": "x", "id": f"{n}\n"} for n in range(7)]
    forms = [json.dumps(whole, indent=1), "\n\n".join(json.dumps(item) for item in whole)]
    for text in forms:
        parts = list(split(text.encode(), at_most=size))
        assert [first for first, _ in parts] == list(range(0, 7, size))
        assert [json.loads(line) for _, part in parts for line in part.splitlines()] == whole


def test_an_empty_list_has_no_parts() -> None:
    assert list(split(b"[]")) == []
    with pytest.raises(Refused):
        list(split(b"nothing"))
