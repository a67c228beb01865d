"""Flows as drawings: a step each, with a mark for its state."""

import pytest

from diamond_viewer.diagnosis.facts import gather
from diamond_viewer.diagnosis.flows import State, recognise
from diamond_viewer.telemetry.model import KIND_SERVER
from tests.builders import span, trace
from tests.diagnosis.readings import traces_in
from tests.diagnosis.staging import Take, take

MARKS = {State.DONE: "", State.BROKEN: "!", State.MISSING: "?", State.ELSEWHERE: "~"}


def drawn(one: Take) -> list[str]:
    facts = gather(traces_in([one.line().encode()])[0])
    return [
        f"{flow.name}: {', '.join(f'{step.name}{MARKS[step.state]}' for step in flow.steps)}"
        for flow in recognise(facts)
    ]


@pytest.mark.parametrize(
    ("one", "drawing"),
    [
        pytest.param(
            take("a131"),
            ["video play: session check, video API access, signed URL, response, progress update~"],
            id="video plays",
        ),
        pytest.param(
            take("72a9"),
            [
                "auth failure: request, check!, auth event!, 401!",
                "video play: session check!, video API access?, signed URL?, response!, progress update~",
            ],
            id="no cookie",
        ),
        pytest.param(
            take("a131").without("s3.presign"),
            ["video play: session check, video API access, signed URL?, response, progress update~"],
            id="never signed",
        ),
        pytest.param(
            take("4b61"),
            ["progress save: session check, progress update, database write, response"],
            id="progress is saved",
        ),
        pytest.param(
            take("c7ae"),
            ["progress save: session check, progress update!, database write!, response!"],
            id="the write fails",
        ),
        pytest.param(
            take("34a1"),
            ["progress save: session check, progress update, database write?, response!"],
            id="refused before the write",
        ),
        pytest.param(take("d161"), ["sign-in: authorize, session created, response"], id="signs in"),
        pytest.param(
            take("bc76"),
            ["auth failure: request, check!, auth event!, 401!", "sign-in: authorize!, session created?, response!"],
            id="wrong password",
        ),
        pytest.param(
            take("9af4"),
            [
                "progress save: session check, progress update, database write, response",
                "background job: enqueue, queue wait, process",
            ],
            id="a job in the same trace",
        ),
        pytest.param(take("29a7"), ["background job: enqueue~, queue wait~, process"], id="a job of another trace"),
        pytest.param(take("64ca"), ["background job: enqueue~, queue wait~, process!"], id="a job that failed"),
        pytest.param(take("f5f6"), [], id="the home page is no flow"),
        pytest.param(take("2ee7"), [], id="a POST to the video API plays nothing"),
    ],
)
def test_a_flow_and_the_step_that_broke(one: Take, drawing: list[str]) -> None:
    assert drawn(one) == drawing


def test_a_step_knows_its_span_and_how_long_it_took() -> None:
    facts = gather(traces_in([take("9af4").shift_service("diamond-district-worker", 500).line().encode()])[0])
    job = next(flow for flow in recognise(facts) if flow.name == "background job")
    assert job.is_whole
    wait = job.steps[1]
    assert 490_000_000 < wait.duration_ns < 510_000_000
    assert wait.span_id == job.steps[2].span_id


def test_the_broken_step_is_the_first() -> None:
    request = span(
        "a",
        kind=KIND_SERVER,
        name="POST /api/progress",
        attributes={"http.method": "POST", "http.route": "/api/progress"},
    )
    flow = recognise(gather(trace(request)))[0]
    assert flow.broken_step is not None
    assert (flow.broken_step.name, flow.broken_step.state) == ("session check", State.MISSING)
