"""What the feed says of itself: every file with its state and what could not be read of it."""

from collections.abc import Collection, Iterable, Sequence

from diamond_viewer.feed.ingest import Ledger
from diamond_viewer.feed.shelf import Family
from diamond_viewer.feed.tail import Role, Tail
from diamond_viewer.telemetry.model import SourceState

MAX_SOURCES = 200  # of group_by there may be thousands; the live files come first


def clock_lag(tails: Iterable[Tail], now_s: float) -> None:
    """Note how large each file is and how far it has been read at the end of a look. What cannot be read is no lag."""
    for tail in tails:
        if not tail.unread_bytes or tail.trouble:
            tail.lag.forget()
        else:
            tail.lag.look(tail.size_bytes, tail.offset, now_s)


def sources(
    families: Collection[Family], tails: Sequence[Tail], forgotten: Iterable[Tail], stumbles: Ledger, now_s: float
) -> tuple[SourceState, ...]:
    """Files that are missed, live files as they were named, backups from the newest on, and deleted files that left problems
    behind. ``now_s`` by the clock of ``clock_lag``."""
    states = [_missing(family) for family in families if family.live is None and family.trouble is not None]
    troubles = {family.live.serial: family.trouble for family in families if family.live and family.trouble}
    named = {family.live.serial: place for place, family in enumerate(families) if family.live}
    live = sorted(
        (tail for tail in tails if tail.role is Role.LIVE), key=lambda tail: named.get(tail.serial, len(named))
    )
    others = [tail for tail in reversed(tails) if tail.role is not Role.LIVE]
    for tail in [*live, *others, *forgotten]:
        trouble = troubles.get(tail.serial)
        problems = (*tail.ledger.problems.values(), *([trouble] if trouble else []))
        states.append(
            SourceState(
                tail.name.path,
                _state(tail),
                tail.size_bytes,
                tail.offset,
                tail.ledger.lines,
                problems,
                behind_bytes=tail.unread_bytes,
                lag_ns=int(tail.lag.at(now_s) * 1e9),
            )
        )
    if stumbles.problems:
        states.insert(0, SourceState("(the feed)", "failed", problems=tuple(stumbles.problems.values())))
    return tuple(states[:MAX_SOURCES])


def waiting_for(patterns: Sequence[str], families: Iterable[Family], tails: Sequence[Tail]) -> str:
    """A sentence when there is nothing to read yet."""
    if tails:
        return ""
    troubles = [family.trouble.sentence for family in families if family.trouble]
    if troubles:
        return troubles[0]
    return f"Waiting: nothing matches {' or '.join(repr(pattern) for pattern in patterns)} yet."


def _missing(family: Family) -> SourceState:
    problems = (family.trouble,) if family.trouble else ()
    return SourceState(family.group.live_path, "waiting" if family.is_waiting else "failed", problems=problems)


def _state(tail: Tail) -> str:
    if tail.failure or tail.trouble:
        return "failed"
    if tail.unread_bytes:
        return "reading"
    return "live" if tail.role is Role.LIVE else "done"
