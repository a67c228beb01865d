"""Which span to blame for time that passed."""

from dataclasses import dataclass

from diamond_viewer.diagnosis.facts import TraceFacts
from diamond_viewer.diagnosis.vocabulary import PLAYER_SESSION, PRISMA
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import KIND_CLIENT

OUR_OWN = ("Next.js", "own code")  # kinds of work that wait for nobody outside the process
_LOAD_SHARE = 0.2  # of a load: who was busy for less is not to blame
_CHILD_SHARE = 0.5  # a child that took less of its parent is not what the parent waited for


@dataclass(frozen=True, slots=True)
class Culprit:
    """``kind`` in the words of ``kind_of_work``."""

    row: int
    busy_ns: int
    kind: str


def busiest(facts: TraceFacts, load: int) -> Culprit | None:
    """Who was busy longest itself while a video loaded (its children's time taken off), for a fifth of the load at least."""
    begin_ns = facts.spans[load].start_ns
    end_ns = begin_ns + facts.lasted_ns[load]
    busy_ns = [0] * len(facts.rows)
    for place, row in enumerate(facts.rows):  # parents come first: what a child did is taken off again
        overlap_ns = min(end_ns, row.span.end_ns) - max(begin_ns, row.span.start_ns)
        if overlap_ns > 0 and facts.lasted_ns[place]:
            busy_ns[place] += overlap_ns
            if row.parent_row >= 0:
                busy_ns[row.parent_row] -= overlap_ns
    for place in (load, *facts.ancestors(load), *facts.named.get(PLAYER_SESSION, ())):
        busy_ns[place] = 0
    culprit = max(range(len(busy_ns)), key=lambda place: busy_ns[place])
    if busy_ns[culprit] < _LOAD_SHARE * (end_ns - begin_ns):
        return None
    return Culprit(culprit, busy_ns[culprit], kind_of_work(facts, culprit))


def kind_of_work(facts: TraceFacts, row: int) -> str:
    """In the words of a sentence: S3, Redis, the database, the network, Next.js, own code."""
    span = facts.spans[row]
    if semconv.is_object_store(span.attributes):
        return "S3"
    system = semconv.database_system(span.attributes)
    if system:
        return "Redis" if system == "redis" else "the database"
    if span.name.startswith(PRISMA):
        return "the database"
    if span.kind == KIND_CLIENT:
        return "the network"
    return "Next.js" if semconv.is_framework(span.attributes) else "own code"


def waited_for(facts: TraceFacts, row: int) -> int:
    """Down from a row into the child that took most, as long as it took half of its parent.

    A child that lasted longer than its parent was not waited for: it goes on by itself, or was timed by the player.
    """
    while True:
        children = [child for child in facts.children(row) if facts.lasted_ns[child] <= facts.lasted_ns[row]]
        longest = max(children, key=lambda child: facts.lasted_ns[child], default=-1)
        if longest < 0 or facts.lasted_ns[longest] < _CHILD_SHARE * facts.lasted_ns[row]:
            return row
        row = longest
