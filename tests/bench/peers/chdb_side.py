"""chdb, ClickHouse in the process: ``read`` asks the files again each time; ``table`` loads them into a MergeTree first."""

import sys
from tempfile import TemporaryDirectory

import chdb
from chdb import session

from tests.bench.peers.side import LESSON_KEYS, race

ATTRIBUTES = "attributes Array(Tuple(key String, value Tuple(stringValue String)))"
STATUS, NAME = "status Tuple(code UInt8)", "name String, startTimeUnixNano UInt64, endTimeUnixNano UInt64"
SETTINGS = (
    "SETTINGS input_format_json_defaults_for_missing_elements_in_named_tuple=1, "
    "input_format_json_ignore_unknown_keys_in_named_tuple=1, input_format_skip_unknown_fields=1"
)
LESSON = f"arrayFirst(a -> a.1 IN {LESSON_KEYS}, s.attributes).2.1"


def main(how: str, lesson: str, paths: list[str]) -> None:
    with TemporaryDirectory() as folder:
        database = session.Session(folder)

        def spans(fields: str) -> str:
            columns = f"resourceSpans Array(Tuple(scopeSpans Array(Tuple(spans Array(Tuple({fields}))))))"
            read = " UNION ALL ".join(f"SELECT * FROM file('{path}', 'JSONEachRow', '{columns}')" for path in paths)
            batches = f"SELECT arrayJoin(resourceSpans) AS r FROM ({read})"
            scopes = f"SELECT arrayJoin(r.scopeSpans) AS c FROM ({batches})"
            return f"(SELECT arrayJoin(c.spans) AS s FROM ({scopes}))"

        def ask(question: str) -> list[str]:
            return str(database.query(f"{question} {SETTINGS}", "CSV")).splitlines()

        def load() -> None:
            database.query("CREATE DATABASE bench")
            database.query(
                "CREATE TABLE bench.spans (trace String, span String, parent String, name LowCardinality(String), lasted Int64,"
                " status UInt8, lesson String, attributes Array(Tuple(key String, value Tuple(stringValue String))))"
                " ENGINE = MergeTree ORDER BY (lesson, name)"
            )
            fields = f"traceId String, spanId String, parentSpanId String, {NAME}, {STATUS}, {ATTRIBUTES}"
            ask(
                f"INSERT INTO bench.spans SELECT s.traceId, s.spanId, s.parentSpanId, s.name,"
                f" s.endTimeUnixNano - s.startTimeUnixNano, s.status.code, {LESSON}, s.attributes FROM {spans(fields)}"
            )

        if how == "table":
            questions = {
                "A": lambda: int(ask("SELECT count() FROM bench.spans WHERE status = 2")[0]),
                "B": lambda: int(ask(f"SELECT uniqExact(trace) FROM bench.spans WHERE lesson = '{lesson}'")[0]),
                "C": lambda: len(ask("SELECT name, quantileExact(0.95)(lasted) FROM bench.spans GROUP BY name")),
            }
        else:
            lasted = "s.endTimeUnixNano - s.startTimeUnixNano"
            questions = {
                "A": lambda: int(ask(f"SELECT count() FROM {spans(STATUS)} WHERE s.status.code = 2")[0]),
                "B": lambda: int(
                    ask(
                        f"SELECT uniqExact(s.traceId) FROM {spans(f'traceId String, {ATTRIBUTES}')} WHERE {LESSON} = '{lesson}'"
                    )[0]
                ),
                "C": lambda: len(
                    ask(f"SELECT s.name AS name, quantileExact(0.95)({lasted}) FROM {spans(NAME)} GROUP BY name")
                ),
            }
        race(chdb.__version__, load if how == "table" else None, questions)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
