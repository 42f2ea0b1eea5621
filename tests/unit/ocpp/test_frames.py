"""OC16: whatever comes over the wire, the right class of answer, and never an exception."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

import pytest

from dwell.protocols.ocpp.rpc.frames import (
    FRAME_LENGTH_AT_MOST,
    Call,
    CallError,
    CallResult,
    Malformed,
    Passed,
    read_frame,
)
from dwell.protocols.ocpp.versions import VERSIONS

V16, V201 = (VERSIONS[name].dialect for name in ("ocpp1.6", "ocpp2.0.1"))
GOOD = ["id-1", "Heartbeat", {}]
MALFORMED = 1_500

UNREADABLE = [
    "", " ", "nonsense", "{}", "null", "17", '"text"', "[]", "[[]]", "[null]", '["2","a","Heartbeat",{}]', "[2]",
    '[2,null,"Heartbeat",{}]', '[2,{},"Heartbeat",{}]', '[2,["a"],"Heartbeat",{}]', '[2,"","Heartbeat",{}]',
    f'[2,"{"x" * 5000}","Heartbeat",{{}}]', '[2.5,"a","Heartbeat",{}]', '[2,"a","Heartbeat",{}',
    '[2,"a","Heartbeat",{}] tail', "[" * 100_000, "[" * 100_000 + "]" * 100_000,
    '[2,"a","X",' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "]", "\ufeff[2]", "\x00", '[true,"a","Heartbeat",{}]',
    '[2,"a","Heartbeat",{"a":tru}]', f'[2,"a","X",{{"a":"{"y" * FRAME_LENGTH_AT_MOST}"}}]',
]  # fmt: skip


@pytest.mark.parametrize("text", UNREADABLE, ids=lambda text: text[:24])
def test_a_frame_without_a_readable_id_is_answered_as_its_version_wants(text: str) -> None:
    silent = read_frame(text, V16)
    assert isinstance(silent, Malformed) and silent.answer is None
    answer = read_frame(text, V201)
    assert isinstance(answer, Malformed) and answer.answer is not None
    assert json.loads(answer.answer)[:3] == [4, "-1", "RpcFrameworkError"]


@pytest.mark.parametrize("data", [b"", b"[2]", b"\xff\xfe", b'[2,"a","Heartbeat",{}]'])
def test_a_binary_message_is_none(data: bytes) -> None:
    assert isinstance(read_frame(data, V16), Malformed)
    assert isinstance(read_frame(data, V201), Malformed)


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ('[2,"a"]', "a"),
        ('[2,"a","Heartbeat"]', "a"),
        ('[2,"a","Heartbeat",{},{}]', "a"),
        ('[2,"a",{},{}]', "a"),
        ('[2,"a",["Heartbeat"],{}]', "a"),
        ('[2,"a",null,{}]', "a"),
        ('[2,"a","",{}]', "a"),
        (f'[2,"a","{"x" * 500}",{{}}]', "a"),
        ('[2,17,"Heartbeat",{}]', "17"),
        (f'[2,"{"x" * 37}","Heartbeat",{{}}]', "x" * 37),
    ],
)
def test_a_call_out_of_shape_is_refused_by_its_id(text: str, id_: str) -> None:
    for dialect, code in ((V16, "FormationViolation"), (V201, "RpcFrameworkError")):
        found = read_frame(text, dialect)
        assert isinstance(found, Malformed) and found.answer is not None
        assert json.loads(found.answer)[:3] == [4, id_, code]
        assert len(json.loads(found.answer)) == 5


@pytest.mark.parametrize("payload", ["17", '"x"', "[1]", "true"])
def test_a_payload_that_is_no_object_is_a_fault_of_format(payload: str) -> None:
    for dialect, code in ((V16, "FormationViolation"), (V201, "FormatViolation")):
        found = read_frame(f'[2,"a","Heartbeat",{payload}]', dialect)
        assert isinstance(found, Malformed) and json.loads(found.answer or "")[2] == code


@pytest.mark.parametrize("kind", ["1", "5", "9", "-2", "100"])
def test_types_that_are_not_in_the_list_are_passed_over(kind: str) -> None:
    assert read_frame(f'[{kind},"a","Heartbeat",{{}}]', V16) == Passed(kind)
    assert read_frame(f'[{kind},"a","Heartbeat",{{}}]', V201) == Passed(kind)


@pytest.mark.parametrize("payload", ["null", "[]"])
def test_an_empty_payload_in_another_shape_is_an_empty_payload(payload: str) -> None:
    found = read_frame(f'[2,"a","Heartbeat",{payload}]', V16)
    assert isinstance(found, Call) and found.payload == b"{}" and found.oddities


@pytest.mark.parametrize("action", ["StartTransaction", "StopTransaction", "MeterValues"])
@pytest.mark.parametrize(
    "text",
    ['[2,17,"{}",{{}}]', '[2,"' + "x" * 37 + '","{}",{{}}]', '[2,"a","{}",{{}},{{}}]', '[2,"a","{}",{{"x":NaN}}]',
     '[2,"a","{}",{{"x":-Infinity}}]', '[2,"a","{}",{{"x":"\\ud800"}}]', '[2,"a","{}",{{"x":1e999}}]'],
)  # fmt: skip
def test_a_transaction_in_an_odd_frame_is_taken(action: str, text: str) -> None:
    assert isinstance(read_frame(text.format(action), V16), Call)


def test_what_no_store_could_keep_is_replaced() -> None:
    found = read_frame('[2,"a","MeterValues",{"x":"a\\u0000b","y":"\\\\u0000"}]', V16)
    assert isinstance(found, Call)
    assert json.loads(found.payload) == {"x": "a\ufffdb", "y": "\\u0000"}


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_kept() -> None:
    found = read_frame('[2,"a","MeterValues",{"x":"\\ud83d\\ude00 \\udc00 \\ud83d"}]', V16)
    assert isinstance(found, Call)
    assert json.loads(found.payload) == {"x": "\U0001f600 \ufffd \ufffd"}


def test_answers_are_read_as_far_as_they_can_be() -> None:
    assert read_frame('[3,"a",{"x":1}]', V16) == CallResult("a", b'{"x":1}')
    assert read_frame('[3,"a"]', V16) == CallResult("a", b"{}")
    assert read_frame('[3,"a",null]', V16) == CallResult("a", b"{}")
    assert read_frame('[4,"a"]', V16) == CallError("a", "GenericError", "")
    assert read_frame('[4,"a","NotSupported","why",{}]', V16) == CallError("a", "NotSupported", "why")
    assert read_frame('[4,"a",{},17,{}]', V16) == CallError("a", "GenericError", "")
    assert read_frame("[3]", V16) == Malformed("an answer without a message id")


def _spoilt(chance: Random) -> str:
    """A good frame with something wrong in it, in one of many ways."""
    kind, call_id, action, payload = 2, *GOOD
    frame: list[object] = [chance.choice([kind, kind, 3, 4]), call_id, action, payload]
    text = json.dumps(frame)
    position = chance.randrange(len(text))
    ways: list[Callable[[], str]] = [
        lambda: text[:position],
        lambda: text[:position] + chance.choice('[]{}",:\\\x00\x7f') + text[position:],
        lambda: text[:position] + text[position + 1 :],
        lambda: json.dumps(chance.sample(frame, chance.randrange(5))),
        lambda: json.dumps([chance.choice([None, True, 2, -1, 2.5, "2", [], {}, 10**30]) for _ in range(4)]),
        lambda: json.dumps([kind, "x" * chance.randrange(6000), action, payload]),
        lambda: json.dumps([kind, call_id, action, payload, *frame]),
        lambda: "[" * chance.randrange(200_000),
        lambda: "".join(chr(chance.randrange(0x250)) for _ in range(chance.randrange(60))),
        lambda: json.dumps([kind, call_id, action, chance.choice([1, "x", [1], True, 1.5])]),
        lambda: '[2,"a","BootNotification",{"chargePointVendor":"a","chargePointVendor":"b"}]',
    ]
    return chance.choice(ways)()


@pytest.mark.parametrize("version", VERSIONS)
def test_no_malformed_frame_raises_and_each_is_answered_in_its_class(version: str) -> None:
    chance, seen = Random(f"malformed {version}"), set[str]()
    row = VERSIONS[version]
    for _ in range(MALFORMED):
        frame = read_frame(_spoilt(chance), row.dialect)
        seen.add(type(frame).__name__)
        match frame:
            case Call():
                row.read(frame.action, frame.payload)
            case Malformed(answer=str(answer)):
                kind, call_id, code, description, details = json.loads(answer)
                assert (kind, details) == (4, {}) and code in row.dialect.codes.values()
                assert 0 < len(call_id) <= 128 and len(description) <= 255
            case Malformed(answer=None):
                assert not row.dialect.answers_without_id or frame.why.startswith("an ")
            case CallResult() | CallError() | Passed():
                assert len(getattr(frame, "id", "")) <= 128
    assert seen == {"Call", "CallResult", "CallError", "Malformed", "Passed"}
