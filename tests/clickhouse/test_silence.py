"""What breaks on the way to a cluster is said once, by the viewer: its libraries write nothing to the log.

Each would be a line or two there, and a log that nobody reads is full one day: then whoever writes to it stands still.
"""

import logging

import pytest

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.faults import ClusterError
from tests.clickhouse.answering import answering

ANSWERS = {
    "none": b"",
    "half of one": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    "a header that is none": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nno header\r\n\r\nwhat",  # urllib3 warns of it
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers_that_break_leave_the_log_empty(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with answering(answer) as port, caplog.at_level(logging.DEBUG):
        connection = Connection(Address.parse(f"clickhouse://127.0.0.1:{port}/otel"))
        with pytest.raises(ClusterError):
            connection.rows("SELECT 1")
        connection.close()
    assert caplog.messages == []
