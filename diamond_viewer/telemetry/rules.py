"""The names of all rules that say what is wrong with a trace, and a few words for each, for a badge.

What they mean is for ``diagnosis`` to know. The order is that of their bits in the index, private to the process.
"""

from collections.abc import Mapping

TRACE_WORDS: Mapping[str, str] = {
    "no-cookie": "no cookie sent",
    "cookie-rejected": "cookie rejected",
    "auth-failed": "not let in",
    "sign-in-refused": "sign-in refused",
    "missing-credentials": "no credentials",
    "redirected": "sent to sign in",
    "redirect-loop": "redirect loop",
    "unexplained-401": "401 without a reason",
    "exception": "exception",
    "error": "error",
    "resume-gap": "slow to resume",
    "resume-mismatch": "resumed elsewhere",
    "buffering": "buffering",
    "slow-load": "slow load",
    "progress-refused": "progress refused",
    "slow-span": "slow",
    "long-running": "long running",
    "unaccounted-gap": "unexplained gap",
    "slow-database": "slow query",
    "pool-wait": "waited for a connection",
    "n-plus-one": "N+1 queries",
    "duplicate-calls": "repeated calls",
    "sequential-calls": "calls one by one",
    "wide-fan-out": "wide fan-out",
    "queue-wait": "waited in the queue",
    "orphan-spans": "spans without parent",
    "lost-root": "beginning lost",
    "clock-skew": "clocks differ",
    "dropped-counts": "data dropped",
    "event-order": "unusual order",
}
JOURNEY_WORDS: Mapping[str, str] = {  # of rules that no single trace can show
    "signed-in-again": "signed in again",
    "resume-missing": "did not resume",
    "progress-stopped": "progress stopped",
    "progress-missing": "progress never saved",
}
RULE_WORDS: Mapping[str, str] = {**TRACE_WORDS, **JOURNEY_WORDS}
RULE_NAMES = tuple(RULE_WORDS)  # what can be asked for
TRACE_RULE_NAMES = tuple(TRACE_WORDS)  # what a single trace can show
JOURNEY_RULE_NAMES = (  # what the traces of a person can show together
    "redirect-loop", "duplicate-calls", "resume-gap", "buffering", *JOURNEY_WORDS,
)  # fmt: skip
TRACE_BITS: Mapping[str, int] = {name: 1 << place for place, name in enumerate(TRACE_RULE_NAMES)}
JOURNEY_BITS: Mapping[str, int] = {name: 1 << 40 + place for place, name in enumerate(JOURNEY_RULE_NAMES)}
RULE_BITS: Mapping[str, int] = {name: TRACE_BITS.get(name, 0) | JOURNEY_BITS.get(name, 0) for name in RULE_NAMES}


def told_of(rule: str) -> str:
    """Of what a rule can tell: of a trace by itself, of several of one person, or of both.

    >>> told_of("n-plus-one"), told_of("duplicate-calls"), told_of("progress-missing")
    ('in one trace', 'in one trace, or over several of one person', 'over several traces of one person')
    """
    if rule in JOURNEY_BITS:
        return (
            "in one trace, or over several of one person" if rule in TRACE_BITS else "over several traces of one person"
        )
    return "in one trace"


def rule_names(bits: int) -> tuple[str, ...]:
    """The names of the rules of which any bit is set; bits that are no rule's are passed over.

    >>> rule_names(TRACE_BITS["n-plus-one"] | TRACE_BITS["no-cookie"] | JOURNEY_BITS["resume-gap"] | 1 << 63)
    ('no-cookie', 'resume-gap', 'n-plus-one')
    """
    return tuple(name for name, bit in RULE_BITS.items() if bits & bit) if bits else ()
