"""Which attributes name the user and the lesson: those of the platform, or those that an operator says.

One decision of the whole process, made before anything is decoded, as ``own_secrets`` is: columns are made under it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

MAX_KEYS = 20
MAX_LENGTH = 200  # characters of a key


@dataclass(frozen=True)
class CarriedKeys:
    """Keys of attributes, the one that counts first in front. Of several that a span has, each names somebody.

    ``hints`` are bytes of which each key holds one wherever it stands in JSON, unless it is written in escapes.
    """

    user: tuple[str, ...]
    lesson: tuple[str, ...]
    hints: tuple[bytes, ...]

    @cached_property
    def all(self) -> frozenset[str]:
        return frozenset((*self.user, *self.lesson))


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The table ``[attributes]`` of a configuration file. What is empty stays as the platform has it."""

    user: tuple[str, ...] = ()
    lesson: tuple[str, ...] = ()

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> "OwnKeys":
        """Raises ``ValueError`` with a sentence that names the key.

        >>> OwnKeys.from_table({"user": ["tenant.id"], "lesson": "course.id"})
        OwnKeys(user=('tenant.id',), lesson=('course.id',))
        >>> OwnKeys.from_table({"user": ["a"], "lesson": ["a"]})
        Traceback (most recent call last):
        ValueError: 'a' cannot name both a user and a lesson.
        >>> OwnKeys.from_table({"users": ["a"]})
        Traceback (most recent call last):
        ValueError: attributes has no 'users'. There are: user, lesson.
        """
        for name in table:
            if name not in ("user", "lesson"):
                raise ValueError(f"attributes has no {name!r}. There are: user, lesson.")
        own = cls(_keys(table, "user"), _keys(table, "lesson"))
        if both := sorted({*own.user} & {*own.lesson}):
            raise ValueError(f"{both[0]!r} cannot name both a user and a lesson.")
        return own

    def over(self, platform: CarriedKeys) -> CarriedKeys:
        """What is in force when these are said."""
        user, lesson = self.user or platform.user, self.lesson or platform.lesson
        if (user, lesson) == (platform.user, platform.lesson):
            return platform
        return CarriedKeys(user, lesson, (*(key.encode() for key in (*user, *lesson)), b"\\u"))


def _keys(table: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = table.get(name, ())
    keys = [value] if isinstance(value, str) else value
    if not isinstance(keys, list | tuple) or not all(isinstance(key, str) for key in keys):
        raise ValueError(f"{name} must be a key or a list of keys, for example {name} = ['tenant.id'].")
    if len(keys) > MAX_KEYS:
        raise ValueError(f"{name} has {len(keys)} keys. There may be {MAX_KEYS}.")
    for key in keys:
        if not (0 < len(key) <= MAX_LENGTH and key.isascii() and key.isprintable()) or '"' in key or "\\" in key:
            raise ValueError(
                f"{name} holds {key[:40]!r}: a key is 1 to {MAX_LENGTH} characters of ASCII, without quotes."
            )
    return tuple(dict.fromkeys(keys))
