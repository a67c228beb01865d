"""Who may look: every address of the application, with and without a token, a session, a proxy."""

import re
from hashlib import sha256
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from flask.testing import FlaskClient

from diamond_viewer.imports import Imports
from diamond_viewer.settings.settings import Settings
from diamond_viewer.tokens import TokenFile
from diamond_viewer.web.app import app_for, create_app
from diamond_viewer.web.gate import COOKIE, FREE_FAILURES, MAX_WAIT_S, SESSION_S, Attempts, Sessions
from tests.plain_store import PlainStore
from tests.test_serving import connected, served

DISTRICT = Path(__file__).parents[1] / "data" / "diamond-district"
TOKEN, OTHER = "a-token-of-the-team", "another-token-of-it"
OPEN = ("/log-in", "/log-out")


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"{TOKEN}\n{OTHER}\n")
    return path


@pytest.fixture
def client(token_file: Path, real_store: PlainStore) -> FlaskClient:
    return app_for(real_store, Settings(auth_token_file=str(token_file))).test_client()


def log_in(client: FlaskClient, token: str = TOKEN, target: str = "/health", **headers: str) -> int:
    return client.post("/log-in", data={"token": token, "next": target}, headers=headers).status_code


def addresses(client: FlaskClient) -> list[str]:
    rules = [rule for rule in client.application.url_map.iter_rules() if "GET" in (rule.methods or ())]
    return sorted({re.sub(r"<(\w+:)?\w+>", "0" * 32, rule.rule) for rule in rules if rule.endpoint != "static"})


def test_nothing_but_the_log_in_is_shown_to_a_stranger(client: FlaskClient) -> None:
    paths = addresses(client)
    assert len(paths) > 15
    for path in [*paths, "/nothing", "/api/nothing", "//health", "/static/../health"]:
        response = client.get(path, headers={"Host": "localhost"})
        if path in OPEN or path in ("/healthz", "/readyz"):
            assert response.status_code in (200, 503)
        else:
            assert response.status_code in (401, 404, 308), path
            assert response.status_code != 404 or "static" in path, path
        assert "usr_" not in response.text
        assert "rotated" not in response.text


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer  {OTHER} "])
def test_a_program_sends_a_bearer_token(client: FlaskClient, header: str) -> None:
    assert client.get("/api/traces", headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \xff"]
)
def test_anything_else_is_refused_in_json_that_says_how(client: FlaskClient, header: str) -> None:
    response = client.get("/api/traces", headers={"Authorization": header})
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert response.json
    assert "token" in response.json["error"]
    assert TOKEN not in response.text


@pytest.mark.parametrize("parameter", ["token", "access_token", "auth", "t"])
def test_a_token_in_an_address_lets_nobody_in(client: FlaskClient, parameter: str) -> None:
    assert client.get(f"/api/traces?{parameter}={TOKEN}").status_code == 401
    assert client.get(f"/log-in?{parameter}={TOKEN}").headers.getlist("Set-Cookie") == []


def test_a_page_becomes_the_form_and_leads_back_after_it(client: FlaskClient) -> None:
    response = client.get("/errors?q=a%20b")
    assert response.status_code == 401
    assert 'value="/errors?q=a%20b"' in response.text
    answer = client.post("/log-in", data={"token": TOKEN, "next": "/errors?q=a%20b"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/errors?q=a%20b")
    assert client.get("/errors?q=a%20b").status_code == 200
    assert "Log out" in client.get("/health").text


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "", "/a\r\nX: y", "/\t/evil", "/ü"]
)
def test_the_log_in_leads_nowhere_else(client: FlaskClient, target: str) -> None:
    assert client.post("/log-in", data={"token": TOKEN, "next": target}).headers["Location"] == "/"


@pytest.mark.parametrize("prefix", ["", "/viewer"])
def test_wherever_a_log_in_leads_a_browser_stays_here(token_file: Path, real_store: PlainStore, prefix: str) -> None:
    client = app_for(real_store, Settings(auth_token_file=str(token_file), prefix=prefix)).test_client()
    for target in (
        *("/.//evil.example", "/..//evil.example", "/%2f/evil.example", "/%5cevil.example", "/@evil.example", "/;@x"),
        *(
            "/viewer/..//evil.example",
            "\t//evil.example",
            "/ //evil.example",
            "\uff0f\uff0fevil.example",
            "https:/evil",
        ),
        *("\\\\evil.example", "javascript:alert(1)", "data:text/html,x", "/\x00", "/../../..//evil.example", "/#//x"),
    ):
        answer = client.post(f"{prefix}/log-in", data={"token": TOKEN, "next": target})
        assert answer.status_code == 303
        leads = urlsplit(urljoin("http://localhost/viewer/log-in", answer.headers["Location"]))
        assert (leads.scheme, leads.netloc) == ("http", "localhost"), target
        assert answer.headers["Location"].startswith(f"{prefix}/"), target
        assert not answer.headers["Location"].startswith("//"), target


@pytest.mark.parametrize(("origin", "is_secure"), [("http://localhost", False), ("https://localhost", True)])
def test_the_cookie_is_for_this_site_s_requests_only(client: FlaskClient, origin: str, is_secure: bool) -> None:
    response = client.post("/log-in", data={"token": TOKEN}, headers={"Origin": origin})
    parts = response.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", f"Max-Age={SESSION_S}", "Path=/"} < set(parts)
    assert ("Secure" in parts) == is_secure
    assert TOKEN not in response.headers["Set-Cookie"]
    assert response.headers["Cache-Control"] == "no-store"


def test_another_site_s_form_is_refused_and_our_own_names_its_origin(client: FlaskClient) -> None:
    assert log_in(client, Origin="https://evil.example") == 403
    assert log_in(client, Origin="null") == 403
    for path in OPEN:
        assert client.get(path).headers["Referrer-Policy"] == "same-origin"
    assert log_in(client, Origin="http://localhost") == 303
    assert client.get("/health").headers["Referrer-Policy"] == "no-referrer"


def test_logging_out_ends_the_session_also_for_a_copy_of_its_cookie(client: FlaskClient) -> None:
    log_in(client)
    cookie = client.get_cookie(COOKIE)
    assert cookie
    assert client.get("/log-out").status_code == 200
    assert client.get("/health").status_code == 200  # a link alone changed nothing
    assert client.post("/log-out").headers["Location"] == "/log-in"
    assert client.get_cookie(COOKIE) is None
    client.set_cookie(COOKIE, cookie.value)
    assert client.get("/health").status_code == 401


def test_a_session_ends_with_its_token(client: FlaskClient, token_file: Path) -> None:
    log_in(client)
    token_file.write_text(f"{OTHER}\n")
    assert client.get("/health").status_code == 401


def test_a_session_ends_in_time_and_cannot_be_made_up(token_file: Path) -> None:
    tokens, now_s = TokenFile(str(token_file)), [1_000.0]
    digest = tokens.match(TOKEN)
    assert digest
    sessions = Sessions(tokens, lambda: now_s[0])
    cookie = sessions.begin(digest)
    until, _, rest = cookie.partition(".")
    forged = (
        f"{int(until) + 1}.{rest}",
        cookie[:-1],
        cookie[:-64] + "0" * 64,
        f"{cookie}0",
        "",
        "...",
        "é.ü",
        cookie[:-64],
    )
    assert [text for text in forged if sessions.is_valid(text)] == []
    assert sessions.is_valid(cookie)
    assert not Sessions(tokens, lambda: now_s[0]).is_valid(cookie)  # another process has another key
    now_s[0] += SESSION_S
    assert not sessions.is_valid(cookie)


def test_a_cookie_lets_nobody_try_tokens_at_home(client: FlaskClient) -> None:
    log_in(client)
    cookie = client.get_cookie(COOKIE)
    assert cookie
    known = {part for token in (TOKEN, OTHER) for part in (token, sha256(token.encode()).hexdigest())}
    assert [part for part in known if part in cookie.value] == []
    app = client.application  # another log-in, with the same token
    other = app.test_client()
    log_in(other)
    again = other.get_cookie(COOKIE)
    assert again
    assert again.value.split(".")[1] != cookie.value.split(".")[1]


def test_who_has_many_addresses_is_still_one() -> None:
    attempts = Attempts(lambda: 0.0)
    for number in range(FREE_FAILURES):
        attempts.failed(f"2001:db8:1:2::{number:x}")
    assert attempts.wait_s("2001:db8:1:2:ffff::1") == 1
    assert attempts.wait_s("2001:db8:1:3::1") == 0


def test_a_header_with_an_underscore_is_not_the_proxys(real_store: PlainStore) -> None:
    settings = Settings(trust_proxy_user="X-Forwarded-User", proxies=("127.0.0.1",))
    with served(app_for(real_store, settings), store=real_store) as (port, _):
        for name, status in (("X_Forwarded_User", 403), ("X-Forwarded_User", 403), ("X-Forwarded-User", 200)):
            connection = connected(port)
            connection.request("GET", "/api/stats", headers={name: "ada"})
            assert (name, connection.getresponse().status) == (name, status)
            connection.close()


def test_who_is_wrong_again_and_again_waits_even_with_the_right_token(client: FlaskClient) -> None:
    bearer = {"Authorization": "Bearer wrong"}
    assert [client.get("/api/traces", headers=bearer).status_code for _ in range(FREE_FAILURES - 1)] == [401] * 4
    assert client.get("/api/traces", headers=bearer).status_code == 429
    right = client.get("/api/traces", headers={"Authorization": f"Bearer {TOKEN}"})
    assert right.status_code == 429
    assert 1 <= int(right.headers["Retry-After"]) <= MAX_WAIT_S
    form = client.post("/log-in", data={"token": TOKEN})
    assert (form.status_code, COOKIE in form.headers.get("Set-Cookie", "")) == (429, False)
    assert "Try again in" in form.text


def test_each_further_attempt_waits_twice_as_long_and_other_addresses_do_not() -> None:
    now_s = [0.0]
    attempts, waits = Attempts(lambda: now_s[0]), []
    for _ in range(13):
        attempts.failed("10.0.0.1")
        waits.append(attempts.wait_s("10.0.0.1"))
        now_s[0] += waits[-1]
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert attempts.wait_s("10.0.0.2") == 0
    attempts.succeeded("10.0.0.1")
    attempts.failed("10.0.0.1")
    assert attempts.wait_s("10.0.0.1") == 0


def test_addresses_that_failed_do_not_fill_memory() -> None:
    attempts = Attempts()
    for number in range(20_000):
        attempts.failed(f"address {number}")
    assert len(attempts._failures) <= 4096


@pytest.mark.parametrize(
    ("address", "user", "status"),
    [
        ("10.0.0.2", "ada", 200),
        ("::ffff:10.0.0.2", "ada", 200),
        ("10.0.0.3", "ada", 403),
        ("10.0.0.2", " ", 403),
        ("10.0.0.2", "", 403),
        ("", "ada", 403),
    ],
)
def test_only_the_named_proxy_is_believed(real_store: PlainStore, address: str, user: str, status: int) -> None:
    settings = Settings(trust_proxy_user="X-Forwarded-User", proxies=("10.0.0.2",))
    client = app_for(real_store, settings).test_client()
    response = client.get("/api/traces", headers={"X-Forwarded-User": user}, environ_base={"REMOTE_ADDR": address})
    assert response.status_code == status
    assert client.get("/log-in", headers={"X-Forwarded-User": "ada"}).status_code == 403


def test_a_fragment_for_a_stranger_makes_the_page_load_anew(client: FlaskClient) -> None:
    response = client.get("/trace-viewer.html", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Refresh"]) == (401, "true")


def test_without_a_gate_everybody_may_look_and_there_is_no_log_in(real_store: PlainStore) -> None:
    client = create_app(real_store).test_client()
    assert client.get("/api/traces").status_code == 200
    assert client.get("/log-in").status_code == 404
    assert "Log out" not in client.get("/health").text


def test_an_import_stands_behind_the_same_gate(token_file: Path, real_store: PlainStore) -> None:
    with Imports(1024**3, 16 * 1024**2) as imports:
        client = app_for(real_store, Settings(auth_token_file=str(token_file)), imports).test_client()
        lines = (DISTRICT / "traces.json").read_bytes().splitlines(keepends=True)[0]
        assert client.post("/api/import", data=lines).status_code == 401
        taken = client.post("/api/import", data=lines, headers={"Authorization": f"Bearer {TOKEN}"})
        assert taken.status_code in (200, 201)
        pages = [f"/import/1{path}" for path in ("/trace-viewer.html", "/api/traces", "/errors", "/health")]
        for page in pages:
            response = client.get(page)
            assert response.status_code == 401, page
            assert "usr_" not in response.text
        assert log_in(client) == 303
        assert [client.get(page).status_code for page in pages] == [200] * len(pages)
