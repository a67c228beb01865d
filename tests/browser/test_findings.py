"""A finding is one click away from the span that shows it, and comes to a trace that is followed by itself."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Viewer
from tests.browser.test_traces_page import APPEARS_MS, fresh
from tests.feed.waiting import until


def test_a_finding_leads_to_its_span_and_to_others_like_it(page: Page) -> None:
    page.locator("#facet-finding").get_by_role("link", name=re.compile("^exception")).click()
    expect(page.locator(".list__foot")).to_contain_text("11 of 11")
    page.locator(".row__link").first.click()
    diagnosis = page.locator("#trace .diagnosis")
    expect(diagnosis.locator(".finding__sentence").first).to_contain_text("failed with")
    diagnosis.locator(".finding__span").first.click()
    expect(page).to_have_url(re.compile("span="))
    expect(page.locator("#trace .diagnosis")).to_be_visible()
    page.locator(".finding__similar").first.click()
    expect(page).to_have_url(re.compile("finding=exception"))


def test_what_comes_in_is_examined_by_itself(page: Page, viewer: Viewer) -> None:
    failed = page.locator("#facet-event a", has_text="auth.failed").locator(".facet__count")
    before = int(failed.inner_text())
    found = page.locator("#facet-finding a", has_text=re.compile("no-cookie|cookie-rejected"))
    counted = sum(int(link.locator(".facet__count").inner_text()) for link in found.all())
    viewer.write(fresh(1))
    expect(failed).to_have_text(str(before + 1), timeout=APPEARS_MS)
    count = """[...document.querySelectorAll("#facet-finding a")]
        .filter((link) => /no-cookie|cookie-rejected/.test(link.textContent))
        .reduce((sum, link) => sum + Number(link.querySelector(".facet__count").textContent), 0)"""
    until(lambda: page.evaluate(count) > counted)
