"""A simulated cluster: any scheduler on a virtual clock, over learning curves instead of training.

The simulation is event-driven. Two things can happen: the scheduler decides about an idle worker's
next job, or a running job ends and reports. The clock jumps from one to the next, whichever is
earlier, so that a day of a thousand workers passes in seconds.
"""
import heapq
import math
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from d2l_hpo.measures.records import Job, job_table
from d2l_hpo.schedulers.base import is_trial
from d2l_hpo.schedulers.scheduler import HPOScheduler, Trial
from d2l_hpo.schedulers.wrapper import check_scheduler
from d2l_hpo.tools.arguments import check_int, check_positive, is_real
from d2l_hpo.tools.copies import copied

if TYPE_CHECKING:
    import pandas as pd


def simulate(scheduler: HPOScheduler, benchmark: Any, n_workers: int = 1,
             number_of_trials: int | None = None, max_time: float | None = None,
             decision_time: float | None = 0.0,
             job_time: Callable[[Trial, int, float], float] | None = None) -> "pd.DataFrame":
    """Simulate a search on `n_workers` workers and return its records, as `HPOTuner` keeps them.

    Arguments:

    - `scheduler`: an `HPOScheduler` that has not been used.
    - `benchmark`: an object such as `DigitsBenchmark()`. Its `curve(config)` returns errors and
      elapsed seconds after epochs 1, 2, ..., both of shape (epochs,). If it has a method
      `measure(config)`, the numbers in its dictionary go into the job's `info`, beside
      `elapsed_time`, the seconds of all epochs so far.
    - `n_workers`: how many jobs run at a time, at least 1.
    - `number_of_trials`: at least 1; None: any number.
    - `max_time`: in seconds of the virtual clock, more than 0; None: any time.
    - `decision_time`: in seconds, at least 0, or None.
    - `job_time`: a function of trial, worker and seconds that returns how many seconds a job takes
      whose epochs took so many when they were recorded, for instance more on a slow worker; None:
      as many.

    Rows come in the order in which jobs end; `start` and
    `end` are seconds of the virtual clock. The clock runs by these rules:

    - An idle worker asks for a job at once, the lowest number first, after all reports of that
      moment. Jobs that end together report in the order in which they started.
    - Where the scheduler has no trial, idle workers wait for the next report. The search is over
      when it has none while nothing runs.
    - The scheduler decides about one job at a time, and each decision takes `decision_time`
      seconds; the job starts afterwards. None: as long as `suggest` and `update` really take,
      which differs from run to run.
    - After `number_of_trials` different trials have started, nothing is asked for any more, not
      even the continuation of an old trial. With one worker this is what `HPOTuner` does.
    - No job starts at `max_time` or later. What is running then is finished.

    With neither limit the scheduler must end the search itself. A job may take no time, but jobs
    that never take any do not reach `max_time`: give `number_of_trials` too.

    A job whose error is not finite has failed and is reported as nan. What cannot be simulated is
    an error: ValueError or TypeError for bad arguments, for a trial that is suggested while it
    runs, again after it finished, from epochs it was not trained to, beyond its curve or with
    another trial's checkpoint, and for a curve with durations that are negative or not finite;
    RuntimeError if no job ever started.

    >>> benchmark = DigitsBenchmark()
    >>> scheduler = BasicScheduler(RecordedSearcher(benchmark, seed=0))
    >>> records = simulate(scheduler, benchmark, n_workers=4, number_of_trials=8)
    >>> records["worker"].nunique(), len(records)
    (4, 8)
    """
    cluster = _Cluster(scheduler, benchmark, n_workers, number_of_trials, max_time, decision_time,
                       job_time)
    while True:
        if cluster.can_ask() and not cluster.report_is_due():
            cluster.ask()
        elif cluster.running:
            cluster.report()
        else:
            return cluster.records()


class _Cluster:
    """The state of a simulation: idle workers, running jobs, trained epochs, records, a clock.

    `clock` is the time at which the scheduler can decide next. `running` is a heap of jobs, the
    one that ends first in front, and `idle` a heap of workers, the lowest number in front.
    """

    def __init__(self, scheduler: HPOScheduler, benchmark: Any, n_workers: int,
                 number_of_trials: int | None, max_time: float | None,
                 decision_time: float | None,
                 job_time: Callable[[Trial, int, float], float] | None):
        if isinstance(benchmark, type) or not callable(getattr(benchmark, "curve", None)):
            raise TypeError(f"benchmark is {benchmark!r}, expected an object with a method "
                            "curve(config), such as DigitsBenchmark()")
        self.scheduler = check_scheduler(scheduler)
        if self.scheduler.needs_reports:
            raise ValueError(f"{type(scheduler).__name__} decides on reports, which simulated jobs "
                             "do not make; use HPOTuner with an objective that takes report")
        self.benchmark = benchmark
        self.measure: Callable = getattr(benchmark, "measure", lambda config: {})
        self.idle = list(range(check_int("n_workers", n_workers)))
        self.number_of_trials = (math.inf if number_of_trials is None else
                                 check_int("number_of_trials", number_of_trials))
        self.max_time = math.inf if max_time is None else check_positive("max_time", max_time)
        self.decision_time = _check_decision_time(decision_time)
        if job_time is not None and not callable(job_time):
            raise TypeError(f"job_time is {job_time!r}, expected a function of trial, worker and "
                            "seconds, or None")
        self.job_time = job_time
        self.clock = 0.0
        self.running: list[tuple] = []
        self.number_of_jobs = 0
        self.active: set[int] = set()  # ids of the trials that are running
        self.trained: dict[int, int] = {}  # epochs by trial id, those of running jobs included
        self.waiting = False  # the scheduler had no trial: ask again after the next report
        self.rows: list[Job] = []

    def can_ask(self) -> bool:
        """Say whether there is an idle worker for which a job may be asked now."""
        return bool(self.idle and not self.waiting and self.clock < self.max_time
                    and len(self.trained) < self.number_of_trials)

    def report_is_due(self) -> bool:
        """Say whether a job ends before the scheduler's next decision, or just then."""
        return bool(self.running) and self.running[0][0] <= self.clock

    def ask(self) -> None:
        """Let the scheduler decide about the first idle worker, and start what it suggests."""
        began = perf_counter()
        trial = self.scheduler.suggest()
        fixed = self.decision_time
        self.clock += perf_counter() - began if fixed is None else fixed
        if trial is None:
            self.waiting = True
        elif self.clock < self.max_time:
            self.start(trial)

    def start(self, trial: Trial) -> None:
        """Run a trial on the first idle worker: look up when it will end and with what error."""
        if not is_trial(trial):
            raise TypeError(f"the scheduler suggested {trial!r}, expected a Trial or None")
        config = copied(trial.config)
        errors, elapsed = self.benchmark.curve(copied(config))
        epochs = len(errors) if trial.max_epochs is None else trial.max_epochs
        self.check(trial, epochs, min(len(errors), len(elapsed)))
        seconds = float(elapsed[epochs - 1])
        duration = seconds - float(elapsed[trial.epoch - 1]) if trial.epoch else seconds
        if not 0 <= duration < math.inf:
            raise ValueError(f"trial {trial.trial_id} takes {duration} seconds from epoch "
                             f"{trial.epoch} to {epochs}; the benchmark's elapsed seconds must be "
                             "finite, not negative, and never decrease")
        if self.job_time is not None:
            recorded, duration = duration, self.job_time(trial, self.idle[0], duration)
            if not 0 <= duration < math.inf:
                raise ValueError(f"job_time returned {duration!r} for trial {trial.trial_id} on "
                                 f"worker {self.idle[0]}, where {recorded} seconds were recorded; "
                                 "return a finite number of seconds of at least 0")
        self.trained[trial.trial_id] = epochs
        self.active.add(trial.trial_id)
        worker = heapq.heappop(self.idle)
        info = copied({"elapsed_time": seconds, **self.measure(copied(config))})
        job = (self.clock + duration, self.number_of_jobs, self.clock, worker, trial,
               float(errors[epochs - 1]), info, config)
        self.number_of_jobs += 1  # the job's second entry: jobs that end together keep their order
        heapq.heappush(self.running, job)

    def check(self, trial: Trial, epochs: int, length: int) -> None:
        """Raise ValueError if a trial cannot run up to `epochs` now; `length` is its curve's."""
        name, begin = trial.trial_id, check_int("a suggested trial's epoch", trial.epoch, 0)
        trained = self.trained.get(name, 0)
        if trial.source is not None:
            raise ValueError(f"trial {name} was suggested with the checkpoint of trial "
                             f"{trial.source}, but recorded curves do not say how training goes on "
                             "from there; run such a scheduler with HPOTuner")
        if name in self.active:
            raise ValueError(f"trial {name} was suggested while it is running; suggest it again "
                             "after its report")
        if check_int("a suggested trial's max_epochs", epochs) > length:
            raise ValueError(f"trial {name} was suggested with max_epochs {epochs}, but its "
                             f"curve has {length} epochs; suggest at most these")
        if epochs <= trained:
            raise ValueError(f"trial {name} was suggested with max_epochs {epochs}, but has "
                             f"finished {trained} epochs; suggest it with more, or a new trial")
        if begin > trained:
            raise ValueError(f"trial {name} was suggested from epoch {begin}, but was trained for "
                             f"{trained}; begin at most there")

    def report(self) -> None:
        """End the job that ends first: record it, report it, and free its worker."""
        end, _, start, worker, trial, error, info, config = heapq.heappop(self.running)
        reason = None
        if not math.isfinite(error):
            error, reason = math.nan, f"the curve's error is {error}: no finite error"
        status = "completed" if reason is None else "failed"
        self.rows.append(Job(trial.trial_id, config, trial.epoch, trial.max_epochs, error,
                             status, 1, worker, start, end, info, reason))
        self.active.remove(trial.trial_id)
        heapq.heappush(self.idle, worker)
        self.waiting = False
        self.clock = max(self.clock, end)
        began = perf_counter()
        self.scheduler.update(trial, error, copied(info))
        self.scheduler.ended()  # there are no checkpoints to remove
        if self.decision_time is None:
            self.clock += perf_counter() - began

    def records(self) -> "pd.DataFrame":
        """Return the records as a table; RuntimeError if there are none."""
        if self.rows:
            return job_table(self.rows)
        if self.waiting:
            raise RuntimeError("the scheduler never suggested a trial; does its searcher have any?")
        raise RuntimeError(f"the first decision took until {self.clock} seconds, but no job may "
                           f"start after max_time, {self.max_time}; give more time")


def _check_decision_time(value: Any) -> float | None:
    """Return None or a Python float; ValueError unless it is finite and not negative."""
    if value is None:
        return None
    if not is_real(value) or not 0 <= value < math.inf:
        raise ValueError(f"decision_time is {value!r}, expected seconds of at least 0, or None to "
                         "measure what decisions take")
    return float(value)
