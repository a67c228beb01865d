"""How far back an answer looked, as JSON."""

from typing import Any

from diamond_viewer.telemetry.units import format_rfc3339

CUT_OFF = (
    "Looked back to {}, as far as is looked at once: asking again adds nothing. For what is older give since and until."
)


def is_all(is_complete: bool, scanned_to_ns: int) -> bool:
    """Whether nothing that is held was left out. ``is_complete`` of a store's answer only says that asking again adds nothing.

    >>> is_all(True, 0), is_all(True, 1_795_347_498_184_000_000), is_all(False, 0)
    (True, False, False)
    """
    return is_complete and not scanned_to_ns


def reach_answer(is_complete: bool, scanned_to_ns: int) -> dict[str, Any]:
    """``cut_off`` is there only where an answer ends before all was looked at, and asking again adds nothing: who asks until
    all is there may stop at it.

    >>> reach_answer(True, 0), reach_answer(False, 1_795_347_498_184_000_000)
    ({'is_complete': True}, {'is_complete': False})
    >>> reach_answer(True, 1_795_347_498_184_000_000)["cut_off"][:41]
    'Looked back to 2026-11-22T11:38:18.184Z, '
    """
    said: dict[str, Any] = {"is_complete": is_all(is_complete, scanned_to_ns)}
    if is_complete and scanned_to_ns:
        said["cut_off"] = CUT_OFF.format(format_rfc3339(scanned_to_ns))
    return said
