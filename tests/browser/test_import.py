"""A trace file dropped on the page, or pasted into it, is opened beside the live files."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

pytestmark = pytest.mark.usefixtures("viewer")  # one for each test: what is imported stays until it is removed

VARIANTS = Path(__file__).parents[1] / "data" / "variants"
JAEGER = (VARIANTS / "jaeger" / "trace.json").read_text()

TRANSFER = """([name, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name));
  return transfer;
}"""
PASTE = """(text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""


def _drop(page: Page, name: str, text: str) -> None:
    transfer = page.evaluate_handle(TRANSFER, [name, text])
    page.dispatch_event("body", "dragover", {"dataTransfer": transfer})
    expect(page.locator("#dropped")).to_contain_text("Drop it to open it")
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})


def test_a_dropped_file_opens_beside_the_live_files(page: Page) -> None:
    _drop(page, "from-jaeger.json", JAEGER)
    page.wait_for_url("**/import/*/trace-viewer.html?trace=*")
    expect(page.locator("#imported")).to_contain_text("from-jaeger.json: Jaeger's JSON")
    expect(page.locator("#list .row")).to_have_count(1)
    expect(page.locator("#opened")).to_contain_text("auth.session.check")
    page.locator("#opened .trace__close").click()
    expect(page).to_have_url(re.compile(r"/import/\d+/trace-viewer\.html$"))
    page.get_by_role("link", name="All imports").click()
    page.get_by_role("link", name="The live files").click()
    expect(page.locator("#list .row").nth(1)).to_be_visible()


def test_a_pasted_text_opens_and_into_a_field_it_is_only_text(page: Page) -> None:
    page.locator("#filters [name=q]").focus()
    page.evaluate(PASTE.replace("document.body", "document.activeElement"), JAEGER)
    assert "/import/" not in page.url
    page.evaluate(PASTE, JAEGER)
    page.wait_for_url("**/import/*/trace-viewer.html?trace=*")
    expect(page.locator("#imported")).to_contain_text("pasted text: Jaeger's JSON")


def test_what_cannot_be_opened_is_said_on_the_page(page: Page, watched: "pytest.FixtureRequest") -> None:
    watched.expected = (*watched.expected, "422")  # type: ignore[attr-defined]
    before = page.url
    _drop(page, "console.txt", (VARIANTS / "js-console-exporter.txt").read_text())
    expect(page.get_by_role("alert")).to_contain_text("what the JavaScript SDK's console exporter prints")
    assert page.url == before


@pytest.mark.parametrize("width", [390, 1280])
def test_without_javascript_a_form_opens_a_file(page: Page, context: BrowserContext, width: int) -> None:
    plain = context.browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 800})  # type: ignore[union-attr]
    try:
        simple = plain.new_page()
        simple.goto(re.sub(r"/trace-viewer.*", "/health", page.url))
        simple.get_by_role("link", name="Open a trace file of your own").click()
        simple.get_by_label("A file").set_input_files(VARIANTS / "zipkin" / "js-zipkin-body.json")
        simple.get_by_role("button", name="Open", exact=True).click()
        expect(simple.locator("#imported")).to_contain_text("js-zipkin-body.json: Zipkin's JSON")
        assert simple.evaluate("document.documentElement.scrollWidth <= innerWidth")
        simple.locator("#opened .trace__close").click()  # on a phone it covers the page
        simple.get_by_role("link", name="All imports").click()
        simple.get_by_role("button", name="Remove js-zipkin-body.json").wait_for()
        assert simple.evaluate("document.documentElement.scrollWidth <= innerWidth")
        simple.get_by_role("button", name="Remove js-zipkin-body.json").click()
        expect(simple.get_by_role("button", name="Remove")).to_have_count(0)
    finally:
        plain.close()
