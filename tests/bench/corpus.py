"""Large corpora of real lines: the seed in ``tests/data/corpus.tar.zst`` copied with new ids and shifted times.

    python -m tests.bench.corpus FOLDER SPANS

The seed is 97,582 spans of the platform's telemetry as the Collector wrote them. A copy XORs each id with the copy's own
mask, the same for every occurrence (span, parent, link, and the ``traceparent`` inside queue payloads), and adds the
copy's shift to each time. So traces stay whole, links stay links, and no id repeats. Where ids and times stand is found
once for the seed; a copy is then NumPy arithmetic at these places. Millisecond stamps inside attributes stay as they are.
"""

import hashlib
import re
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zstandard

SEED = Path(__file__).parents[1] / "data" / "corpus.tar.zst"
FILE_BYTES = 100 * 1024 * 1024  # where the Collector rotates by default
SEED_WINDOW_BYTES = 2**27  # the archive was compressed with --long=27

_TRACE_ID = re.compile(rb'"traceId":"([0-9a-f]{32})"|00-([0-9a-f]{32})-[0-9a-f]{16}-0[01]')
_SPAN_ID = re.compile(rb'"(?:spanId|parentSpanId)":"([0-9a-f]{16})"|00-[0-9a-f]{32}-([0-9a-f]{16})-0[01]')
_TIME = re.compile(rb'"\w*UnixNano":"(\d{19})"')
_SPAN = re.compile(rb'"startTimeUnixNano":')

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_TIME_DIGITS = 19  # from 2001 until 2286
_POWERS = 10 ** np.arange(_TIME_DIGITS - 1, -1, -1, dtype=np.int64)
_SHIFT_STEP_NS = 1_000_000_000  # copies are shifted by whole seconds: starts stay whole milliseconds

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Seed:
    """All seed lines as one array, and where in it the things stand that a copy changes.

    ``trace_ids`` and ``span_ids`` are offsets of ids, ``times`` of decimal times; ``line_ends`` are offsets behind each
    newline and ``line_spans`` the spans of each line. ``length_ns`` is how long the seed lasts.
    """

    content: Bytes
    trace_ids: Places
    span_ids: Places
    times: Places
    time_ns: npt.NDArray[np.int64]
    line_ends: list[int]
    line_spans: list[int]
    length_ns: int


def read_seed(path: Path = SEED) -> Seed:
    with path.open("rb") as packed:
        reader = zstandard.ZstdDecompressor(max_window_size=SEED_WINDOW_BYTES).stream_reader(packed)
        archive = tarfile.open(fileobj=BytesIO(reader.read()))  # noqa: SIM115 - a buffer needs no closing
    members = sorted((member for member in archive if member.isfile()), key=lambda member: member.name)
    content = b"".join(opened.read() for member in members if (opened := archive.extractfile(member)))
    lines = content.splitlines(keepends=True)
    times = _places(_TIME, content)
    time_ns = _at(np.frombuffer(content, np.uint8), times, _TIME_DIGITS).astype(np.int64) - ord("0")
    time_ns = time_ns @ _POWERS
    # some jobs started hours before everything else: the seed's length is that of the bulk
    first_ns, last_ns = np.quantile(time_ns, (0.01, 1.0), method="nearest")
    return Seed(
        content=np.frombuffer(content, np.uint8),
        trace_ids=_places(_TRACE_ID, content),
        span_ids=_places(_SPAN_ID, content),
        times=times,
        time_ns=time_ns,
        line_ends=np.cumsum([len(line) for line in lines]).tolist(),
        line_spans=[len(_SPAN.findall(line)) for line in lines],
        length_ns=-(-(last_ns - first_ns) // _SHIFT_STEP_NS) * _SHIFT_STEP_NS,
    )


def copies(seed: Seed, first: int = 0) -> Iterator[Bytes]:
    """Copy after copy of the seed, without end, from the one with this number on. Number 0 is the seed itself."""
    number = first
    while True:
        copy = seed.content.copy()
        if number:
            digest = np.frombuffer(hashlib.blake2b(b"copy %d" % number, digest_size=24).digest(), np.uint8)
            _mask(copy, seed.trace_ids, digest[:16])
            _mask(copy, seed.span_ids, digest[16:])
            _shift(copy, seed, number * seed.length_ns)
        yield copy
        number += 1


def write_corpus(folder: Path, span_count: int, file_bytes: int = FILE_BYTES) -> tuple[list[Path], int]:
    """Files of at least ``span_count`` spans in all (whole lines), named as the Collector names them; the last is live.

    Returns them oldest first, and the number of spans they hold. A file is at most ``file_bytes`` unless a line is longer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = _Files(folder, file_bytes)
    spans = 0
    seed = read_seed()
    for copy in copies(seed):
        begin = first = 0
        for end, line_spans in zip(seed.line_ends, seed.line_spans, strict=True):
            if not files.fits(end - first):
                files.write(copy[first:begin])
                files.rotate()
                first = begin
            begin = end
            spans += line_spans
            if spans >= span_count:
                break
        files.write(copy[first:begin])
        if spans >= span_count:
            return files.close(), spans
    raise AssertionError("copies() never ends")


class _Files:
    def __init__(self, folder: Path, file_bytes: int) -> None:
        self._live = folder / "traces.json"
        self._file_bytes = file_bytes
        self._backups: list[Path] = []
        self._open = self._live.open("wb")
        self._size = 0

    def fits(self, more: int) -> bool:
        return self._size + more <= self._file_bytes

    def write(self, content: Bytes) -> None:
        self._open.write(content.data)
        self._size += len(content)

    def rotate(self) -> None:
        if not self._size:
            return
        self._open.close()
        moment = datetime.fromtimestamp(1_795_358_342 + 7 * len(self._backups), UTC)
        backup = self._live.with_name(f"traces-{moment:%Y-%m-%dT%H-%M-%S}.605-size.json")
        self._backups.append(self._live.rename(backup))
        self._open = self._live.open("wb")
        self._size = 0

    def close(self) -> list[Path]:
        self._open.close()
        return [*self._backups, self._live]


def _places(pattern: re.Pattern[bytes], content: bytes) -> Places:
    return np.array([match.start(match.lastindex or 0) for match in pattern.finditer(content)], np.intp)


def _at(content: Bytes, places: Places, width: int) -> Bytes:
    """(places, width) bytes: the ``width`` bytes at each place."""
    return np.lib.stride_tricks.sliding_window_view(content, width)[places]


def _mask(content: Bytes, places: Places, mask: Bytes) -> None:
    """XOR the hexadecimal ids at these places with ``mask``."""
    width = len(mask) * 2
    digits = _at(content, places, width)
    nibbles = (digits & 15) + (digits >> 6) * 9  # "a" is 0x61: its low nibble is 1, and bit 6 tells it from "1"
    nibbles ^= np.stack((mask >> 4, mask & 15), axis=1).reshape(width)
    np.lib.stride_tricks.sliding_window_view(content, width, writeable=True)[places] = _HEX[nibbles]


def _shift(content: Bytes, seed: Seed, shift_ns: int) -> None:
    """Add ``shift_ns`` to every time."""
    rest = seed.time_ns + shift_ns
    digits = np.empty((len(rest), _TIME_DIGITS), np.uint8)
    for column in range(_TIME_DIGITS - 1, -1, -1):
        rest, digit = np.divmod(rest, 10)
        digits[:, column] = digit
    digits += ord("0")
    np.lib.stride_tricks.sliding_window_view(content, _TIME_DIGITS, writeable=True)[seed.times] = digits


if __name__ == "__main__":
    paths, written = write_corpus(Path(sys.argv[1]), int(sys.argv[2]))
    print(f"{written:,} spans, {sum(path.stat().st_size for path in paths):,} bytes in {len(paths)} files")
