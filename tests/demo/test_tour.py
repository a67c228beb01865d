"""The tour of ``docs/tour.md``, followed: every stop shows what it says there."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from diamond_viewer.demo import cast
from tests.demo.touring import demo_client, demo_store
from tests.web.html_outline import Outline

TOUR = Path(__file__).parents[2] / "docs" / "tour.md"


@dataclass(frozen=True, slots=True)
class Stop:
    title: str
    address: str
    words: tuple[str, ...]


def stops() -> list[Stop]:
    found = []
    for part in TOUR.read_text("utf-8").split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        address = re.search(r"^`(/\S+)`$", text, re.MULTILINE)
        assert address, title
        found.append(Stop(title, address[1], tuple(re.findall(r"\*\*(.+?)\*\*", text))))
    return found


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return demo_client(tmp_path_factory.mktemp("tour") / "demo")


def test_the_tour_has_a_stop_for_everybody_who_has_a_name() -> None:
    students = [student for student in vars(cast).values() if isinstance(student, cast.Student) and student.user_id]
    text = TOUR.read_text("utf-8")
    assert [student.name for student in students if student.name.partition(":")[0] not in text] == []
    assert len(stops()) >= len(students)


@pytest.mark.parametrize("stop", stops(), ids=lambda stop: stop.title)
def test_a_stop_shows_what_the_tour_says(client: FlaskClient, stop: Stop) -> None:
    assert stop.words
    answer = client.get(stop.address)
    assert answer.status_code == 200
    page = Outline(answer.text)
    rows = [row.words() for row in page.find(class_="row")]
    assert rows
    assert any(all(word in row for word in stop.words) for row in rows), rows
    assert page.find(class_="notice") == []  # no filter was misread
    everything = client.get("/api/traces").json
    assert everything is not None
    assert len(rows) < everything["total"] / 4  # it is found, not among everything


def test_a_lesson_that_is_opened_again_is_resumed(tmp_path: Path) -> None:
    store = demo_store(tmp_path / "demo")
    students = [student for student in vars(cast).values() if isinstance(student, cast.Student)]
    begin_ns, end_ns = 0, 2**62
    told = [
        finding
        for student in (*students, *cast.CROWD)
        if student.user_id
        for finding in store.journey(student.user_id, begin_ns, end_ns)
    ]
    assert told
    assert [finding for finding in told if finding.rule == "resume-missing"] == []
