"""A tuner that hands whole batches of trials to one function, which runs them at a time."""
from collections.abc import Callable
from typing import Any, Self

from d2l_hpo.schedulers.scheduler import HPOScheduler, Trial
from d2l_hpo.tuning.batch_runs import run_in_batches
from d2l_hpo.tuning.records import Attempt
from d2l_hpo.tuning.tuner import HPOTuner


class NoProgress:
    """Stands where a tuner shows a progress bar, and shows nothing."""

    n = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def set_postfix_str(self, text: str, refresh: bool = True) -> None:
        """Show nothing."""

    def update(self, n: int) -> None:
        """Show nothing."""

    def write(self, text: str) -> None:
        """Show nothing."""


class BatchTuner(HPOTuner):
    """Asks for up to `n_workers` trials, has them run, and reports them in their order.

    `run_batch` takes a list of trials and returns a list of results, as an objective returns one.
    An exception that it raises ends the run; its trials are the first ones of the next run.
    Arguments `scheduler`, `n_workers` and `journal` are those of `HPOTuner`.
    """

    def __init__(self, scheduler: HPOScheduler, run_batch: Callable[[list[Trial]], list[Any]],
                 n_workers: int = 1, journal: Any = None) -> None:
        super().__init__(scheduler, run_batch, n_workers=n_workers, journal=journal)

    warns_of_failures = False  # scikit-learn does

    def progress_bar(self, number_of_trials: int | None) -> NoProgress:
        """Return what shows nothing: scikit-learn says what `verbose` asks for."""
        return NoProgress()

    def loop(self) -> None:
        """Run batches until the budget is spent or the scheduler has no trial."""
        run_in_batches(self, self.n_workers, run_trials)


def run_trials(tuner: HPOTuner, attempts: list[Attempt]) -> list[tuple[Any, str | None]]:
    """Have a batch of trials run; none has failed."""
    return [(result, None) for result in tuner.objective([attempt.trial for attempt in attempts])]
