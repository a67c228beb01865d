"""The twenty tasks of ``docs/tasks.md``, done by a browser step by step, and the number of steps that stands behind each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import ROOT, Viewer, Watched, context_of

TASKS = Path(ROOT, "docs", "tasks.md").read_text(encoding="utf-8")
TASK = re.compile(r"^## (\d+)\. (.+) \((\d+) steps?\)\n\nFrom `(.+)`\n\n((?:\d+\. .+\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class Task:
    number: int
    title: str
    step_count: int
    start: str
    lines: tuple[str, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(line for line in self.lines if not line.startswith("See "))


def tasks() -> list[Task]:
    return [
        Task(int(number), title, int(count), start, tuple(re.findall(r"^\d+\. (.+)$", lines, re.MULTILINE)))
        for number, title, count, start, lines in TASK.findall(TASKS)
    ]


FILTERS = ("Lesson ID", "Search", "Slower than")
PLACES = {"header": ".header__nav", "list": "#list"}


def shown(page: Page, words: str) -> Locator:
    """What can be pressed and is called so, the first of it that is in sight."""
    pressed = page.get_by_role("link", name=words).or_(page.get_by_role("button", name=words))
    return pressed.or_(page.locator("summary").filter(has_text=words)).locator("visible=true").first


def click(page: Page, words: str, where: str) -> None:
    (page.locator(PLACES[where]).get_by_role("link", name=words).first if where else shown(page, words)).click()


def type_in(page: Page, text: str, label: str) -> None:
    field, before = page.get_by_label(label, exact=True).first, page.url
    field.fill(text)
    field.press("Enter")
    if label in FILTERS:
        page.wait_for_url(lambda url: url != before)  # it changes after the list has


def paste(page: Page, text: str, label: str) -> None:
    page.get_by_label(label, exact=True).fill(text)


def choose(page: Page, option: str, label: str) -> None:
    before = page.url
    page.get_by_label(label, exact=True).select_option(label=option)
    page.wait_for_url(lambda url: url != before)


def press(page: Page, key: str) -> None:
    page.keyboard.press(key)


def see(page: Page, words: str) -> None:
    expect(page.get_by_text(words).locator("visible=true").first).to_be_visible()


STEPS = (  # as they are written, and what is done
    (re.compile(r"Click \*\*(.+?)\*\*(?: in the (header|list))?"), click),
    (re.compile(r"Type `(.+)` into \*\*(.+)\*\*"), type_in),
    (re.compile(r"Paste `(.+)` into \*\*(.+)\*\*"), paste),
    (re.compile(r"Choose `(.+)` in \*\*(.+)\*\*"), choose),
    (re.compile(r"Press `(.+)`"), press),
    (re.compile(r"See \*\*(.+)\*\*"), see),
)


def take(page: Page, line: str) -> None:
    for pattern, act in STEPS:
        if found := pattern.fullmatch(line):
            act(page, *found.groups())
            return
    raise AssertionError(f"nobody knows how to: {line}")


@pytest.fixture(scope="module")
def desk(browser: Browser, shared_viewer: Viewer) -> Iterator[Page]:
    context = context_of(browser, viewport={"width": 1440, "height": 860}, base_url=shared_viewer.address)
    yield context.new_page()
    context.close()


def test_there_are_twenty_and_each_ends_at_something_to_see() -> None:
    assert [task.number for task in tasks()] == list(range(1, 21))
    assert TASKS.count("\n## ") == 20
    assert all(task.lines[-1].startswith("See ") for task in tasks())


@pytest.mark.parametrize("task", tasks(), ids=lambda task: f"{task.number}. {task.title}")
def test_a_task_is_done_in_its_steps(desk: Page, watched: Watched, task: Task) -> None:
    watched.watch(desk)
    desk.goto(task.start)
    for line in task.lines:
        take(desk, line)
    assert len(task.steps) == task.step_count
