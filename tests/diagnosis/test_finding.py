"""Thresholds, and that what is written about the rules is true of them."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from diamond_viewer.diagnosis.diagnose import JOURNEY_RULES, RULE_NAMES, TRACE_RULES, Rule, diagnose
from diamond_viewer.diagnosis.finding import Thresholds
from tests.builders import span, trace
from tests.diagnosis.scorecard import expectations, findings_in

DOCUMENT = Path(__file__).parents[2] / "docs" / "diagnosis.md"
ALL_RULES = (*TRACE_RULES, *JOURNEY_RULES)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"slow_spam_ms": 300}, 'No rule knows the threshold "slow_spam_ms".'),
        ({"slow_span_ms": "300"}, "The threshold slow_span_ms is '300'. It must be a number from 0 on."),
        ({"slow_span_ms": True}, "The threshold slow_span_ms is True."),
        ({"slow_span_ms": -1}, "The threshold slow_span_ms is -1."),
        ({"slow_span_ms": float("nan")}, "The threshold slow_span_ms is nan."),
        ({"slow_span_ms": float("inf")}, "The threshold slow_span_ms is inf."),
    ],
)
def test_a_limit_that_cannot_be_used_is_refused_in_words(table: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        Thresholds.from_table(table)


def test_a_limit_is_used_and_shown_with_the_finding() -> None:
    one = trace(span("a", ms=400))
    assert diagnose(one) == ()
    finding = diagnose(one, Thresholds.from_table({"slow_span_ms": 300}))[0]
    assert (finding.rule, finding.thresholds) == ("slow-span", (("slow_span_ms", 300),))


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.find.__qualname__)
def test_a_rule_says_its_limits_and_where_it_comes_from(rule: Rule) -> None:
    assert rule.find.__kwdefaults__ is None or all(
        default == getattr(Thresholds(), name) for name, default in rule.find.__kwdefaults__.items()
    )
    assert set(rule.find.__kwdefaults__ or {}) == set(rule.thresholds)
    assert re.search("Origin|TraceQL|Source", rule.find.__doc__ or ""), "its docstring names no origin"


def test_findings_name_only_limits_that_exist_and_rules_that_are_listed() -> None:
    known = {field.name for field in fields(Thresholds)}
    for name in expectations():
        for finding in findings_in(name):
            assert {limit for limit, _ in finding.thresholds} <= known
            assert finding.rule in RULE_NAMES


def test_every_limit_belongs_to_a_rule() -> None:
    assert {field.name for field in fields(Thresholds)} == {name for rule in ALL_RULES for name in rule.thresholds}


def test_the_document_tells_every_rule_and_every_default() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [name for name in RULE_NAMES if f"`{name}`" not in text] == []
    defaults = {field.name: getattr(Thresholds(), field.name) for field in fields(Thresholds)}
    assert [name for name, value in defaults.items() if f"`{name}` = {value}" not in text] == []
