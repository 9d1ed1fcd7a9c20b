"""The books of a search: where each trial stands, what has ended, and the best so far."""
import math
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2l_hpo.measures.records import Job, job_table
from d2l_hpo.schedulers.scheduler import Trial
from d2l_hpo.tuning.outcomes import Outcome

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Attempt:
    """An attempt at a trial: its number, from 1, its worker, when and at which epoch it began."""

    trial: Trial
    number: int
    worker: int
    start: float
    epoch: int

    def entry(self) -> dict[str, Any]:
        """Return what the records and the journal say about it."""
        return {"trial_id": self.trial.trial_id, "attempt": self.number, "worker": self.worker,
                "start": self.start, "epoch": self.epoch}


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
        self.pending: list[Trial] = []
        self.running: dict[Future, Attempt] = {}
        """Attempts on workers, by the promise of their results."""
        self.lost: dict[int, list[str]] = {}
        """Why earlier attempts at a trial came to no end, by trial id."""
        self.elapsed = 0.0
        """Seconds up to the last event."""

    def suggest(self, trial: Trial | None) -> None:
        """Note what the scheduler suggested."""
        if trial is not None:
            self.suggested.add(trial.trial_id)
            self.pending.append(trial)

    def attempt(self, trial: Trial, worker: int, start: float, epoch: int) -> Attempt:
        """Return the next attempt at a trial."""
        return Attempt(trial, len(self.lost.get(trial.trial_id, [])) + 1, worker, start, epoch)

    def lose(self, attempt: Attempt, reason: str) -> list[str]:
        """Note that an attempt came to no end; return the reasons of all such attempts."""
        reasons = self.lost.setdefault(attempt.trial.trial_id, [])
        reasons.append(reason)
        return reasons

    def end(self, attempt: Attempt, outcome: Outcome, end: float, value: float) -> None:
        """Add a row, and make the trial the incumbent if its `value` is smaller; nan never is."""
        trial = attempt.trial
        self.reported.add(trial.trial_id)
        self.lost.pop(trial.trial_id, None)
        self.jobs.append(Job(trial.trial_id, trial.config, attempt.epoch, trial.max_epochs,
                             outcome.error, outcome.status, attempt.number, attempt.worker,
                             attempt.start, end, outcome.info, outcome.reason))
        if value < self.incumbent_error:
            self.incumbent, self.incumbent_trial = dict(trial.config), trial.trial_id
            self.incumbent_error, self.incumbent_epoch = value, trial.max_epochs
        self.incumbent_trajectory.append(self.incumbent_error)
        self.cumulative_runtime.append(end)
        self.elapsed = end


class Results:
    """What a search has found so far; the tuner is one."""

    books: Books

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a job, in the order in which they ended."""
        return [job._asdict() for job in self.books.jobs]

    @property
    def records(self) -> "pd.DataFrame":
        """One row a job: trial, configuration, epochs, error, status, worker, times in seconds."""
        return job_table(self.books.jobs)

    @property
    def incumbent(self) -> dict[str, Any] | None:
        """The best configuration, None before there is one."""
        return self.books.incumbent

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
        return self.books.incumbent_trajectory

    @property
    def cumulative_runtime(self) -> list[float]:
        """When each job ended, in seconds."""
        return self.books.cumulative_runtime
