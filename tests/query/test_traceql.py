"""TraceQL becomes a search that means the same, or a sentence that says what has no equal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.query.language import parse
from diamond_viewer.query.mistake import Mistake
from diamond_viewer.query.traceql import MAX_DEPTH, translated
from diamond_viewer.query.wording import compared, tag


@pytest.mark.parametrize(
    ("query", "search"),
    [
        ("{}", ""),
        ("{ true }", ""),
        ("{ status = error }", "span:{status:error}"),
        ("{ status != error }", "span:{-status:error}"),
        ("{ kind = server && name = `GET /` }", 'span:{kind:server name="GET /"}'),
        (
            '{resource.service.name="web" && .lesson.id="lesson-012"}',
            'span:{service.name="web" lesson.id="lesson-012"}',
        ),
        ("{ span.http.status_code >= 500 }", "span:{http.status_code>=500}"),
        ("{ duration > 1h2m }", "span:{duration>3720s}"),
        ("{ span.video.load_time_ms > 1.5 }", 'span:{"video.load_time_ms">1.5}'),
        ('{ span."cart size" = 3 }', 'span:{"cart size"="3"}'),
        ('{ ."a.b c" = "x" }', 'span:{"a.b c"="x"}'),
        ("{ .cold }", 'span:{"cold"="true"}'),
        ("{ .cold = false }", 'span:{"cold"="false"}'),
        ("{ .user.id != nil }", "span:{user.id:*}"),
        ("{ .cold = nil }", 'span:{-"cold":*}'),
        ('{ .region != "eu" }', 'span:{("region":* -"region"="eu")}'),
        ('{ name =~ "GET|POST" }', 'span:{(name="GET" OR name="POST")}'),
        ('{ name =~ "api\\\\.video.*" }', "span:{name:api.video*}"),
        ('{ .region !~ "eu|us" }', 'span:{("region":* -("region"="eu" OR "region"="us"))}'),
        ("{ !(status = error) }", "span:{-(status:error)}"),
        ('{ event:name = "exception" }', 'span:{event="exception"}'),
        ('{ event.exception.type = "E" }', 'span:{"event.exception.type"="E"}'),
        ('{ rootName = "GET /" && status = error }', 'trace.name="GET /" span:{status:error}'),
        ("{ traceDuration > 2s } || { duration > 1s }", "trace.duration>2s OR span:{duration>1s}"),
        ("({ .a = 1 } || { .b = 2 }) && { kind = client }", '(span:{"a"="1"} OR span:{"b"="2"}) span:{kind:client}'),
    ],
)
def test_a_query_that_has_an_equal(query: str, search: str) -> None:
    assert translated(query) == search
    assert not search or parse(search)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("{ status = error } | count() > 2", "At character 20: Pipelines"),
        ("{ status = error } >> { kind = server }", "At character 20: `>>` asks how spans stand"),
        ("{ status = ok }", "At character 12: Only status error"),
        ("{ rootServiceName = `web` }", "At character 3: `rootServiceName` has no equal here."),
        ("{ parent.name = `x` }", "At character 3: `parent.name` has no equal here."),
        ('{ name =~ "[a-z]+" }', "At character 11: Of regular expressions only"),
        ('{ name =~ "GET .*" }', "At character 11: `GET .*`: blanks"),
        ("{ duration > 5 }", "At character 14: `duration` is compared with a duration"),
        ("{ .a > .b }", "At character 8: `.b` is not a number"),
        ("{ .a = 1 + 2 }", "At character 10: Arithmetic is not offered."),
        ("{ foo = 1 }", "At character 3: `foo` is no field: an attribute is written .foo."),
        ("{ .a = 1", "At character 9: `}` is expected here, not the end."),
        ("{ .a = }", "At character 8: `}` is no value."),
        ("status = error", "At character 1: `{` is expected here, not `status`."),
        ("{ rootName = `a` || .b = 1 }", "At character 3: A condition of the whole trace beside ||"),
        ("{ .a = 1 } ; x", "At character 12: `; x` is nothing that TraceQL knows."),
        ("{" + "(" * 20 + ".a=1", f"Parentheses nest at most {MAX_DEPTH} deep."),
        ("x" * 5_000, "A query has at most 4,096 characters."),
    ],
)
def test_a_query_without_an_equal_is_refused_with_its_place(query: str, complaint: str) -> None:
    with pytest.raises(Mistake) as refused:
        translated(query)
    assert complaint in str(refused.value)


WORDS = "status error name duration 1.5s .a nil true 404 kind server traceDuration rootName resource.service.name && || =~ !="
pieces = st.sampled_from([*'{}()!|=<>+~"`.\\ ', *WORDS.split(), "span.b c", '."x y"', '"GET|a.*"', '"*"'])


@given(st.lists(pieces, max_size=14).map(" ".join) | st.text(max_size=40))
def test_whatever_is_asked_becomes_a_search_or_a_sentence(query: str) -> None:
    try:
        said = translated(query)
    except Mistake:
        return
    assert not said or parse(said)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_key_and_value_can_be_asked_for(key: str, value: str) -> None:
    for said in (compared(key, "=", value), tag(key, value)):
        try:
            parse(f"span:{{{said}}}")
        except Mistake as mistake:
            assert "no letters" in str(mistake) or not key.strip() or not value, mistake  # noqa: PT017
