"""Names that are long, or written from right to left, in a browser: nothing is cut without a sign, no number moves away."""

import time

from playwright.sync_api import Page

from tests.browser.conftest import Viewer
from tests.writing import line, span, trace_id

LONG_USER, LONG_LESSON = "usr_" + "long" * 40, "lesson-" + "z" * 150
ARABIC, LONG = "فيديو الدرس", "GET /api/" + "a-long-name/" * 40
CUT = "one => getComputedStyle(one).textOverflow === 'ellipsis' && one.scrollWidth > one.clientWidth"
BEYOND = "() => [...document.querySelectorAll('.alike *')].filter(one => one.getBoundingClientRect().right > innerWidth).length"


def lines() -> list[bytes]:
    now_ns = time.time_ns()
    return [
        line(
            span(1, trace=1, name=ARABIC, kind=2, start_ns=now_ns, attributes={"http.response.status_code": 204}),
            span(2, 1, trace=1, start_ns=now_ns),
            service="خدمة-الويب",
        ),
        line(span(1, trace=2, name=LONG, start_ns=now_ns, attributes={"user.id": LONG_USER, "lesson.id": LONG_LESSON})),
        line(span(1, trace=3, start_ns=now_ns, attributes={"user.id": "usr_1", "lesson.id": LONG_LESSON})),
    ]


def test_names_of_any_length_and_script_keep_their_place(page: Page, viewer: Viewer) -> None:
    viewer.write(*lines())
    row = page.locator(f"#t-{trace_id(1)}")
    row.wait_for()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 860})
        name, status = row.locator(".row__link").bounding_box(), row.locator(".row__status").bounding_box()
        assert name is not None
        assert status is not None
        assert status["x"] >= name["x"] + name["width"], width  # a number would else go to the left of Arabic
        for field in ("first", "second"):
            assert page.locator(f"#t-{trace_id(2)} .row__who .row__{field} a").evaluate(CUT), (width, field)
        assert not page.locator(f"#t-{trace_id(3)} .row__who .row__first a").evaluate(CUT), (
            width
        )  # the short one is whole
    page.goto(f"{viewer.address}/traces/{trace_id(1)[:20]}")
    assert page.locator(".alike tbody tr").count() == 3
    assert page.evaluate(BEYOND) == 0
    assert page.locator(".alike bdi", has_text="خدمة").count() == 1
