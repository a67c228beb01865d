"""Shared answers: many readers, one answer; and who has seen it gets a new one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from diamond_viewer.web import freshness
from diamond_viewer.web.freshness import Answer, Seen, SharedAnswers

READERS = 12
BOUND_S = 20.0


def test_readers_who_ask_at_the_same_time_wait_for_one_answer() -> None:
    shared, began, go_on = SharedAnswers(), threading.Event(), threading.Event()
    made: list[str] = []

    def make() -> tuple[str, bool]:
        made.append("once")
        began.set()
        assert go_on.wait(BOUND_S)
        return "a list", True

    def ask() -> Answer:
        return shared.of("question", "version 1", Seen(), make)

    with ThreadPoolExecutor(READERS) as readers:
        first = readers.submit(ask)
        assert began.wait(BOUND_S)
        others = [readers.submit(ask) for _ in range(READERS - 1)]
        go_on.set()
        answers = {id(one.result(BOUND_S)) for one in [first, *others]}
    assert (len(answers), made) == (1, ["once"])


def test_questions_do_not_wait_for_each_other() -> None:
    shared, inside = SharedAnswers(), threading.Barrier(2, timeout=BOUND_S)

    def make() -> tuple[str, bool]:
        inside.wait()
        return "", True

    with ThreadPoolExecutor(2) as readers:
        for one in [readers.submit(shared.of, name, "1", Seen(), make) for name in ("a", "b")]:
            one.result(BOUND_S)


def test_who_has_an_older_answer_gets_the_last_one_while_it_is_young(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "MAX_COST", float("inf"))
    monkeypatch.setattr(freshness, "MAX_AGE_S", float("inf"))
    shared = SharedAnswers()
    first = shared.of("question", "version 2", Seen(), lambda: ("two", True))
    behind = shared.of("question", "version 3", Seen("version 1", "x"), lambda: ("three", True))
    assert behind is first
    assert shared.of("question", "version 3", Seen("version 2", "x"), lambda: ("three", True)).text == "three"
    assert shared.of("question", "version 4", Seen(), lambda: ("four", True)).text == "four"


def test_an_old_answer_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "MAX_AGE_S", 0.0)
    shared = SharedAnswers()
    shared.of("question", "version 2", Seen(), lambda: ("two", True))
    assert shared.of("question", "version 3", Seen("version 1", "x"), lambda: ("three", True)).text == "three"


def test_a_search_that_has_not_come_to_its_end_goes_on() -> None:
    shared = SharedAnswers()
    assert shared.of("question", "version 1", Seen(), lambda: ("some", False)).text == "some"
    assert shared.of("question", "version 1", Seen(), lambda: ("more", True)).text == "more"
    assert shared.of("question", "version 1", Seen(), lambda: ("never made", True)).text == "more"


def test_only_the_last_questions_are_kept() -> None:
    shared = SharedAnswers()
    for number in range(freshness.MAX_SHARED + 1):
        shared.of(f"question {number}", "version 1", Seen(), lambda: ("kept", True))
    assert shared.of("question 0", "version 1", Seen(), lambda: ("anew", True)).text == "anew"
    assert shared.of(f"question {number}", "version 1", Seen(), lambda: ("anew", True)).text == "kept"


def test_a_maker_that_fails_holds_nobody_up() -> None:
    shared = SharedAnswers()

    def fail() -> tuple[str, bool]:
        raise RuntimeError("broken")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            shared.of("question", "version 1", Seen(), fail)
    assert shared.of("question", "version 1", Seen(), lambda: ("well", True)).text == "well"
