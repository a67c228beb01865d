"""The tour of ``docs/tour.md``, followed: every stop shows what it says there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from flask.testing import FlaskClient

from diamond_viewer.demo import cast
from diamond_viewer.telemetry.rules import RULE_NAMES
from tests.demo.touring import demo_client, demo_store
from tests.web.html_outline import Outline

TROUBLE = (  # events of the platform that people ask about
    *("auth.failed", "auth.credentials.missing", "middleware.redirect", "exception"),
    *("video.buffering", "video.resume_position_mismatch"),
    *("progress.validation_failed", "progress.auto_complete_triggered"),
)
TOUR = Path(__file__).parents[2] / "docs" / "tour.md"


@dataclass(frozen=True, slots=True)
class Stop:
    title: str
    address: str
    words: tuple[str, ...]

    @property
    def asked(self) -> list[tuple[str, str]]:
        """What its page asks for, as the API has it."""
        path, _, query = self.address.partition("?")
        return [("user", path.removeprefix("/users/"))] if path.startswith("/users/") else parse_qsl(query)


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
    if stop.address.startswith("/users/"):
        journey = page.one(id="page")
        assert [word for word in stop.words if word not in journey.words()] == []
        return
    rows = [row.words() for row in page.find(class_="row")]
    assert rows
    assert any(all(word in row for word in stop.words) for row in rows), rows
    assert page.find(class_="notice") == []  # no filter was misread
    everything = client.get("/api/traces").json
    assert everything is not None
    assert len(rows) < everything["total"] / 4  # it is found, not among everything


def test_everything_that_goes_wrong_in_the_demo_is_met_on_the_tour(client: FlaskClient) -> None:
    """Each rule that finds something there, and each event that speaks of trouble, in a trace that some stop leads to."""

    def total(asked: Sequence[tuple[str, str]]) -> int:
        while True:
            answer = client.get("/api/traces", query_string=list(asked)).json
            assert answer is not None
            if answer.get("is_complete", True):
                return int(answer["total"])

    asked_by_stops = [stop.asked for stop in stops()]
    happens = [("finding", rule) for rule in RULE_NAMES] + [("event", name) for name in TROUBLE]
    happens = [what for what in happens if total([what])]
    assert {name for kind, name in happens if kind == "event"} == set(TROUBLE)
    assert len(happens) > 25
    assert [what for what in happens if not any(total([*asked, what]) for asked in asked_by_stops)] == []


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
