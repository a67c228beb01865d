"""Log records by plain loops over ``json``: what PlainStore says of them."""

import json
from collections import Counter
from collections.abc import Callable, Iterable

from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.telemetry.found_logs import FoundLogs, LogHistogram
from diamond_viewer.telemetry.model import Log, Resource, Scope
from tests.plain_otlp import Json, number_of, pick, read_attributes, read_time, record_of, records, text_of
from tests.plain_trace import LESSON_KEYS, USER_KEYS

NUMBERS = (("trace", 1), ("debug", 5), ("info", 9), ("warn", 13), ("error", 17), ("fatal", 21))


def read_records(documents: Iterable[Json]) -> list[Log]:
    """Every record once, however often its line or batch was written; two equal ones of one line are two."""
    found: dict[tuple[str, int], Log] = {}
    for document in documents:
        repeats: Counter[str] = Counter()
        for group in records(document, "resourceLogs"):
            for part in records(group, "scopeLogs"):
                for record in records(part, "logRecords"):
                    content = json.dumps(record)
                    found.setdefault((content, repeats[content]), _log(group, part, record))
                    repeats[content] += 1
    return list(found.values())


def _log(group: Json, part: Json, record: Json) -> Log:
    resource = Resource(read_attributes(record_of(group, "resource")))
    scope = Scope(text_of(record_of(part, "scope"), "name"), text_of(record_of(part, "scope"), "version"), {})
    given_ns, observed_ns = (read_time(pick(record, name)) for name in ("timeUnixNano", "observedTimeUnixNano"))
    number = number_of(record, "severityNumber")
    body = read_attributes({"attributes": [{"key": "body", "value": record.get("body") or {}}]})["body"]
    said = text_of(record, "severityText")
    return Log(
        trace_id=text_of(record, "traceId").strip("0") and text_of(record, "traceId").lower(),
        span_id=text_of(record, "spanId").lower(),
        name=text_of(record, "eventName"),
        time_ns=(given_ns or observed_ns) if (given_ns or observed_ns) < 2**63 else 0,
        severity=said or _words(number),
        severity_number=number,
        body=body,
        attributes=read_attributes(record),
        resource=resource,
        scope=scope,
        service=str(resource.attributes.get("service.name") or "unknown_service"),
        severity_text=said,
        given_ns=given_ns,
        observed_ns=observed_ns,
    )


def _words(number: int) -> str:
    name = next((name for name, first in reversed(NUMBERS) if first <= number), "")
    return name if number <= 24 else f"unknown ({number})"


def level_of(log: Log) -> int:
    """1 trace to 6 fatal; 0: it does not say."""
    if 1 <= log.severity_number <= 24:
        return 1 + (log.severity_number - 1) // 4
    names = {name: at for at, (name, _) in enumerate(NUMBERS, start=1)} | {"warning": 4, "err": 5, "information": 3}
    return 0 if log.severity_number else names.get(log.severity_text.lower(), 0)


def plain_logs(
    logs: Iterable[Log],
    query: LogQuery,
    now_ns: int,
    buckets: int,
    version: int,
    carries: Callable[[str, str, str], bool],
) -> FoundLogs:
    """``carries(trace id, field, value)``: whether a held trace names it."""
    since, until = query.window(now_ns).since_ns, query.window(now_ns).until_ns
    wanted = [name for name, _ in NUMBERS].index(query.severity) + 1 if query.severity else 0
    matching = [
        log
        for log in logs
        if (since is None or log.time_ns >= since)
        and (until is None or log.time_ns <= until)
        and level_of(log) >= wanted
        and (not query.service or log.service == query.service)
        and (not query.trace or log.trace_id == query.trace)
        and _names(log, "user", query.user, USER_KEYS, carries)
        and _names(log, "lesson", query.lesson, LESSON_KEYS, carries)
        and _says(log, query.text)
    ]
    matching.sort(key=lambda log: -log.time_ns)
    listed = [log for log in matching if not query.anchor or log.time_ns <= query.anchor]
    first = (query.page - 1) * query.limit
    timed = [log for log in matching if log.time_ns > 0]
    begin = since if since is not None else min((log.time_ns for log in timed), default=0)
    end = until if until is not None else max((log.time_ns for log in timed), default=0)
    width = max(1, -(-(end - begin + 1) // buckets))
    counts = [[0] * buckets for _ in range(7)]
    for log in timed:
        counts[level_of(log)][min((log.time_ns - begin) // width, buckets - 1)] += 1
    services = Counter(log.service for log in matching)
    return FoundLogs(
        logs=tuple(listed[first : first + query.limit]),
        total=len(matching),
        version=version,
        newer=len(matching) - len(listed),
        levels=tuple(sum(level_of(log) == level for log in matching) for level in range(7)),
        services=tuple(sorted(services.items(), key=lambda pair: (-pair[1], pair[0]))[:12]),
        histogram=LogHistogram(begin, width, tuple(map(tuple, counts))) if timed else LogHistogram(),
    )


def _names(log: Log, field: str, value: str, keys: Iterable[str], carries: Callable[[str, str, str], bool]) -> bool:
    own = next((str(log.attributes[key]) for key in keys if log.attributes.get(key)), "")
    return not value or own == value or carries(log.trace_id, field, value)


def _says(log: Log, text: str) -> bool:
    """For texts without quotes inside words, and values that are no lists."""
    said = [log.name, log.severity_text, log.trace_id, log.span_id]
    said += [f"{key}={_text(value)}" for key, value in log.attributes.items()]
    said += [f"{k}={_text(v)}" for k, v in log.body.items()] if isinstance(log.body, dict) else [_text(log.body)]
    whole = "\n".join(said).lower()
    words = [word for at, part in enumerate(text.split('"')) for word in ([part] if at % 2 else part.split())]
    return all((word.lstrip("-").lower() in whole) is not word.startswith("-") for word in words)


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else "" if value is None else str(value)
