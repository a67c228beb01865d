"""The small algebra that every filter is made of. A store turns terms into whatever it can answer quickly."""

from dataclasses import dataclass
from enum import StrEnum

from diamond_viewer.telemetry.model import Flag


class Field(StrEnum):
    """What a trace carries by way of its spans and their events."""

    USER = "user"
    LESSON = "lesson"
    SERVICE = "service"
    OPERATION = "operation"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Carries:
    """Any span (or a span's event) has exactly this value."""

    field: Field
    value: str


@dataclass(frozen=True, slots=True)
class HasFlag:
    """The trace has the flag, or (``wanted=False``) has it not."""

    flag: Flag
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class LastsBetween:
    """The trace's duration lies in ``[low_ns, high_ns]``; None leaves that end open."""

    low_ns: int | None = None
    high_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Some part of the trace lies in ``[since_ns, until_ns]``: a trace belongs to every window it overlaps."""

    since_ns: int | None = None
    until_ns: int | None = None


Term = Carries | HasFlag | LastsBetween | Overlaps
