"""All files that are followed: the ones that stand on disk, and the ones we still hold though their name is gone.

A file is its identity, so most of what happens to files is nothing here: a renamed backup, a rollback, a second name, a
swapped link find their tail and go on. What is left is one question a look: who has which name now?
"""

import errno
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from diamond_viewer.feed import files
from diamond_viewer.feed.files import Group, Key, Name
from diamond_viewer.feed.tail import NEVER, Role, Tail
from diamond_viewer.telemetry.lines import DEFAULT_MAX_LINE_BYTES
from diamond_viewer.telemetry.model import Problem

MAX_OPEN_FILES = 200  # backups that we hold open unless needed: the usual limit of a process is 1,024
MAX_FORGOTTEN = 20
SETTLED_NS = 20_000_000  # a file that changed less than this ago may change again within the same tick of its clock


@dataclass(slots=True)
class Family:
    """A live file with its backups, and what is in the way of reading them."""

    group: Group
    live: Tail | None = None
    was_surveyed: bool = False
    is_listed: bool = True  # the directory could be read
    is_waiting: bool = False  # there is no live file yet
    trouble: Problem | None = None


class Shelf:
    """``hold_s``: how long a file without news is held open, by ``clock`` (seconds, monotonic)."""

    def __init__(
        self,
        patterns: Sequence[str],
        counters: Counter[str],
        *,
        max_line_bytes: int = DEFAULT_MAX_LINE_BYTES,
        hold_s: float = 5.0,
        max_open_files: int = MAX_OPEN_FILES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.families: dict[str, Family] = {}
        self.forgotten: deque[Tail] = deque(maxlen=MAX_FORGOTTEN)  # gone, but something was wrong with them
        self._tails: dict[Key, Tail] = {}
        self._owners: dict[Key, Family] = {}
        self._patterns = tuple(patterns)
        self._counters = counters
        self._max_line_bytes = max_line_bytes
        self._hold_s = hold_s
        self._max_open_files = max_open_files
        self._clock = clock
        self._next_serial = 0

    def by_age(self) -> list[Tail]:
        """Every file we follow, oldest content first: a live file comes last, whenever it was found."""
        return sorted(self._tails.values(), key=lambda tail: (tail.role is Role.LIVE, tail.serial))

    def family_of(self, tail: Tail) -> Family:
        return self._owners[tail.name.key]

    def relatives(self, tail: Tail) -> list[Tail]:
        """The tails of its family, itself among them, latest first."""
        family = self.family_of(tail)
        return [other for other in reversed(self.by_age()) if self.family_of(other) is family]

    def survey(self) -> None:
        """Look at the names on disk: find new files, and give every file its role."""
        roles: dict[Key, Role] = {}
        groups = {group.live_path: group for group in files.groups(self._patterns)}
        for live_path, group in groups.items():
            family = self.families.setdefault(live_path, Family(group))
            family.group = group
            self._survey_family(family, roles)
        for key, tail in list(self._tails.items()):
            if key in roles or self._owners[key].is_listed:
                tail.role = roles.get(key, Role.GONE)
            if tail.role is Role.GONE and not tail.is_open:
                self._counters["missed_files"] += tail.size_bytes > 0 and (tail.offset == 0 or tail.unread_bytes > 0)
                self.forget(tail)
        for live_path in self.families.keys() - groups.keys():  # a pattern no longer matches it
            family = self.families[live_path]
            family.live = None
            if all(owner is not family for owner in self._owners.values()):
                del self.families[live_path]

    def _survey_family(self, family: Family, roles: dict[Key, Role]) -> None:
        group, previous, known_trouble = family.group, family.live, family.trouble
        family.trouble, family.is_waiting, family.is_listed = None, False, True
        known = set(self._tails)
        live: Tail | None = None
        if group.asks_for_live:
            try:
                # the live file is held before the backups are listed: a rotation in between changes names, not files
                live = self._tail_of(family, files.look_up(group.live_path))
            except OSError as error:
                family.is_waiting = error.errno in (errno.ENOENT, errno.ENOTDIR)
                kind = "waiting" if family.is_waiting else "unreadable"
                family.trouble = Problem(kind, files.sentence(group.live_path, error))
        try:
            backups = files.backups(group)
            was_rotated = live is not previous and any(previous is self._tails.get(name.key) for name in backups)
            if previous is not None and live is not previous and not was_rotated:
                self._renumber(previous)
            for name in backups:
                tail = self._tail_of(family, name)
                roles.setdefault(tail.name.key, Role.BACKUP)
                if tail is previous and was_rotated:
                    self._renumber(previous)  # it ended after all that was found while it was live
        except OSError as error:
            family.is_listed = False
            family.trouble = Problem("unreadable", files.sentence(group.directory, error))
        if live is not None:
            roles[live.name.key] = Role.LIVE
            live.name = replace(live.name, path=group.live_path)  # and not another name that it has
        family.live = live
        if family.trouble and family.trouble.kind == "unreadable" and family.trouble != known_trouble:
            self._counters["unreadable"] += 1
        if family.was_surveyed:
            new = [tail for key, tail in self._tails.items() if key not in known and tail is not live]
            self._note_passing_on(previous, live, roles, new)
        family.was_surveyed = True

    def _note_passing_on(
        self, previous: Tail | None, live: Tail | None, roles: dict[Key, Role], new: list[Tail]
    ) -> None:
        """The live name passed on, perhaps several times since the last look. What was only deleted was not rotated.

        While the live file stays what it is, or is just gone, a new backup can only be a copy: of it, or of another backup.
        """
        was_kept = previous is not None and (previous.name.key in roles or previous.links() > 0)
        self._counters["rotations"] += live is not previous and was_kept
        for tail in new:
            is_compressed = tail.name.path.endswith((".gz", ".zst"))
            tail.is_copy = is_compressed or live is previous or (live is None and not was_kept)
            self._counters["rotations"] += live is not previous and not is_compressed

    def _tail_of(self, family: Family, name: Name) -> Tail:
        """The tail of the file behind a name. A new file is opened at once: it may be gone when its turn to be read comes."""
        known = self._tails.get(name.key)
        if known is not None and not self._is_replaced(known, name):
            known.name = name
            return known
        tail = Tail(name, self._next_serial, self._max_line_bytes)
        tail.grown_s = self._clock()
        self._next_serial += 1
        self._tails[name.key] = tail
        self._owners[name.key] = family
        if self._open_count() < self._max_open_files or name.path == family.group.live_path:
            self.attempt(tail, lambda: self.open(tail))
        return tail

    def _is_replaced(self, tail: Tail, name: Name) -> bool:
        """Whether the inode of a file that we had closed was given to another one. Then the old one is forgotten."""
        if tail.is_open or tail.mark_at_close == name.mark:
            return False
        tail.name, tail.size_bytes, tail.mark_at_close = name, name.size_bytes, NEVER
        is_replaced = self.attempt(tail, lambda: self._open_and_compare(tail))
        if is_replaced:
            self.forget(tail)
        return is_replaced

    def _open_and_compare(self, tail: Tail) -> bool:
        self.open(tail)
        return tail.is_replaced()

    def attempt(self, tail: Tail, action: Callable[[], bool | None]) -> bool:
        """Do it; what the file system has against it is noted with the file, once, and tried again at the next look."""
        try:
            answer = bool(action())
        except OSError as error:
            trouble = files.sentence(tail.name.path, error)
            if tail.trouble != trouble and error.errno != errno.ENOENT:
                self._counters["unreadable"] += 1
                tail.ledger.note("unreadable", trouble)
            tail.trouble = trouble
            if error.errno == errno.ESTALE:
                tail.close()
                tail.mark_at_close = NEVER
            return False
        tail.trouble = ""
        return answer

    def open(self, tail: Tail) -> None:
        """Hold the file open. Raises ``OSError``, also when its name has passed to another file since we looked."""
        try:
            descriptor, name = files.open_file(tail.name.path)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self._close_idle()
            descriptor, name = files.open_file(tail.name.path)
        is_same = name.key == tail.name.key
        tail.hold(descriptor)
        if not is_same:
            tail.close()
            tail.mark_at_close = NEVER
            raise FileNotFoundError(errno.ENOENT, "the name has passed to another file", tail.name.path)
        tail.name, tail.size_bytes = name, name.size_bytes

    def may_be_closed(self, tail: Tail) -> bool:
        """Whether a backup that has been read to its end has been quiet for long enough, or others need its place."""
        now_ns = time.time_ns()
        if tail.role is not Role.BACKUP or tail.is_inside_wrapping or now_ns - tail.name.changed_ns < SETTLED_NS:
            return False
        is_old = now_ns - tail.name.modified_ns >= self._hold_s * 1e9
        return is_old or self.is_quiet(tail) or self._open_count() > self._max_open_files

    def may_be_forgotten(self, tail: Tail) -> bool:
        """Whether nobody will write to a file without a name again.

        As long as no other file has the live name, its writer may not know that it was deleted.
        """
        family = self.family_of(tail)
        return tail.role is Role.GONE and self.is_quiet(tail) and family.live is not None

    def is_quiet(self, tail: Tail) -> bool:
        return self._clock() - tail.grown_s >= self._hold_s

    def close(self) -> None:
        for tail in self.by_age():
            self.forget(tail)

    def _renumber(self, tail: Tail) -> None:
        tail.serial = self._next_serial
        self._next_serial += 1

    def _open_count(self) -> int:
        return sum(tail.is_open for tail in self._tails.values())

    def _close_idle(self) -> None:
        for tail in self._tails.values():
            if tail.role is Role.BACKUP and not tail.unread_bytes and not tail.is_inside_wrapping:
                tail.close()

    def forget(self, tail: Tail) -> None:
        tail.close()
        del self._tails[tail.name.key]
        del self._owners[tail.name.key]
        if tail.ledger.problems:
            self.forgotten.append(tail)
