"""A store that only remembers which spans it was given, and lines whose spans are known by number."""

from collections import Counter

from diamond_viewer.feed.feed import Feed
from diamond_viewer.store import Adoption, SealedSpans
from diamond_viewer.telemetry.model import FeedState, Problem, SourceState
from diamond_viewer.telemetry.otlp import Batch
from tests.writing import A_TIME_NS

TRACE_ID_BYTES, SPAN_ID_BYTES = 16, 8


class Recorder:
    """A ``TraceWriter`` that counts how often it was given each span. It does not forgive a span that comes twice."""

    def __init__(self) -> None:
        self.spans: Counter[int] = Counter()  # span number -> times given
        self.names: list[str] = []
        self.state = FeedState()
        self.commits = 0
        self._held: set[bytes] = set()

    def is_held(self, digest: bytes) -> bool:
        return digest in self._held

    def add(self, batch: Batch, digest: bytes) -> None:
        assert not self.is_held(digest)
        self._held.add(digest)
        self.names += batch.names
        for row in range(batch.span_count):
            span_id = batch.span_ids[row * SPAN_ID_BYTES : (row + 1) * SPAN_ID_BYTES]
            self.spans[int.from_bytes(span_id, "big")] += 1

    def commit(self) -> None:
        self.commits += 1

    def report(self, state: FeedState) -> None:
        self.state = state

    def adopt(self, spans: SealedSpans) -> Adoption:
        return Adoption.HAS_REPEATS  # it knows no packed spans: read the file line by line

    @property
    def numbers(self) -> list[int]:
        """The numbers of all spans given, in order, each as often as it was given."""
        return sorted(self.spans.elements())

    def counter(self, name: str) -> int:
        return self.state.counters[name]

    def source(self, path: object) -> SourceState:
        return next(source for source in self.state.sources if source.path == str(path))

    def problems(self) -> list[Problem]:
        return [problem for source in self.state.sources for problem in source.problems]


def line_of(number: int, *, padding: int = 0, spans: int = 1) -> bytes:
    """A line without its line feed, with spans ``number``, ``number + 1`` ...; ``padding`` more bytes in its resource."""
    service = "s" * padding or "s"
    listed = ",".join(
        f'{{"traceId":"{n // 3 + 1:032x}","spanId":"{n:016x}","name":"n{n}","kind":1,'
        f'"startTimeUnixNano":"{A_TIME_NS + n}","endTimeUnixNano":"{A_TIME_NS + n + 1000}","status":{{}}}}'
        for n in range(number, number + spans)
    )
    resource = f'{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}}'
    return (
        f'{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"scope":{{}},"spans":[{listed}]}}]}}]}}'.encode()
    )


def lines_of(*numbers: int, padding: int = 0) -> bytes:
    """Whole lines, a span each."""
    return b"".join(line_of(number, padding=padding) + b"\n" for number in numbers)


def read(*patterns: object, **options: float) -> Recorder:
    """What a fresh feed makes of what stands on disk."""
    recorder = Recorder()
    feed = Feed([str(pattern) for pattern in patterns], recorder, **options)  # type: ignore[arg-type]
    feed.look()
    feed.stop()
    return recorder
