"""The tale of a journey as rows of a page: what happened, with what the rules found in the traces that are shown, and what was
logged there."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from diamond_viewer.diagnosis.diagnose import Diagnosis
from diamond_viewer.diagnosis.finding import Finding, Severity
from diamond_viewer.diagnosis.tale import Session, TaleLine, sessions, tale
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.units import format_clock, format_day, format_duration, format_rfc3339, format_times
from diamond_viewer.telemetry.ways import Way
from diamond_viewer.web.address import Address, trace_href
from diamond_viewer.web.diagnosis_view import Similar, people_alike
from diamond_viewer.web.journey_address import lesson_href
from diamond_viewer.web.journey_logs import JourneyLogs, Logged

MAX_LINES = 120
MAX_TRACES, MAX_SPANS = 20, 3_000  # that are examined for the sentences of their findings
MAX_SESSIONS = 60
MAX_ASKED = 10  # findings of which is asked who else has them: the newest
TOLD_RULES = ("signed-in-again",)  # the tale says it already
MAX_SENTENCES = 3  # below one line, of findings and of logs each
_TONES = {Severity.NOTE: "", Severity.WARNING: "slow", Severity.PROBLEM: "error"}
_AUTH_RULES = ("redirect", "signed", "session", "auth", "sign")


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule says, and the span that shows it."""

    sentence: str
    tone: str
    href: str


@dataclass(frozen=True, slots=True)
class TaleRow:
    """``heading`` stands above the first row of a session. ``trace_href`` is empty where no single trace shows it."""

    time_ns: int
    clock: str
    tone: str
    title: str
    lesson: str
    lesson_href: str
    detail: str
    badge: str
    trace_href: str
    traces: str
    heading: str
    said: tuple[Said, ...]
    similar: Similar | None = None  # who else has it


@dataclass(frozen=True, slots=True)
class SessionLink:
    href: str
    label: str
    words: str
    tone: str
    is_shown: bool


@dataclass(frozen=True, slots=True)
class JourneyTale:
    """``earlier`` leads to what came before the first row, and is empty when that is all."""

    rows: tuple[TaleRow, ...]
    earlier_href: str
    shown: str
    logs_shown: str
    sessions: tuple[SessionLink, ...]
    session_count: int


def journey_tale(
    store: TraceStore, way: Way, address: Address, logs: JourneyLogs, over_all: Sequence[Finding], now_ns: int
) -> JourneyTale:
    """``over_all`` is what was found over several traces of the person. What was logged stands below the line that tells of its
    trace, and else on a line of its own."""
    visits = sessions(way.steps)
    told_of = tale(way, MAX_LINES)
    shown = told_of.lines
    known = _diagnoses(store, way, shown)
    rows, told = [], set[str]()
    unsaid = dict(logs.by_trace)
    for line in shown:
        said = [finding for place in line.steps for finding in _news(known, way.steps[place].trace_id, told)]
        rows.append(
            _row(way, line, said, [one for place in line.steps for one in unsaid.pop(way.steps[place].trace_id, ())])
        )
    first_ns = shown[0].time_ns if shown else 0
    newer = [one for one in over_all if told_of.count == len(shown) or one.time_ns >= first_ns]
    over = [finding for finding in newer if finding.rule not in TOLD_RULES]
    last = {id(one) for one in sorted(over, key=lambda one: one.time_ns)[-MAX_ASKED:]}
    rows += [
        replace(_row_of(one), similar=people_alike(one, store.people_alike, now_ns) if id(one) in last else None)
        for one in over
    ]
    alone = [one for one in logs.told if not one.trace_id or one.trace_id in unsaid]
    rows += [_row_of_log(one) for one in alone if told_of.count == len(shown) or one.time_ns >= first_ns]
    rows.sort(key=lambda row: row.time_ns)
    is_cut = told_of.count > len(shown)
    return JourneyTale(
        _with_headings(rows, visits),
        address.between(address.query.value("since"), format_rfc3339(max(0, first_ns - 1))) if is_cut else "",
        f"The last {len(shown):,} of {told_of.count:,} moments" if is_cut else "",
        logs.shown,
        tuple(_session_link(visit, address) for visit in visits[::-1][:MAX_SESSIONS]),
        len(visits),
    )


def _diagnoses(store: TraceStore, way: Way, lines: Sequence[TaleLine]) -> Mapping[str, Diagnosis]:
    """Of the newest traces in which something went wrong; the others have little to say."""
    bad = [way.steps[place].trace_id for line in lines if line.tone not in ("", "good") for place in line.steps]
    return store.diagnoses(list(dict.fromkeys(bad[::-1]))[:MAX_TRACES], MAX_SPANS)


def _news(known: Mapping[str, Diagnosis], trace_id: str, told: set[str]) -> list[Finding]:
    """What is said of a trace, once, where it first comes up."""
    if trace_id in told:
        return []
    told.add(trace_id)
    return [one for one in known.get(trace_id, Diagnosis()).findings if one.severity > Severity.NOTE]


def _row(way: Way, line: TaleLine, findings: Sequence[Finding], logged: Sequence[Logged]) -> TaleRow:
    step = way.steps[line.steps[0]]
    return TaleRow(
        line.time_ns,
        format_clock(line.time_ns)[:8],
        line.tone,
        line.title,
        line.lesson,
        lesson_href(line.lesson) if line.lesson else "",
        line.detail,
        line.badge,
        trace_href(step.trace_id),
        format_times(len(line.steps), "trace") if len(line.steps) > 1 else "",
        "",
        (*(_said(finding) for finding in findings[:MAX_SENTENCES]), *_said_in_logs(logged)),
    )


def _said_in_logs(logged: Sequence[Logged]) -> Iterator[Said]:
    """Records that say the same are one, however many traces they are of."""
    counts: Counter[str] = Counter()
    firsts: dict[str, Logged] = {}
    for one in logged:
        counts[one.severity + one.title] += one.count
        firsts.setdefault(one.severity + one.title, one)
    for key, one in list(firsts.items())[:MAX_SENTENCES]:
        yield Said(f"Logged {replace(one, count=counts[key]).words}", one.tone, one.href)
    if len(firsts) > MAX_SENTENCES:
        yield Said(f"Logged {format_times(len(firsts) - MAX_SENTENCES, 'other warning')}", "", "")


def _row_of_log(one: Logged) -> TaleRow:
    return TaleRow(
        one.time_ns,
        format_clock(one.time_ns)[:8],
        one.tone,
        "Logged",
        "",
        "",
        one.title + (f" ×{one.count:,}" if one.count > 1 else ""),
        one.severity,
        one.href,
        "",
        "",
        (),
    )


def _row_of(finding: Finding) -> TaleRow:
    said = _said(finding)
    count = len(finding.trace_ids)
    return TaleRow(
        finding.time_ns,
        format_clock(finding.time_ns)[:8],
        said.tone,
        finding.rule.replace("-", " ").capitalize(),
        "",
        "",
        finding.sentence,
        "",
        said.href,
        f"over {format_times(count, 'trace')}",
        "",
        (),
    )


def _said(finding: Finding) -> Said:
    tone = "auth" if finding.rule.startswith(_AUTH_RULES) else _TONES[finding.severity]
    evidence = next(iter(finding.evidence), None)
    href = "" if evidence is None else trace_href(evidence.trace_id)
    return Said(
        finding.sentence, tone, f"{href}?span={evidence.span_id}" if evidence and evidence.span_id and href else href
    )


def _with_headings(rows: Sequence[TaleRow], visits: Sequence[Session]) -> tuple[TaleRow, ...]:
    """Above the first row of each session stands when it was and how long; above the first of another day that day, where a
    session lasts for several."""
    headed: list[TaleRow] = []
    ahead, day = list(visits), ""
    has_days = any(format_day(visit.start_ns) != format_day(visit.end_ns) for visit in visits)
    for row in rows:
        heading = ""
        while ahead and row.time_ns >= ahead[0].start_ns:
            heading = session_words(ahead.pop(0))
        heading = heading if len(visits) > 1 else ""
        before, day = day, format_day(row.time_ns)
        if has_days and not heading and day != before:
            heading = day
        headed.append(replace(row, heading=heading) if heading else row)
    return tuple(headed)


def session_words(visit: Session) -> str:
    """
    >>> session_words(Session(0, 61_000_000_000, 2, 0, 0)), session_words(Session(0, 86_400 * 10**9, 1, 0, 0))
    ('1970-01-01 00:00:00 – 00:01:01, 1 min 1 s, 2 traces', '1970-01-01 00:00:00 – 1970-01-02 00:00:00, 1 d, 1 trace')
    """
    start, end = format_clock(visit.start_ns)[:8], format_clock(visit.end_ns)[:8]
    day, last_day = format_day(visit.start_ns), format_day(visit.end_ns)
    until = end if last_day == day else f"{last_day} {end}"
    took = format_duration(visit.end_ns - visit.start_ns)
    return f"{day} {start} – {until}, {took}, {format_times(visit.steps, 'trace')}"


def _session_link(visit: Session, address: Address) -> SessionLink:
    since, until = format_rfc3339(visit.start_ns), format_rfc3339(visit.end_ns)
    words = [format_times(visit.steps, "trace")]
    words += [f"{visit.errors:,} failed"] if visit.errors else []
    words += [f"{visit.refusals:,} not signed in"] if visit.refusals else []
    tone = "error" if visit.errors else "auth" if visit.refusals else ""
    label = f"{format_day(visit.start_ns)[5:]} {format_clock(visit.start_ns)[:5]}–{format_clock(visit.end_ns)[:5]}"
    is_shown = (address.query.value("since"), address.query.value("until")) == (since, until)
    return SessionLink(address.between(since, until), label, ", ".join(words), tone, is_shown)
