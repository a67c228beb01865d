"""Takes ``docs/screenshot.png`` and ``docs/capture.webp``, twenty seconds from a complaint to the span that is to blame."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import CHROMIUM, ROOT, await_ready, context_of, launch
from tests.web.conftest import TRACES

DOCS = ROOT / "docs"
SIZE = {"width": 1280, "height": 800}
SHOWN = (1024, 640)  # of the capture
SETTLED_MS = 600

Step = tuple[int, Callable[[Page], object]]  # how long what it leads to is shown, in ms; what is done

WALK: tuple[Step, ...] = (
    (2500, lambda page: page.goto("/trace-viewer.html")),
    (1500, lambda page: page.get_by_label("Lesson ID").fill("lesson-011")),
    (2500, lambda page: page.get_by_label("Lesson ID").press("Enter")),
    (3000, lambda page: page.locator("#list .row__link").nth(0).click()),
    (2000, lambda page: page.goto("/errors")),  # the tab would keep the lesson
    (2500, lambda page: page.get_by_role("link", name="TypeError").first.click()),
    (1500, lambda page: page.get_by_role("link", name="Journeys").first.click()),
    (2500, lambda page: page.get_by_role("link", name="usr_0007").first.click()),
    (2000, lambda page: page.get_by_role("link", name="Map").first.click()),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for name in ("traces.json", "metrics.json", "logs.json"):
            Path(folder, name).write_bytes(TRACES.with_name(name).read_bytes())
        viewer = await_ready(launch(Path(folder, "traces.json")))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            take_screenshot(browser, viewer.address)
            take_capture(browser, viewer.address)
        finally:
            browser.close()
            viewer.stop()


def take_screenshot(browser: Browser, address: str) -> None:
    page = context_of(browser, viewport=SIZE, base_url=address).new_page()
    page.goto("/trace-viewer.html?lesson=lesson-011")
    page.locator("#list .row__link").nth(0).click()
    page.locator("#opened .trace").wait_for()
    page.wait_for_timeout(SETTLED_MS)
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(DOCS / "screenshot.png", optimize=True)


def take_capture(browser: Browser, address: str) -> None:
    page = context_of(browser, viewport=SIZE, base_url=address).new_page()
    frames, shown_ms = [], []
    for duration_ms, act in WALK:
        act(page)
        page.wait_for_timeout(SETTLED_MS)
        frames.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS))
        shown_ms.append(duration_ms)
    first, *others = frames
    first.save(
        DOCS / "capture.webp", save_all=True, append_images=others, duration=shown_ms, loop=0, quality=70, method=6
    )


if __name__ == "__main__":
    main()
