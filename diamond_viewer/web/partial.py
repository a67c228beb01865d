"""What a page that stands still says where its answers do not reach over everything."""

from diamond_viewer.telemetry.reach import Reach, is_all
from diamond_viewer.telemetry.units import format_date_time


def partial_notices(*answers: Reach) -> tuple[str, ...]:
    """One sentence, of the answer that reaches least far back; none where all reach over everything.

    >>> from diamond_viewer.telemetry.ways import Way
    >>> partial_notices(Way(), Way(scanned_to_ns=1_795_358_303_433_000_000))
    ('Looked back to 2026-11-22 14:38, as far as is looked at once; for older traces choose a time.',)
    """
    partial = [answer for answer in answers if not is_all(answer)]
    if not partial:
        return ()
    reached_ns = max(answer.scanned_to_ns for answer in partial)
    back = f"Looked back to {format_date_time(reached_ns)[:16]}" if reached_ns else "Not all traces were looked at"
    if all(answer.is_complete for answer in partial):
        return (f"{back}, as far as is looked at once; for older traces choose a time.",)
    return (f"{back} so far: open the page again for the rest.",)
