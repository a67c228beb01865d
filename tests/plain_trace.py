"""One trace by plain loops: its row of the list, its name, its flags. What PlainStore says of the spans it holds."""

from collections import Counter
from collections.abc import Collection, Iterable

from diamond_viewer.diagnosis.diagnose import diagnose
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.model import (
    FLAG_NAMES,
    KIND_SERVER,
    STATUS_ERROR,
    AttributeValue,
    Event,
    EventFact,
    Flag,
    Span,
    Trace,
    TraceSummary,
)
from diamond_viewer.telemetry.rules import RULE_NAMES

USER_KEYS = ("user.id", "userId", "user_id", "enduser.id")
LESSON_KEYS = ("lesson.id", "lessonId", "lesson_id")
STATUS_KEYS = ("http.response.status_code", "http.status_code")
ROUTE_KEYS = ("http.route", "next.route")
PATH_KEYS = ("url.path", "http.target", "url.full", "http.url")
DATABASE_KEYS = {"db.system", "db.system.name"}
MAX_TIME_NS = 2**63 - 1  # the index counts in 64 bits with a sign
HTTP_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")


def summarise(spans: list[Span]) -> TraceSummary:
    """The row of a trace from its spans. Services, users, lessons and event facts come sorted.

    A span without any time (start and end are 0) says nothing of when the trace was: it would last since 1970.
    """
    present = {span.span_id for span in spans}
    orphans = [span for span in spans if span.parent_id and span.parent_id not in present]
    root = first_of(span for span in spans if not span.parent_id)
    naming = root or first_of(orphans) or first_of(spans)  # without root or orphan: a circle, named by its earliest
    assert naming is not None
    servers = servers_below(naming, spans)
    start_ns = min((began_ns(span) for span in spans if began_ns(span)), default=0)
    end_ns = max(began_ns(span) + lasted_ns(span) for span in spans)
    database_ns = [lasted_ns(span) for span in spans if span.attributes.keys() & DATABASE_KEYS]
    events = [event for span in spans for event in span.events]
    names = Counter(event.name for event in events)
    facts = Counter((event.name, detail_of(event)) for event in events)
    refused = any(http_status(span) == 401 for span in spans)
    said = {
        Flag.ERROR: any(span.status_code == STATUS_ERROR for span in spans),
        Flag.AUTH_FAILURE: refused or bool(names["auth.failed"] + names["auth.credentials.missing"]),
        Flag.SLOW: any(lasted_ns(span) > 1_000_000_000 for span in spans),
        Flag.SLOW_DB: any(duration_ns > 100_000_000 for duration_ns in database_ns),
        Flag.BUFFERING: names["video.buffering"] >= 2,
        Flag.RESUME_MISMATCH: names["video.resume_position_mismatch"] > 0,
        Flag.EXCEPTION: names["exception"] > 0,
        Flag.INCOMPLETE: root is None or bool(orphans),
    }
    unsaid = TraceSummary(naming.trace_id, "", "", (), 0, 0, 0, 0, 0, (), (), 0)
    found = {finding.rule for finding in diagnose(Trace(unsaid, tuple(spans)))}
    said[Flag.DUPLICATE_CALLS], said[Flag.N_PLUS_ONE] = "duplicate-calls" in found, "n-plus-one" in found
    assert set(said) == set(FLAG_NAMES.values())
    return TraceSummary(
        trace_id=naming.trace_id,
        name=name_of(naming, servers),
        service=naming.service,
        services=tuple(sorted({span.service for span in spans})),
        start_ns=start_ns,
        duration_ns=end_ns - start_ns,
        span_count=len(spans),
        error_count=sum(span.status_code == STATUS_ERROR for span in spans),
        event_count=len(events),
        user_ids=tuple(sorted(ids_under(spans, USER_KEYS))),
        lesson_ids=tuple(sorted(ids_under(spans, LESSON_KEYS))),
        flags=int(sum(flag for flag, holds in said.items() if holds)),
        http_status=next((http_status(span) for span in [naming, *servers] if http_status(span)), 0),
        slowest_database_ns=max(database_ns, default=0),
        event_facts=tuple(EventFact(name, detail, count) for (name, detail), count in sorted(facts.items())),
        findings=tuple(rule for rule in RULE_NAMES if rule in found),
    )


def began_ns(span: Span) -> int:
    """A span whose start was lost began no later than it ended; 0 when it has no time at all."""
    return _known(span.start_ns) or _known(span.end_ns)


def lasted_ns(span: Span) -> int:
    return max(0, _known(span.end_ns) - began_ns(span))


def _known(time_ns: int) -> int:
    """What lies beyond 2262 is no time."""
    return time_ns if time_ns <= MAX_TIME_NS else 0


def first_of(spans: Iterable[Span]) -> Span | None:
    """The earliest, ties by span id; those without any time last."""
    return min(spans, key=_when, default=None)


def _when(span: Span) -> tuple[bool, int, str]:
    return not began_ns(span), began_ns(span), span.span_id


def servers_below(top: Span, spans: list[Span]) -> list[Span]:
    """The server spans below ``top``: fewest hops first, ties by earliest start, then span id."""
    children: dict[str, list[Span]] = {}
    for span in spans:
        children.setdefault(span.parent_id, []).append(span)
    found: list[Span] = []
    level, seen = [top], {top.span_id}
    while level:
        below = {
            id(child): child for span in level for child in children.get(span.span_id, ()) if child.span_id not in seen
        }
        level = sorted(below.values(), key=_when)
        seen |= {span.span_id for span in level}
        found += [span for span in level if span.kind == KIND_SERVER]
    return found


def name_of(naming: Span, servers: list[Span]) -> str:
    """The span's name; one that is only a method takes the route of itself or of the nearest server span that has one.

    A route of either is better than a path of either (``GET /lessons/[lessonId]``, not one name per lesson).
    """
    if naming.name not in HTTP_METHODS:
        return naming.name
    bearers = [naming, *servers]
    routes = [text_under(span, key) for span in bearers for key in ROUTE_KEYS]
    paths = [path_of(text_under(span, key)) for span in bearers for key in PATH_KEYS]
    found = next((text for text in routes + paths if text), "")
    return f"{naming.name} {found}" if found else naming.name


def text_under(span: Span, key: str) -> str:
    value = span.attributes.get(key)
    return value if isinstance(value, str) else ""


def path_of(address: str) -> str:
    """A path or URL without host, query and fragment.

    >>> [path_of(address) for address in ("/api/me?a=b", "https://x.example/api/me#top", "https://x.example", "")]
    ['/api/me', '/api/me', '/', '']
    """
    address = address.split("?")[0].split("#")[0]
    if "://" in address:
        return "/" + address.split("://", 1)[1].partition("/")[2]
    return address


def http_status(span: Span) -> int:
    """The HTTP status a span carries, as a number or as digits; 0 without."""
    for key in STATUS_KEYS:
        value = span.attributes.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
    return 0


def ids_under(spans: Iterable[Span], keys: tuple[str, ...]) -> set[str]:
    """The values under any of the keys, of spans and of their events; an empty one is none."""
    found = set()
    for span in spans:
        for attributes in (span.attributes, *(event.attributes for event in span.events)):
            for key in keys:
                value = attributes.get(key)
                if isinstance(value, bool):
                    found.add("true" if value else "false")
                elif isinstance(value, str | int):
                    found.add(str(value))
    return found - {""}


def carried(spans: Collection[Span], field: Field) -> set[str]:
    """The values that a trace of these spans is found by."""
    if field is Field.USER:
        return ids_under(spans, USER_KEYS)
    if field is Field.LESSON:
        return ids_under(spans, LESSON_KEYS)
    if field is Field.SERVICE:
        return {span.service for span in spans}
    if field is Field.OPERATION:
        return {span.name for span in spans}
    return {event.name for span in spans for event in span.events}


def detail_of(event: Event) -> str:
    """What the badge of an event says beside its name."""
    said = event.attributes
    if event.name in ("auth.failed", "middleware.redirect"):
        has_cookie = said.get("hasCookie")
        return {False: "no cookie", True: "cookie rejected"}[has_cookie] if isinstance(has_cookie, bool) else ""
    if event.name == "exception":
        kind = said.get("exception.type")
        return kind if isinstance(kind, str) else ""
    if event.name == "video.resume_position_mismatch":
        delta, actual, expected = said.get("deltaSeconds"), said.get("actual"), said.get("expected")
        if not _is_number(delta) and _is_number(actual) and _is_number(expected):
            delta = actual - expected  # type: ignore[operator]
        if _is_number(delta):
            seconds = abs(delta)  # type: ignore[arg-type]
            return f"{int(seconds) if seconds == int(seconds) else seconds} s"
    return ""


def _is_number(value: AttributeValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def begins_with(trace_id: str, digits: str) -> bool:
    """An id of 64 bits, half of what there is room for, may have lost its zeros."""
    return trace_id.startswith(digits) or (len(digits) <= 16 and trace_id == digits.zfill(32))
