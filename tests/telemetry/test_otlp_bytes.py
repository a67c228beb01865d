"""Lines that are not what they should be: broken text is repaired, what is no telemetry is refused with a sentence."""

import pytest

from diamond_viewer.telemetry.otlp import LineError, decode_line
from diamond_viewer.telemetry.otlp_spans import decode_spans
from tests.writing import line, span


def test_invalid_utf8_costs_the_character() -> None:
    batch = decode_line(line(span(1, name="caf?", attributes={"user.id": "usr_1"})).replace(b"caf?", b"caf\xe9"))
    assert (batch.names[0], batch.repaired, batch.invalid_spans) == ("caf\ufffd", True, 0)
    batch.original.decode()


@pytest.mark.parametrize("escape", [rb"\ud800", rb"\uDFFF", rb"\ud800x", rb"\udc00\ud800"])
def test_a_lone_surrogate_costs_the_character(escape: bytes) -> None:
    batch = decode_line(line(span(1, name="NAME", attributes={"user.id": "NAME"})).replace(b"NAME", escape))
    assert "\ufffd" in batch.names[0]
    assert "\ufffd" in batch.facts[0].users[0]
    assert batch.repaired
    batch.original.decode()


def test_a_lone_surrogate_in_an_attribute_only_is_repaired_too() -> None:
    text = line(span(1, attributes={"note": "NOTE", "user.id": "usr_1"})).replace(b"NOTE", rb"\ud800")
    batch = decode_line(text)
    assert batch.facts[0].users == ("usr_1",)
    assert batch.span_count == 1


def test_a_whole_surrogate_pair_is_one_character_and_no_repair() -> None:
    batch = decode_line(line(span(1, name="NAME")).replace(b"NAME", rb"\ud83c\udfac"))
    assert (batch.names[0], batch.repaired) == ("🎬", False)


def test_a_replacement_character_of_the_producer_is_no_repair() -> None:
    assert not decode_line(line(span(1, name="\ufffd"))).repaired


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b"42",
        b'"text"',
        b"true",
        b"[null]",
        b"[[]]",
        b"{",
        b'{"resourceSpans":[',
        b'{"resourceSpans":[{"resource":{"attributes":[{"key":"serv',
        line(span(1))[:-1],
        b"not json",
        b'{"resourceSpans":[]} trailing',
        b'{"level":"info","message":"started"}',
        b"\x00\x00\x01\x0a",
        b"\x28\xb5\x2f\xfd\x04\x00",
        b"\x1f\x8b\x08\x00",
        b"[" * 1_025 + b"]" * 1_025,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5_000,
        b"1e400",
        b"\xff\xfe",
    ],
    ids=lambda text: repr(text[:24]),
)
def test_what_is_no_telemetry_is_refused_with_a_sentence(text: bytes) -> None:
    with pytest.raises(LineError) as refused:
        decode_line(text)
    sentence = str(refused.value)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert 15 < len(sentence) < 200
    assert refused.value.kind


@pytest.mark.parametrize("depth", [1_025, 20_000])
def test_a_value_nested_too_deep_is_refused_or_read_but_never_breaks(depth: int) -> None:
    deep = b'{"arrayValue":{"values":[' * depth + b"{}" + b"]}}" * depth
    text = line(span(1, attributes={"deep": "DEEP"})).replace(b'{"stringValue":"DEEP"}', deep)
    with pytest.raises(LineError, match="nested"):
        decode_line(text)


def test_a_line_that_is_cut_off_says_so() -> None:
    text = line(span(1, attributes={"user.id": "usr_1"}))
    for end in range(20, len(text) - 1):
        with pytest.raises(LineError, match="cut off"):
            decode_line(text[:end])


def test_a_json_line_of_another_kind_names_what_it_holds() -> None:
    with pytest.raises(LineError, match="'level'"):
        decode_line(b'{"level":"info","message":"started"}')


@pytest.mark.parametrize(
    "key", ["droppedAttributesCount", "droppedEventsCount", "droppedLinksCount", "flags", "traceState"]
)
@pytest.mark.parametrize("value", [[], {}, "many", 1.5, -1, None, 2**70, True], ids=repr)
def test_what_no_index_reads_may_be_anything_and_the_span_still_opens(key: str, value: object) -> None:
    batch = decode_line(line(span(1) | {key: value}, span(2)))
    assert batch.span_count == 2
    assert [one.span_id for one in decode_spans(batch.original)] == [f"{1:016x}", f"{2:016x}"]
