"""Configuration: what stands in the TOML file of ``--config``, a table for each subject. No word there is passed over."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diamond_viewer.diagnosis.diagnose import DEFAULTS
from diamond_viewer.diagnosis.finding import Thresholds
from diamond_viewer.settings.values import SettingsError
from diamond_viewer.telemetry.own_secrets import BUILT_IN, Redaction


@dataclass(frozen=True, slots=True)
class Configuration:
    """A field for each table, of its name. ``thresholds``: the limits of the rules that say what is wrong with a trace.
    ``redaction``: what is secret besides what is secret anyway.
    """

    thresholds: Thresholds = DEFAULTS
    redaction: Redaction = BUILT_IN

    @classmethod
    def from_tables(cls, tables: Mapping[str, object]) -> "Configuration":
        """The defaults with what the tables say. Raises ``ValueError`` with a sentence that says what may stand there.

        >>> Configuration.from_tables({"thresholds": {"slow_span_ms": 300}}).thresholds.slow_span_ms
        300
        >>> Configuration.from_tables({"limits": {"slow_span_ms": 300}})
        Traceback (most recent call last):
        ValueError: 'limits' is not known. There ...
        >>> Configuration.from_tables({"thresholds": 300})
        Traceback (most recent call last):
        ValueError: thresholds must be a table. Write [thresholds], and below it slow_span_ms = 500.
        """
        read: dict[str, Any] = {}
        for name, table in tables.items():
            if name not in TABLES:
                raise ValueError(f"{name!r} is not known. {_known_tables()}")
            reader, example = TABLES[name]
            if not isinstance(table, dict):
                raise ValueError(f"{name} must be a table. Write [{name}], and below it {example}.")
            read[name] = reader(table)
        return cls(**read)


UNCONFIGURED = Configuration()

# table: what reads it, raising ValueError with a sentence that names the key, and a line that may stand in it
TABLES: Mapping[str, tuple[Callable[[Mapping[str, object]], Any], str]] = {
    "thresholds": (Thresholds.from_table, "slow_span_ms = 500"),
    "redaction": (Redaction.from_table, "keys = ['iban']"),
}


def _known_tables() -> str:
    names = ", ".join(f"[{name}]" for name in TABLES)
    return f"There {'is one table' if len(TABLES) == 1 else 'are the tables'}: {names}."


def read_configuration(text: str, written: str) -> Configuration:
    """What the file at the path ``text`` says. Raises ``SettingsError`` with a sentence that begins with ``written``."""
    try:
        tables = tomllib.loads(Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{written} cannot be read: {error.strerror or error}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{written} is not TOML: {error}.") from None
    try:
        return Configuration.from_tables(tables)
    except ValueError as error:
        raise SettingsError(f"{written}: {error}") from None
