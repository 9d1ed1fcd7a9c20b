"""A journal read as a search, without running anything; its tuner may be writing it meanwhile."""
import math
import os
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from d2l_hpo.schedulers.scheduler import Trial
from d2l_hpo.tools.arguments import is_number
from d2l_hpo.tuning.journal import EventReader, is_in_use
from d2l_hpo.tuning.outcomes import Outcome
from d2l_hpo.tuning.records import Attempt, Books, Results
from d2l_hpo.tuning.replay import report_of, take_end
from d2l_hpo.tuning.reports import judge_report, last_report

if TYPE_CHECKING:
    from pathlib import Path


class JournaledSearch(Results):
    """What a journal says of a search; `read_journal` makes it, `update` reads what is new.

    It has the results of a tuner: `records`, `rows`, `incumbent`, `incumbent_error`,
    `incumbent_trial`. An event that cannot be is a ValueError that names its line, and leaves the
    search as it was after the line before.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.books = Books()
        self.description: dict[str, Any] | None = None
        """What `HPOScheduler.describe` said; None before the first line is there."""
        self.objective: str | None = None
        """The objective's name."""
        self.versions: dict[str, str] = {}
        """Of Python and of the libraries that make the search what it is."""
        self.running: dict[int, Attempt] = {}
        """Attempts that have begun and not ended, by trial id."""
        self.is_exhausted = False
        """Whether the scheduler had no trial when it was asked last."""
        self.last_events: deque[dict[str, Any]] = deque(maxlen=KEPT_EVENTS)
        """The last few of those that the last `update` has read."""
        self.reader = EventReader(path)

    @property
    def path(self) -> "Path":
        """The journal's file."""
        return self.reader.path

    @property
    def is_running(self) -> bool:
        """Whether a tuner is using the journal now."""
        return is_in_use(self.path)

    def update(self) -> int:
        """Read the events that have been written since, and return how many there were.

        OSError where the file cannot be read, ValueError where it is damaged.
        """
        return sum(1 for _ in self.new_events())

    def new_events(self) -> Iterator[dict[str, Any]]:
        """Read the events that have been written since; yield each when it counts. Take all."""
        self.last_events.clear()
        for place, event in self.reader.events():
            check_fields(event, place)
            self._apply(event, place)
            self.last_events.append(event)
            yield event
        self.reader.check_beginning()

    def _apply(self, event: dict[str, Any], place: str) -> None:
        """Change the books as an event says."""
        kind, books = event["event"], self.books
        if kind == "search":
            self.description, self.objective = dict(event["scheduler"]), event["objective"]
            self.versions = dict(event["versions"])
        elif kind == "suggested":
            self.is_exhausted = event["trial"] is None
            books.suggest(None if self.is_exhausted else Trial(**event["trial"]))
        elif kind == "started":
            self._start(event, place)
        elif kind == "known":
            books.is_informed = True
        elif kind == "stopped":
            books.ended_by = event["rule"]
        elif kind == "reported":
            attempt, report = report_of(books, event, place)
            outcome = judge_report(report)
            books.report(attempt, outcome, report.epoch, event["end"],
                         self._score(report.epoch, outcome))
        else:
            self._end(event, place)

    def _end(self, event: dict[str, Any], place: str) -> None:
        """Note how an attempt ended: with a row of its own, or with the trial's last report."""
        books, (attempt, outcome) = self.books, take_end(self.books, event, place)
        name = attempt.trial.trial_id
        self.running.pop(name, None)
        if outcome is None:
            return
        if "stopped_at" in event:
            if event["stopped_at"] not in books.curves.get(name, {}):
                raise ValueError(f"{place}: trial {name} ends with a report of epoch "
                                 f"{event['stopped_at']} that it has not made; {MEND}")
            books.stopped[name] = event["stopped_at"]
        stop = last_report(books, attempt, outcome.error) if attempt.can_report else None
        if stop is not None:
            books.complete(name, stop, outcome)
        else:
            last = attempt.trial.max_epochs if attempt.last_epoch is None else attempt.last_epoch
            books.end(attempt, outcome, event["end"], self._score(last, outcome))
        books.count(name)

    def _score(self, epoch: int | None, outcome: Outcome) -> float:
        return described_score(self.description or {}, epoch, outcome.error, outcome.info)

    def _start(self, event: dict[str, Any], place: str) -> None:
        trial = next((t for t in self.books.pending if t.trial_id == event["trial_id"]), None)
        if trial is None:
            raise ValueError(f"{place}: trial {event['trial_id']} started before it was suggested")
        self.books.elapsed = max(self.books.elapsed, event["start"])
        self.books.begun.add(trial.trial_id)
        self.running[trial.trial_id] = self.books.attempt(trial, event["worker"], event["start"],
                                                          event["epoch"])


KEPT_EVENTS = 5
MEND = "restore the file from a copy, or cut it off before this line"
NUMBER = (int, float)
TRIAL_FIELDS = {field.name for field in fields(Trial)}
KINDS: dict[str, tuple[type[Any], ...]] = {
    "scheduler": (dict,), "objective": (str,), "versions": (dict,), "trial": (dict, type(None)),
    "trial_id": (int,), "attempt": (int,), "worker": (int,), "start": NUMBER, "end": NUMBER,
    "error": NUMBER, "epoch": (int,), "max_epochs": (int, type(None)), "info": (dict,),
    "reached": (int,), "last_epoch": (int, type(None)), "stopped_at": (int,), "rule": (str,),
    "trials": (list,), "traceback": (str,), "config": (dict,), "source": (int, type(None)),
}
"""What the fields of events and of their trials are."""


def check_fields(event: dict[str, Any], place: str) -> None:
    """Raise ValueError, with the place, where an event or its trial holds what it cannot."""
    trial = event.get("trial")
    if isinstance(trial, dict):
        if set(trial) != TRIAL_FIELDS:
            raise ValueError(f"{place}: a trial has the fields {sorted(trial)}, expected "
                             f"{sorted(TRIAL_FIELDS)}; {MEND}")
        check_fields(trial, place)
    for name, value in event.items():
        if not isinstance(value, KINDS.get(name, (object,))) or (
                isinstance(value, bool) and name in KINDS):
            raise ValueError(f"{place}: {name} is {value!r}; {MEND}")


def read_journal(path: str | os.PathLike) -> JournaledSearch:
    """Read the journal of a search, finished or running, without running anything.

    Arguments:

    - `path`: the file that an `HPOTuner` was given as `journal`. It is only read, and not locked.
      An event that is being written at this moment does not count yet.

    It returns a search with the results of a tuner: `records`, `rows`, `incumbent`,
    `incumbent_error`, `incumbent_trial`. It also knows `description`, what the scheduler says of
    itself (class, space, seed, settings); `objective`, a name; `running`, the attempts that have
    begun and not ended; `is_running`, whether a tuner uses the journal now. `update()` reads what
    was written since.

    The incumbent keeps the limits and has the folds that the description names. A scheduler of
    your own that has another `score` is unknown here: then the smallest error counts.

    FileNotFoundError for a missing file, ValueError for one that is no journal or is damaged
    before its end. It names the line.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     scheduler = BasicScheduler(RandomSearcher({"x": stats.uniform(0, 1)}, seed=0))
    ...     tuner = HPOTuner(scheduler, lambda config: config["x"],
    ...                      journal=f"{folder}/search.jsonl")
    ...     tuner.run(number_of_trials=3)
    ...     search = read_journal(f"{folder}/search.jsonl")
    >>> search.records.equals(tuner.records), search.description["seed"], search.is_running
    (True, 0, False)
    """
    search = JournaledSearch(path)
    search.update()
    return search


def described_score(description: Mapping[str, Any], max_epochs: int | None, error: float,
                    info: Mapping[str, Any]) -> float:
    """Return what is smallest for the best trial, as the described scheduler would say.

    It is the error; inf where limits are not kept or folds are missing.
    """
    for settings in all_settings(description):
        limits, folds = settings.get("limits"), settings.get("folds")
        if isinstance(limits, dict) and not keeps(limits, error, info):
            return math.inf
        if folds is not None and max_epochs != folds:
            return math.inf
    return error


def keeps(limits: Mapping[str, float], error: float, info: Mapping[str, Any]) -> bool:
    """Say whether a result is below all limits; it is not where a number is missing."""
    numbers = {**info, "error": error}
    return all(is_number(numbers.get(name)) and numbers[name] < limit
               for name, limit in limits.items())


def level_noun(description: Mapping[str, Any]) -> tuple[str, str]:
    """Return one, and several, of what the trials of a described scheduler get more and more of."""
    resource = (description.get("validation") or {}).get("resource")  # of HPOSearchCV
    if resource:
        name = resource["name"]
        return ("example", "examples") if name == "n_samples" else (name, name)
    is_folds = any("folds" in settings for settings in all_settings(description))
    return ("fold", "folds") if is_folds else ("epoch", "epochs")


def all_settings(description: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the settings of a described scheduler, then those of the scheduler inside it."""
    settings = description.get("settings")
    while isinstance(settings, dict):
        yield settings
        inner = settings.get("scheduler")
        settings = inner.get("settings") if isinstance(inner, dict) else None
