"""The tuner: asks a scheduler for trials, runs the objective, and reports what came out."""
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from d2l_hpo.schedulers.scheduler import HPOScheduler, Trial
from d2l_hpo.tools.arguments import check_int, check_positive
from d2l_hpo.tools.copies import copied
from d2l_hpo.tuning.batch_runs import run_at_once, run_in_batches
from d2l_hpo.tuning.callbacks import Callbacks
from d2l_hpo.tuning.calls import call
from d2l_hpo.tuning.checkpoints import Checkpoints, check_path
from d2l_hpo.tuning.checks import (
    check_arguments,
    check_outcome,
    check_source,
    check_suggestion,
    is_refused,
    warn_if_epochs_are_ignored,
)
from d2l_hpo.tuning.failures import begin_again, too_many_failures, warn_of_failure
from d2l_hpo.tuning.guard import leave_new_worker
from d2l_hpo.tuning.interrupts import CtrlC
from d2l_hpo.tuning.outcomes import Outcome, accepted_names, judge, takes_report
from d2l_hpo.tuning.records import Attempt, Books, Results
from d2l_hpo.tuning.replay import replay
from d2l_hpo.tuning.reports import LocalReporter, conclude, finish_stopped, settle_end
from d2l_hpo.tuning.stopping import Rule, apply_rules, rule_name, rules
from d2l_hpo.tuning.warm_start import learn_known

if TYPE_CHECKING:
    from d2l_hpo.tuning.journal import Journal


class HPOTuner(Results):
    """Runs the trials of a scheduler, by default one after another, and records what happened.

    Arguments:

    - `scheduler`: what decides which trial runs next and how far, an `HPOScheduler`.
    - `objective`: a function of a configuration, which returns an error to minimise, or a dict
      with "error" and further numbers. Those of the keywords `max_epochs` (epochs in total),
      `checkpoint` (a path), `seed` (the trial's id) and `report` that it accepts are given to
      it. An exception or an error that is not finite makes the trial a failed one.
    - `executor`: a `concurrent.futures.Executor` that runs the trials, for instance Dask's; None:
      this process, or processes of the tuner's own.
    - `journal`: a file in which every event is written down. A new tuner with a fresh scheduler
      and the same file goes on where it ends.
    - `n_workers`: how many trials run at a time, at least 1, also if an executor has room for
      more. Without an executor more than 1 start processes, each with one thread for numbers.
    - `max_retries`: how often a trial is tried again if its process dies or takes too long, at
      least 0. Then it has failed.
    - `trial_timeout`: seconds that a trial may take until it is given up; None: any time. Without
      an executor trials run in processes then, too, which are killed.
    - `synchronous`: True lets trials run in batches of `n_workers`.
    - `checkpoint_dir`: a folder where trial i has the file trial_i.pt as long as it may go on or
      is the incumbent; None: no checkpoints, so that a trial that goes on begins again, at epoch 0
      also in the records. `clean` removes all but the incumbent's when the search is done.
    - `max_failures`: how many trials may fail, at least 0. One more ends the search: what runs is
      finished, and `run` raises RuntimeError, which names them. None: any number.
    - `warm_start`: trials that the searcher learns before the search, of another search: its
      tuner, records (a DataFrame or `rows`) or journal (a path). What does not fit this space or
      searcher is left out, with one warning that names it. The journal keeps them: a search that
      goes on takes them from there.
    - `stop`: a rule that ends the search, or several: functions with a name, such as
      `Patience(20)`, that are called with the tuner after each trial. Once one returns True, no
      trial begins any more. The journal keeps that, until the rule is left out or changed.
    - `worker_env`: a list with a dictionary of environment variables for each of the `n_workers`,
      such as `[{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]`, from the start of
      its process on. Trials run in processes then, also with one worker.
    - `callbacks`: objects with any of the methods `search_begin(tuner)`, `trial_begin(trial)`,
      `report(trial, error, epoch, info)`, `trial_end(trial, row)`, `search_end(tuner)`. They are
      called in this process, when books and journal have the event; not for what a journal
      repeats. An exception in one is a warning, and the search goes on.
    - `batch_size`: how many trials at most are run by one call of `objective.run_batch(calls)`, at
      least 1; None: the objective is called once a trial. See below.

    TypeError or ValueError for an argument that cannot work, FileExistsError for a
    `checkpoint_dir` that another search has used. A script that uses processes calls `run` under
    `if __name__ == "__main__":`.

    The results: `incumbent` is the best configuration (None before there is one),
    `incumbent_error` its error and `incumbent_trial` the id of its trial. `records` is a
    DataFrame with a row for each part of a trial that ended, `rows` the same as dictionaries.

    An objective with an argument `report` calls `report(error, epoch, **numbers)` after each epoch,
    from 1 to `max_epochs`, and goes on as long as that returns True. `max_epochs` is then as far as
    the scheduler may let the trial go: `ASHAScheduler` by stopping and `MedianStoppingScheduler`
    end it earlier, without a second call. Each report has a row, from the one before it, and counts
    for the incumbent; what the objective returns is the error after the last epoch, None the last
    report. It saves its checkpoint before it reports. A report that repeats is ignored, with a
    warning if it differs. One that is not finite makes the trial a failed one. A report that is no
    number, or of no such epoch, raises TypeError or ValueError in the objective. A trial that goes
    on when it was told to stop gets a `TrialStopped`, which is no `Exception`, at its next report.
    Reports are for this process and the tuner's own workers, in the thread and process in which the
    objective was called; with an `executor`, `run` raises ValueError.

    An exception in the objective is a result: the trial has failed, and would fail again. A worker
    that is lost is none, since it may have run out of memory because of something else; so the
    trial gets `max_retries` more attempts. `trial_timeout` moves even a single worker to a process
    of its own, because only a process can be killed, and the programs that the objective has
    started are killed with it. A given executor cannot kill: a trial that hangs there is abandoned,
    and its worker stays occupied. The first failure of a search is told by a warning, and the
    progress bar counts them. A trial that goes on after a kill or Ctrl-C may find a checkpoint of
    its last epoch, where nothing is left to train: let the objective store the error, too, and
    return it. If it fails there, the tuner removes the checkpoint and tries it once more.

    With a `batch_size` the objective has a method `run_batch`, as `VectorizedObjective` has. It is
    given a list of calls, pairs of a configuration and a dictionary of keywords, and returns a list
    with the result of each, or with the exception by which that trial has failed. A batch is
    smaller where the scheduler has no more trials at that moment: so `open_brackets=1` makes it a
    rung. Records, journal and checkpoints are those of single trials, which begin and end at about
    the same time; `worker` is a trial's place in its batch. After a kill all of the batch that has
    not ended runs again. It is for this process: ValueError with reports, workers or a time limit.

    Every event is in the journal before the tuner acts on it, so that a kill loses nothing. Before
    it waits for a trial, those that have ended are on disk, so that they survive the machine. A
    tuner that finds a journal repeats it: it asks its own, fresh scheduler for trials and reports
    the recorded errors to it in their order, so the scheduler is in the same state as the one that
    is gone. A trial that has not ended runs again before new ones, from its checkpoint if it has
    one. The first line describes the scheduler, so that another space or seed is refused; what it
    cannot describe, such as a method that was changed in between, shows in the suggestions. The
    objective is compared by its name only: whoever changes what it computes starts a new journal.
    Of the objective's further numbers, what can be written as JSON comes back as it was; for the
    rest the journal keeps its `repr`, with a warning.

    >>> scheduler = BasicScheduler(RandomSearcher({"x": stats.uniform(0, 1)}, seed=0))
    >>> tuner = HPOTuner(scheduler, lambda config: (config["x"] - 0.5) ** 2)
    >>> tuner.run(number_of_trials=20)
    >>> round(tuner.incumbent["x"], 1), tuner.incumbent_error < 0.01
    (0.5, True)
    >>> tuner.records[["trial_id", "status"]].tail(1).to_numpy().tolist()
    [[19, 'completed']]

    The second of these tuners takes the first two trials from the journal:

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for trials in (2, 4):
    ...         scheduler = BasicScheduler(RandomSearcher({"x": stats.uniform(0, 1)}, seed=0))
    ...         tuner = HPOTuner(scheduler, lambda config: config["x"],
    ...                          journal=f"{folder}/search.jsonl")
    ...         tuner.run(number_of_trials=trials)
    ...         print(tuner.records["error"].round(2).tolist())
    [0.64, 0.27]
    [0.64, 0.27, 0.04, 0.02]
    """

    warns_of_failures = True
    refusal: Exception | None = None
    """Why the searcher refuses a result, which ends the search."""

    def __init__(self, scheduler: HPOScheduler, objective: Callable[..., Any],
                 executor: Executor | None = None, journal: str | os.PathLike | None = None,
                 n_workers: int = 1, max_retries: int = 1, trial_timeout: float | None = None,
                 synchronous: bool = False,
                 checkpoint_dir: str | os.PathLike | None = None,
                 max_failures: int | None = None, warm_start: Any = None,
                 stop: Rule | Sequence[Rule] = (),
                 worker_env: Sequence[Mapping[str, str]] | None = None,
                 callbacks: Sequence[Any] = (), batch_size: int | None = None) -> None:
        self.scheduler, self.objective = scheduler, objective
        self.executor, self.n_workers, self.synchronous = executor, n_workers, synchronous
        self.max_retries, self.trial_timeout = max_retries, trial_timeout
        self.batch_size = batch_size
        self.max_failures, self.warm_start, self.worker_env = max_failures, warm_start, worker_env
        self.stop, self.callbacks = rules(stop), Callbacks(callbacks)
        self.books, self.ctrl_c = Books(), CtrlC()
        self.journal = None if journal is None else _open_journal(journal)
        self.checkpoints = Checkpoints(checkpoint_dir, self.books)
        check_arguments(self)
        self.can_report = takes_report(objective)
        """Whether the objective reports while it runs."""
        self.checkpoints.open()
        if self.journal is None:
            self.checkpoints.check()

    if not TYPE_CHECKING:
        def __getattr__(self, name: str) -> Any:
            from d2l_hpo.tools.former_calls import former_attribute
            return former_attribute(self, name)

    def run(self, number_of_trials: int | None = None,
            max_wallclock_time: float | None = None) -> None:
        """Run until so many trials are done in total, so many seconds have passed, or none is left.

        Arguments:

        - `number_of_trials`: those of earlier calls included; None: any number.
        - `max_wallclock_time`: in seconds, those of earlier calls included; None: any time.

        Trials that are running when the time is over are finished. Calling it again goes on. A
        trial counts when it has first reported, also where the scheduler would let it go on.
        KeyboardInterrupt (Ctrl-C) leaves books and journal whole; the next run repeats the trials
        that were running. RuntimeError if the scheduler has no trial at all. ValueError for
        limits that are not positive, for a journal of another search, and for a trial that cannot
        run. An error of the scheduler comes out of `run`; one of the objective does not. Where the
        searcher refuses a result, such as one without a number that it needs, no trial begins any
        more; what runs is finished, and `run` raises that error. The trial will run again.
        """
        if number_of_trials is not None:
            check_int("number_of_trials", number_of_trials)
        if max_wallclock_time is not None:
            check_positive("max_wallclock_time", max_wallclock_time)
        leave_new_worker(self.executor)
        with self.ctrl_c, self.journal or nullcontext(), self.checkpoints:
            self.accepted = accepted_names(self.objective, {"max_epochs", "checkpoint", "seed"})
            self.budget = number_of_trials, max_wallclock_time
            self.refusal = None
            if self.journal is not None:
                replay(self, self.journal)
            elif not self.books.suggested:
                self.checkpoints.check()  # another search may have been here since
            learn_known(self)
            self.origin = time.perf_counter() - self.books.elapsed
            with self.progress_bar(number_of_trials) as self.progress:
                try:
                    self.callbacks.call("search_begin", self)
                    finish_stopped(self)
                    self.loop()
                except KeyboardInterrupt:
                    names = ", ".join(str(trial.trial_id) for trial in self.books.pending)
                    self.progress.write(f"Stopped in trial {names or 'none'}; run() again goes on.")
                    raise
                finally:
                    self.callbacks.call("search_end", self)
        check_outcome(self)

    def clean(self) -> list[Path]:
        """Remove the checkpoints of a search that is done, but for the incumbent's.

        It returns the paths of the files that it has removed, sorted. What no trial of this search
        has left is not touched; the incumbent's file is `checkpoints.incumbent_path()`. With a
        journal a new tuner that has not run can clean, too. A search that goes on after all begins
        its trials at epoch 0. RuntimeError, and nothing is removed, where a trial has not ended, or
        another tuner is using the journal or the folder.

        >>> from tempfile import TemporaryDirectory
        >>> def objective(config, checkpoint):
        ...     checkpoint.write_text("weights")
        ...     return config["x"]
        >>> with TemporaryDirectory() as folder:
        ...     scheduler = BasicScheduler(RandomSearcher({"x": stats.uniform(0, 1)}, seed=0))
        ...     tuner = HPOTuner(scheduler, objective, checkpoint_dir=folder)
        ...     tuner.run(number_of_trials=3)
        ...     removed = tuner.clean()
        ...     tuner.checkpoints.incumbent_path().name, [path.name for path in removed]
        ('trial_2.pt', ['trial_0.pt', 'trial_1.pt'])
        """
        if self.journal is None or self.journal.is_open:
            with self.checkpoints:
                return self.checkpoints.clean()
        with self.ctrl_c, self.journal, self.checkpoints:
            replay(self, self.journal)
            return self.checkpoints.clean()

    def progress_bar(self, number_of_trials: int | None) -> Any:
        """Return what shows how far the search is: trials that have reported, and the best error.
        """
        return tqdm(total=number_of_trials, initial=len(self.books.reported), unit="trial")

    def loop(self) -> None:
        """Run one trial after another in this process, in batches, or several on workers."""
        if (self.executor is not None or self.n_workers > 1 or self.trial_timeout is not None
                or self.worker_env is not None):
            from d2l_hpo.tuning.parallel import run_on_workers  # it loads a process pool
            return run_on_workers(self)
        if self.batch_size is not None:
            return run_in_batches(self, self.batch_size, run_at_once)
        while not self.budget_spent() and (trial := self.next_trial()):
            self.evaluate(trial)

    def budget_spent(self) -> bool:
        """Say whether the number of trials or the time is used up; None stands for no limit."""
        if (self.refusal is not None or too_many_failures(self)
                or self.books.ended_by in [rule_name(r) for r in self.stop]):
            return True
        number_of_trials, max_wallclock_time = self.budget
        if number_of_trials is not None:
            allowed = number_of_trials if self.books.pending else number_of_trials - 1
            if len(self.books.suggested) > allowed:
                return True
        return max_wallclock_time is not None and self.now() >= max_wallclock_time

    def now(self) -> float:
        """Return for how many seconds the search has run."""
        return time.perf_counter() - self.origin

    def next_trial(self) -> Trial | None:
        """Return the first of the pending trials; if there are none, the scheduler suggests one."""
        if not self.books.pending:
            trial = check_suggestion(self.scheduler.suggest(), self.books)
            if self.journal is not None:  # `asdict` copies all of it
                self.log("suggested", trial=None if trial is None else asdict(trial))
            self.books.suggest(trial)
            self.checkpoints.remove(self.scheduler.ended())
        return self.books.pending[0] if self.books.pending else None

    def evaluate(self, trial: Trial) -> None:
        """Run the objective on a trial in this process, record the outcome, and report it."""
        attempt = self.begin(trial)
        reporter = LocalReporter(self, attempt) if attempt.can_report else None
        self.sync()
        with self.ctrl_c.allowed():
            result = call(self.objective, self.books.config(trial), self.keywords(trial),
                          passes_ctrl_c=True, reporter=reporter)
        if reporter is not None and reporter.failure is not None:
            raise reporter.failure
        self.books.pending.remove(trial)
        self.finish(attempt, result.value, result.traceback)

    def begin(self, trial: Trial, worker: int = 0) -> Attempt:
        """Note that a trial starts on a worker."""
        if trial.source is not None:
            check_source(trial, self.books, "checkpoint" in self.keywords(trial))
        goes_on, epoch = self.checkpoints.remains(trial.trial_id), self.checkpoints.begin(trial)
        attempt = self.books.attempt(trial, worker, self.now(), epoch)
        attempt.goes_on = goes_on
        self.books.begun.add(trial.trial_id)
        if self.can_report:
            attempt.can_report, attempt.last_epoch = True, self.scheduler.last_epoch(trial)
        self.log("started", **attempt.entry())
        if self.callbacks.all:
            self.callbacks.call("trial_begin", self.books.shown(trial))
        return attempt

    def keywords(self, trial: Trial) -> dict[str, Any]:
        """Return the keyword arguments of the trial's call, those that the objective accepts."""
        offered: dict[str, Any] = {"seed": trial.trial_id}
        last = self.scheduler.last_epoch(trial) if self.can_report else trial.max_epochs
        if last is not None:
            offered["max_epochs"] = last
        if self.checkpoints.folder is not None:
            offered["checkpoint"] = self.checkpoints.path(trial.trial_id)
        accepted = {name: value for name, value in offered.items() if name in self.accepted}
        warn_if_epochs_are_ignored(trial, accepted)
        return accepted

    def finish(self, attempt: Attempt, result: Any, reason: str | None = None) -> None:
        """Record and report what the objective returned, or the reason why it failed."""
        journal = self.journal
        judged = judge if journal is None else partial(judge, as_stored=journal.as_stored)
        outcome = (conclude(self, attempt, result, reason, judged) if attempt.can_report
                   else judged(result, reason))
        end, entry = self.now(), attempt.entry()
        stop = self.books.stopped.get(attempt.trial.trial_id)
        is_told = stop is not None  # its last report counts
        entry |= {"stopped_at": stop} if is_told else {}
        if outcome.reason is not None and attempt.goes_on and not is_told:
            return begin_again(self, attempt, outcome)
        if outcome.reason is None:
            if not is_told and is_refused(self, attempt.trial, outcome):
                return
            self.log("finished", **entry, end=end, error=outcome.error, info=outcome.info)
        else:
            self.log("failed", **entry, end=end, info=outcome.info, traceback=outcome.reason,
                     retry=False)
        self.settle(attempt, outcome, end)
        self.checkpoints.remove(self.scheduler.ended())
        warn_of_failure(self, attempt, outcome)
        self.show_progress()
        if self.callbacks.all:
            row = self.books.latest_row(attempt.trial.trial_id)
            self.callbacks.call("trial_end", self.books.shown(attempt.trial), row)
        apply_rules(self)

    def settle(self, attempt: Attempt, outcome: Outcome, end: float) -> None:
        """End an attempt, live or replayed: in the books first, then for the scheduler."""
        trial = attempt.trial
        if attempt.can_report:
            outcome = settle_end(self, attempt, outcome, end)
        else:
            value = self.scheduler.score(trial, outcome.error, copied(outcome.info))
            self.books.end(attempt, outcome, end, value)
        self.books.count(trial.trial_id)
        self.checkpoints.end(trial.trial_id)
        self.scheduler.update(trial, outcome.error, copied(outcome.info))

    def show_progress(self) -> None:
        """Let the progress bar say where the search stands."""
        failed = f", failed={len(self.books.failed)}" if self.books.failed else ""
        self.progress.set_postfix_str(f"incumbent={self.incumbent_error:.4f}{failed}",
                                      refresh=False)
        self.progress.update(len(self.books.reported) - self.progress.n)

    def log(self, event: str, **values: Any) -> None:
        """Write an event to the journal, if there is one; with checkpoints it is on disk then."""
        if self.journal is not None:
            self.journal.write({"event": event, **values})
            if self.checkpoints.folder is not None and event != "suggested":  # it starts next
                self.journal.sync(is_due=True)

    def sync(self) -> None:
        """Before time passes, wait until no trial that has ended can be lost."""
        if self.journal is not None:
            self.journal.sync()


def _open_journal(path: str | os.PathLike) -> "Journal":
    """Return the journal in a file; TypeError for what is no path."""
    from d2l_hpo.tuning.journal import Journal  # it loads locks of files
    return Journal(check_path("journal", path))
