"""The log-in in a real browser, also where it is plain HTTP under a name of its own and tells the server less."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import CHROMIUM, StartViewer, Watched
from tests.web.conftest import TRACES

TOKEN = "a-token-of-the-team"


@pytest.mark.parametrize("name", ["127.0.0.1", "viewer.example"])
def test_a_reader_logs_in_reads_and_logs_out(
    browser: Browser,
    start_viewer: StartViewer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    watched: Watched,
    name: str,
) -> None:
    (tmp_path / "tokens").write_text(TOKEN)
    (tmp_path / "traces.json").write_bytes(TRACES.read_bytes())
    monkeypatch.setenv("DIAMOND_AUTH_TOKEN_FILE", str(tmp_path / "tokens"))
    monkeypatch.setenv("DIAMOND_ALLOWED_HOST", "viewer.example")
    viewer = start_viewer()
    address = f"http://{name}:{urlsplit(viewer.address).port}"
    watched.expected = ("401", "Cross-Origin-Opener-Policy header has been ignored")  # plain HTTP has none
    arguments = ["--disable-gpu", "--no-sandbox", "--host-resolver-rules=MAP viewer.example 127.0.0.1"]
    own = browser.browser_type.launch(executable_path=CHROMIUM, args=arguments)
    try:
        page = own.new_page()
        watched.watch(page)
        page.goto(f"{address}/errors?since=all")
        page.get_by_label("Token").fill("not a token of the team")
        page.get_by_role("button", name="Log in").click()
        page.get_by_text("That is none of the tokens").wait_for()
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{address}/errors?since=all")
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Traces").click()
        page.locator("#list .row").first.wait_for()
        page.get_by_role("link", name="Log out").click()
        page.get_by_role("button", name="Log out").click()
        page.get_by_label("Token").wait_for()
        page.goto(f"{address}/trace-viewer.html")
        assert page.get_by_label("Token").is_visible()
    finally:
        own.close()
