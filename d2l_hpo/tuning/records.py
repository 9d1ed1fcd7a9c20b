"""The books of a search: where each trial stands, what has ended, and the best so far."""
import math
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sortedcontainers import SortedDict

from d2l_hpo.measures.records import Job, job_table
from d2l_hpo.schedulers.scheduler import Trial
from d2l_hpo.tools.copies import copied
from d2l_hpo.tuning.outcomes import Outcome

if TYPE_CHECKING:
    import pandas as pd

NO_REPORTS = SortedDict()
"""The curve of a trial that has not reported."""


@dataclass
class Attempt:
    """An attempt at a trial: its number, from 1, its worker, when and at which epoch it began.

    After a report it is the rest of the attempt, which begins there. `last_epoch` is up to where
    its call may report, if it `can_report`.
    """

    trial: Trial
    number: int
    worker: int
    start: float
    epoch: int
    goes_on: bool = False
    """Whether it goes on from the checkpoint of an attempt that came to no end."""
    can_report: bool = False
    last_epoch: int | None = None

    def entry(self) -> dict[str, Any]:
        """Return what the records and the journal say about it."""
        more = {"last_epoch": self.last_epoch} if self.can_report else {}
        return {"trial_id": self.trial.trial_id, "attempt": self.number, "worker": self.worker,
                "start": self.start, "epoch": self.epoch, **more}

    def reach(self, epoch: int, end: float) -> None:
        """Let the rest of the attempt begin after a report."""
        self.epoch, self.start = max(self.epoch, epoch), end


class Books:
    """What has happened in a search. Each event changes them by one call, live or replayed.

    A trial is *pending* from its suggestion to its end, except while it runs on a worker. The best
    trial is that of the smallest value: its error, or infinity where the scheduler says that it
    cannot be the best.
    """

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.incumbent: dict[str, Any] | None = None
        self.incumbent_trial: int | None = None
        self.incumbent_epoch: int | None = None
        self.incumbent_error = math.inf
        self.incumbent_trajectory: list[float] = []
        self.cumulative_runtime: list[float] = []
        self.reported: set[int] = set()
        """Ids of the trials that have a row."""
        self.suggested: set[int] = set()
        """Ids of all trials that the scheduler suggested."""
        self.configs: dict[int, dict[str, Any]] = {}
        """By trial id, the configuration as it was suggested; nobody else has the dictionary."""
        self.pending: list[Trial] = []
        self.running: dict[Future, Attempt] = {}
        """Attempts on workers, by the promise of their results."""
        self.curves: dict[int, SortedDict] = {}
        """By trial id, the errors that it has reported, or ended with, by epoch in order."""
        self.latest: dict[int, int] = {}
        """By trial id, the number of its last row."""
        self.ends: dict[tuple[int, int | None], int] = {}
        """By trial id and epoch, the number of its last row that ends there."""
        self.stopped: dict[int, int] = {}
        """Trials that were told to stop and have not ended, with the epoch of that report."""
        self.begun: set[int] = set()
        """Trials of which an attempt has begun, and none has ended."""
        self.best_by_trials: list[float] = []
        """The incumbent's error after each trial, when it had first ended."""
        self.counted: set[int] = set()
        """Ids of the trials that have ended, at least once."""
        self.is_informed = False
        """Whether the searcher has learned the trials of a warm start."""
        self.ended_by: str | None = None
        """The rule that has ended the search."""
        self.failed: set[int] = set()
        """Ids of the trials that have failed."""
        self.lost: dict[int, list[str]] = {}
        """Why earlier attempts at a trial came to no end, by trial id."""
        self.elapsed = 0.0
        """Seconds up to the last event."""

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied: in a copy nothing runs, and it will run again."""
        interrupted = [attempt.trial for attempt in self.running.values()]
        return {**vars(self), "pending": interrupted + self.pending, "running": {}}

    def suggest(self, trial: Trial | None) -> None:
        """Note what the scheduler suggested."""
        if trial is not None:
            self.suggested.add(trial.trial_id)
            self.configs[trial.trial_id] = copied(trial.config)
            self.pending.append(trial)

    def config(self, trial: Trial) -> dict[str, Any]:
        """Return a copy of a trial's configuration, which may be changed."""
        return copied(self.configs[trial.trial_id])

    def shown(self, trial: Trial) -> Trial:
        """Return a copy of a trial, which may be changed."""
        return replace(trial, config=self.config(trial))

    def attempt(self, trial: Trial, worker: int, start: float, epoch: int) -> Attempt:
        """Return the next attempt at a trial."""
        return Attempt(trial, len(self.lost.get(trial.trial_id, [])) + 1, worker, start, epoch)

    def lose(self, attempt: Attempt, reason: str) -> list[str]:
        """Note that an attempt came to no end; return the reasons of all such attempts."""
        reasons = self.lost.setdefault(attempt.trial.trial_id, [])
        reasons.append(reason)
        return reasons

    def end(self, attempt: Attempt, outcome: Outcome, end: float, value: float) -> None:
        """Add the row of an attempt that has ended; `value` says what it counts for as the best."""
        trial = attempt.trial
        epoch = attempt.last_epoch if attempt.can_report else trial.max_epochs
        self._close(trial.trial_id)
        self._add(attempt, outcome, epoch, end, value)

    def report(self, attempt: Attempt, outcome: Outcome, epoch: int, end: float,
               value: float) -> None:
        """Add the row of a report; the attempt goes on from there."""
        self._add(attempt, outcome, epoch, end, value)
        attempt.reach(epoch, end)

    def complete(self, trial_id: int, epoch: int, outcome: Outcome) -> Outcome:
        """End a trial with a report that it made, to which further numbers are added."""
        self._close(trial_id)
        row = self.row_of(trial_id, epoch)
        self.jobs[row] = self.jobs[row]._replace(info={**self.jobs[row].info, **outcome.info})
        return outcome._replace(info=self.jobs[row].info)

    def row_of(self, trial_id: int, epoch: int | None) -> int:
        """Return the number of a trial's last row that ends at an epoch."""
        return self.ends[trial_id, epoch]

    def begin_of(self, attempt: Attempt, epoch: int) -> int:
        """Return from which epoch a part of an attempt goes that ends at `epoch`."""
        curve = self.curves.get(attempt.trial.trial_id, NO_REPORTS)
        earlier = curve.bisect_left(epoch)
        return curve.peekitem(earlier - 1)[0] if earlier else min(attempt.epoch, epoch - 1)

    def count(self, trial_id: int) -> None:
        """Note that a trial has ended, perhaps to go on later."""
        if trial_id not in self.counted:
            self.counted.add(trial_id)
            self.best_by_trials.append(self.incumbent_error)
        self.best_by_trials[-1] = self.incumbent_error

    def latest_row(self, trial_id: int) -> dict[str, Any]:
        """Return a trial's last row."""
        return self.jobs[self.latest[trial_id]].row()

    def _close(self, trial_id: int) -> None:
        """Forget the attempts at a trial that has ended."""
        self.lost.pop(trial_id, None)
        self.begun.discard(trial_id)

    def _add(self, attempt: Attempt, outcome: Outcome, epoch: int | None, end: float,
             value: float) -> None:
        """Add a row, and make the trial the incumbent if its `value` is smaller; nan never is."""
        trial, begin = attempt.trial, attempt.epoch
        self.reported.add(trial.trial_id)
        if outcome.reason is not None:
            self.failed.add(trial.trial_id)
        if attempt.can_report and epoch is not None:
            begin = self.begin_of(attempt, epoch)
            if trial.trial_id not in self.curves:
                self.curves[trial.trial_id] = SortedDict()
            self.curves[trial.trial_id][epoch] = outcome.error
        self.latest[trial.trial_id] = self.ends[trial.trial_id, epoch] = len(self.jobs)
        config = self.configs.setdefault(trial.trial_id, trial.config)
        self.jobs.append(Job(trial.trial_id, config, begin, epoch, outcome.error,
                             outcome.status, attempt.number, attempt.worker, attempt.start, end,
                             outcome.info, outcome.reason))
        if value < self.incumbent_error:
            self.incumbent, self.incumbent_trial = config, trial.trial_id
            self.incumbent_error, self.incumbent_epoch = value, epoch
        self.incumbent_trajectory.append(self.incumbent_error)
        self.cumulative_runtime.append(end)
        self.elapsed = end


class Results:
    """What a search has found so far; the tuner is one. All are copies, which may be changed."""

    books: Books

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied, also in the middle of a run: all but a tuner's bar."""
        return {name: value for name, value in vars(self).items() if name != "progress"}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a job, in the order in which they ended."""
        return [job.row() for job in self.books.jobs]

    @property
    def records(self) -> "pd.DataFrame":
        """One row a job: trial, configuration, epochs, error, status, worker, times in seconds."""
        return job_table(self.books.jobs)

    @property
    def incumbent(self) -> dict[str, Any] | None:
        """The best configuration, None before there is one."""
        return None if self.books.incumbent is None else copied(self.books.incumbent)

    @property
    def incumbent_trial(self) -> int | None:
        """The id of the incumbent's trial."""
        return self.books.incumbent_trial

    @property
    def incumbent_error(self) -> float:
        """The incumbent's error, inf before there is one."""
        return self.books.incumbent_error

    @property
    def incumbent_trajectory(self) -> list[float]:
        """The incumbent's error after each job."""
        return list(self.books.incumbent_trajectory)

    @property
    def cumulative_runtime(self) -> list[float]:
        """When each job ended, in seconds."""
        return list(self.books.cumulative_runtime)
