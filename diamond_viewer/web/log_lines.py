"""LogLine: one log record as a row, with what is folded under it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.telemetry.model import Attributes, AttributeValue, Log
from diamond_viewer.telemetry.severity import LEVELS, level_of
from diamond_viewer.telemetry.shown_values import value_text
from diamond_viewer.telemetry.sketch import log_title
from diamond_viewer.telemetry.units import LAST_NS, NS_PER_SECOND, format_clock, format_day, format_rfc3339
from diamond_viewer.web.address import trace_href
from diamond_viewer.web.attributes import AttributeLine, attribute_lines, short_attributes
from diamond_viewer.web.badges import severity_tone
from diamond_viewer.web.freshness import digest
from diamond_viewer.web.log_address import logs_href
from diamond_viewer.web.span_body import body_and_attributes
from diamond_viewer.web.value_links import NOWHERE, ValueLink, journey_of

MAX_TITLE = 300  # characters of a record's text in its row; the whole is under it
MAX_SEVERITY = 12
MAX_VALUE = 200  # characters: longer ones are nothing to search for
AROUND_NS = 30 * NS_PER_SECOND
ORIGIN_KEYS = (  # of a resource, what tells where a record was written; the rest is the same for all of a service
    "service.version",
    "service.instance.id",
    "deployment.environment.name",
    "host.name",
    "k8s.pod.name",
    "container.name",
    "process.pid",
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """``key`` is the row's id on the page; ``around_href`` leads to what the service logged half a minute before and after."""

    key: str
    clock: str
    day: str
    iso: str
    severity: str
    tone: str
    service: str
    service_href: str
    title: str
    attributes: str
    trace_href: str
    trace_short: str
    details: tuple[AttributeLine, ...]
    origin: tuple[AttributeLine, ...]
    around_href: str
    of_trace_href: str


@dataclass(frozen=True, slots=True)
class LogLinks:
    """From a value to the records that say it, or that do not."""

    query: LogQuery

    def of(self, key: str, value: AttributeValue) -> ValueLink:
        text = value_text(value)
        if not key or not text or len(text) > MAX_VALUE or '"' in key + text or "\n" in text or key == "body":
            return NOWHERE
        word = f'"{key}={text}"' if any(letter.isspace() for letter in key + text) else f"{key}={text}"
        more, less = (logs_href(self.query.but(text=f"{self.query.text} {sign}{word}".strip())) for sign in ("", "-"))
        return ValueLink(more, less, journey_of(key, value))


def log_lines(logs: Sequence[Log], query: LogQuery, now_ns: int) -> tuple[LogLine, ...]:
    """A day stands where it begins, and nowhere when it is today."""
    before, repeats = format_day(now_ns), Counter[str]()
    lines = []
    for log in logs:
        key = digest(log.time_ns, log.trace_id, log.span_id, log.service, log_title(log)[:MAX_TITLE])
        repeats[key] += 1
        day = format_day(log.time_ns) if log.time_ns else before
        lines.append(_line(log, query, f"{key}-{repeats[key]}", "" if day == before else day))
        before = day
    return tuple(lines)


def _line(log: Log, query: LogQuery, key: str, day: str) -> LogLine:
    title = " ".join((log_title(log) or _thrown(log.attributes)).split())
    level = level_of(log.severity_number, log.severity_text)
    severity = LEVELS[level] or log.severity.lower()
    plain = LogQuery(limit=query.limit)
    span = f"?span={log.span_id}" if log.span_id else ""
    return LogLine(
        key=key,
        clock=format_clock(log.time_ns) if log.time_ns else "no time",
        day=day,
        iso=format_rfc3339(log.time_ns) if log.time_ns else "",
        severity=severity[:MAX_SEVERITY] or "log",
        tone=str(severity_tone(4 * level)),
        service=log.service,
        service_href=logs_href(query.but(service=log.service)),
        title=title[:MAX_TITLE] + ("…" if len(title) > MAX_TITLE else "") or "(no text)",
        attributes=short_attributes(body_and_attributes(log) if log.name else log.attributes),
        trace_href=trace_href(log.trace_id) + span if log.trace_id else "",
        trace_short=log.trace_id[:8],
        details=attribute_lines(_whole(log), LogLinks(query)),
        origin=attribute_lines(_origin(log)),
        around_href=logs_href(
            plain.but(
                service=log.service,
                since=format_rfc3339(max(0, log.time_ns - AROUND_NS)),
                until=format_rfc3339(min(LAST_NS, log.time_ns + AROUND_NS)),
            )
        )
        if log.time_ns
        else "",
        of_trace_href=logs_href(plain.but(trace=log.trace_id)) if log.trace_id else "",
    )


def _whole(log: Log) -> Attributes:
    """What the record says: its body, also where that stands in the row, and its attributes."""
    return body_and_attributes(log)


def _thrown(attributes: Attributes) -> str:
    """What names a record that has no text and reports an exception."""
    said = (attributes.get("exception.type"), attributes.get("exception.message"))
    return ": ".join(text for text in said if isinstance(text, str) and text)


def _origin(log: Log) -> Attributes:
    held = log.resource.attributes
    found: dict[str, AttributeValue] = {key: held[key] for key in ORIGIN_KEYS if key in held}
    scope = f"{log.scope.name} {log.scope.version}".strip()
    found |= {"logger": scope} if scope else {}
    found |= {"severity": f"{log.severity} ({log.severity_number})"} if log.severity_number else {}
    if log.observed_ns and log.observed_ns != log.time_ns:
        found["observed"] = format_rfc3339(log.observed_ns)
    return found
