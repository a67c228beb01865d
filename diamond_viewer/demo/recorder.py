"""Recorder: what happens on the platform, written down as spans, logs and measurements in simulated time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Self

from diamond_viewer.telemetry.model import (
    KIND_INTERNAL,
    STATUS_ERROR,
    STATUS_UNSET,
    Attributes,
    AttributeValue,
    Event,
    Link,
    Resource,
    Scope,
    Span,
)

NS_PER_MS = 1_000_000
LOCAL_FLAGS = 0x101  # sampled, and the SDK knows that the parent is not remote
REMOTE_FLAGS = 0x301  # sampled, the parent is another process


@dataclass(frozen=True, slots=True)
class Context:
    """What travels to another process: enough to continue a trace there."""

    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"


@dataclass(frozen=True, slots=True)
class Log:
    time_ns: int
    severity: str  # info | warn | error, as pino writes it
    body: str
    attributes: Attributes
    context: Context
    resource: Resource


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value of a metric; what becomes of it is the instrument's business."""

    time_ns: int
    metric: str
    value: float
    attributes: tuple[tuple[str, AttributeValue], ...]
    resource: Resource


@dataclass(slots=True, eq=False)
class OpenSpan:
    """A span that has not ended. Use it as a context manager: leaving it ends the span at the recorder's time."""

    recorder: "Recorder"
    context: Context
    parent_id: str
    flags: int
    resource: Resource
    scope: Scope
    name: str
    kind: int
    start_ns: int
    attributes: dict[str, AttributeValue]
    links: tuple[Link, ...]
    events: list[Event] = field(default_factory=list)
    status: int = STATUS_UNSET
    message: str = ""
    lost: bool = False

    def event(self, name: str, attributes: Attributes, *, ms_ago: float = 0.0) -> None:
        self.events.append(Event(name, self.recorder.now_ns - int(ms_ago * NS_PER_MS), attributes))

    def fail(self, message: str = "") -> None:
        self.status = STATUS_ERROR
        self.message = message

    def lose(self) -> None:
        """The process is killed before it can export this span: its children stay behind as orphans."""
        self.lost = True

    def __enter__(self) -> Self:
        self.recorder.enter(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.recorder.leave(self)

    def ended(self, end_ns: int) -> Span:
        return Span(
            trace_id=self.context.trace_id,
            span_id=self.context.span_id,
            parent_id=self.parent_id,
            name=self.name,
            kind=self.kind,
            start_ns=self.start_ns,
            end_ns=end_ns,
            status_code=self.status,
            status_message=self.message,
            attributes=self.attributes,
            events=tuple(self.events),
            links=self.links,
            resource=self.resource,
            scope=self.scope,
            service=str(self.resource.attributes["service.name"]),
            flags=self.flags,
        )


class Recorder:
    """One thread of happening: ``now_ns`` moves only when something takes time."""

    def __init__(self, random: Random, now_ns: int) -> None:
        self.random = random
        self.now_ns = now_ns
        self.spans: list[Span] = []  # in the order of their ends, as an SDK exports them
        self.logs: list[Log] = []
        self.measurements: list[Measurement] = []
        self._open: list[OpenSpan] = []

    def spend(self, low_ms: float, high_ms: float) -> float:
        """Let time pass, and say how much (in ms). The typical case is near the low end, as latencies are."""
        spent_ms = low_ms + (high_ms - low_ms) * self.random.random() ** 2
        self.now_ns += int(spent_ms * NS_PER_MS)
        return spent_ms

    def span(
        self,
        scope: Scope,
        name: str,
        attributes: Attributes,
        *,
        kind: int = KIND_INTERNAL,
        resource: Resource | None = None,
        remote: Context | None = None,
        started_ms_ago: float = 0.0,
        links: Sequence[Link] = (),
    ) -> OpenSpan:
        """A child of the span that is open, or of ``remote`` in another process, or a new trace's root.

        ``resource`` is that of the open span unless given. ``started_ms_ago`` tells of something that began before it was
        reported, such as a video that took seconds to load in the browser.
        """
        current = self._open[-1] if self._open else None
        if resource is None:
            if current is None:
                raise ValueError(f"The root span {name!r} needs a resource: there is no open span to take it from.")
            resource = current.resource
        parent = remote or (current.context if current else None)
        trace_id = parent.trace_id if parent else f"{self.random.getrandbits(128):032x}"
        return OpenSpan(
            recorder=self,
            context=Context(trace_id, f"{self.random.getrandbits(64):016x}"),
            parent_id=parent.span_id if parent else "",
            flags=REMOTE_FLAGS if remote else LOCAL_FLAGS,
            resource=resource,
            scope=scope,
            name=name,
            kind=kind,
            # JavaScript's clock for starts ticks in whole ms; ends are measured in ns
            start_ns=(self.now_ns - int(started_ms_ago * NS_PER_MS)) // NS_PER_MS * NS_PER_MS,
            attributes=dict(attributes),
            links=tuple(links),
        )

    def enter(self, span: OpenSpan) -> None:
        self._open.append(span)

    def leave(self, span: OpenSpan) -> None:
        self._open.remove(span)
        self.now_ns += self.random.randint(9_000, 60_000)  # ending a span takes some µs: no two end together
        if not span.lost:
            self.spans.append(span.ended(self.now_ns))

    @contextmanager
    def aside(self, after_ms: float = 0.0) -> Iterator[None]:
        """What happens elsewhere meanwhile: it starts ``after_ms`` from now, and its time does not pass here."""
        now_ns, open_spans = self.now_ns, self._open
        self.now_ns, self._open = now_ns + int(after_ms * NS_PER_MS), []
        try:
            yield
        finally:
            self.now_ns, self._open = now_ns, open_spans

    def log(self, severity: str, body: str, attributes: Attributes) -> None:
        span = self._open[-1]
        self.logs.append(
            Log(self.now_ns // NS_PER_MS * NS_PER_MS, severity, body, attributes, span.context, span.resource)
        )

    def measure(self, metric: str, value: float, **attributes: AttributeValue) -> None:
        """A value measured by the process whose span is open. In names two underscores stand for a dot: ``lesson__id``."""
        named = tuple((key.replace("__", "."), attribute) for key, attribute in attributes.items())
        self.measurements.append(Measurement(self.now_ns, metric, value, named, self._open[-1].resource))
