"""Scripts in every place where telemetry can hold a text, and every page in a real browser: none runs.

What a page must not do is asked of the browser itself: no dialog, no violation of the policy, no element or handler that came
from a value, no request to another place.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Viewer, Watched, await_ready, context_of, launch
from tests.metric_lines import buckets, counter, histogram, number
from tests.writing import event, line, log, logs_line, resource_spans, span, span_id, trace_id, written

IMG = '"><img src=x onerror=alert(1)>'
SCRIPT = "</script></title></textarea><script>alert(2)</script>"
HANDLER = "' onmouseover=alert(3) autofocus onfocus=alert(3) x='"
SVG = "<svg/onload=alert(4)><iframe srcdoc='<script>alert(5)</script>'>"
ADDRESS = "javascript:alert(6)"
TEMPLATE = "{{7*7}}${7*7}<%= 7*7 %>{% raw %}"
HTMX = '<div hx-get="/evil" hx-trigger="load" hx-on:load="alert(7)" data-hx-get="/evil">'
SEPARATORS = "a\u2028b\u2029c\u202egnp.exe\x00\x1b[31m\r\nSet-Cookie: a=b"
ALL = "".join((IMG, SCRIPT, HANDLER, SVG, TEMPLATE, HTMX, SEPARATORS))
PAYLOADS = (IMG, SCRIPT, HANDLER, SVG, ADDRESS, TEMPLATE, HTMX, SEPARATORS, ALL)
USER, LESSON, SERVICE = f"u{IMG}", f"l{SCRIPT}", f"s{SVG}"

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective + event.blockedURI));
"""
FOREIGN = """() => [
  ...[...document.querySelectorAll("*")].filter((one) => [...one.attributes].some(({ name }) => name.startsWith("on")
    || name.startsWith("hx-on"))),
  ...document.querySelectorAll("img, iframe, object, embed, svg[onload], base, script:not([src]), style, [style*=';']"),
  ...[...document.querySelectorAll("[href], [src], [action], [formaction]")].filter((one) =>
    /^\\s*(javascript|data|vbscript):/i.test(["href", "src", "action"].map((name) => one.getAttribute(name) ?? "").join(""))),
  ...document.querySelectorAll("[hx-get='/evil'], [data-hx-get]"),
].map((one) => one.outerHTML.slice(0, 200))"""


def telemetry(now_ns: int) -> dict[str, bytes]:
    """File -> lines: payloads in keys, values, names, services, scopes, ids, messages, events, links, and bad lines."""
    attributes: dict[str, object] = {payload: payload for payload in PAYLOADS}
    attributes[f"client_secret.{'of.a.very.long.name.' * 8}x"] = "hunter2"
    attributes |= {"user.id": USER, "lesson.id": LESSON, "http.route": f"/{ALL}", "url.full": ADDRESS, "db.system": ALL}
    attributes |= {"db.query.text": f"SELECT '{ALL}'", "nested": {ALL: [ALL, {IMG: SCRIPT}]}, "peer.service": SERVICE}
    attributes |= {
        "http.request.method": IMG,
        "messaging.destination.name": ALL,
        "json": json.dumps({IMG: {SCRIPT: ALL}}),
    }
    failed = [
        event(
            "exception",
            now_ns,
            **{"exception.type": IMG, "exception.message": ALL, "exception.stacktrace": f"at {ALL}\n" * 3},
        ),
        event(ALL, now_ns, **{"user.id": USER, IMG: ALL}),
        event("auth.failed", now_ns, hasCookie=False, reason=ALL),
        event("video.buffering", now_ns, **{IMG: IMG}),
    ]
    lines = []
    for at, payload in enumerate(PAYLOADS, 1):
        how = {"trace": at, "start_ns": now_ns - at * 10**9, "lasts_ns": 2 * 10**9, "status_code": 2}
        more = {
            "traceState": f"a={payload}",
            "links": [{"traceId": trace_id(1), "spanId": span_id(1), "traceState": ALL}],
        }
        root = span(1, name=payload, kind=2, attributes=attributes, events=failed, **how, **more)  # type: ignore[arg-type]
        root["status"]["message"] = ALL
        inner = span(2, 1, name=f"{payload} inner", kind=3, attributes=attributes, **how)  # type: ignore[arg-type]
        orphan = span(3, 9, name=ALL, **how)  # type: ignore[arg-type]
        resource = resource_spans([root, inner, orphan], SERVICE if at % 2 else f"{SERVICE}{payload}")
        resource["scopeSpans"][0]["scope"] = {"name": ALL, "version": IMG, "attributes": []}
        resource["schemaUrl"] = f"https://a.example/{ALL}"
        lines.append(written({"resourceSpans": [resource]}))
    ids = span(name=IMG) | {"traceId": IMG, "spanId": SCRIPT}
    cut = b'{"resourceSpans":[%s' % IMG.encode()
    bad = [line(ids), cut, ALL.replace("\n", " ").encode(), b'{"resourceSpans":"%s"}' % IMG.encode()]
    logs = [
        log(payload, trace=at, of=1, time_ns=now_ns, severityText=IMG, eventName=payload)
        for at, payload in enumerate(PAYLOADS, 1)
    ]
    labels: dict[str, object] = {IMG: SCRIPT, "user.id": USER}
    metrics = [
        histogram("video.load_time_ms", buckets((1, 2, 3, 0), 0, None, **labels)),
        counter("video.buffering_events_total", number(3, 0, labels=labels)),
        histogram(ALL, buckets((1, 2, 3, 0), 0, None, **labels)),
    ]
    measured = {"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"scope": {"name": ALL}, "metrics": metrics}]}]}
    return {
        "traces.json": b"\n".join([*lines, *bad, b""]),
        "logs.json": logs_line(*logs, service=SERVICE) + b"\n",
        "metrics.json": written(measured) + b"\n",
    }


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    folder = tmp_path_factory.mktemp("hostile")
    for name, content in telemetry(time.time_ns()).items():
        (folder / name).write_bytes(content)
    viewer = launch(folder / "traces.json")
    yield await_ready(viewer)
    viewer.stop()


@pytest.fixture
def page(browser: Browser, watched: Watched, hostile: Viewer) -> Iterator[Page]:
    context = context_of(browser, viewport={"width": 1440, "height": 900})
    context.add_init_script(WATCH)
    page = context.new_page()
    watched.watch(page)

    def no_dialog(dialog: object) -> None:
        watched.complaints.append(f"a script ran on {page.url}")

    page.on("dialog", no_dialog)
    page.on(
        "request",
        lambda request: watched.complaints.extend(
            [request.url] * (not request.url.startswith(("blob:", "file:", hostile.address)))
        ),
    )
    yield page
    context.close()


def look(page: Page, address: str) -> str:
    """Opens it, moves over everything that could wait for a pointer, and says what it shows."""
    page.goto(address)
    page.wait_for_load_state("networkidle") if "file:" in address else page.locator("main").first.wait_for()
    page.mouse.move(300, 300)
    page.mouse.move(700, 400)
    assert page.evaluate("violations") == []
    assert page.evaluate(FOREIGN) == []
    assert page.evaluate("document.cookie").count("a=b") == 0
    return str(page.evaluate("document.body.innerText"))


def test_no_page_of_the_navigation_runs_what_telemetry_says(page: Page, hostile: Viewer) -> None:
    look(page, f"{hostile.address}/trace-viewer.html")
    links = page.get_by_role("navigation", name="Pages").get_by_role("link")
    tabs = [str(links.nth(at).get_attribute("href")) for at in range(links.count())]
    assert len(tabs) >= 7
    empty = [
        tab for tab in tabs if "<img src=x" not in look(page, hostile.address + tab) and tab not in ("/map", "/video")
    ]
    assert empty == []  # each showed some of it


PAGES = {
    "a trace beside the list": f"/trace-viewer.html?trace={trace_id(9)}",
    "a trace": f"/traces/{trace_id(9)}",
    "a span": f"/traces/{trace_id(1)}?span={span_id(1)}",
    "filters that match": f"/trace-viewer.html?user={quote(USER)}&lesson={quote(LESSON)}&service={quote(SERVICE)}",
    "filters that are wrong": f"/trace-viewer.html?q={quote(ALL)}&status={quote(IMG)}&flag={quote(IMG)}&since={quote(IMG)}",
    "a search that is wrong": f"/trace-viewer.html?q={quote(IMG + '(')}",
    "a user": f"/users/{quote(USER, safe='')}",
    "a lesson": f"/lessons/{quote(LESSON, safe='')}",
    "a user that is not there": f"/users/{quote(IMG + 'nobody', safe='')}",
    "a group of errors": f"/errors?group={quote(IMG)}",
    "operations": f"/operations?service={quote(SERVICE)}",
    "logs": f"/logs?q={quote(IMG)}",
    "imports": "/import",
    "help": "/search-help",
    "first steps": "/connect",
    "nothing": f"/{quote(ALL, safe='')}",
    "an id that is none": f"/traces/{quote(IMG, safe='')}",
}


@pytest.mark.parametrize("name", PAGES)
def test_no_page_with_a_payload_in_its_address_or_its_trace_runs_it(
    page: Page, hostile: Viewer, watched: Watched, name: str
) -> None:
    watched.expected = ("404", "400")
    look(page, hostile.address + PAGES[name])


def test_names_of_any_length_fit_a_phone(page: Page, hostile: Viewer) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.request.get(f"{hostile.address}/api/traces/{trace_id(1)}")  # decoded in full, so that its secrets are met
    too_wide = {}
    for path in (
        "/health",
        "/errors",
        "/operations",
        "/logs",
        "/journeys",
        "/trace-viewer.html",
        f"/traces/{trace_id(9)}",
    ):
        look(page, hostile.address + path)
        too_wide[path] = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert {path: pixels for path, pixels in too_wide.items() if pixels > 0} == {}
    page.goto(f"{hostile.address}/health")
    secrets = page.get_by_role("region", name="Secrets")
    expect(secrets).to_contain_text("values were shown as REDACTED")
    expect(secrets.get_by_role("listitem").filter(has_text="client_secret")).to_have_count(1)
    expect(secrets).not_to_contain_text("hunter2")


def test_neither_does_what_is_opened_by_hand_nor_the_file_that_is_handed_on(
    page: Page, hostile: Viewer, tmp_path: Path
) -> None:
    assert TEMPLATE in look(page, f"{hostile.address}/traces/{trace_id(9)}")
    for row in range(3):
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.mouse.move(200 + row * 100, 300)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("violations") == []
    assert page.evaluate(FOREIGN) == []
    answer = page.request.get(f"{hostile.address}/traces/{trace_id(9)}/offline.html")
    (tmp_path / "offline.html").write_bytes(answer.body())
    page.goto(f"file://{tmp_path / 'offline.html'}")
    page.mouse.move(300, 300)
    assert page.evaluate("violations") == []
    assert "<img src=x" in page.evaluate("document.body.innerText")
    assert page.evaluate("document.querySelectorAll('img, iframe, [onerror], [onmouseover], [onload]').length") == 0


def test_neither_does_an_import_of_that_name(page: Page, hostile: Viewer) -> None:
    name = f"{IMG}.json"
    content = telemetry(time.time_ns())["traces.json"]
    answer = page.request.post(f"{hostile.address}/api/import?name={quote(name)}", data=content)
    assert answer.status == 201
    for path in (answer.json()["href"], "/import", "/import/1/errors", "/import/1/health"):
        assert "<img src=x" in look(page, hostile.address + path)
    expect(page.locator("#imported")).to_contain_text("<img src=x")
