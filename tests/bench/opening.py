"""How long a trace of many spans takes to open, cold and again, to be searched and tabulated: CPU and size of the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import xxhash
from werkzeug.test import Client

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.web.app import create_app
from tests.bench.footprint import UNBOUNDED_BYTES
from tests.bench.measure import collecting_as_the_server, seconds_of
from tests.writing import A_TIME_NS, event, line, span, trace_id

SIZES = (10_000, 100_000)
LINE_SPANS = 500
SMALL = 10_000  # number of a trace that is opened first: templates are compiled once, for whoever comes first
GOALS_S = {10_000: 0.3, 100_000: 1.0}  # the server's time for the first answer


@dataclass(frozen=True, slots=True)
class Opening:
    """Seconds of the server; ``first_bytes`` is the HTML of the first answer."""

    spans: int
    cold_s: float
    again_s: float
    find_s: float
    statistics_s: float
    first_bytes: int

    def row(self) -> str:
        figures = (self.cold_s, self.again_s, self.find_s, self.statistics_s)
        return (
            f"| {self.spans:,} | {' | '.join(f'{1e3 * s:.0f} ms' for s in figures)} | {self.first_bytes / 1e3:.0f} kB |"
        )


def openings(rounds: int) -> list[Opening]:
    """The best of several rounds: each opens a trace that nobody has opened before."""
    return [_opening(size, rounds) for size in SIZES]


def opening_report(found: Sequence[Opening]) -> list[str]:
    if not found:
        return []
    return [
        "## Opening a trace",
        "",
        "Seconds of the server for the page: the first time, again, a search through all spans, the statistics. "
        f"Goals: {', '.join(f'{size:,} spans {goal:g} s' for size, goal in GOALS_S.items())}, HTML under 500 kB at first.",
        "",
        "| spans | first | again | find a word | statistics | HTML |",
        "|---:|---:|---:|---:|---:|---:|",
        *(one.row() for one in found),
        "",
    ]


def _opening(size: int, rounds: int) -> Opening:
    store = MemoryStore(UNBOUNDED_BYTES)
    for number, spans in ((SMALL, 10), *((number, size) for number in range(1, rounds + 1))):
        for one in big_trace(number, spans):
            store.add(decode_line(one), xxhash.xxh3_128_digest(one))
    store.commit()
    store.commit()
    with collecting_as_the_server():
        taken = [_taken(store, number) for number in range(1, rounds + 1)]
    best = [min(column) for column in zip(*taken, strict=True)]
    first_bytes = _ask(Client(create_app(store, clock=lambda: A_TIME_NS)), f"/traces/{trace_id(1)}")
    return Opening(size, best[0], best[1], best[2], best[3], first_bytes)


def _taken(store: MemoryStore, number: int) -> list[float]:
    """Cold, again, a search, statistics, by an application with a shelf of its own, whose templates somebody has seen."""
    client = Client(create_app(store, clock=lambda: A_TIME_NS))
    for seen in ("", "?view=statistics"):
        _ask(client, f"/traces/{trace_id(SMALL)}{seen}")
    path = f"/traces/{trace_id(number)}"
    return [
        seconds_of(partial(_ask, client, f"{path}{asked}")) for asked in ("", "", "?find=where", "?view=statistics")
    ]


def _ask(client: Client, path: str) -> int:
    response = client.get(path)
    if response.status_code != 200:
        raise RuntimeError(f"{path} answered {response.status}.")
    return len(response.data)


def big_trace(number: int, size: int) -> Iterator[bytes]:
    """Lines of a trace in which each span has ten children, an attribute of its own, and every tenth an event."""
    for first in range(1, size + 1, LINE_SPANS):
        yield line(
            *(
                span(
                    at,
                    (at + 8) // 10 if at > 1 else 0,
                    trace=number,
                    name=f"step {at % 50}",
                    start_ns=A_TIME_NS + at * 1_000,
                    attributes={"db.statement": f"SELECT a FROM b WHERE id = {at}", "n": at},
                    events=[event("tick", A_TIME_NS + at * 1_000)] if at % 10 == 0 else [],
                )
                for at in range(first, min(first + LINE_SPANS, size + 1))
            )
        )
