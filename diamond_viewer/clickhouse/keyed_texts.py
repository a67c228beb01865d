"""Texts, each with many keys, out of an answer in ClickHouse's RowBinary: a million keys are no million objects."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

KEY_BYTES = 8


class AnswerError(ValueError):
    """The answer ends too early, or is none."""


def keyed_texts(answer: bytes) -> Iterator[tuple[str, npt.NDArray[np.uint64]]]:
    """Rows of a String and an Array(UInt64). Raises ``AnswerError``.

    >>> [(text, keys.tolist()) for text, keys in keyed_texts(b"\\x03ada\\x01" + (7).to_bytes(8, "little") + b"\\x00\\x00")]
    [('ada', [7]), ('', [])]
    """
    at = 0
    while at < len(answer):
        length, at = _number(answer, at)
        text = answer[at : at + length].decode(errors="replace")
        count, at = _number(answer, at + length)
        if at + count * KEY_BYTES > len(answer):
            raise AnswerError(f"{count:,} keys are said to come, and {len(answer) - at:,} bytes do.")
        yield text, np.frombuffer(answer, "<u8", count, at)
        at += count * KEY_BYTES


def _number(answer: bytes, at: int) -> tuple[int, int]:
    """A number in seven bits a byte, and where the next thing begins."""
    number = shift = 0
    while at < len(answer):
        number |= (answer[at] & 127) << shift
        if answer[at] < 128:
            return number, at + 1
        at, shift = at + 1, shift + 7
    raise AnswerError("It ends within a number.")
