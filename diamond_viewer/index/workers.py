"""What packs a file of the backlog in another process, for this one's store to adopt."""

from collections.abc import Callable
from functools import partial

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.resident import keep_freed
from diamond_viewer.telemetry.own_secrets import Redaction, rules
from diamond_viewer.telemetry.redact import enforce


def worker_maker() -> Callable[[], MemoryStore]:
    """What makes one there, and can be sent there: it takes out the secrets that this process takes out."""
    return partial(_worker, rules().redaction)


def _worker(redaction: Redaction) -> MemoryStore:
    """A packer, in a process that does nothing else."""
    keep_freed()
    enforce(redaction)
    return MemoryStore.packer()
