"""DuckDB: ``read`` asks the files again each time, with the columns cut to the question; ``table`` loads them first."""

import sys

import duckdb

from tests.bench.peers.side import LESSON_KEYS, race

ATTRIBUTES = 'attributes STRUCT("key" VARCHAR, "value" STRUCT(stringValue VARCHAR))[]'
STATUS, NAME = "status STRUCT(code INTEGER)", '"name" VARCHAR, startTimeUnixNano BIGINT, endTimeUnixNano BIGINT'
MAX_LINE_BYTES = 64 * 1024 * 1024
LESSON = f"list_filter(s.attributes, lambda a: a.key IN {LESSON_KEYS})[1].value.stringValue"


def main(how: str, lesson: str, paths: list[str]) -> None:
    database = duckdb.connect()

    def spans(fields: str) -> str:
        columns = f"{{'resourceSpans': 'STRUCT(scopeSpans STRUCT(spans STRUCT({fields})[])[])[]'}}"
        read = (
            f"read_json({paths!r}, format='newline_delimited', columns={columns}, maximum_object_size={MAX_LINE_BYTES})"
        )
        batches = f"SELECT unnest(resourceSpans) AS r FROM {read}"
        scopes = f"SELECT unnest(r.scopeSpans) AS c FROM ({batches})"
        return f"(SELECT unnest(c.spans) AS s FROM ({scopes}))"

    def ask(question: str) -> list[tuple[object, ...]]:
        return list(database.execute(question).fetchall())

    def load() -> None:
        fields = f"traceId VARCHAR, spanId VARCHAR, parentSpanId VARCHAR, {NAME}, {STATUS}, {ATTRIBUTES}"
        ask(
            f"CREATE TABLE spans AS SELECT s.traceId AS trace, s.spanId AS span, s.parentSpanId AS parent, s.name AS name,"
            f" s.endTimeUnixNano - s.startTimeUnixNano AS lasted, s.status.code AS status, {LESSON} AS lesson,"
            f" s.attributes AS attributes FROM {spans(fields)}"
        )

    if how == "table":
        questions = {
            "A": lambda: ask("SELECT count(*) FROM spans WHERE status = 2")[0][0],
            "B": lambda: ask(f"SELECT count(DISTINCT trace) FROM spans WHERE lesson = '{lesson}'")[0][0],
            "C": lambda: len(ask("SELECT name, quantile_disc(lasted, 0.95) FROM spans GROUP BY name")),
        }
    else:
        lasted = "s.endTimeUnixNano - s.startTimeUnixNano"
        questions = {
            "A": lambda: ask(f"SELECT count(*) FROM {spans(STATUS)} WHERE s.status.code = 2")[0][0],
            "B": lambda: ask(
                f"SELECT count(DISTINCT s.traceId) FROM {spans(f'traceId VARCHAR, {ATTRIBUTES}')} WHERE {LESSON} = '{lesson}'"
            )[0][0],
            "C": lambda: len(ask(f"SELECT s.name, quantile_disc({lasted}, 0.95) FROM {spans(NAME)} GROUP BY s.name")),
        }
    race(duckdb.__version__, load if how == "table" else None, questions)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
