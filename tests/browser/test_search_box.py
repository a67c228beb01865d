"""Typing a search: suggestions by keyboard and mouse, mistakes while typing, and answers that come too late."""

import re

from playwright.sync_api import Page, Route, expect


def box(page: Page) -> str:
    return str(page.locator("#filter-q").input_value())


def test_a_search_is_written_by_keyboard_from_suggestions(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("les")
    field = page.get_by_role("combobox", name="Search")
    expect(field).to_be_focused()
    expect(page.locator("#search-options [role=option]").first).to_contain_text("lesson:")
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "search-option-1")
    page.keyboard.press("Enter")
    assert box(page) == "lesson:"
    # values of lessons, most frequent first
    expect(page.locator("#search-options [role=option]").first).to_contain_text("traces")
    page.keyboard.type("11")
    expect(page.locator("#search-options [role=option]")).to_have_count(1)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    assert box(page) == "lesson:lesson-011 "
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(page.locator(".list__foot")).to_contain_text("20 of 20")
    expect(page).to_have_url(re.compile(r"\?q=lesson%3Alesson-011$"))


def test_escape_closes_the_suggestions_first_and_a_click_takes_one(page: Page) -> None:
    field = page.get_by_role("combobox", name="Search")
    field.press_sequentially("status:")
    expect(page.locator("#search-options [role=option]")).to_have_count(2)
    field.press("Escape")
    expect(page.locator("#search-options")).to_be_hidden()
    expect(field).to_be_focused()
    field.press("ArrowDown")
    page.locator("#search-options").get_by_role("option", name="error").click()
    assert box(page) == "status:error "
    expect(field).to_be_focused()


def test_a_mistake_is_marked_while_typing_and_leaves_with_its_cause(page: Page) -> None:
    field = page.get_by_role("combobox", name="Search")
    field.press_sequentially("lesso:x user:u")
    expect(page.locator("#search-said mark")).to_have_text("lesso")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("lesson:x user:u")
    expect(page.locator("#search-said")).to_be_empty()
    expect(field).to_have_attribute("aria-invalid", "false")


def test_typing_does_not_wait_for_an_old_answer(page: Page) -> None:
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if "q=stat&" in route.request.url:
            held.append(route)
        else:
            route.continue_()

    page.route("**/search-hints*", hold_the_first)
    field = page.get_by_role("combobox", name="Search")
    with page.expect_request(re.compile(r"q=stat&")):
        field.fill("stat")
    field.fill("user:usr_0007")
    expect(page.locator("#search-options [role=option]")).to_have_text(re.compile("usr_0007"))
    assert len(held) == 1  # it was never answered


def test_the_help_is_a_click_away(page: Page) -> None:
    page.get_by_role("link", name="How to search").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Searching")
    page.get_by_role("link", name="event:auth.failed", exact=True).first.click()
    expect(page.locator("#filter-q")).to_have_value("event:auth.failed")
