"""The measurement of the receiver loses nothing itself; how fast it is, only the benchmark says."""

from pathlib import Path

from tests.bench.receiving import receive_for


def test_what_is_sent_is_in_the_file_and_in_the_index_once(tmp_path: Path) -> None:
    received = receive_for(0.5, tmp_path)
    assert received.sent == received.in_file == received.in_index > 0
