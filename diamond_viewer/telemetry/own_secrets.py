"""What an operator adds to what is secret anyway: names, patterns, e-mail addresses; or that nothing is taken out at all.

One decision for the whole process, made before anything is decoded: who had to hand it to every decoder could forget one.
Patterns run in RE2, whose time grows with the text alone, whatever the pattern (https://github.com/google/re2).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import re2

from diamond_viewer.telemetry import semconv

MAX_KEYS, MAX_PATTERNS = 200, 50
MAX_LENGTH = 500  # characters of one of them

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[a-z0-9]+")


class Pattern(Protocol):
    def sub(self, replacement: bytes, text: bytes) -> bytes: ...

    def search(self, text: bytes) -> object: ...


def words_of(name: str) -> tuple[str, ...]:
    """
    >>> words_of("X-API-Key"), words_of("userPassword"), words_of("db.query_text")
    (('x', 'api', 'key'), ('user', 'password'), ('db', 'query', 'text'))
    """
    return tuple(_WORD.findall(_HUMP.sub(" ", name).lower()))


@dataclass(frozen=True, slots=True)
class Redaction:
    """``keys``: names whose values are secret, wherever a name stands (``iban`` is also ``customer.iban``,
    ``customerIban``). ``patterns``: what is secret in any text, as RE2 spells it. ``emails``: addresses of people too. Not
    ``is_on``: nothing is secret.
    """

    keys: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    emails: bool = False
    is_on: bool = True

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> "Redaction":
        """As a configuration file gives it. Raises ``ValueError`` with a sentence that names the key.

        >>> Redaction.from_table({"keys": ["iban"], "emails": True})
        Redaction(keys=('iban',), patterns=(), emails=True, is_on=True)
        >>> Redaction.from_table({"patterns": ["(a"]})
        Traceback (most recent call last):
        ValueError: patterns holds '(a', which is no pattern of RE2: missing ): (a.
        >>> Redaction.from_table({"keys": ["user.id"]})
        Traceback (most recent call last):
        ValueError: keys holds 'user.id', and traces are found by user.id: ...
        """
        for name in table:
            if name not in ("keys", "patterns", "emails"):
                raise ValueError(f"redaction has no {name!r}. There are: keys, patterns, emails.")
        emails = table.get("emails", False)
        if not isinstance(emails, bool):
            raise ValueError(f"emails is {emails!r}. It must be true or false.")
        redaction = cls(_texts(table, "keys", MAX_KEYS), _texts(table, "patterns", MAX_PATTERNS), emails)
        for key in redaction.keys:
            _check_key(key)
        for pattern in redaction.patterns:
            compiled(pattern)
        return redaction


BUILT_IN = Redaction()  # nothing of the operator's own


class Rules:
    """A ``Redaction``, ready to be asked."""

    def __init__(self, redaction: Redaction) -> None:
        self.redaction = redaction
        self.is_on, self.emails = redaction.is_on, redaction.emails
        self.names = tuple(map(words_of, redaction.keys))
        self.stems = tuple(words[-1] for words in self.names)  # a text without any of these holds none of the names
        self.patterns = tuple(map(compiled, redaction.patterns))
        self.looks_further = self.emails or bool(
            self.patterns
        )  # than at what stands beside a sign or begins like a token

    def names_secret(self, words: tuple[str, ...]) -> bool:
        """Whether these words, of a name, end as one of the names does.

        >>> rules = Rules(Redaction(keys=("card-number",)))
        >>> [rules.names_secret(words_of(name)) for name in ("payment.cardNumber", "card_number", "number", "card.number.ok")]
        [True, True, False, False]
        """
        return any(words[-len(own) :] == own for own in self.names)


def compiled(pattern: str) -> Pattern:
    """Raises ``ValueError`` with a sentence for what RE2 does not take, or what would match everywhere."""
    options = re2.Options()
    options.log_errors = False  # or it writes to the terminal itself
    try:
        found: Pattern = re2.compile(pattern.encode(), options)
    except re2.error as error:
        why = error.args[0]
        said = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise ValueError(f"patterns holds {pattern!r}, which is no pattern of RE2: {said}.") from None
    if found.search(b""):
        raise ValueError(f"patterns holds {pattern!r}, which also matches nothing at all, and so everywhere.")
    return found


_rules = Rules(BUILT_IN)


def rules() -> Rules:
    return _rules


def put_in_force(redaction: Redaction) -> None:
    """For ``redact.enforce``, which also forgets what was worked out before."""
    global _rules
    _rules = Rules(redaction)


def _texts(table: Mapping[str, object], name: str, most: int) -> tuple[str, ...]:
    texts = table.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{name} must be a list of texts, for example {name} = ['iban'].")
    if len(texts) > most:
        raise ValueError(f"{name} has {len(texts)} texts. There may be {most}.")
    if wrong := next((text for text in texts if not 0 < len(text) <= MAX_LENGTH), None):
        raise ValueError(f"{name} holds {wrong[:40]!r}... of {len(wrong)} characters. There may be {MAX_LENGTH}.")
    if "" in texts:
        raise ValueError(f"{name} holds an empty text.")
    return tuple(dict.fromkeys(texts))


def _check_key(key: str) -> None:
    words = words_of(key)
    if not words:
        raise ValueError(f"keys holds {key!r}, which has no letter of ASCII and no digit.")
    # columns are made of these, and traces found by them: who called one secret would be promised what is half kept
    for column in sorted({*semconv.span_fact_keys(), *semconv.event_fact_keys(), semconv.SERVICE_KEY}):
        if words_of(column)[-len(words) :] == words:
            raise ValueError(
                f"keys holds {key!r}, and traces are found by {column}: it stays. Take it out where it is recorded, "
                "or name what of it is secret in patterns."
            )
