"""The beginning of a bad line, fit to be shown."""

import pytest

from diamond_viewer.feed.preview import MAX_PREVIEW_LENGTH, preview


@pytest.mark.parametrize(
    "line",
    [
        b'{"key":"http.request.header.authorization","value":{"stringValue":"Bearer s3cr3t.s3cr3t"',
        b'{"key":"http.request.header.cookie","value":{"arrayValue":{"values":[{"stringValue":"a=s3cr3t"',
        b"Authorization: Basic s3cr3t",
        b'"set-cookie": "next-auth.session-token=s3cr3t; Path=/"',
        b"GET /x?X-Amz-Signature=s3cr3t&sig=s3cr3t&token=s3cr3t",
        b"redis://:s3cr3t@cache:6379",
        b"eyJhbGciOiJIUzI1NiJ9.s3cr3t.s3cr3t",
        b'{"DB_PASSWORD":"s3cr3t',
    ],
)
def test_secrets_are_not_shown(line: bytes) -> None:
    assert "s3cr3t" not in preview(line)
    assert "s3cr3t" not in preview(b"x" * 180 + line)


@pytest.mark.parametrize(
    "line",
    [
        b'{"key":"db.password","value":{"arrayValue":{"values":[{"stringValue":"one"},{"stringValue":"s3cr3t"}]}}}',
        b'{"key":"enduser.pwd","value":{"stringValue":"s3cr3t"}},{"key":"a","value":{}}',
        b'{"key":"api_key","value":{"kvlistValue":{"values":[{"key":"inner","value":{"stringValue":"s3cr3t',
    ],
)
def test_every_part_of_a_secret_attribute_is_hidden(line: bytes) -> None:
    assert "s3cr3t" not in preview(line)


@pytest.mark.parametrize(
    "line",
    [
        b'{"key":"session.id","value":{"stringValue":"abc-1"}}',
        b'{"name":"auth.session.check","kind":1}',
        b'{"key":"gen_ai.usage.input_tokens","value":{"intValue":"17"}}',
    ],
)
def test_what_is_no_secret_is_shown(line: bytes) -> None:
    assert preview(line) == line.decode()


def test_what_cannot_be_printed_is_not() -> None:
    shown = preview("a\x00\x1b[31m\r\n\u202eb\u2028".encode() + b"\xff")
    assert shown == "a··[31m···b·\ufffd"


@pytest.mark.parametrize(
    "line", [b"s" * 1_000_000, b"token" * 200_000, b"eyJ" * 300_000, b'"key":"' * 100_000, b"://" * 300_000]
)
def test_a_long_line_is_cut_in_short_time(line: bytes) -> None:
    assert len(preview(line)) <= MAX_PREVIEW_LENGTH
