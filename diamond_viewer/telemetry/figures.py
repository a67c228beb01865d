"""What events of watching say in numbers: how long something took or was watched, and where in the lesson."""

from diamond_viewer.telemetry.attribute_values import number_of
from diamond_viewer.telemetry.model import Attributes

RESUME_EVENT = "video.resume_attempt"
RESUME_TIME_KEY = "video.resume_time_ms"  # of the span on which the attempt stands
FIGURE_KEYS = {  # event -> the key of its amount (ms, or s watched), and of its place in the lesson (s)
    "video.loaded": ("loadTimeMs", ""),
    "video.buffering": ("stalledMs", "position"),
    RESUME_EVENT: (RESUME_TIME_KEY, "savedPosition"),
    "progress.data_received": ("watchTime", "positionSeconds"),
}
EVENT_KEYS = frozenset(key for keys in FIGURE_KEYS.values() for key in keys if key)
MAX_FIGURE = 1e9  # ms or s: 11 days of loading, 30 years of a video; more is a mistake


def figure_of(attributes: Attributes, key: str) -> float | None:
    """A number from 0 on that can be meant, also when it came as text.

    >>> [figure_of({"a": value}, "a") for value in (2, "2.5", -1, True, "x", 1e300, None)]
    [2.0, 2.5, None, None, None, None, None]
    """
    value = attributes.get(key)
    number = None if value is None or isinstance(value, bool) else number_of(value)
    return float(number) if number is not None and 0 <= number < MAX_FIGURE else None


def figures_of(name: str, attributes: Attributes) -> tuple[float | None, float | None]:
    """Amount and place of an event.

    >>> figures_of("video.buffering", {"stalledMs": 200, "position": "3"}), figures_of("tick", {"position": 3})
    ((200.0, 3.0), (None, None))
    """
    if name not in FIGURE_KEYS:
        return None, None
    amount, place = FIGURE_KEYS[name]
    return figure_of(attributes, amount), figure_of(attributes, place)
