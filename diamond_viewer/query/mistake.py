"""What is wrong with a question, for its author."""

MAX_SHOWN = 60  # characters of a text that are repeated in a sentence about it


class FilterError(ValueError):
    """A filter's value cannot be used; the message is a sentence for its author."""


class Mistake(FilterError):  # noqa: N818 - it is one, whether or not it is raised
    """Something in a search cannot be understood. ``position`` counts characters from 0; ``sentence`` says it without it."""

    def __init__(self, position: int, sentence: str) -> None:
        super().__init__(f"At character {position + 1}: {sentence}")
        self.position = position
        self.sentence = sentence


def shown(text: str) -> str:
    """A piece of the author's text, between backquotes.

    >>> shown("lesso")
    '`lesso`'
    """
    return f"`{text}`" if len(text) <= MAX_SHOWN else f"`{text[:MAX_SHOWN]}…`"
