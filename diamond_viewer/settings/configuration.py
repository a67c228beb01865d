"""Configuration: what stands in the TOML file of ``--config``, a table for each subject. No word there is passed over."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diamond_viewer.diagnosis.diagnose import DEFAULTS
from diamond_viewer.diagnosis.finding import Thresholds
from diamond_viewer.settings.presentation import FacetChoice, Links, PageWords
from diamond_viewer.settings.values import SettingsError
from diamond_viewer.telemetry.carried_keys import OwnKeys
from diamond_viewer.telemetry.own_secrets import BUILT_IN, Redaction, Rules, words_of
from diamond_viewer.telemetry.secret_keys import secrecy


@dataclass(frozen=True, slots=True)
class Configuration:
    """A field for each table, of its name. ``thresholds``: the limits of the rules that say what is wrong with a trace.
    ``redaction``: what is secret besides what is secret anyway. ``attributes``: what names users and lessons. ``page``,
    ``facets`` and ``links``: how pages look, and where they lead.
    """

    thresholds: Thresholds = DEFAULTS
    redaction: Redaction = BUILT_IN
    attributes: OwnKeys = field(default_factory=OwnKeys)
    page: PageWords = field(default_factory=PageWords)
    facets: FacetChoice = field(default_factory=FacetChoice)
    links: Links = field(default_factory=Links)

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
        made = cls(**{name: read_table(name, table) for name, table in tables.items()})
        if secret := secret_attributes(made.attributes, made.redaction):
            raise ValueError(" ".join(sentence for _, sentence in secret))
        return made


UNCONFIGURED = Configuration()

# table: what reads it, raising ValueError with a sentence that names the key, and a line that may stand in it
TABLES: Mapping[str, tuple[Callable[[Mapping[str, object]], Any], str]] = {
    "thresholds": (Thresholds.from_table, "slow_span_ms = 500"),
    "redaction": (Redaction.from_table, "keys = ['iban']"),
    "attributes": (OwnKeys.from_table, "user = ['tenant.id']"),
    "page": (PageWords.from_table, "title = 'Our traces'"),
    "facets": (FacetChoice.from_table, "shown = ['service', 'user']"),
    "links": (Links.from_table, "lesson = 'https://learn.example/lessons/{id}'"),
}


def read_table(name: str, table: object) -> Any:
    """The value of ``Configuration``'s field of this name. Raises ``ValueError`` with a sentence."""
    if name not in TABLES:
        raise ValueError(f"{name!r} is not known. {_known_tables()}")
    reader, example = TABLES[name]
    if not isinstance(table, dict):
        raise ValueError(f"{name} must be a table. Write [{name}], and below it {example}.")
    return reader(table)


def secret_attributes(attributes: OwnKeys, redaction: Redaction) -> list[tuple[str, str]]:
    """``user`` or ``lesson``, and a sentence, for each key that cannot name one: pages show its values, which are secret.

    >>> secret_attributes(OwnKeys(user=("customer.iban", "tenant.id")), Redaction(keys=("iban",)))[0][1]
    "user holds 'customer.iban', which [redaction] keys calls secret: users would be shown by it. Take it out of one of them."
    >>> secret_attributes(OwnKeys(lesson=("auth.token",)), BUILT_IN)
    [('lesson', "lesson holds 'auth.token', which is the name of a secret: lessons would be shown by it. Name another key.")]
    """
    own, found = Rules(redaction), []
    for name, keys in (("user", attributes.user), ("lesson", attributes.lesson)):
        for key in keys:
            if own.names_secret(words_of(key)):
                why = f"[redaction] keys calls secret: {name}s would be shown by it. Take it out of one of them."
            elif secrecy(key):
                why = f"is the name of a secret: {name}s would be shown by it. Name another key."
            else:
                continue
            found.append((name, f"{name} holds {key[:60]!r}, which {why}"))
    return found


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
