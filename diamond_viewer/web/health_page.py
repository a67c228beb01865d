"""HealthPage: every source, what could not be read, and what each counter means."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from diamond_viewer.telemetry.model import FeedState, Health, Problem, SourceState
from diamond_viewer.telemetry.redactions import Redactions
from diamond_viewer.telemetry.units import (
    NS_PER_SECOND,
    format_bytes,
    format_clock,
    format_count,
    format_day,
    format_duration,
    zone_label,
)
from diamond_viewer.web.horizon import budget, held_since
from diamond_viewer.web.status import Status, behind, progress_percent, silence_of, status_of

STATES: Mapping[str, tuple[str, str]] = {  # state -> words, tone
    "waiting": ("waiting for it to appear", "slow"),
    "reading": ("reading", "plain"),
    "live": ("live", "good"),
    "done": ("read to its end", "plain"),
    "ignored": ("ignored", "plain"),
    "failed": ("cannot be read", "error"),
}

COUNTERS: Mapping[str, tuple[str, str]] = {  # name -> title, what it means; a name that is not here is shown as it is
    "rotations": ("Rotations", "times the collector began a new file; the old one was read to its end"),
    "truncations": ("Truncations", "times a file lost what it held in place; what it holds now is read from its start"),
    "joined": ("Joined lines", "lines that a rotation had cut in two, put together again"),
    "utf8_repaired": ("Repaired lines", "lines with invalid UTF-8, read with the broken characters replaced"),
    "oversize": ("Oversized lines", "lines longer than --max-line, skipped whole"),
    "missed_files": ("Missed files", "files that were gone before all of them could be read"),
    "salvaged": ("Salvaged lines", "readable lines that stood behind a broken half"),
    "repeated_keys": (
        "Repeated keys",
        "lines that give a key twice; the last one counts, and the page of the span says which",
    ),
    "invalid_spans": ("Invalid spans", "spans without usable ids; the rest of their line was taken"),
    "other_signal": ("Other signals", "lines that hold metrics or logs"),
    "gap_bytes": ("Gaps", "bytes of holes that a crash left in a file, skipped"),
    "unreadable": ("Unreadable", "times a file could not be opened, read or unpacked; each is tried again"),
    "duplicate_lines": ("Duplicate lines", "lines that had been read before, for example in a copied backup"),
    "conflicting_spans": (
        "Conflicting spans",
        "spans that came again under the same id with other content; both are kept, and their trace says so",
    ),
    "logs": ("Logs", "log records that are held: in the story of their trace, and on the logs page"),
    "logs_without_trace": ("Logs of no trace", "log records without a trace id, found on the logs page"),
    "duplicate_logs": ("Duplicate logs", "log records that came again, in a batch sent once more"),
    "evicted_logs": ("Evicted logs", "oldest log records that left memory; a flood of them leaves before any trace"),
    "evicted_spans": ("Evicted spans", "oldest spans that left memory because its budget is spent"),
    "evicted_traces": ("Evicted traces", "traces that left memory with them"),
    "cluster_parts": ("Parts", "pieces of the table of spans on disk; thousands mean that inserts are too small"),
    "cluster_bytes": ("Bytes on disk", "of the table of spans, on the host that answers"),
    "cluster_replica_delay_seconds": ("Replica delay", "seconds by which the slowest replica is behind"),
    "cluster_replication_queue": ("Replication queue", "what replicas have still to fetch and to merge"),
    "cluster_readonly_replicas": ("Read-only replicas", "replicas that have lost their keeper and take nothing"),
    "cluster_slow_queries": ("Slow queries", "of the last hour that took more than a second on the table of spans"),
}
TROUBLE = (
    "cluster_readonly_replicas",
    "missed_files",
    "oversize",
    "unreadable",
    "gap_bytes",
    "invalid_spans",
)  # shown red when not zero
SIZES = ("cluster_bytes",)
PACKAGES = ("diamond-viewer", "flask", "waitress", "watchdog", "msgspec", "orjson", "numpy", "zstandard")


@dataclass(frozen=True, slots=True)
class Counter:
    """``name`` is the counter's name in ``/api/health`` and in ``docs/faults.md``."""

    name: str
    title: str
    value: str
    meaning: str
    is_trouble: bool = False


@dataclass(frozen=True, slots=True)
class ShownProblem:
    sentence: str
    kind: str
    place: str
    preview: str
    count: str


@dataclass(frozen=True, slots=True)
class Source:
    path: str
    state: str
    tone: str
    read: str
    size: str
    behind: str
    percent: str
    lines: str
    problems: tuple[ShownProblem, ...]


@dataclass(frozen=True, slots=True)
class Secrets:
    """What was taken out. ``keys``: name and how often, most frequent first."""

    sentence: str
    keys: tuple[tuple[str, str], ...] = ()
    is_trouble: bool = False


@dataclass(frozen=True, slots=True)
class HealthPage:
    status: Status
    counters: tuple[Counter, ...]
    sources: tuple[Source, ...]
    secrets: Secrets
    versions: tuple[tuple[str, str], ...]
    differences: tuple[str, ...] = ()  # of a store that is elsewhere, ...
    layout: str = ""  # ... and how it keeps spans


def health_page(health: Health, now_ns: int, secrets: Secrets) -> HealthPage:
    feed = health.feed
    counters = _of_cluster(health, now_ns) if health.differences else _of_files(health, now_ns)
    counters += [_named_counter(name, count) for name, count in {**feed.counters, **health.counters}.items()]
    return HealthPage(
        status=status_of(feed, now_ns),
        counters=tuple(counters),
        sources=tuple(_source(source) for source in feed.sources),
        secrets=secrets,
        versions=(("python", python_version()), *((name, found) for name in PACKAGES if (found := _version(name)))),
        differences=health.differences,
        layout=health.layout,
    )


def _of_cluster(health: Health, now_ns: int) -> list[Counter]:
    return [
        Counter("traces", "Traces", format_count(health.traces), "in the cluster"),
        Counter("spans", "Spans", format_count(health.spans), "in the cluster, each once"),
        Counter(
            "duplicate_spans",
            "Duplicate spans",
            format_count(health.duplicate_spans),
            "rows that were written more than once, counted once",
        ),
        _newest_line(health.feed, now_ns, "Newest span", "began"),
        Counter("version", "Version", format_count(health.version), "moves whenever an answer could have changed"),
    ]


def _of_files(health: Health, now_ns: int) -> list[Counter]:
    feed = health.feed
    return [
        Counter("traces", "Traces", format_count(health.traces), "held in memory"),
        Counter("spans", "Spans", format_count(health.spans), "held in memory, each once"),
        Counter("lines", "Lines", format_count(health.lines), "lines of telemetry that were taken"),
        Counter(
            "bad_lines",
            "Bad lines",
            format_count(feed.bad_lines),
            "lines that are no telemetry; the sources below show how they begin",
            feed.bad_lines > 0,
        ),
        Counter(
            "duplicate_spans",
            "Duplicate spans",
            format_count(health.duplicate_spans),
            "spans that came more than once, counted once",
        ),
        Counter("memory_bytes", "Memory", format_bytes(health.memory_bytes), _memory(health, now_ns)),
        Counter("bytes_read", "Read", format_bytes(feed.bytes_read), _backlog(health)),
        Counter(
            "lag_seconds",
            "Lag",
            format_duration(feed.lag_ns) if feed.lag_ns else "0 s",
            "how long some written bytes have not been read yet; the sources below show in which file",
        ),
        _newest_line(feed, now_ns),
        Counter("version", "Version", format_count(health.version), "moves whenever an answer could have changed"),
    ]


def secrets_of(redactions: Redactions, is_on: bool) -> Secrets:
    """
    >>> secrets_of(Redactions(), True).sentence
    'No secret has been met in what was decoded so far.'
    >>> secrets_of(Redactions(2, {"password": 2}), True).keys
    (('password', '2'),)
    """
    if not is_on:
        return Secrets("Secrets are shown as they were recorded, because of --no-redact.", is_trouble=True)
    if not redactions.count:
        return Secrets("No secret has been met in what was decoded so far.")
    sentence = (
        f"{format_count(redactions.count)} values were shown as REDACTED, a value each time it was decoded. What is stored "
        "has them in full: stop recording these keys where they are recorded."
    )
    return Secrets(sentence, tuple((key, format_count(count)) for key, count in redactions.by_key.items()))


def _memory(health: Health, now_ns: int) -> str:
    limit = f", of {budget(health)} for all of the viewer" if health.budget_bytes else ""
    horizon = f"; traces are held since {held_since(health, now_ns)}" if health.held_since_ns else ""
    return f"of the index: columns and compressed originals{limit}{horizon}"


def _backlog(health: Health) -> str:
    feed = health.feed
    if feed.ready:
        return "from all sources; everything that was there at the start is indexed"
    return f"of {format_bytes(feed.bytes_total)}: {progress_percent(feed):.0f} % of the backlog"


def _newest_line(feed: FeedState, now_ns: int, title: str = "Newest line", happened: str = "written") -> Counter:
    """Its age, in the pill's words once that says so: a writer that is stuck looks like one that has nothing to say."""
    name = "newest_line_age_seconds"
    if not feed.last_line_ns:
        return Counter(name, title, "–", "nothing has been read yet")
    written = f"{happened} at {format_clock(feed.last_line_ns)[:8]} {zone_label()} on {format_day(feed.last_line_ns)}"
    if silence := silence_of(feed, now_ns):
        return Counter(name, title, silence, f"{written}: the collector may have stopped", is_trouble=True)
    seconds = max(0, now_ns - feed.last_line_ns) // NS_PER_SECOND
    return Counter(name, title, f"{format_duration(seconds * NS_PER_SECOND)} ago" if seconds else "now", written)


def _named_counter(name: str, count: int) -> Counter:
    title, meaning = COUNTERS.get(name, (name.replace("_", " ").capitalize(), ""))
    value = format_bytes(count) if name in SIZES else format_count(count)
    return Counter(name, title, value, meaning, count > 0 and name in TROUBLE)


def _source(source: SourceState) -> Source:
    words, tone = STATES.get(source.state, (source.state, "plain"))
    size_bytes = max(source.size_bytes, source.bytes_read)
    return Source(
        path=source.path,
        state=words,
        tone=tone,
        read=format_bytes(source.bytes_read),
        size=format_bytes(size_bytes),
        behind=_behind(source),
        percent=f"{100 * source.bytes_read / size_bytes:.1f}%" if size_bytes else "0%",
        lines=format_count(source.lines),
        problems=tuple(_problem(problem) for problem in source.problems),
    )


def _behind(source: SourceState) -> str:
    """
    >>> _behind(SourceState("a", "live")), _behind(SourceState("a", "reading", behind_bytes=2_000_000, lag_ns=800_000_000))
    ('nothing', '2 MB, 0.8 s')
    """
    if not source.behind_bytes:
        return "nothing"
    return f"{format_bytes(source.behind_bytes)}{f', {behind(source.lag_ns)}' if source.lag_ns else ''}"


def _problem(problem: Problem) -> ShownProblem:
    return ShownProblem(
        sentence=problem.sentence,
        kind=problem.kind,
        place=f"at byte {problem.offset:,}" if problem.offset >= 0 else "",
        preview=problem.preview,
        count=f"×{problem.count:,}" if problem.count > 1 else "",
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
