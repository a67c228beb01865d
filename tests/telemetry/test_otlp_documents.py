"""Documents of many lines."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diamond_viewer.telemetry.otlp_documents import DocumentGatherer

TEXTS = st.text(st.sampled_from('{}[]",\\ \nab'), max_size=5)
VALUES = st.recursive(TEXTS | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=4)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3)
FEW = settings(max_examples=40)


def gathered(text: str) -> tuple[DocumentGatherer, list[Any]]:
    gatherer, documents = DocumentGatherer(), []
    for line in text.encode().split(b"\n"):
        if line.strip():
            documents += [json.loads(document) for _, document in gatherer.feed(0, line)]
    return gatherer, documents


@FEW
@given(st.lists(DOCUMENTS, min_size=1, max_size=4), st.sampled_from([None, 0, 1, 4]))
def test_documents_one_after_the_other_come_out_one_by_one(documents: list[Any], indent: int | None) -> None:
    gatherer, found = gathered("\n".join(json.dumps(document, indent=indent) for document in documents))
    assert found == documents
    assert not gatherer.pending


@FEW
@given(st.lists(DOCUMENTS, min_size=1, max_size=4), st.sampled_from([0, 1, 4]))
def test_a_pretty_printed_array_comes_out_element_by_element(documents: list[Any], indent: int) -> None:
    gatherer, found = gathered(json.dumps(documents, indent=indent))
    assert found == documents
    assert not gatherer.pending


@FEW
@given(st.lists(DOCUMENTS, min_size=2, max_size=4))
def test_an_array_with_an_element_a_line_comes_out_element_by_element(documents: list[Any]) -> None:
    gatherer, found = gathered("[" + ",\n".join(json.dumps(document) for document in documents) + "]")
    assert found == documents
    assert not gatherer.pending


def test_ordinary_lines_behind_a_document_that_stops_in_its_middle_pass() -> None:
    gatherer = DocumentGatherer()
    assert gatherer.feed(0, b"{") == gatherer.feed(2, b' "resourceSpans": [') == []
    line = b'{"resourceSpans":[]}'
    assert gatherer.feed(22, line) == [(0, b'{\n "resourceSpans": ['), (22, line)]
    assert not gatherer.pending


def test_a_document_above_the_limit_is_given_up() -> None:
    gatherer = DocumentGatherer(max_document_bytes=10)
    gatherer.feed(0, b"{")
    assert gatherer.feed(2, b'"a": "0123456789"') == [(0, b'{\n"a": "0123456789"')]
    assert not gatherer.pending


@pytest.mark.parametrize(("rest", "closes"), [(b"}", True), (b' "b": {}', False), (b'"}"', False)])
def test_a_last_line_closes_a_document_or_not(rest: bytes, closes: bool) -> None:
    gatherer = DocumentGatherer()
    gatherer.feed(0, b"{")
    assert gatherer.closes_with(rest) is closes
