"""What was logged on somebody's journey: warnings and worse, of the traces on it or naming the person themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from diamond_viewer.diagnosis.lanes import OTHER, lane_of_step
from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Log
from diamond_viewer.telemetry.severity import LEVELS, WARN, level_of
from diamond_viewer.telemetry.sketch import log_title
from diamond_viewer.telemetry.ways import Way
from diamond_viewer.web.address import Address, trace_href
from diamond_viewer.web.log_address import logs_href

MOST = 200  # of one journey, the newest; each is decoded in full
MAX_TITLE = 120


@dataclass(frozen=True, slots=True)
class Logged:
    """One record, or several in a row that say the same (``count``). ``trace_id`` is empty when it names none."""

    time_ns: int
    severity: str
    tone: str
    title: str
    count: int
    trace_id: str
    lane: str
    href: str

    @property
    def words(self) -> str:
        """
        >>> Logged(0, "warn", "auth", "auth failed", 2, "", "Auth", "").words
        'warn: auth failed ×2'
        """
        return f"{self.severity}: {self.title}" + (f" ×{self.count:,}" if self.count > 1 else "")


@dataclass(frozen=True, slots=True)
class JourneyLogs:
    """``told`` by time; ``shown`` says when these are not all. ``href`` leads to every record of the journey."""

    told: tuple[Logged, ...]
    shown: str
    href: str

    @property
    def by_trace(self) -> Mapping[str, Sequence[Logged]]:
        found: dict[str, list[Logged]] = {}
        for one in self.told:
            if one.trace_id:
                found.setdefault(one.trace_id, []).append(one)
        return found


def journey_logs(store: TraceStore, field: str, value: str, way: Way, address: Address, now_ns: int) -> JourneyLogs:
    """``field`` is ``user`` or ``lesson``."""
    query = LogQuery(since=address.query.value("since"), until=address.query.value("until")).but(**{field: value})
    found = store.logs(query.but(severity=LEVELS[WARN], limit=MOST), now_ns, 1)
    lanes = {step.trace_id: lane_of_step(step) for step in way.steps}
    ordered = sorted((log for log in found.logs if log.time_ns), key=lambda log: log.time_ns)
    told = []
    for _, group in groupby(ordered, key=lambda log: (log.trace_id, level_of_log(log), log_title(log))):
        told.append(_logged(list(group), lanes, query))
    more = found.total > len(found.logs) or not found.is_complete or bool(found.scanned_to_ns)
    shown = f"The newest {len(found.logs):,} of {found.total:,} warnings and errors that were logged" if more else ""
    return JourneyLogs(tuple(told), shown, logs_href(query))


def level_of_log(log: Log) -> int:
    return level_of(log.severity_number, log.severity_text)


def _logged(logs: Sequence[Log], lanes: Mapping[str, str], query: LogQuery) -> Logged:
    first = logs[0]
    level = level_of_log(first)
    span = f"?span={first.span_id}" if first.span_id else ""
    title = " ".join(log_title(first).split()) or "(no text)"
    return Logged(
        first.time_ns,
        LEVELS[level],
        "error" if level > WARN else "auth",
        title[:MAX_TITLE] + ("…" if len(title) > MAX_TITLE else ""),
        len(logs),
        first.trace_id,
        lanes.get(first.trace_id, OTHER),
        trace_href(first.trace_id) + span if first.trace_id in lanes else logs_href(query.but(severity=LEVELS[WARN])),
    )
