"""Trials that fail: they are seen, counted, and not lost where a kill may be the reason."""
import warnings
from typing import TYPE_CHECKING

from d2l_hpo.tuning.outcomes import Outcome
from d2l_hpo.tuning.records import Attempt

if TYPE_CHECKING:
    from d2l_hpo.tuning.tuner import HPOTuner


def last_line(reason: str | None) -> str:
    """Return the last line of a traceback that says something."""
    lines = [line.strip() for line in (reason or "").splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"


def begin_again(tuner: "HPOTuner", attempt: Attempt, outcome: Outcome) -> None:
    """Make a trial pending once more that failed with the checkpoint of an interrupted attempt.

    The kill may have come between its last checkpoint and its end, where no epoch is left to train.
    """
    trial = attempt.trial
    warnings.warn(f"trial {trial.trial_id} was interrupted, and failed when it went on from its "
                  f"checkpoint ({last_line(outcome.reason)}); it is tried again without it. Let "
                  "the objective return the stored error where no epoch is left to train",
                  stacklevel=3)
    tuner.checkpoints.forget(trial.trial_id)
    tuner.books.pending.insert(0, trial)


def warn_of_failure(tuner: "HPOTuner", attempt: Attempt, outcome: Outcome) -> None:
    """Warn of the first trial that fails, unless the tuner's caller warns itself."""
    if tuner.warns_of_failures and outcome.reason is not None and len(tuner.books.failed) == 1:
        warnings.warn(f"trial {attempt.trial.trial_id} failed: {last_line(outcome.reason)} (the "
                      "column traceback of the records has all of it; further failures are counted "
                      "in the progress bar)", stacklevel=4)


def warn_of_broken_pool(tuner: "HPOTuner", lost: list[int]) -> None:
    """Warn that a process of the given pool has died, while these trials ran in the pool."""
    names = ", ".join(map(str, lost))
    when = f"while trial{'s' if len(lost) > 1 else ''} {names} ran" if lost else "between trials"
    again = (f"; what ran is tried again, at most max_retries={tuner.max_retries} times"
             if lost else "")
    warnings.warn(f"the given process pool is broken: one of its processes died {when} (it was "
                  "killed, ran out of memory, or exited). All trials that have ended are kept"
                  f"{again}. The search goes on in {tuner.n_workers} worker processes of the "
                  "tuner's own. If memory ran out, give fewer n_workers; if you leave executor "
                  "out, only the trial whose process died is lost", stacklevel=6)


def too_many_failures(tuner: "HPOTuner") -> bool:
    """Say whether more trials have failed than may."""
    return tuner.max_failures is not None and len(tuner.books.failed) > tuner.max_failures


def check_failures(tuner: "HPOTuner") -> None:
    """Raise RuntimeError where too many trials have failed; the message names them."""
    if not too_many_failures(tuner):
        return
    reasons = {job.trial_id: last_line(job.traceback) for job in tuner.books.jobs
               if job.status == "failed"}
    named = "".join(f"\n  trial {name}: {reason}" for name, reason in list(reasons.items())[:10])
    more = f"\n  and {len(reasons) - 10} more" if len(reasons) > 10 else ""
    raise RuntimeError(f"{len(reasons)} trials have failed, more than max_failures="
                       f"{tuner.max_failures}; nothing is lost, and run() goes on with a larger "
                       f"max_failures:{named}{more}")
