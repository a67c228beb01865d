"""What redacting a text costs, beside what a tenth of it costs."""

import time

from diamond_viewer.telemetry.redact import redact_text


def takes_time_in_proportion(unit: str, length: int) -> bool:
    """Whether ten times ``length`` characters of this unit, again and again, take about ten times as long."""

    def took(length: int) -> float:
        text = (unit * (length // len(unit) + 1))[:length]
        begun = time.process_time()
        redact_text(text)
        return time.process_time() - begun

    took(1_000)
    small, large = min(took(length) for _ in range(3)), took(10 * length)
    return large < 40 * max(small, 0.000_5)
