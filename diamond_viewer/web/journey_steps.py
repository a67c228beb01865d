"""The traces of a journey as rows of a table: what the lanes show, for those who do not see them."""

from dataclasses import dataclass

from diamond_viewer.diagnosis.lanes import lane_of_step, tone_of_step
from diamond_viewer.telemetry.units import format_date_time, format_duration
from diamond_viewer.telemetry.ways import Way
from diamond_viewer.web.address import trace_href

MAX_STEPS = 200
_WORDS = {"error": "failed", "auth": "not signed in", "slow": "slow or stalled", "": "ok"}


@dataclass(frozen=True, slots=True)
class StepRow:
    when: str
    lane: str
    name: str
    href: str
    answer: str
    took: str
    lessons: str
    tone: str
    outcome: str


def step_rows(way: Way) -> tuple[tuple[StepRow, ...], str]:
    """The newest traces first, and how many are left out."""
    chosen = way.steps[-MAX_STEPS:][::-1]
    rows = tuple(
        StepRow(
            format_date_time(step.start_ns)[:19],
            lane_of_step(step),
            step.name,
            trace_href(step.trace_id),
            str(step.http_status or ""),
            format_duration(step.end_ns - step.start_ns),
            ", ".join(step.lessons[:3]),
            tone_of_step(step),
            _WORDS[tone_of_step(step)],
        )
        for step in chosen
    )
    left_out = len(way.steps) - len(rows)
    return rows, f"The newest {len(rows):,} of {len(way.steps):,} traces" if left_out else ""
