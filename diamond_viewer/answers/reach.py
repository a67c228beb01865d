"""How far back an answer looked, as JSON."""

from typing import Any

from diamond_viewer.telemetry.reach import Reach, is_all
from diamond_viewer.telemetry.units import format_rfc3339

CUT_OFF = (
    "Looked back to {}, as far as is looked at once: asking again adds nothing. For what is older give since and until."
)


def cut_off(answer: Reach) -> str:
    """A sentence where an answer ends before all was looked at and asking again adds nothing, else nothing.

    >>> from diamond_viewer.telemetry.model import Stats
    >>> cut_off(Stats(scanned_to_ns=1_795_347_498_184_000_000))[:41], cut_off(Stats(is_complete=False, scanned_to_ns=1))
    ('Looked back to 2026-11-22T11:38:18.184Z, ', '')
    """
    return CUT_OFF.format(format_rfc3339(answer.scanned_to_ns)) if answer.is_complete and answer.scanned_to_ns else ""


def reach_answer(answer: Reach) -> dict[str, Any]:
    """``cut_off`` is there only where it says something: who asks until all is there may stop at it.

    >>> from diamond_viewer.telemetry.model import Stats
    >>> reach_answer(Stats()), reach_answer(Stats(is_complete=False, scanned_to_ns=1))
    ({'is_complete': True}, {'is_complete': False})
    >>> list(reach_answer(Stats(scanned_to_ns=1)).items())[0]
    ('is_complete', False)
    """
    said: dict[str, Any] = {"is_complete": is_all(answer)}
    return said | {"cut_off": sentence} if (sentence := cut_off(answer)) else said
