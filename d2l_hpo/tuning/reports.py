"""Reports from inside an objective: each goes through journal, books, scheduler, in this order.

A report is a part of its trial that has ended: it has a row, from the report before it. A report
that repeats, since its trial began again, changes nothing. A trial is *told to stop* by its
scheduler, by an error that is not finite, and at its last epoch. What it does afterwards does not
count; if it is lost then, its reports are its result.
"""
import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from d2l_hpo.schedulers.scheduler import Trial
from d2l_hpo.tools.copies import copied
from d2l_hpo.tuning.outcomes import Outcome
from d2l_hpo.tuning.records import Attempt, Books
from d2l_hpo.tuning.reporter import Report, Reporter, TrialStopped

if TYPE_CHECKING:
    from d2l_hpo.tuning.tuner import HPOTuner


class LocalReporter(Reporter):
    """Reports in the tuner's own process.

    What fails there is no failure of the objective: it ends the call, and is kept as `failure`.
    """

    def __init__(self, tuner: "HPOTuner", attempt: Attempt) -> None:
        super().__init__(self.receive, attempt.last_epoch)
        self.tuner, self.attempt = tuner, attempt
        self.failure: BaseException | None = None

    def receive(self, report: Report) -> bool:
        """Hand a report to the tuner, while Ctrl-C waits."""
        with self.tuner.ctrl_c.held():
            try:
                return receive(self.tuner, self.attempt, report)
            except BaseException as failure:
                self.failure, self.is_stopped = failure, True
                raise TrialStopped("the tuner has failed") from failure


def receive(tuner: "HPOTuner", attempt: Attempt, report: Report) -> bool:
    """Take a report of a running trial; say whether the trial goes on."""
    name, end = attempt.trial.trial_id, tuner.now()
    known = tuner.books.curves.get(name, {})
    if report.epoch in known:
        warn_if_different(name, report.epoch, known[report.epoch], report.error)
        attempt.reach(report.epoch, end)
        return name not in tuner.books.stopped
    if math.isfinite(report.error):
        tuner.scheduler.check_report(report.error, dict(report.info))
    tuner.log("reported", **attempt.entry(), reached=report.epoch, end=end, error=report.error,
              info=report.info)
    go_on = settle_report(tuner, attempt, report, end)
    tuner.checkpoints.keep(name)
    tuner.show_progress()
    if tuner.callbacks.all:
        tuner.callbacks.call("report", tuner.books.shown(attempt.trial), report.error, report.epoch,
                             dict(report.info))
    return go_on


def settle_report(tuner: "HPOTuner", attempt: Attempt, report: Report, end: float) -> bool:
    """Take a report, live or replayed: in the books first, then for the scheduler."""
    trial, epoch, outcome = attempt.trial, report.epoch, judge_report(report)
    error, info, reason = outcome
    value = tuner.scheduler.score(part(tuner, attempt, epoch), error, dict(info))
    tuner.books.report(attempt, outcome, epoch, end, value)
    go_on = tuner.scheduler.report(trial, error, epoch, dict(info))
    if not go_on or reason is not None or epoch == attempt.last_epoch:
        tuner.books.stopped[trial.trial_id] = epoch
    return trial.trial_id not in tuner.books.stopped


def judge_report(report: Report) -> Outcome:
    """Return what a report means: an error that is not finite is a failure."""
    error, epoch, info = report
    if math.isfinite(error):
        return Outcome(error, info)
    return Outcome(math.nan, info, f"the objective reported {error} at epoch {epoch}")


def part(tuner: "HPOTuner", attempt: Attempt, epoch: int) -> Trial:
    """Return the part of a trial that ends at an epoch."""
    trial = attempt.trial
    return Trial(trial.trial_id, tuner.books.config(trial), epoch,
                 tuner.books.begin_of(attempt, epoch), trial.source)


def conclude(tuner: "HPOTuner", attempt: Attempt, result: Any, reason: str | None,
             judge: Callable[[Any, str | None], Outcome]) -> Outcome:
    """Return how a call that could report has ended: what it returned is a last report.

    Once the trial was told to stop, that report counts, with the further numbers of the result.
    """
    books, name = tuner.books, attempt.trial.trial_id
    curve, stop = books.curves.get(name, {}), books.stopped.get(name)
    if stop is None:
        if result is None and reason is None and curve:
            result = curve[max(curve)]
        elif reason is None and not curve:
            warnings.warn(f"trial {name}: the objective takes report, but did not call it",
                          stacklevel=4)
        return judge(result, reason)
    error, why = curve[stop], books.jobs[books.row_of(name, stop)].traceback
    outcome = judge(error if result is None or reason is not None else result, None)
    if reason is not None:
        warnings.warn(f"trial {name} failed after it was told to stop at epoch {stop}; its report "
                      f"counts:\n{reason}", stacklevel=4)
    elif outcome.reason is None:
        warn_if_different(name, stop, error, outcome.error)
    if math.isfinite(error):
        return Outcome(error, outcome.info)
    return Outcome(math.nan, outcome.info, why)


def settle_end(tuner: "HPOTuner", attempt: Attempt, outcome: Outcome, end: float) -> Outcome:
    """End, live or replayed, a call that could report; return what the scheduler is to learn."""
    books, trial = tuner.books, attempt.trial
    error, last = outcome.error, attempt.last_epoch
    stop = last_report(books, attempt, error)
    if stop is not None:
        return books.complete(trial.trial_id, stop, outcome)
    ended = trial if last is None else part(tuner, attempt, last)
    books.end(attempt, outcome, end, tuner.scheduler.score(ended, error, copied(outcome.info)))
    if last is not None:
        tuner.scheduler.report(trial, error, last, copied(outcome.info))
    return outcome


def last_report(books: Books, attempt: Attempt, error: float) -> int | None:
    """Return the epoch of the report that ends a trial; None: it ends with what it returned."""
    name = attempt.trial.trial_id
    stop, curve = books.stopped.pop(name, None), books.curves.get(name, {})
    if attempt.last_epoch is None and curve and curve[max(curve)] == error:
        return max(curve)  # what it returned, it had reported
    return stop


def finish_stopped(tuner: "HPOTuner") -> None:
    """End trials that were told to stop and have not ended, since the search was interrupted."""
    for trial in [trial for trial in tuner.books.pending if trial.trial_id in tuner.books.stopped]:
        stop = tuner.books.stopped[trial.trial_id]
        row = tuner.books.jobs[tuner.books.row_of(trial.trial_id, stop)]
        attempt = tuner.books.attempt(trial, row.worker, row.end, stop)
        attempt.can_report, attempt.last_epoch = True, tuner.scheduler.last_epoch(trial)
        tuner.books.pending.remove(trial)
        tuner.finish(attempt, None)


def warn_if_different(trial_id: int, epoch: int, first: float, error: float) -> None:
    """Warn where a report contradicts an earlier one of the same trial and epoch."""
    if error != first and not (math.isnan(error) and math.isnan(first)):
        warnings.warn(f"trial {trial_id} has the error {error} at epoch {epoch}, but reported "
                      f"{first} before; the first one stays", stacklevel=5)

