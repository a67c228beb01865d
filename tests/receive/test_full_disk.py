"""A disk without room, as the kernel says it: ``/dev/full`` stands where the live file should."""

from pathlib import Path

from tests import writing
from tests.receive.receiving import spans_of
from tests.receive.viewing import viewing


def test_a_viewer_on_a_full_disk_answers_503_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    live_path = tmp_path / "traces.json"
    first, second, third = (writing.line(writing.span(number)) for number in (1, 2, 3))
    with viewing(live_path) as viewer:
        assert viewer.receiver.send(first).status == 200
        live_path.rename(tmp_path / "traces-2026-11-24T00-00-00.000-size.json")
        live_path.symlink_to("/dev/full")
        for _ in range(2):
            refused = viewer.receiver.send(second)
            assert (refused.status, refused.headers["Retry-After"]) == (503, "10")
            assert refused.sentence == "It cannot be stored now (No space left on device): nothing of it was."
        live_path.unlink()
        assert viewer.receiver.send(second).status == 200
        assert viewer.receiver.send(third).status == 200
        health = viewer.wait_for_spans(3)
        spans = spans_of(viewer.receiver.documents())
    assert [span["spanId"] for span in spans] == [writing.span_id(number) for number in (1, 2, 3)]
    assert (health["spans"], health["bad_lines"]) == (3, 0)
