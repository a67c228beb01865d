"""What every answer carries and which requests are refused, on a small application of its own."""

import re
from pathlib import Path

import pytest
from flask import Flask, Response, abort
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, run_wsgi_app

from diamond_viewer.web.security import FOREVER, HEADERS, MAX_BODY_BYTES, MAX_QUERY_BYTES, protect

ERROR_TEMPLATE = "{{ status }}|{{ title }}|{{ sentence }}"


@pytest.fixture
def views_run() -> list[str]:
    return []


@pytest.fixture
def client(tmp_path: Path, views_run: list[str]) -> FlaskClient:
    for folder, name, text in (
        ("static", "viewer.css", "a {}"),
        ("static", "htmx-4.0.1.min.js", "let a"),
        ("templates", "error.html", ERROR_TEMPLATE),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(text)
    app = Flask(__name__, root_path=str(tmp_path))
    app.before_request(
        lambda: views_run.append("before")
    )  # registered earlier, and still not run for a refused request

    @app.route("/", methods=["GET", "POST"])
    @app.route("/api/traces", methods=["GET", "POST"])
    def answer() -> Response:
        views_run.append("view")
        return Response("fine", headers={"Cache-Control": "public"})

    @app.route("/api/traces/<trace_id>")
    @app.route("/traces/<trace_id>")
    def absent(trace_id: str) -> Response:
        abort(404, f"No trace {trace_id} is held.")

    @app.route("/broken")
    @app.route("/api/broken")
    def broken() -> Response:
        raise RuntimeError("usr_0007 has a secret")

    @app.route("/busy")
    def busy() -> Response:
        abort(503, "The backlog is being indexed.")

    protect(app, ("viewer.example",))
    return app.test_client()


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "127.0.0.1",
        "127.0.0.1:1",
        "[::1]",
        "[::1]:8000",
        "viewer.example",
        "viewer.example:443",
    ],
)
def test_a_known_host_is_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/traces", "/static/viewer.css", "/nothing"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "sub.viewer.example",
        "localhost@evil.example",
        "localhost:port",
        "localhost, evil.example",
        "::1",
        "",
    ],
)
def test_another_host_is_refused_everywhere_and_learns_nothing(
    client: FlaskClient, views_run: list[str], host: str, path: str
) -> None:
    response = client.get(path, headers={"Host": host})
    assert (response.status_code, response.mimetype) == (400, "text/plain")
    assert response.text.startswith("This viewer does not answer to that host name.")
    assert views_run == []


def test_a_request_without_host_is_refused(client: FlaskClient) -> None:
    environ = EnvironBuilder("/").get_environ()
    del environ["HTTP_HOST"]
    body, status, _ = run_wsgi_app(client.application, environ)
    assert status == "400 BAD REQUEST"
    assert b"".join(body).startswith(b"This viewer does not answer")


@pytest.mark.parametrize("path", ["/", "/api/traces", "/static/viewer.css", "/nothing", "/api/nothing", "/broken"])
def test_every_answer_carries_the_headers(client: FlaskClient, path: str) -> None:
    client.application.logger.disabled = True
    with client.get(path) as response:
        headers = response.headers
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert "Access-Control-Allow-Origin" not in headers


def test_the_policy_allows_nothing_inline() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


TEMPLATES = sorted((Path(__file__).parents[2] / "templates").rglob("*.html"))
OF_ITS_OWN = re.compile(
    r"""\sstyle\s*=|<style|\son[a-z]+\s*=|hx-on|<script(?![^>]*\ssrc=)|javascript:|\|\s*safe\b|\bMarkup\b|autoescape"""
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_style_a_script_or_a_handler_of_its_own(path: Path) -> None:
    assert OF_ITS_OWN.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/", "no-store"),
        ("/api/traces", "no-store"),
        ("/nothing", "no-store"),
        ("/static/viewer.css", "no-cache"),
        ("/static/viewer.css?v=3f2a9c01", FOREVER),
        ("/static/htmx-4.0.1.min.js", FOREVER),
        ("/static/gone.css?v=3f2a9c01", "no-store"),
    ],
)
def test_browsers_keep_only_what_is_no_trace(client: FlaskClient, path: str, kept: str) -> None:
    with client.get(path) as response:
        assert response.headers["Cache-Control"] == kept


@pytest.mark.parametrize(
    ("path", "site", "mode", "destination", "status"),
    [
        pytest.param("/", "same-origin", "cors", "empty", 200, id="our own page"),
        pytest.param("/", "none", "navigate", "document", 200, id="typed or bookmarked"),
        pytest.param("/", "cross-site", "navigate", "document", 200, id="a link in a chat"),
        pytest.param("/", "same-site", "navigate", "document", 200, id="a link from another port"),
        pytest.param("/", "cross-site", "navigate", "iframe", 403, id="a frame elsewhere"),
        pytest.param("/", "cross-site", "no-cors", "image", 403, id="an image elsewhere"),
        pytest.param("/static/viewer.css", "cross-site", "no-cors", "style", 403, id="a stylesheet elsewhere"),
        pytest.param("/api/traces", "same-origin", "cors", "empty", 200, id="our own page asks the API"),
        pytest.param("/api/traces", "none", "navigate", "document", 200, id="the API typed"),
        pytest.param("/api/traces", "cross-site", "cors", "empty", 403, id="the API from elsewhere"),
        pytest.param("/api/traces", "same-site", "cors", "empty", 403, id="the API from another port"),
        pytest.param("/api/traces", "cross-site", "navigate", "document", 403, id="a link to the API"),
    ],
)
def test_other_sites_may_link_to_pages_and_nothing_else(
    client: FlaskClient, views_run: list[str], path: str, site: str, mode: str, destination: str, status: int
) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
    assert client.get(path, headers=headers).status_code == status
    assert status == 200 or views_run == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="a program, no browser"),
        pytest.param({"Origin": "http://localhost:8000"}, 200, id="our own form"),
        pytest.param(
            {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"}, 200, id="our own form, said twice"
        ),
        pytest.param({"Origin": "http://localhost:3000"}, 403, id="another port"),
        pytest.param({"Origin": "https://evil.example"}, 403, id="another site"),
        pytest.param({"Origin": "null"}, 403, id="a sandboxed page"),
        pytest.param({"Origin": "http://["}, 403, id="no origin at all"),
        pytest.param(
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403, id="form"
        ),
        pytest.param({"Sec-Fetch-Site": "none"}, 403, id="nobody types a POST"),
    ],
)
def test_changes_need_the_same_origin(client: FlaskClient, headers: dict[str, str], status: int) -> None:
    assert client.post("/", headers={"Host": "localhost:8000", **headers}).status_code == status


def test_a_long_query_string_is_refused_with_a_sentence(client: FlaskClient) -> None:
    assert client.get("/api/traces?q=" + "x" * (MAX_QUERY_BYTES - 2)).status_code == 200
    response = client.get("/api/traces?q=" + "x" * (MAX_QUERY_BYTES - 1))
    assert (response.status_code, response.json) == (414, {"error": "The query string may have at most 8,192 bytes."})


def test_a_large_body_is_refused_before_it_is_read(client: FlaskClient, views_run: list[str]) -> None:
    response = client.post("/api/traces", data=b"x" * (MAX_BODY_BYTES + 1))
    assert (response.status_code, response.json) == (413, {"error": "A request's body may have at most 65,536 bytes."})
    assert views_run == []


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/nothing", 404, "404|Not found|There is nothing at this address."),
        ("/traces/<b>", 404, "404|Not found|No trace &lt;b&gt; is held."),
        ("/busy", 503, "503|Not now|The backlog is being indexed."),
    ],
)
def test_an_error_is_a_page_with_a_sentence(client: FlaskClient, path: str, status: int, text: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.text) == (status, text)


def test_below_api_an_error_is_json(client: FlaskClient) -> None:
    assert client.get("/api/nothing").json == {"error": "There is nothing at this address."}
    assert client.get("/api/traces/ab").json == {"error": "No trace ab is held."}


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    response = client.delete("/api/traces")
    assert (response.status_code, response.json) == (405, {"error": "This address does not answer to that method."})
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize("path", ["/broken", "/api/broken"])
def test_a_crash_tells_the_reader_nothing_of_its_cause(client: FlaskClient, path: str) -> None:
    client.application.logger.disabled = True
    response = client.get(path)
    assert response.status_code == 500
    assert "The terminal that runs the viewer shows what went wrong" in response.text
    assert "usr_0007" not in response.text
