"""A map of many services: seen whole, and any part of it in full size, by mouse, by key, by finger and without a script."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Viewer, Watched, await_ready, context_of, launch
from tests.feed.waiting import until
from tests.writing import resource_spans, span, written

SERVICES, REACH = 56, 6  # each calls so many of those that follow it: 252 calls and some
VIEW = """() => {
  const view = document.getElementById("map"), boxes = [...view.querySelectorAll(".map__box")];
  const frame = view.getBoundingClientRect(), places = boxes.map(box => box.getBoundingClientRect());
  return {
    seen: places.filter(one => one.left >= frame.left - 1 && one.right <= frame.right + 1
      && one.top >= frame.top - 1 && one.bottom <= frame.bottom + 1).length,
    width: places[0].width,
    pageWidth: document.documentElement.scrollWidth,
    viewHeight: frame.height,
  };
}"""
OFF_MIDDLE = """name => {
  const node = [...document.querySelectorAll(".map__node")].find(one => one.textContent.includes(name));
  const one = node.getBoundingClientRect(), view = document.getElementById("map").getBoundingClientRect();
  return [one.left + one.width / 2 - view.left - view.width / 2, one.top + one.height / 2 - view.top - view.height / 2];
}"""
GROUND_BY = """name => {
  const node = [...document.querySelectorAll(".map__node")].find(one => one.textContent.includes(name)).getBoundingClientRect();
  for (let away = 0; away < 200; away += 0.5)
    for (const y of [node.top - away, node.bottom + away]) {
      const x = node.left + node.width / 2;
      if (document.elementFromPoint(x, y)?.matches(".map__drawing")) return [x, y, away];
    }
}"""


def calls() -> bytes:
    blocks, trace = [], 0
    for source in range(SERVICES):
        for target in range(source + 1, min(source + 1 + REACH, SERVICES)):
            trace += 1
            blocks.append(resource_spans([span(1, trace=trace, kind=3)], f"service-{source:02}"))
            blocks.append(resource_spans([span(2, 1, trace=trace, kind=2)], f"service-{target:02}"))
    return written({"resourceSpans": blocks})


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    live = tmp_path_factory.mktemp("wide") / "traces.json"
    live.write_bytes(calls() + b"\n")
    viewer = launch(live)
    yield await_ready(viewer)
    viewer.stop()


def shown(page: Page, wide: Viewer, width: int = 1280) -> Page:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{wide.address}/map")
    expect(page.locator(".map__node")).to_have_count(SERVICES)
    return page


@pytest.mark.parametrize("width", [1280, 390])
def test_the_whole_is_seen_first_and_a_click_on_the_ground_shows_a_part(page: Page, wide: Viewer, width: int) -> None:
    shown(page, wide, width)
    first = page.evaluate(VIEW)
    assert first["seen"] == SERVICES
    assert first["pageWidth"] <= width
    x, y, away = page.evaluate(GROUND_BY, "service-30")
    scale = first["width"] / 190
    page.mouse.click(x, y)
    expect(page).to_have_url(re.compile(r"/map\?zoom=100$"))
    part = page.evaluate(VIEW)
    assert part["width"] == pytest.approx(190, abs=2)
    assert part["viewHeight"] < 800  # both scroll bars can be reached
    assert part["pageWidth"] <= width
    across, down = page.evaluate(OFF_MIDDLE, "service-30")
    assert abs(across) < 30 + 1 / scale  # a click is a whole pixel
    assert abs(down) < 30 + 20 + (away + 1) / scale  # half a box, and what was between it and the click
    page.mouse.click(
        *(page.evaluate("(() => { const one = map.getBoundingClientRect(); return [one.left + 2, one.top + 2]; })()"))
    )
    assert page.evaluate(VIEW) == first


def test_keys_change_the_size_around_the_box_in_focus(page: Page, wide: Viewer) -> None:
    shown(page, wide)
    box = page.locator(".map__node", has_text="service-41")
    box.focus()
    for size in ("50", "100", "200"):
        page.keyboard.press("+")
        expect(page.locator("[data-zoom][aria-current]")).to_have_attribute("data-zoom", size)
        across, down = page.evaluate(OFF_MIDDLE, "service-41")
        assert abs(across) < 40
        assert abs(down) < page.evaluate(VIEW)["viewHeight"] / 2 - 20  # as near to the middle as there is map
    expect(box).to_be_focused()
    page.keyboard.press("-")
    page.reload()
    expect(page.locator("[data-zoom][aria-current]")).to_have_attribute("data-zoom", "100")
    page.keyboard.press("0")
    assert page.evaluate(VIEW)["seen"] == SERVICES
    page.locator("#map").focus()
    before = page.evaluate("map.scrollLeft")
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    until(lambda: page.evaluate("map.scrollLeft") > before)


def test_what_a_box_calls_stands_out(page: Page, wide: Viewer) -> None:
    shown(page, wide)
    page.locator(".map__node", has_text="service-10").focus()
    expect(page.locator(".map__call.map__marked")).to_have_count(2 * REACH)
    expect(page.locator(".map__node.map__marked")).to_have_count(2 * REACH + 1)
    page.locator('.map__call[aria-label^="service-10 calls service-11"]').focus()
    expect(page.locator(".map__call.map__marked")).to_have_count(1)
    expect(page.locator(".map__node.map__marked")).to_have_count(2)
    page.locator("#map").focus()
    expect(page.locator(".map__drawing[data-marked]")).to_have_count(0)


def test_without_a_script_sizes_are_links(browser: Browser, watched: Watched, wide: Viewer) -> None:
    context = context_of(browser, java_script_enabled=False, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{wide.address}/map?status=ok")
    page.get_by_role("link", name="50 %").click()
    expect(page).to_have_url(re.compile(r"/map\?status=ok&zoom=50$"))
    box = page.locator(".map__box").first.bounding_box()
    assert box is not None
    assert box["width"] == pytest.approx(95, abs=2)
    context.close()
