"""One setting, shown everywhere: UTC, or the zone that the reader's browser has set."""

import re

import pytest
from flask.testing import FlaskClient

from tests.plain_store import PlainStore
from tests.web.conftest import MakeClient
from tests.writing import line, span

TRACE = "3e2337288c0cde97c1f5cae76038ca5b"
POLL = {"HX-Request": "true", "HX-Target": "div#status"}
SUMMER_NS, WINTER_NS = 1_782_000_000_000_000_000, 1_795_000_000_000_000_000  # 2026-06-21 and 2026-11-18, in UTC


@pytest.fixture
def reader(client_of: MakeClient, real_store: PlainStore) -> FlaskClient:
    """Its cookies are its own."""
    return client_of(real_store)


def clocks(client: FlaskClient, path: str, zone: str, **headers: str) -> list[str]:
    client.set_cookie("zone", zone)
    return re.findall(r"(?<![T:\d])\d\d:\d\d(?=:\d\d)", client.get(path, headers=headers).get_data(as_text=True))


@pytest.mark.parametrize("path", ["/trace-viewer.html?limit=20", f"/traces/{TRACE}", "/health", f"/?trace={TRACE}"])
def test_every_time_of_a_page_is_of_the_reader_s_zone(reader: FlaskClient, path: str) -> None:
    path = path.replace("/?", "/trace-viewer.html?")
    in_utc, in_kolkata = clocks(reader, path, "UTC"), clocks(reader, path, "Asia/Kolkata")
    assert in_utc
    assert in_kolkata == [later(clock, 330) for clock in in_utc]
    text = reader.get(path).get_data(as_text=True)
    assert "Kolkata" in text
    assert " UTC" not in re.sub(r'title="[^"]*"|aria-label="[^"]*"', "", text)


def later(clock: str, minutes: int) -> str:
    hours, rest = divmod((int(clock[:2]) * 60 + int(clock[3:]) + minutes) % 1440, 60)
    return f"{hours:02}:{rest:02}"


def test_links_and_the_api_stay_in_utc(reader: FlaskClient) -> None:
    hrefs = re.findall(r"since=([^&\"]+)", reader.get("/trace-viewer.html").get_data(as_text=True))
    answer = reader.get("/api/traces?since=2026-11-22T14:38:29").get_json()
    reader.set_cookie("zone", "Europe/Berlin")
    assert re.findall(r"since=([^&\"]+)", reader.get("/trace-viewer.html").get_data(as_text=True)) == hrefs
    assert reader.get("/api/traces?since=2026-11-22T14:38:29").get_json() == answer


def test_summer_and_winter_have_their_own_distance_from_utc(client_of: MakeClient) -> None:
    times = enumerate((SUMMER_NS, WINTER_NS), 1)
    client = client_of(PlainStore.from_lines([line(*(span(n, trace=n, start_ns=at_ns) for n, at_ns in times))]))
    assert clocks(client, "/trace-viewer.html", "UTC")[:2] != []
    listed = re.findall(r'datetime="[^"]*T(\d\d)[^>]*>(\d\d)', in_berlin(client))
    assert [int(shown) - int(utc) for utc, shown in listed] == [1, 2]


def in_berlin(client: FlaskClient) -> str:
    client.set_cookie("zone", "Europe/Berlin")
    return client.get("/trace-viewer.html").get_data(as_text=True)


def test_a_time_without_a_zone_is_one_of_the_clock_that_is_shown(reader: FlaskClient) -> None:
    reader.set_cookie("zone", "Europe/Berlin")
    answer = reader.get("/trace-viewer.html?since=2026-11-22+15:38&until=2026-11-22T15:38:25.5&user=")
    assert answer.headers["Location"] == (
        "/trace-viewer.html?since=2026-11-22T14%3A38%3A00Z&until=2026-11-22T14%3A38%3A25.5Z"
    )
    page = reader.get(answer.headers["Location"]).get_data(as_text=True)
    assert 'value="2026-11-22T15:38:25.500000000+01:00"' in page or 'value="2026-11-22T15:38:25.5+01:00"' in page


def test_readers_in_different_zones_do_not_share_an_answer(reader: FlaskClient) -> None:
    path = "/trace-viewer.html?limit=3"
    in_utc, in_tokyo = clocks(reader, path, "UTC", **POLL), clocks(reader, path, "Asia/Tokyo", **POLL)
    assert in_utc
    assert in_tokyo == [later(clock, 540) for clock in in_utc]
    assert clocks(reader, path, "UTC", **POLL) == in_utc


@pytest.mark.parametrize(
    "zone", ["", "Mars/Base", "../../etc/passwd", "Europe", "x" * 4000, "UTC; path=/", "\x00", "posixrules/"]
)
def test_what_is_no_zone_is_utc(reader: FlaskClient, zone: str) -> None:
    answer = reader.get("/trace-viewer.html", headers={"Cookie": f"zone={zone}".replace("\x00", "%00")})
    assert answer.status_code == 200
    assert '<abbr class="traces__zone" title="All times are UTC">UTC</abbr>' in answer.get_data(as_text=True)


def test_a_link_to_be_copied_stands_still(reader: FlaskClient) -> None:
    assert reader.get("/link?user=usr_0007&since=15m&page=3").text.startswith(
        "/trace-viewer.html?user=usr_0007&since=2026-"
    )
    fixed = "/trace-viewer.html?since=2026-11-22T14%3A30%3A00Z&until=2026-11-22T14%3A40%3A00Z&column=spans"
    assert reader.get(fixed.replace("/trace-viewer.html", "/link")).text == fixed
    assert re.fullmatch(r"/trace-viewer.html\?until=2026-[^&]*Z", reader.get("/link").text)


def test_a_link_to_errors_or_operations_stands_still_and_keeps_what_is_opened_and_sorted(reader: FlaskClient) -> None:
    assert re.fullmatch(
        r"/errors\?status=error&since=2026-[^&]*Z&until=2026-[^&]*Z&by=last&group=abc",
        reader.get("/link/errors?since=15m&status=error&group=abc&by=last").text,
    )
    fixed = "/operations?since=2026-11-22T14%3A30%3A00Z&until=2026-11-22T14%3A40%3A00Z&by=p95&db=count"
    assert reader.get(f"/link{fixed}").text == fixed
