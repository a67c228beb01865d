"""Which files stand on disk, and who is who: the live file, its rotated backups, what to refuse.

Names of backups, for a live file ``traces.json``:

* ``traces-2022-09-14T05-02-14.173.json`` and ``traces-2022-09-14T05-02-14.173-size.json``: old and new collectors
* ``traces.json.1``, ``traces.json-20260914``: logrotate
* any of these, or the live name itself, followed by ``.gz`` or ``.zst``
"""

import errno
import glob
import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

Key = tuple[int, int]  # (device, inode): what a file is, while it is held open

SIBLINGS = (
    "metrics.json",
    "logs.json",
)  # other signals of the same collector, read when they stand beside the live file

_COMPRESSED = r"(?:\.(?:gz|zst))?"
_STAMP = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}"
_COLLECTOR_BACKUP = re.compile(
    rf"(?P<stem>.+)-(?P<stamp>{_STAMP})(?:-[A-Za-z0-9_-]+)?(?P<suffix>\.[A-Za-z0-9]+)?{_COMPRESSED}", re.DOTALL
)
_LOGROTATE_BACKUP = re.compile(
    rf"(?P<name>.+)(?:\.(?P<number>\d{{1,4}})|-(?P<stamp>\d{{8}}(?:-\d+)?)){_COMPRESSED}", re.DOTALL
)
_COMPRESSED_COPY = re.compile(r"(?P<name>.+)\.(?:gz|zst)", re.DOTALL)


class FeedError(ValueError):
    """The feed cannot start as asked. The message is one sentence."""


class NotAFile(OSError):  # noqa: N818  (reads as what it is: the thing is not a file)
    """Something stands there that is no regular file. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name on disk and the file behind it when we looked."""

    path: str
    key: Key
    size_bytes: int
    modified_ns: int
    changed_ns: int

    @property
    def mark(self) -> tuple[int, int, int]:
        """Moves whenever the file may have: content, size, names, owner."""
        return self.size_bytes, self.modified_ns, self.changed_ns


@dataclass(frozen=True, slots=True)
class Group:
    """A live file and what was rotated away from it. ``members`` are the only paths asked for; None asks for all of them."""

    live_path: str
    members: tuple[str, ...] | None = None

    @property
    def directory(self) -> str:
        return str(Path(self.live_path).parent)

    @property
    def asks_for_live(self) -> bool:
        return self.members is None or self.live_path in self.members


def check_patterns(patterns: Sequence[str]) -> None:
    """Raises ``FeedError`` for what can never become right while the viewer runs: nothing named, or only directories.

    A directory beside files is one source that cannot be read; the rest goes on.
    """
    if not patterns:
        raise FeedError(
            "No file is named. Name a file or a pattern, for example '/var/log/otel-collector/traces.json'."
        )
    for pattern in patterns:
        if not pattern or "\0" in pattern:
            raise FeedError(f"{pattern!r} is not the name of a file.")
    if all(Path(pattern).is_dir() for pattern in patterns):
        path = Path(patterns[0])
        raise FeedError(f"'{path}' is a directory. Name a file or a pattern, for example '{path}/traces*.json'.")


def groups(patterns: Sequence[str]) -> list[Group]:
    """What the patterns ask for now; a pattern with wildcards may ask for more at the next look."""
    found: dict[str, Group] = {}
    for pattern in patterns:
        path = os.path.abspath(pattern)  # noqa: PTH100  (Path.absolute keeps "..", two names of one file)
        if glob.has_magic(pattern) and not os.path.lexists(path):
            for group in _matching(path):
                found.setdefault(group.live_path, group)
        else:
            found[path] = Group(path)
            for sibling in SIBLINGS:
                beside = str(Path(path).with_name(sibling))
                if beside != path and Path(beside).is_file():
                    found.setdefault(beside, Group(beside))
    return list(found.values())


def backups(group: Group) -> list[Name]:
    """The rotated files of a group that stand on disk, oldest first. Raises ``OSError`` when the directory cannot be read."""
    if group.members is not None:
        paths: Iterable[str] = (path for path in group.members if path != group.live_path)
    else:
        live = Path(group.live_path)
        try:
            with os.scandir(live.parent) as entries:
                paths = [entry.path for entry in entries if live_name(entry.name) == live.name != entry.name]
        except (FileNotFoundError, NotADirectoryError):
            return []
    names = []
    for path in paths:
        try:
            name = look_up(path)
        except OSError:
            continue  # renamed or deleted since it was listed; under a new name it is listed at the next look
        names.append(name)
    return sorted(names, key=reading_order)


def has_files(live_path: str) -> bool:
    """Whether the live file or a backup of it stands there, or nobody may look: then the feed says so."""
    try:
        return os.path.lexists(live_path) or bool(backups(Group(live_path)))
    except OSError:
        return True


def reading_order(name: Name) -> tuple[int, str, int, str]:
    """Oldest content first, so that the two halves of a line meet. The one place that decides the order of backups.

    The time of the last write goes before the stamp in the name: stamps may be local time, and repeat for an hour in
    autumn. ``traces.json.2`` is older than ``traces.json.1``.
    """
    base = Path(name.path).name
    match = _COLLECTOR_BACKUP.fullmatch(base) or _LOGROTATE_BACKUP.fullmatch(base)
    parts = match.groupdict() if match else {}
    return name.modified_ns, parts.get("stamp") or "", -int(parts.get("number") or 0), base


def live_name(name: str) -> str:
    """The live file's name for a backup's; any other name is its own.

    >>> [live_name(name) for name in ("traces-2022-09-14T05-02-14.173-size.json.gz", "traces.json.12", "traces.json.zst")]
    ['traces.json', 'traces.json', 'traces.json']
    >>> live_name("traces.json"), live_name("traces-old.json")
    ('traces.json', 'traces-old.json')
    """
    if match := _COLLECTOR_BACKUP.fullmatch(name):
        return match["stem"] + (match["suffix"] or "")
    if match := _LOGROTATE_BACKUP.fullmatch(name) or _COMPRESSED_COPY.fullmatch(name):
        return match["name"]
    return name


def look_up(path: str) -> Name:
    """What stands behind a name now, symbolic links followed. Raises ``OSError``; ``NotAFile`` for anything but a file."""
    status = os.stat(path)  # noqa: PTH116  (thousands of looks; a Path each would be the larger part)
    _refuse_all_but_files(path, status.st_mode)
    return _name(path, status)


def open_file(path: str) -> tuple[int, Name]:
    """A descriptor to read from, and what it is. Never blocks; raises ``OSError``, ``NotAFile`` for anything but a file."""
    # a FIFO without a writer would block a plain open for ever; whether it is one is only certain once it is open
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        status = os.fstat(descriptor)
        _refuse_all_but_files(path, status.st_mode)
        return descriptor, _name(path, status)
    except BaseException:  # also Ctrl-C: nobody else knows of the descriptor yet. Nothing is swallowed
        os.close(descriptor)
        raise


def _name(path: str, status: os.stat_result) -> Name:
    return Name(path, (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def sentence(path: str, error: OSError) -> str:
    """Why a file cannot be read, and what to do."""
    if isinstance(error, NotAFile):
        return str(error)
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return f"Waiting for '{path}': there is no such file yet."
        case errno.EACCES | errno.EPERM:
            return f"'{path}' may not be read by this user. Let its group or everyone read it (chmod o+r)."
        case errno.ELOOP:
            return f"'{path}' is a symbolic link that leads back to itself."
        case errno.EMFILE | errno.ENFILE:
            return f"'{path}' cannot be opened: too many files are open. Raise the limit (ulimit -n)."
    return f"'{path}' cannot be read: {error.strerror or error} (errno {error.errno}). The next look tries again."


def _refuse_all_but_files(path: str, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFSOCK: "a socket",
    }
    kind = kinds.get(stat.S_IFMT(mode), "not a file")
    raise NotAFile(f"'{path}' is {kind}. Only files are read; name one, for example 'traces.json'.")


def _matching(pattern: str) -> list[Group]:
    members: dict[str, list[str]] = {}
    for path in sorted(glob.iglob(pattern, recursive=True)):  # noqa: PTH207  (the pattern may be absolute)
        directory, name = os.path.split(path)
        members.setdefault(str(Path(directory) / live_name(name)), []).append(path)
    return [Group(live_path, tuple(paths)) for live_path, paths in members.items()]
