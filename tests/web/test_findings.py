"""What readers see of findings: badges and flows on rows, sentences with evidence on top of a trace, and the API."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from diamond_viewer.diagnosis.diagnose import Diagnosis, diagnose
from diamond_viewer.diagnosis.wording import not_examined_words
from diamond_viewer.index import examination
from diamond_viewer.telemetry.rules import RULE_NAMES
from diamond_viewer.web import api, badges, diagnosed_trace
from diamond_viewer.web.app import create_app
from diamond_viewer.web.diagnosis_view import diagnosis_view
from diamond_viewer.web.trace_address import TraceAddress
from tests.asking import NOW_NS
from tests.diagnosis.readings import lines_of, traces_in
from tests.index.filling import filled
from tests.plain_store import PlainStore
from tests.web.conftest import TRACES, MakeClient

DATA = TRACES.parents[1]

TRUTH_RULES = {"exception": 11, "no-cookie": 8, "cookie-rejected": 7, "n-plus-one": 2, "resume-mismatch": 4}


def ask(client: FlaskClient, path: str, **params: str) -> Any:
    response = client.get(path, query_string=params)
    assert response.status_code == 200
    return response.get_json()


def id_with(client: FlaskClient, rule: str) -> str:
    found = ask(client, "/api/findings", finding=rule, limit="1")["findings"][0]
    trace_id: str = found["evidence"][0]["trace_id"]
    return trace_id


@pytest.mark.parametrize("rule", sorted(TRUTH_RULES))
def test_the_api_lists_every_finding_of_a_rule_with_its_evidence(client: FlaskClient, rule: str) -> None:
    answer = ask(client, "/api/findings", finding=rule, limit="1000")
    assert answer["total"] == len(answer["findings"]) == TRUTH_RULES[rule]
    assert answer["is_complete"] is True
    times = [int(found["time_unix_nano"]) for found in answer["findings"]]
    assert times == sorted(times, reverse=True)
    for found in answer["findings"]:
        assert set(found) == {
            *("rule", "severity", "sentence", "next_step", "fingerprint", "thresholds", "time_unix_nano"),
            *("duration_ms", "evidence", "similar"),
        }
        assert found["rule"] == rule
        assert found["severity"] in ("note", "warning", "problem")
        assert re.fullmatch("[0-9a-f]{16}", found["fingerprint"])
        assert all(set(one) == {"trace_id", "span_id"} for one in found["evidence"])
        same = [one for one in answer["findings"] if one["fingerprint"] == found["fingerprint"]]
        assert found["similar"] == len(same) - 1


def test_findings_are_filtered_as_the_list_is_and_come_in_pages(client: FlaskClient) -> None:
    everything = ask(client, "/api/findings", limit="1000")
    pages = [ask(client, "/api/findings", limit="30", page=str(page))["findings"] for page in (1, 2, 3)]
    assert [one for page in pages for one in page] == everything["findings"]
    slow = ask(client, "/api/findings", flag="slow", limit="1000")
    assert 0 < slow["total"] < everything["total"]
    assert {len({one["trace_id"] for one in found["evidence"]}) > 1 for found in everything["journey"]} == {True}
    assert {found["rule"] for found in ask(client, "/api/findings", finding="duplicate-calls")["journey"]} == {
        "duplicate-calls"
    }


def test_with_a_user_comes_what_several_traces_show(client: FlaskClient) -> None:
    journey = ask(client, "/api/findings", user="usr_0007")["journey"]
    assert {found["rule"] for found in journey} >= {"duplicate-calls"}
    assert all(len({one["trace_id"] for one in found["evidence"]}) > 1 for found in journey)
    only = ask(client, "/api/findings", user="usr_0007", finding="exception")["journey"]
    assert only == []


@pytest.mark.parametrize("params", [{"finding": "nonsense"}, {"limit": "0"}, {"q": "finding:slow-spam"}, {"x": "1"}])
def test_what_cannot_be_asked_of_findings_is_refused(client: FlaskClient, params: dict[str, str]) -> None:
    response = client.get("/api/findings", query_string=params)
    assert response.status_code == 400
    assert response.get_json()["error"]


def test_a_trace_in_the_api_has_its_findings_and_flows_beside_the_spans(client: FlaskClient) -> None:
    document = ask(client, f"/api/traces/{id_with(client, 'cookie-rejected')}")
    assert list(document) == ["resourceSpans", "is_examined", "findings", "flows"]
    assert document["is_examined"] is True
    assert [found["rule"] for found in document["findings"]] == ["cookie-rejected"]
    flow = next(flow for flow in document["flows"] if flow["name"] == "auth failure")
    assert flow["broken_step"] == "check"
    assert [step["name"] for step in flow["steps"]] == ["request", "check", "auth event", "401"]


def test_a_row_of_the_api_names_its_findings_and_flags(client: FlaskClient) -> None:
    (first, *_) = ask(client, "/api/traces", finding="n-plus-one")["traces"]
    assert "n-plus-one" in first["findings"]
    assert "n-plus-one" in first["flags"]
    assert ask(client, "/api/traces", flag="n-plus-one")["total"] == 2


def test_an_opened_trace_says_what_is_wrong_with_links_to_the_spans(client: FlaskClient) -> None:
    trace_id = id_with(client, "n-plus-one")
    page = client.get(f"/traces/{trace_id}").text
    section = page[page.index('class="diagnosis"') : page.index('class="views"')]
    assert "ran the same query 10 times" in section
    assert "repeated query count 5" in section
    assert "1 similar" in section
    links = re.findall(r'class="finding__span" href="([^"]+)">([^<]+)<', section)
    assert links[0][1] == "api.courses.lessons"
    assert links[2][1] == "#2"
    assert client.get(links[0][0].replace("&amp;", "&")).status_code == 200
    assert f'data-trace="{trace_id}"' in page
    beside = client.get("/trace-viewer.html", query_string={"trace": trace_id}).text
    assert "ran the same query 10 times" in beside


def test_a_flow_stands_on_the_row_and_as_steps_on_the_trace(client: FlaskClient) -> None:
    rows = client.get("/trace-viewer.html", query_string={"finding": "no-cookie"}).text
    assert "broke at" in rows
    assert "✕" in rows
    page = client.get(f"/traces/{id_with(client, 'no-cookie')}").text
    assert "flow__step--broken" in page
    assert 'aria-label="Flow: auth failure, broke at check"' in page


def test_a_trace_without_fault_says_nothing(client: FlaskClient, real_store: PlainStore) -> None:
    plain = next(
        row.trace_id
        for row in real_store.summaries()
        if not row.findings and not real_store.diagnoses([row.trace_id], 0)[row.trace_id].flows
    )
    assert 'class="diagnosis"' not in client.get(f"/traces/{plain}").text


def test_words_of_a_producer_are_escaped_in_findings(client_of: MakeClient) -> None:
    lines = [line for line in lines_of(TRACES) if b"TypeError" in line]
    hostile = [line.replace(b"Cannot read properties", b"<script>alert(1)</script>") for line in lines]
    client = client_of(PlainStore.from_lines(hostile))
    page = client.get(f"/traces/{id_with(client, 'exception')}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_a_trace_that_was_not_examined_says_why() -> None:
    note = not_examined_words(100_000)
    view = diagnosis_view(None, (), TraceAddress("0" * 32), {}, lambda *_: 0, lambda *_: 0, NOW_NS, note)
    assert (view.note, view.shown) == (note, ())


def test_a_trace_too_large_says_so_on_its_row_its_page_in_a_ticket_and_in_the_api(
    client_of: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = lines_of(DATA / "scenarios" / "trace-no-cookie-on-progress.json")
    (trace,) = traces_in(lines)
    monkeypatch.setattr(badges, "MAX_EXAMINED_SPANS", 3)
    monkeypatch.setattr(examination, "MAX_SPANS", 3)
    for room in (api, diagnosed_trace):
        monkeypatch.setattr(room, "MAX_EXAMINED_SPANS", 3)
    client = create_app(filled([lines]), clock=lambda: NOW_NS).test_client()
    said = f"Not examined by the rules: it has {len(trace.spans)} spans"
    assert said in client.get(f"/traces/{trace.trace_id}").text
    assert said in client.get(f"/traces/{trace.trace_id}/findings.md").text
    document = client.get(f"/api/traces/{trace.trace_id}").get_json()
    assert (document["is_examined"], document["findings"]) == (False, [])
    row = client.get("/trace-viewer.html").text
    assert re.search(r'title="more than 3 spans: the rules have not looked at it">not examined<', row)


def test_many_findings_fold_behind_the_first() -> None:
    (trace,) = [
        one
        for one in traces_in(lines_of(TRACES))
        if {found.rule for found in diagnose(one)} >= {"slow-database", "sequential-calls"}
    ][:1]
    found = diagnose(trace)
    many = Diagnosis(tuple(found) * 3)
    view = diagnosis_view(many, (), TraceAddress(trace.trace_id), {}, lambda *_: 15, lambda *_: 0, NOW_NS)
    assert (len(view.shown), len(view.hidden)) == (3, 3 * len(found) - 3)
    assert view.hidden_words.endswith("more findings")
    assert view.shown[0].similar.words.startswith("14 similar")


def test_a_badge_says_what_events_do_not(client: FlaskClient) -> None:
    page = client.get("/trace-viewer.html", query_string={"finding": "n-plus-one"}).text
    assert "N+1 queries" in page
    assert "ran the same query" in page  # the title of the badge


def test_the_form_offers_a_finding_that_is_set(client: FlaskClient) -> None:
    page = client.get("/trace-viewer.html", query_string={"finding": "slow-load"}).text
    assert 'id="filter-finding"' in page
    assert all(f'value="{rule}"' in page for rule in RULE_NAMES)
    assert 'id="filter-finding"' not in client.get("/trace-viewer.html").text


def test_a_trace_is_taken_along_as_markdown_with_its_findings(client: FlaskClient) -> None:
    trace_id = id_with(client, "no-cookie")
    page = client.get(f"/traces/{trace_id}").text
    assert f'data-from="/traces/{trace_id}/findings.md"' in page[: page.index('class="diagnosis"')]
    answer = client.get(f"/traces/{trace_id}/findings.md")
    assert answer.mimetype == "text/markdown"
    assert f"<http://localhost/traces/{trace_id}>" in answer.text
    assert "**Problem, no cookie sent.**" in answer.text
    assert "broke at check" in answer.text
    assert client.get(f"/traces/{'f' * 32}/findings.md").status_code == 404


def test_what_several_traces_show_is_in_the_markdown_of_each(client: FlaskClient) -> None:
    doubled = next(
        one for one in ask(client, "/api/findings", user="usr_0007")["journey"] if one["rule"] == "duplicate-calls"
    )
    said = client.get(f"/traces/{doubled['evidence'][0]['trace_id']}/findings.md").text
    assert "**Warning, repeated calls.**" in said
    assert f"of trace {doubled['evidence'][1]['trace_id']}" in said


def test_findings_of_many_traces_come_as_markdown(client: FlaskClient) -> None:
    answer = client.get("/api/findings", query_string={"finding": "exception", "limit": "2", "format": "markdown"})
    assert answer.mimetype == "text/markdown"
    assert answer.text.startswith("### Findings: a finding is exception\n\n2 of 11 findings\n\n1. **")
    assert answer.text.count("rule exception, fingerprint ") == 2
    assert client.get("/api/findings?format=pdf").status_code == 400


def test_a_refused_sign_in_is_not_said_to_lack_a_cookie_in_the_list(client: FlaskClient) -> None:
    def said(rule: str) -> list[str]:
        rows = client.get(f"/trace-viewer.html?finding={rule}").text.split('class="row ')[1:]
        return [
            "refused" if "auth.failed · sign-in refused" in row else "cookie" for row in rows if "auth.failed" in row
        ]

    assert said("sign-in-refused") == ["refused"] * 3
    assert set(said("no-cookie")) == {"cookie"}
