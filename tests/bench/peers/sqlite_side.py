"""orjson into SQLite in memory, with four indexes."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from tests.bench.footprint import lines_of
from tests.bench.peers.side import race
from tests.bench.reading import fill_sqlite


def main(lesson: str, paths: list[Path]) -> None:
    with closing(sqlite3.connect(":memory:")) as database:

        def counted(question: str, *values: str) -> int:
            return int(database.execute(question, values).fetchone()[0])

        def p95_per_operation() -> int:
            ranked = (
                "SELECT name, end - start AS lasted, row_number() OVER (PARTITION BY name ORDER BY end - start) AS place,"
                " count(*) OVER (PARTITION BY name) AS many FROM spans"
            )
            return len(
                database.execute(f"SELECT name, lasted FROM ({ranked}) WHERE place = (95 * many + 99) / 100").fetchall()
            )

        race(
            sqlite3.sqlite_version,
            lambda: fill_sqlite(database, lines_of(paths)),
            {
                "A": lambda: counted("SELECT count(*) FROM spans WHERE status = 2"),
                "B": lambda: counted("SELECT count(DISTINCT trace) FROM spans WHERE lesson = ?", lesson),
                "C": p95_per_operation,
            },
        )


if __name__ == "__main__":
    main(sys.argv[1], [Path(path) for path in sys.argv[2:]])
