"""The journal of a search: JSON lines that survive the end of their process at any moment.

The first line says what is searched (`search`). Each further line is an event: `suggested`,
`started`, `reported`, `finished` or `failed`, what a warm start has told the searcher (`known`), or
which rule has ended the search (`stopped`). A line is written before what it announces is acted
upon, so a line that was not written to its end announces nothing. Numbers that JSON does not know
are written as Python's json module does: NaN, Infinity, -Infinity.

What is written survives the end of the process; what is on disk survives that of the machine, too,
but waiting for it (`sync`) takes longer than all else. The last lines may be lost, since the search
does the same again from those before them. Work must not be lost: lines of trials that have ended
are on disk before the tuner runs or waits for another one, which is once a trial. Checkpoints may
survive the machine. So with them a line is on disk before a trial may write a file that nobody
would know, before a report is answered, and before a file is removed.
"""
import json
import os
import platform
import warnings
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from d2l_hpo.tools.json_lines import to_line, write_bytes
from d2l_hpo.tools.platform import BINARY, sync_folder
from d2l_hpo.tuning.locks import TunerLock
from d2l_hpo.tuning.outcomes import objective_name, shared_names

FIELDS = {
    "search": {"scheduler", "objective", "versions"},
    "known": {"trials"},
    "suggested": {"trial"},
    "started": {"trial_id", "attempt", "worker", "start", "epoch"},
    "reported": {"trial_id", "attempt", "worker", "start", "epoch", "reached", "end", "error",
                 "info"},
    "finished": {"trial_id", "attempt", "worker", "start", "epoch", "end", "error", "info"},
    "failed": {"trial_id", "attempt", "worker", "start", "epoch", "end", "info", "traceback",
               "retry"},
    "stopped": {"rule"},
}
ATOMS: tuple[type[Any], ...] = (bool, str, int, float)
REPEATED = {"suggested", "started", "reported"}
"""Events that cost no finished trial where the machine fails before they are on disk."""
LATER = {"open_brackets"}  # settings that journals of 0.1.0 lack
DEEPEST = 100  # levels of a nested value; one that holds itself has no end
CLOSED = -1  # no file has this number
FIRST = b'{"event": "search"'  # with which a journal begins
REMEDY = "go on with a new tuner with a fresh scheduler and the same journal"


def plain(value: Any, name: str, strict: bool = True, levels: int = DEEPEST) -> Any:
    """Return a value as JSON will give it back: None, bool, int, float, str, list, dict.

    NumPy's and torch's values become Python's, tuples lists, keys strings. Anything else is a
    TypeError that begins with `name`, or, if not `strict`, a warning and the value's `repr`.
    ValueError for a value that is nested more than so many levels deep.
    """
    if levels < 0:
        raise ValueError(f"{name[:40]}... is nested more than {DEEPEST} levels deep, or holds "
                         "itself; a journal cannot hold it, return something flatter")
    if value is None or type(value) in ATOMS:
        return value
    if isinstance(value, ATOMS):
        return next(kind for kind in ATOMS if isinstance(value, kind))(value)
    if isinstance(value, dict):
        return {str(key): plain(item, f"{name}[{key!r}]", strict, levels - 1)
                for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{name}[{i}]", strict, levels - 1) for i, item in enumerate(value)]
    if hasattr(value, "tolist"):
        return plain(value.tolist(), name, strict, levels - 1)
    message = f"{name} is a {type(value).__name__}, which a journal cannot hold"
    if strict:
        raise TypeError(f"{message}; expected None, a bool, number, str, list or dict")
    warnings.warn(f"{message}; it keeps the repr", stacklevel=2)
    return repr(value)[:1000]


def as_text(value: Any) -> str:
    """Return a plain value as text; equal texts mean equal values of equal types."""
    return json.dumps(value, sort_keys=True)


def differences(old: Any, new: Any, name: str = "") -> list[str]:
    """Say in which entries two plain values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        absent = "nothing"
        return [text for key in dict.fromkeys([*old, *new]) if key in old or key not in LATER
                for text in differences(old.get(key, absent), new.get(key, absent),
                                        f"{name}.{key}".lstrip("."))]
    return [] if as_text(old) == as_text(new) else [f"{name}: {old!r} in the journal, {new!r} now"]


class EventReader:
    """Reads a journal's file, also while a tuner writes it; the file stays as it is.

    A symbolic link stands for the file that it leads to. An editor may have begun the file with a
    mark of its encoding, and ended lines with CRLF: JSON's reader passes over both.
    """

    remedy = "read it from the beginning"
    """What helps where the file is no longer what was read."""

    def __init__(self, path: str | os.PathLike):
        self.path = Path(os.path.realpath(path))
        self.size = 0
        """Bytes that were read or written so far; whole lines."""
        self.lines = 0
        self.torn = b""
        """What follows the last whole line: an event that is being written, or never was."""

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the events not seen so far, each with its place; all have to be taken.

        ValueError names a damaged line; a torn last line announces nothing.
        """
        for line in self._new_lines():
            place = f"{self.path}, line {self.lines + 1}"
            yield place, parse(line, place, "search" if self.lines == 0 else None)
            self.lines += 1
            self.size += len(line)

    def _new_lines(self) -> Iterator[bytes]:
        """Yield the whole lines not seen so far; ValueError where the file has become shorter.

        What is written meanwhile is for the next time. One line is in memory at a time.
        """
        check_regular(self.path)
        self.torn = b""
        with open(self.path, "rb") as file:
            left = file.seek(0, os.SEEK_END) - self.size
            if left < 0:
                raise ValueError(f"{self.path} has become shorter since it was read; {self.remedy}")
            file.seek(self.size)
            while left and (line := file.readline(left)):
                if not line.endswith(b"\n"):
                    self.torn = line
                    return
                left -= len(line)
                yield line

    def check_beginning(self) -> None:
        """Raise ValueError where the first line, torn, is none of a journal's.

        A machine that failed may have left zeros.
        """
        begin = self.torn.removeprefix(BOM_UTF8).rstrip(b"\0")
        if self.lines == 0 and not FIRST.startswith(begin[:len(FIRST)]):
            raise ValueError(f"{self.path} is no journal: it begins with {begin[:40]!r}; give a "
                             "file that a tuner wrote")


class Journal(EventReader):
    """A file of events. `with journal:` locks it, so that only one tuner at a time uses it."""

    remedy = REMEDY

    def __init__(self, path: str | os.PathLike):
        super().__init__(path)
        self.lock = TunerLock(f"{self.path}.lock", self.path)
        self.descriptor = CLOSED
        self.lost_step = False
        """Whether its tuner went on, or failed half-way, without the journal."""
        self.is_behind = False
        """Whether an event that must not be lost may not be on disk yet."""
        self.safe = 0, 0
        """Bytes and lines that are on disk."""

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied: the file is open in one process only."""
        return {**vars(self), "descriptor": CLOSED}

    @property
    def is_open(self) -> bool:
        """Whether this tuner is using the file now."""
        return self.descriptor != CLOSED

    def __enter__(self) -> "Journal":
        """Lock and open the file; RuntimeError if another tuner uses it or this one cannot."""
        if self.lost_step:
            raise RuntimeError(f"{self.path} and this tuner are no longer in step after an "
                               f"earlier error; {REMEDY}")
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"{self.path.parent} does not exist; make the journal's folder")
        check_regular(self.path)
        self.lock.acquire()
        try:
            self._open()
        except BaseException:
            self.lock.release()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        """Wait until all is on disk, then close and unlock the file."""
        try:
            if not self.lost_step:
                self.sync(is_due=True)
        finally:
            descriptor, self.descriptor = self.descriptor, CLOSED
            self.lock.release()
            os.close(descriptor)

    def _open(self) -> None:
        is_new = not self.path.exists()
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | BINARY, 0o666)
        if is_new:
            sync_folder(self.path.parent)

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the events not seen so far, each with its place; all have to be taken.

        A torn last line is cut off, with a warning; ValueError names any other damaged line. A
        file that is no journal stays as it is.
        """
        self.lost_step = True
        yield from super().events()
        if self.torn:
            self._cut_torn_line()
        self.safe = self.size, self.lines
        self.lost_step = False

    def _cut_torn_line(self) -> None:
        self.check_beginning()
        os.ftruncate(self.descriptor, self.size)
        os.fsync(self.descriptor)
        if self.torn.removeprefix(BOM_UTF8):
            warnings.warn(f"{self.path}: the last line is torn, since it was being written when "
                          "its tuner ended; it is dropped", stacklevel=4)

    def write(self, event: dict[str, Any]) -> None:
        """Append an event, which survives the end of this process.

        OSError if it cannot be written; the file then holds the events before this one.
        """
        self.lost_step = True
        line = to_line(plain(event, "event"))
        try:
            write_bytes(self.descriptor, line)
        except OSError as error:
            raise self._cut_off(error, self.size, self.lines) from error
        self.size += len(line)
        self.lines += 1
        self.is_behind = self.is_behind or event["event"] not in REPEATED
        self.lost_step = False

    def sync(self, is_due: bool = False) -> None:
        """Wait until all events are on disk, where one of them must not be lost, or if it `is_due`.

        OSError if that fails; the file then holds the events that were on disk before. So it is
        where another program has removed, moved or changed the file.
        """
        if not (self.is_behind or is_due and self.safe[1] < self.lines):
            return
        self.lost_step = True
        self._check_place()
        try:
            os.fsync(self.descriptor)
        except OSError as error:
            raise self._cut_off(error, *self.safe) from error
        self.safe, self.is_behind = (self.size, self.lines), False
        self.lost_step = False

    def _check_place(self) -> None:
        """Raise OSError where the file at the journal's path is not what was written."""
        own = os.fstat(self.descriptor)
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            there = None
        if there is None or not os.path.samestat(own, there) or own.st_size != self.size:
            what = "removed or moved" if there is None else "replaced or changed"
            raise OSError(f"{self.path} was {what} by another program while the search was "
                          f"running; put back all of its {self.lines} lines, and {REMEDY}. The "
                          "records of this tuner have all that has ended")

    def _cut_off(self, error: OSError, size: int, lines: int) -> OSError:
        """Let the file hold what is known to be whole; return the error that says so."""
        os.ftruncate(self.descriptor, size)
        reason = (f"{error.strerror}; no event can be added to the journal, its {lines} lines are "
                  f"intact; when this is mended, {REMEDY}")
        return OSError(error.errno, reason, str(self.path))

    def as_stored(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return further results of a trial as the journal gives them back."""
        return plain(info, "info", strict=False, levels=DEEPEST - 1)  # a level for the event

    def begin(self, scheduler: Any, objective: Callable) -> None:
        """Write the first line of a new search."""
        versions = {name: version(name) for name in ("numpy", "scipy")}
        self.write({**description(scheduler, objective),
                    "versions": {"python": platform.python_version(), **versions}})
        self.sync()

    def check(self, event: dict[str, Any], scheduler: Any, objective: Callable) -> None:
        """Raise ValueError if the first line, `event`, is of another search; say what differs."""
        now = description(scheduler, objective)
        different = differences({name: event[name] for name in now}, now)
        if different:
            raise ValueError(f"{self.path} is the journal of another search: "
                             f"{'; '.join(different)}. Give another journal, or what it had")

    def compare(self, old: Any, trial: Any) -> str:
        """Say how a trial differs from what the journal has; an empty text if it does not."""
        return "; ".join(differences(old, plain(trial, "the trial"), "trial"))


def check_regular(path: Path) -> None:
    """Raise ValueError for a device or a pipe, which has no end or cannot be read twice."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ValueError(f"{path} is a device or a pipe; a journal is a file")


def is_in_use(path: str | os.PathLike) -> bool:
    """Say whether a tuner is using a journal now; one that was killed is not."""
    try:
        lock = os.open(f"{os.path.realpath(path)}.lock", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return _is_locked(lock)
    finally:
        os.close(lock)


def _is_locked(descriptor: int) -> bool:
    """Say whether another process, or another part of this one, holds the lock of an open file."""
    try:
        import fcntl
    except ImportError:  # Windows: there the file is removed with its lock
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def description(scheduler: Any, objective: Callable) -> dict[str, Any]:
    """Return, as plain values, what makes a search the same one."""
    return {"event": "search", "scheduler": plain(scheduler.describe(), "the description"),
            "objective": objective_name(objective)}


DECODER = json.JSONDecoder(object_hook=shared_names)


def parse(line: bytes, place: str, expected: str | None) -> dict[str, Any]:
    """Return the event of a line; ValueError, with its place, if it is damaged."""
    try:
        event = DECODER.decode(line.decode(json.detect_encoding(line), "surrogatepass"))
        kind = event["event"]
        missing = FIELDS[kind] - set(event)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        doubt = ", so this may be no journal" if expected == "search" else ""
        raise ValueError(f"{place} is damaged or no event: {line[:80]!r}{doubt}; restore the file "
                         "from a copy, or cut it off before this line") from error
    if missing or (kind == "search") != (expected == "search"):
        raise ValueError(f"{place}: a {kind!r} event with the fields {sorted(event)} cannot stand "
                         "here; restore the file from a copy, or cut it off before this line")
    return event
