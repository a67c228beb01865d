"""``/metrics``: what Prometheus' own programs accept, and numbers that were counted independently."""

import json
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.settings.settings import Settings
from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.web.app import app_for, create_app
from diamond_viewer.web.exposition import Ratchet
from tests.index.filling import add_lines, filled
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, TRACES, MakeClient
from tests.writing import document, event, line, span, trace_id

TOP = Path(__file__).parents[2]
TRUTH = json.loads((TRACES.parent / "truth.json").read_text())
OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
PROMTOOL = shutil.which("promtool") or str(TOP / ".promtool" / "usr" / "bin" / "promtool")


@pytest.fixture(scope="module")
def counting() -> FlaskClient:
    store = filled([TRACES.read_bytes().splitlines()])
    store.report(LIVE)
    return create_app(store).test_client()


def scraped(client: FlaskClient) -> dict[str, list[Sample]]:
    found = defaultdict(list)
    for family in parse_text(client.get("/metrics").text):
        for sample in family.samples:
            found[sample.name].append(sample)
    return found


def total(samples: list[Sample], **labels: str) -> float:
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def promtool(*arguments: str, text: str = "", folder: Path = TOP) -> None:
    done = subprocess.run(
        [PROMTOOL, *arguments], input=text, capture_output=True, text=True, cwd=folder, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


def test_promtool_finds_nothing_wrong_with_the_names(counting: FlaskClient) -> None:
    promtool("check", "metrics", text=counting.get("/metrics").text)


def test_promtool_accepts_the_alerts_and_they_fire_when_they_should() -> None:
    folder = TOP / "docs" / "prometheus"
    promtool("check", "rules", "alerts.yml", folder=folder)
    promtool("test", "rules", "alerts_test.yml", folder=folder)


def test_alerts_and_documentation_name_only_what_is_there(counting: FlaskClient) -> None:
    names = set(scraped(counting))
    alerts = (TOP / "docs" / "prometheus" / "alerts.yml").read_text()
    assert set(re.findall(r"diamond_\w+", alerts)) - names == set()
    written = set(re.findall(r"`(diamond_\w+)", (TOP / "docs" / "integrations.md").read_text()))
    own = {name for name in names if name.startswith("diamond_")}
    assert written == {re.sub("_(bucket|sum|count)$", "", name) for name in own}


def test_numbers_are_those_that_were_counted_independently(counting: FlaskClient) -> None:
    found = scraped(counting)
    events = TRUTH["event_counts"]
    assert total(found["diamond_spans_total"], phase="backlog") == TRUTH["spans"]
    assert total(found["diamond_auth_failures_total"], evidence="auth.failed") == events["auth.failed"]
    assert total(found["diamond_video_buffering_total"]) == events["video.buffering"]
    assert total(found["diamond_resume_mismatches_total"]) == events["video.resume_position_mismatch"]
    assert total(found["diamond_held_traces"]) == TRUTH["traces"]
    assert total(found["diamond_bad_lines_total"]) == LIVE.bad_lines
    assert total(found["diamond_sources"], state="done") == 1
    requests = total(found["diamond_requests_total"])
    assert requests == total(found["diamond_request_duration_seconds_count"])
    assert requests == total(found["diamond_request_duration_seconds_bucket"], le="+Inf")
    assert total(found["diamond_request_errors_total"], operation="video-transcode process") == 1


def test_buckets_only_grow_towards_infinity(counting: FlaskClient) -> None:
    of_operation = defaultdict(list)
    for sample in scraped(counting)["diamond_request_duration_seconds_bucket"]:
        key = tuple(sorted(pair for pair in sample.labels.items() if pair[0] != "le"))
        of_operation[key].append((float(sample.labels["le"]), sample.value))
    assert len(of_operation) > 20
    for buckets in of_operation.values():
        assert buckets == sorted(buckets)
        assert [count for _, count in buckets] == sorted(count for _, count in buckets)


def test_openmetrics_has_examples_that_can_be_opened(counting: FlaskClient) -> None:
    response = counting.get("/metrics", headers=OPENMETRICS)
    assert response.content_type.startswith("application/openmetrics-text; version=1.0.0")
    families = parse_openmetrics(response.text)  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples]
    examples = [sample.exemplar for sample in samples if sample.exemplar]
    assert len(examples) > 30
    for example in examples[:5]:
        assert counting.get(f"/api/traces/{example.labels['trace_id']}").status_code == 200
    failed = [sample for sample in samples if sample.name == "diamond_request_errors_total" and sample.value]
    assert failed
    assert all(sample.exemplar for sample in failed)


def test_a_counter_of_what_happens_now_is_there_before_the_first_time(counting: FlaskClient) -> None:
    found = scraped(counting)
    operations = {sample.labels["operation"] for sample in found["diamond_requests_total"]}
    assert {s.labels["operation"] for s in found["diamond_requests_total"] if s.labels["phase"] == "live"} == operations
    assert [s.value for s in found["diamond_auth_failures_total"] if s.labels["phase"] == "live"] == [0, 0, 0]


def test_names_from_anywhere_are_written_safely() -> None:
    hostile = 'GET "/"\\\n} 1\ud800\u2028' + "x" * 300
    wire = json.dumps(document(span(1, name=hostile, kind=2), service='se"rvice\n')).encode()
    store = filled([[wire]])
    client = create_app(store).test_client()
    found = scraped(client)["diamond_requests_total"]
    assert {sample.labels["service"] for sample in found} == {'se"rvice\n'}
    assert {len(sample.labels["operation"]) for sample in found} == {120}
    promtool("check", "metrics", text=client.get("/metrics").text)


def test_a_secret_in_a_name_does_not_reach_prometheus() -> None:
    secret = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
    client = create_app(filled([[line(span(1, name=f"GET /?token={secret}", kind=2))]])).test_client()
    assert secret not in client.get("/metrics").text


def test_a_store_that_others_write_to_says_how_it_is_and_counts_nothing(
    real_store: PlainStore, client_of: MakeClient
) -> None:
    found = scraped(client_of(real_store))
    assert total(found["diamond_held_spans"]) == TRUTH["spans"]
    assert "diamond_requests_total" not in found


def test_what_the_feed_takes_back_stays_counted() -> None:
    ratchet = Ratchet()
    assert [ratchet.not_less("bad", value) for value in (1, 3, 2, 3, 4)] == [1, 3, 3, 3, 4]


def test_a_scraper_sends_a_bearer_token(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-of-prometheus\n")
    client = app_for(MemoryStore(1 << 30), Settings(auth_token_file=str(tokens))).test_client()
    refused = client.get("/metrics")
    assert (refused.status_code, refused.mimetype) == (401, "text/plain")
    bearer = {"Authorization": "Bearer a-token-of-prometheus"}
    assert client.get("/metrics", headers=bearer).status_code == 200


def test_another_site_cannot_read_it(counting: FlaskClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert counting.get("/metrics", headers=headers).status_code == 403
    assert counting.get("/metrics", headers={"Host": "evil.example"}).status_code == 400


def test_between_two_scrapes_only_what_is_new_is_added() -> None:
    store = filled([[line(span(1, kind=2))]])
    store.report(FeedState(ready=True))
    client = create_app(store).test_client()
    before = scraped(client)
    add_lines(store, [line(span(1, kind=2, traceId=trace_id(2), events=[event("auth.credentials.missing")]))])
    store.commit()
    after = scraped(client)
    grown = {
        sample.name: sample.value
        for samples in after.values()
        for sample in samples
        if sample.name.endswith("_total") and sample not in before[sample.name] and sample.name.startswith("diamond")
    }
    assert grown == {
        "diamond_spans_total": 1,
        "diamond_requests_total": 1,
        "diamond_auth_failures_total": 1,
    }
