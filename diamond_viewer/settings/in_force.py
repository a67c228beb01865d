"""What of the settings is decided once, for the whole process, before anything is decoded: columns are made under it."""

from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.carried_keys import OwnKeys
from diamond_viewer.telemetry.own_secrets import Redaction
from diamond_viewer.telemetry.redact import enforce


def put_in_force(attributes: OwnKeys, redaction: Redaction) -> None:
    """Workers are told the same (``index.workers``)."""
    semconv.carry(attributes.over(semconv.PLATFORM_KEYS))
    enforce(redaction)
