"""What cannot work is said at once, with its remedy: arguments, suggestions, the end of a run."""
import warnings
from collections.abc import Container, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from d2l_hpo.schedulers.base import is_trial
from d2l_hpo.schedulers.scheduler import Trial
from d2l_hpo.schedulers.wrapper import check_scheduler
from d2l_hpo.tools.arguments import check_int, check_positive
from d2l_hpo.tools.copies import copied
from d2l_hpo.tuning.failures import check_failures
from d2l_hpo.tuning.outcomes import Outcome, takes_report
from d2l_hpo.tuning.records import Books

if TYPE_CHECKING:
    from d2l_hpo.tuning.tuner import HPOTuner


def check_arguments(tuner: "HPOTuner") -> None:
    """Raise TypeError or ValueError where an argument of a tuner cannot work."""
    if not callable(tuner.objective):
        raise TypeError(f"objective is {tuner.objective!r}, expected a function of a configuration")
    if check_scheduler(tuner.scheduler).needs_checkpoints and tuner.checkpoints.folder is None:
        raise ValueError("trials of this scheduler begin with checkpoints of others; give a "
                         "checkpoint_dir, and the objective an argument checkpoint")
    if tuner.scheduler.needs_reports and not takes_report(tuner.objective):
        raise ValueError("this scheduler decides on reports; give the objective an argument "
                         "report, and call report(error, epoch) after each epoch")
    if not isinstance(tuner.executor, Executor | None):
        raise TypeError(f"executor is {tuner.executor!r}, expected a concurrent.futures.Executor")
    check_int("n_workers", tuner.n_workers)
    check_int("max_retries", tuner.max_retries, minimum=0)
    if tuner.worker_env is not None:
        check_environments(tuner)
    if tuner.batch_size is not None:
        check_batches(tuner)
    if tuner.max_failures is not None:
        check_int("max_failures", tuner.max_failures, minimum=0)
    if tuner.trial_timeout is not None:
        check_positive("trial_timeout", tuner.trial_timeout)


def check_batches(tuner: "HPOTuner") -> None:
    """Raise ValueError or TypeError where trials cannot run in batches of `batch_size`."""
    check_int("batch_size", tuner.batch_size)
    if not callable(getattr(tuner.objective, "run_batch", None)):
        raise TypeError(f"batch_size is {tuner.batch_size}, but objective {tuner.objective!r} has "
                        "no method run_batch(calls); give one such as VectorizedObjective, or "
                        "leave batch_size out")
    if takes_report(tuner.objective):
        raise ValueError("an objective that runs batches cannot report; leave out its argument "
                         "report, or batch_size")
    if (tuner.executor is not None or tuner.n_workers > 1 or tuner.trial_timeout is not None
            or tuner.worker_env is not None):
        raise ValueError("batch_size is for one process; leave it out, or executor, n_workers, "
                         "trial_timeout and worker_env")


def check_environments(tuner: "HPOTuner") -> None:
    """Raise ValueError or TypeError where `worker_env` is no environment for each worker."""
    given, n = tuner.worker_env, tuner.n_workers
    if tuner.executor is not None:
        raise ValueError("worker_env is for the tuner's own processes; give the executor's what "
                         "they need, or leave executor out")
    if not isinstance(given, list | tuple) or len(given) != n:
        raise ValueError(f"worker_env is {given!r}, expected a list of {n} dictionaries, one for "
                         "each of the n_workers")
    for number, variables in enumerate(given):
        if not isinstance(variables, Mapping) or not all(
                isinstance(part, str) for pair in variables.items() for part in pair):
            raise TypeError(f"worker_env[{number}] is {variables!r}, expected a dictionary of "
                            "texts, such as {'CUDA_VISIBLE_DEVICES': '0'}")


def check_suggestion(trial: Any, books: Books) -> Trial | None:
    """Return what the scheduler suggests; raise an error if it cannot run now."""
    if trial is not None and not is_trial(trial):
        raise TypeError(f"the scheduler suggested {trial!r}, expected a Trial or None")
    running = {attempt.trial.trial_id for attempt in books.running.values()}
    if trial is not None and trial.trial_id in running:
        raise ValueError(f"trial {trial.trial_id} was suggested while it is running; suggest "
                         "it again after its report")
    return trial


def check_source(trial: Trial, books: Books, has_checkpoint: bool) -> None:
    """Raise ValueError where a trial cannot begin with its source's checkpoint."""
    begins = f"trial {trial.trial_id} begins with the checkpoint of trial {trial.source}"
    if not has_checkpoint:
        raise ValueError(f"{begins}; give the tuner a checkpoint_dir, and the objective an "
                         "argument checkpoint that it resumes from")
    running = {other.trial_id for other in books.pending}
    running |= {attempt.trial.trial_id for attempt in books.running.values()}
    if trial.source not in books.reported or trial.source in running:
        raise ValueError(f"{begins}, which has not ended; suggest it after that report")


def is_refused(tuner: "HPOTuner", trial: Trial, outcome: Outcome) -> bool:
    """Say whether the searcher refuses a trial's result; what has ended beside it is kept then.

    The trial is pending again, since a mended objective may run it.
    """
    try:
        tuner.scheduler.check_report(outcome.error, copied(outcome.info))
    except (TypeError, ValueError) as refusal:
        tuner.books.pending.insert(0, trial)
        tuner.refusal = tuner.refusal or refusal  # `run` raises the first one at its end
        return True
    return False


def warn_if_epochs_are_ignored(trial: Trial, keywords: Container[str]) -> None:
    """Warn where a trial goes on, but the objective does not learn how far."""
    if trial.epoch > 0 and "max_epochs" not in keywords:
        warnings.warn("a trial goes on to more epochs, but the objective has no argument "
                      "max_epochs and does the same again", stacklevel=3)


def check_outcome(tuner: "HPOTuner") -> None:
    """Raise why a result was refused, or RuntimeError without a trial or with too many failures.

    Warn if no trial began, or none can be the best.
    """
    if tuner.refusal is not None:
        raise tuner.refusal
    books, is_spent = tuner.books, tuner.budget_spent()
    check_failures(tuner)
    if not books.jobs and not is_spent:
        raise RuntimeError("the scheduler never suggested a trial; does its searcher have any?")
    if not books.jobs:
        return warnings.warn("the time was over before a trial began; give a larger "
                             "max_wallclock_time", stacklevel=3)
    if books.incumbent is None and all(job.status == "failed" for job in books.jobs):
        warnings.warn(f"no trial succeeded; the last one failed:\n{books.jobs[-1].traceback}",
                      stacklevel=3)
    elif books.incumbent is None:
        warnings.warn("there is no incumbent, since the scheduler says of no trial that it can be "
                      "the best: limits were not kept, or folds are missing", stacklevel=3)
