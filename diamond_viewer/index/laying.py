"""How the rows of a block come into the open segment: trace numbers, guests from older segments, events, postings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.attached import keys_of_ids
from diamond_viewer.index.block import Block
from diamond_viewer.index.columns import Indexes, is_among
from diamond_viewer.index.duplicates import Repeats
from diamond_viewer.index.places import NOWHERE, Keys, Places
from diamond_viewer.index.postings import PostingRun, posted, posting_of, posting_run
from diamond_viewer.index.segment import Place, Segment
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.otlp import Batch
from diamond_viewer.telemetry.otlp_logs import LogRecords

_NUMBER_MASK = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Arrival:
    """A block, and what is known of it. ``places`` and ``held`` belong to its ``distinct`` trace keys.

    ``new_marks`` says of each batch which of its log records are new.
    """

    block: Block
    distinct: Keys
    first_rows: Indexes
    trace_of_row: Indexes
    places: Places
    held: list[Place | None]
    repeats: Repeats
    new_marks: "list[npt.NDArray[np.bool_]]"


def new_marks(logs: Sequence[LogRecords], segments: Iterable[Segment]) -> "list[npt.NDArray[np.bool_]]":
    """Which records of each line are held in none of the segments, nor stand on a line before it."""
    joined = np.array([mark for records in logs for mark in records.marks], np.uint64)
    is_new = np.ones(len(joined), bool)
    if len(joined):
        is_new[:] = False
        is_new[np.unique(joined, return_index=True)[1]] = True
        for segment in segments:
            if len(segment.logs):
                is_new &= ~segment.logs.marks.holds(joined)
    ends = np.cumsum([len(records.marks) for records in logs])
    return np.split(is_new, ends[:-1])


def attach(segment: Segment, line: int, batch: Batch) -> None:
    """What a line with spans says of other traces."""
    if batch.links.rows:
        segment.backlinks.add(np.unique(keys_of_ids(batch.links.trace_ids)), line)


def number_of(segment: Segment, home: Place, block: Block, row: int) -> int:
    """The number that a known trace has in the open segment; a trace from elsewhere comes in as a guest."""
    living_in, number = home
    if living_in is segment:
        return number
    key = (living_in.number, number)
    guest = segment.guest_numbers.get(key)
    if guest is None:
        ids = {"high": block.high[row : row + 1], "low": block.low[row : row + 1]}
        guest = segment.guest_numbers[key] = segment.add_traces(ids, 1)
        segment.homes[guest] = home
        living_in.guests.setdefault(number, []).append((segment, guest))
    return guest


def add_events(segment: Segment, block: Block, order: Indexes, first_row: int, traces: Indexes) -> list[PostingRun]:
    """Lay the events of the rows that are kept; returns the postings of events and mentions."""
    row_of = np.full(len(block), NOWHERE, np.int64)
    row_of[order] = np.arange(first_row, first_row + len(order))
    event_rows = row_of[block.events["row"]]
    kept = event_rows != NOWHERE
    columns = {name: column[kept] for name, column in block.events.items()}
    segment.events.append({**columns, "row": event_rows[kept]}, int(np.count_nonzero(kept)))
    postings = [posting_run(Field.EVENT, columns["name"], traces[columns["row"]])]
    mentions = [mention for mention in block.mentions if row_of[mention[1]] != NOWHERE]
    for field, row, code in mentions:
        segment.mentions.setdefault(int(row_of[row]), []).append((field, code))
    for field in {mention[0] for mention in mentions}:
        pairs = np.array([(code, traces[row]) for found, row, code in mentions if found is field], np.int64)
        postings.append(posting_run(field, pairs[:, 0], pairs[:, 1]))
    return postings


def add_faults(segment: Segment, block: Block, order: Indexes, first_row: int) -> None:
    """Lay what was said of the failed spans among the rows that are kept."""
    if not block.faults:
        return
    row_of = np.full(len(block), NOWHERE, np.int64)
    row_of[order] = np.arange(first_row, first_row + len(order))
    code, dictionary = segment.told_apart.code, segment.dictionary
    kept = sorted(
        (int(row_of[row]), code(kind, dictionary), code(message, dictionary))
        for row, kind, message in block.faults
        if row_of[row] != NOWHERE
    )
    columns = np.array(kept, np.uint32).reshape(-1, 3)
    segment.faults.append({name: columns[:, at] for at, name in enumerate(("row", "kind", "message"))}, len(kept))


def add_links(segment: Segment, batches: Sequence[Batch], order: Indexes, first_row: int) -> None:
    """Lay what the rows that are kept link to."""
    if not any(batch.links.rows for batch in batches):
        return
    count = sum(batch.span_count for batch in batches)
    row_of = np.full(count, NOWHERE, np.int64)
    row_of[order] = np.arange(first_row, first_row + len(order))
    offset = 0
    for batch in batches:
        if batch.links.rows:
            rows = row_of[offset + np.array(batch.links.rows, np.int64)]
            kept = rows != NOWHERE
            keys = keys_of_ids(batch.links.trace_ids)[kept]
            span_ids = np.frombuffer(batch.links.span_ids, ">u8").astype(np.uint64)[kept]
            segment.links.append({"row": rows[kept], "key": keys, "span_id": span_ids}, len(keys))
        offset += batch.span_count


def post(segment: Segment, postings: list[PostingRun]) -> None:
    """A trace is posted where it lives, under the code that its value has there."""
    run = np.concatenate(postings)
    if segment.homes:
        is_guest = is_among(run & _NUMBER_MASK, np.fromiter(segment.homes, np.int64, len(segment.homes)))
        post_at_home(segment, np.unique(run[is_guest]))
        run = run[~is_guest]
    segment.postings.add(run)


def post_at_home(segment: Segment, postings: PostingRun) -> None:
    """Post what guests carry where their traces live, under the codes that the values have there."""
    moved: dict[int, tuple[Segment, list[int]]] = {}
    for field, code, guest in map(posted, postings.tolist()):
        home, number = segment.homes[guest]
        home_code = home.dictionary.intern(segment.dictionary.texts[code])
        moved.setdefault(home.number, (home, []))[1].append(posting_of(field, home_code, number))
    for home, found in moved.values():
        home.postings.add(np.array(found, np.int64))
