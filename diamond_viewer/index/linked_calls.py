"""Calls that only a link tells of: a span that began a trace of its own and says which span of another trace it goes on from.

So do workers that take messages in batches, and requests that cross into a system which does not trust their context. Where
the span names its queue, the queue's two ends say the same already.
"""

from collections.abc import Callable, Sequence

import numpy as np

from diamond_viewer.index.loose_calls import MAX_LOOSE, LooseEnds
from diamond_viewer.index.places import Keys
from diamond_viewer.index.remembered import Mask
from diamond_viewer.index.segment import Place, Segment
from diamond_viewer.telemetry.model import KIND_CONSUMER, KIND_SERVER


def add_linked(
    ends: LooseEnds, masks: Sequence[tuple[Segment, Mask]], place_of: Callable[[Keys], Place | None]
) -> None:
    """From the service of the span that is linked to, if that is held, to the service that links. Called under the store's
    lock; ``place_of`` one key."""
    looked_up = 0
    for segment, mask in masks:
        links, told = segment.links, set[tuple[str, int]]()
        trace = segment.spans["trace"][links["row"]]
        chosen = np.flatnonzero((trace < len(mask)) & mask[np.minimum(trace, len(mask) - 1)]) if len(mask) else ()
        for at in chosen:
            looked_up += 1
            if looked_up > MAX_LOOSE:
                ends.is_complete = False
                return
            row = int(links["row"][at])
            service = _linked_service(links["key"][at : at + 1], links["span_id"][at], place_of)
            if service and _goes_on(segment, row, service) and (service, row) not in told:
                told.add((service, row))
                ends.joined.append((service, segment, row))
                if segment.spans["kind"][row] in (KIND_SERVER, KIND_CONSUMER):
                    ends.dropped[segment.number].add(row)  # it did not come from outside


def _goes_on(segment: Segment, row: int, service: str) -> bool:
    """Whether the link is the only thing that tells where the span of another service came from."""
    spans, texts = segment.spans, segment.dictionary.texts
    has_queue = spans["kind"][row] == KIND_CONSUMER and texts[int(spans["peer"][row])].startswith("queue\t")
    return not has_queue and not spans["parent_id"][row] and texts[int(spans["service"][row])] != service


def _linked_service(key: Keys, span_id: np.uint64, place_of: Callable[[Keys], Place | None]) -> str:
    home = place_of(key) if span_id else None
    for segment, number in home[0].places_of(home[1]) if home else ():
        rows = segment.rows_of(number)
        held = rows[segment.spans["span_id"][rows] == span_id]
        if len(held):
            return segment.dictionary.texts[int(segment.spans["service"][held[0]])]
    return ""
