"""Rules about the database: slow statements, waits for a connection, the same statement again and again."""

from collections import Counter
from dataclasses import dataclass

from diamond_viewer.diagnosis.facts import TraceFacts
from diamond_viewer.diagnosis.finding import Finding, Severity, fingerprint_of
from diamond_viewer.diagnosis.vocabulary import (
    BOOKKEEPING_STATEMENTS,
    CONNECT_SPANS,
    PRISMA,
    limit_ns,
    times,
    waits_on_purpose,
    words,
)
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.units import format_duration

_SYSTEM_NAMES = {
    "postgresql": "PostgreSQL",
    "redis": "Redis",
    "mysql": "MySQL",
    "mongodb": "MongoDB",
    "sqlite": "SQLite",
}


@dataclass(frozen=True, slots=True)
class DatabaseQuery:
    """One statement that was run once, however many spans tell of it (Prisma's own and the driver's inside it).

    ``own_ns`` is what the innermost span took, ``whole_ns`` the outermost; ``caller`` is the row of the code that asked.
    """

    rows: tuple[int, ...]
    system: str
    statement: str
    own_ns: int
    whole_ns: int
    start_ns: int
    caller: int


def queries(facts: TraceFacts) -> tuple[DatabaseQuery, ...]:
    """All queries of a trace, in the order of the tree. A span belongs to the query of a span above it with the same text."""
    found: dict[int, list[int]] = {}  # the outermost row -> its rows, outermost first
    outermost_of: dict[int, int] = {}
    texts: dict[int, str] = {}
    for row in facts.databases:
        text = semconv.statement(facts.spans[row].attributes)
        if not text:
            continue
        texts[row] = text
        above = facts.rows[row].parent_row
        outermost = outermost_of.get(above, row) if texts.get(above) == text else row
        outermost_of[row] = outermost
        found.setdefault(outermost, []).append(row)
    callers: dict[int, int] = {}
    answer = []
    for outermost, rows in found.items():
        answer.append(
            DatabaseQuery(
                tuple(rows),
                semconv.database_system(facts.spans[outermost].attributes),
                texts[outermost],
                facts.lasted_ns[rows[-1]],
                facts.lasted_ns[outermost],
                facts.spans[outermost].start_ns,
                _caller(facts, outermost, callers),
            )
        )
    return tuple(answer)


def slow_database(facts: TraceFacts, *, slow_database_ms: float = 100) -> tuple[Finding, ...]:
    """Statements that took more than 100 ms themselves, one finding for each text.

    Origin: the platform's own limit (Sentry and perf-sentinel wait for 500 ms). Only the innermost span's time counts:
    what Prisma's span waited for a connection is ``pool-wait``. Redis commands that wait on purpose are left out.
    """
    over_ns = limit_ns(slow_database_ms)
    if not any(facts.lasted_ns[row] > over_ns for row in facts.databases):
        return ()
    groups: dict[tuple[str, str], list[DatabaseQuery]] = {}
    for query in queries(facts):
        if query.own_ns > over_ns and not waits_on_purpose(query.statement):
            groups.setdefault((query.system, query.statement), []).append(query)
    findings = []
    for (system, text), slow in groups.items():
        took_ns = max(query.own_ns for query in slow)
        repeated = f" ({times(len(slow))}, this is the longest)" if len(slow) > 1 else ""
        findings.append(
            Finding(
                "slow-database",
                Severity.WARNING,
                f"A {_named(system)} query took {format_duration(took_ns)}{repeated}: {words(text)}",
                facts.evidence(row for query in slow for row in reversed(query.rows)),
                fingerprint_of("slow-database", system, text),
                "Run it with EXPLAIN ANALYZE and its usual parameters; see whether it waited for a lock.",
                slow[0].start_ns,
                (("slow_database_ms", slow_database_ms),),
                sum(query.own_ns for query in slow),
            )
        )
    return tuple(findings)


def pool_wait(facts: TraceFacts, *, pool_wait_ms: float = 100) -> tuple[Finding, ...]:
    """Waiting for a connection before a statement could run: connect spans, and what Prisma's span took before the driver's.

    Origin: the platform's 100 ms for the database; told apart from it because no index helps here.
    """
    over_ns = limit_ns(pool_wait_ms)
    if facts.longest_ns <= over_ns:
        return ()
    waits: list[tuple[int, int]] = []
    for name in CONNECT_SPANS & facts.named.keys():
        for row in facts.named[name]:
            above = facts.rows[row].parent_row
            if facts.lasted_ns[row] > over_ns and (above < 0 or facts.spans[above].name not in CONNECT_SPANS):
                waits.append((row, facts.lasted_ns[row]))
    if any(facts.lasted_ns[row] > over_ns for row in facts.databases):
        for query in queries(facts):
            before_ns = facts.spans[query.rows[-1]].start_ns - query.start_ns
            below = facts.subtree(query.rows[0])
            is_told = any(facts.spans[row].name in CONNECT_SPANS for row in below)
            if len(query.rows) > 1 and before_ns > over_ns and not is_told:
                waits.append((query.rows[0], before_ns))
    if not waits:
        return ()
    waits.sort()
    longest_ns = max(waited_ns for _, waited_ns in waits)
    work = facts.work(waits[0][0])
    many = f"{len(waits):,} queries waited up to" if len(waits) > 1 else "A query waited"
    return (
        Finding(
            "pool-wait",
            Severity.WARNING,
            f"{many} {format_duration(longest_ns)} for a database connection before it could run, in {work.name}.",
            facts.evidence(row for row, _ in waits),
            fingerprint_of("pool-wait", work.name),
            "See how many connections the pool has and who holds them; a first connection of a process is slow once.",
            facts.spans[waits[0][0]].start_ns,
            (("pool_wait_ms", pool_wait_ms),),
            sum(waited_ns for _, waited_ns in waits),
        ),
    )


def repeated_query(
    facts: TraceFacts,
    *,
    repeated_query_count: float = 5,
    repeated_query_ms: float = 50,
    repeated_query_certain_count: float = 8,
) -> tuple[Finding, ...]:
    """N+1: the same statement at least 5 times for one caller, 50 ms or more in all; or at least 8 times at any cost.

    Origin: Sentry's N+1 detector (5 repeats under one parent, 50 ms, Redis and connections left out). 8 is the platform's
    own pattern: on a quick database ten queries take 20 ms, and a longer list will make them a hundred. The caller is the
    nearest span above that is not Prisma's or a driver's: each of Prisma's queries has an operation of its own above it.
    """
    if len(facts.databases) < repeated_query_count:
        return ()
    texts = Counter(semconv.statement(facts.spans[row].attributes) for row in facts.databases)
    if max(texts.values(), default=0) < repeated_query_count:
        return ()
    groups: dict[tuple[int, str], list[DatabaseQuery]] = {}
    for query in queries(facts):
        if query.system != "redis" and query.statement.casefold() not in BOOKKEEPING_STATEMENTS:
            groups.setdefault((query.caller, query.statement), []).append(query)
    findings = []
    for (caller, text), group in groups.items():
        took_ns = sum(query.whole_ns for query in group)
        is_costly = len(group) >= repeated_query_count and took_ns >= limit_ns(repeated_query_ms)
        if not is_costly and len(group) < repeated_query_certain_count:
            continue
        name = words(facts.spans[caller].name) if caller >= 0 else "One caller"
        findings.append(
            Finding(
                "n-plus-one",
                Severity.WARNING,
                f"{name} ran the same query {times(len(group))}, {format_duration(took_ns)} in all: {words(text)}",
                facts.evidence([*([caller] if caller >= 0 else []), *(query.rows[0] for query in group)]),
                fingerprint_of("n-plus-one", name, text),
                "Ask for all of them at once: a list of ids in one query, or Prisma’s include.",
                group[0].start_ns,
                (
                    ("repeated_query_count", repeated_query_count),
                    ("repeated_query_ms", repeated_query_ms),
                    ("repeated_query_certain_count", repeated_query_certain_count),
                ),
                took_ns,
            )
        )
    return tuple(findings)


def is_plumbing(facts: TraceFacts, row: int) -> bool:
    """A span of Prisma or of a driver, below the code that asked."""
    span = facts.spans[row]
    return span.name.startswith(PRISMA) or bool(semconv.database_system(span.attributes))


def _caller(facts: TraceFacts, row: int, known: dict[int, int]) -> int:
    """The nearest row above that is not plumbing, -1 for none. ``known`` keeps a deep chain from being climbed again."""
    path = []
    while row >= 0 and row not in known:
        path.append(row)
        row = facts.rows[row].parent_row
        if row >= 0 and not is_plumbing(facts, row):
            known[path[-1]] = row
            break
    caller = known.get(path[-1] if path else row, known.get(row, -1))
    known.update(dict.fromkeys(path, caller))
    return caller


def _named(system: str) -> str:
    return _SYSTEM_NAMES.get(system, words(system))
