"""What packs a file of the backlog in another process, for this one's store to adopt."""

from collections.abc import Callable
from functools import partial

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.resident import keep_freed
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.carried_keys import CarriedKeys
from diamond_viewer.telemetry.own_secrets import Redaction, rules
from diamond_viewer.telemetry.redact import enforce


def worker_maker() -> Callable[[], MemoryStore]:
    """What makes one there, and can be sent there: it takes out the secrets that this process takes out, and knows users
    and lessons by the same keys."""
    return partial(_worker, rules().redaction, semconv.carried_keys())


def _worker(redaction: Redaction, keys: CarriedKeys) -> MemoryStore:
    """A packer, in a process that does nothing else."""
    keep_freed()
    enforce(redaction)
    semconv.carry(keys)
    return MemoryStore.packer()
