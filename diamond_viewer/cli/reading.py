"""Files in, a store out: everything that stands in them now, read by the feed's own readers, in the order of their age."""

import gc
import os
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from diamond_viewer.cli.arguments import hint_for_words, patterns_of
from diamond_viewer.cli.excerpts import LINE_BYTES, Excerpts, no_excerpts
from diamond_viewer.cli.output import Output
from diamond_viewer.cli.subcommand import CommandError
from diamond_viewer.feed.backlog import Backlog
from diamond_viewer.feed.ingest import Ingest, Ledger
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.index.workers import worker_maker
from diamond_viewer.settings.configuration import UNCONFIGURED, Configuration, read_configuration
from diamond_viewer.settings.in_force import put_in_force
from diamond_viewer.settings.settings import default_memory_bytes
from diamond_viewer.settings.values import read_memory
from diamond_viewer.telemetry.batch import Batch
from diamond_viewer.telemetry.lines import trimmed
from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.telemetry.otlp_documents import documents_in
from diamond_viewer.telemetry.otlp_excerpts import TraceIdNeedle
from diamond_viewer.telemetry.units import format_bytes, format_rfc3339, format_times
from diamond_viewer.terminal import bar, progress

PATIENCE_S = 1.0  # what is read by then needs no bar
BETWEEN_BARS_S = 0.1


def chosen(namespace: Namespace, flag: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """The value of a flag or of its variable, and how it was written; empty when there is neither."""
    if (text := getattr(namespace, flag, None)) is not None:
        return text, f"--{flag} {text!r}"
    name = f"DIAMOND_{flag.upper()}"
    text = environment.get(name, "").strip()
    return text, f"{name}={text!r}"


def configuration_of(namespace: Namespace) -> Configuration:
    text, written = chosen(namespace, "config", os.environ)
    return read_configuration(text, written) if text else UNCONFIGURED


def memory_bytes_of(namespace: Namespace, default_bytes: int | None = None) -> int:
    text, written = chosen(namespace, "memory", os.environ)
    return read_memory(text, written) if text else default_bytes or default_memory_bytes()


def new_store(namespace: Namespace, default_bytes: int | None = None) -> MemoryStore:
    """As empty as the server's is at its start, within the same bounds. Raises ``SettingsError``."""
    memory_bytes = memory_bytes_of(namespace, default_bytes)
    configuration = configuration_of(namespace)
    put_in_force(configuration.attributes, configuration.redaction)
    gc.enable()  # see ``__main__``
    return MemoryStore.of_process(memory_bytes, min(2 * LINE_BYTES, memory_bytes // 2), configuration.thresholds)


@contextmanager
def read_store(
    namespace: Namespace, output: Output, excerpts: Excerpts = no_excerpts, trace_id: str = ""
) -> Iterator[MemoryStore]:
    """Everything that the patterns name, or at least what the answer is made of: ``excerpts`` if they could be had, and of a
    trace no other lines than those that mention it.

    What cannot be read is said; raises ``CommandError`` when that is all of it.
    """
    lines = excerpts()
    patterns, store = patterns_of(namespace), new_store(namespace)
    store.follows_people = lines is None and not trace_id
    if lines is not None:
        fill(store, lines)
        yield store
        return
    backlog = Backlog(patterns, store, max_line_bytes=LINE_BYTES, decode=decoder_of(trace_id))
    try:
        if not trace_id:
            backlog.read_in_workers(os.cpu_count() or 1, worker_maker())
        follow(backlog, output)
        tell_troubles(backlog, patterns, output, hint_for_words(namespace))
        if held_since_ns := store.health().held_since_ns:
            output.say(
                f"Traces from before {format_rfc3339(held_since_ns)} did not fit into "
                f"{format_bytes(memory_bytes_of(namespace))} and are left out: give more with --memory."
            )
        yield store
    finally:
        backlog.close()


def decoder_of(trace_id: str) -> Callable[[bytes], Batch]:
    """Passes over lines without the trace, if one is asked for."""
    if not trace_id:
        return decode_line
    needle = TraceIdNeedle(trace_id, thorough=True)
    return lambda line: decode_line(line) if needle.may_be_in(line) else Batch(b"")


def fill(store: MemoryStore, lines: Sequence[bytes]) -> None:
    """Take the lines as the feed would. What it cannot read is passed over: nobody asked for it."""
    ingest, ledger = Ingest(store), Ledger()
    for line in lines:
        for offset, document in documents_in(0, trimmed(line.rstrip(b"\n"))):
            ingest.take(ledger, offset, document)
    store.commit()
    store.commit()  # what waits for quiet moments


def follow(backlog: Backlog, output: Output) -> None:
    """Read it to its end, with a bar where somebody waits for it."""
    began_s = drawn_s = time.monotonic()
    while backlog.step():
        now_s = time.monotonic()
        if now_s - began_s >= PATIENCE_S and now_s - drawn_s >= BETWEEN_BARS_S and backlog.bytes_read:
            drawn_s = now_s
            percent = 100 * backlog.bytes_read // backlog.bytes_total
            words = progress(backlog.bytes_read, backlog.bytes_total, now_s - began_s)
            output.progress(f"{bar(percent)} {words}")
    output.end_progress()


def tell_troubles(backlog: Backlog, patterns: Sequence[str], output: Output, hint: str = "") -> None:
    """``hint`` is said with what is not there."""
    troubles = backlog.troubles()
    if not backlog.has_files:
        named = " or ".join(repr(pattern) for pattern in patterns)
        why = troubles[0] if troubles else f"Nothing matches {named}. Name a file, a glob, or - for standard input."
        raise CommandError(f"{why} {hint}".rstrip())
    for trouble in (*troubles, *([hint] if hint else [])):
        output.say(trouble)
    if backlog.bad_lines:
        output.say(f"Left out, because it could not be read: {format_times(backlog.bad_lines, 'line')}.")
