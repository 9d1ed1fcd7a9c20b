"""A tuner that hands whole batches of trials to one function, which runs them at a time."""
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self

from d2l_hpo.schedulers.scheduler import HPOScheduler, Trial
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
        books = self.books
        try:
            while batch := self.next_batch():
                self.sync()
                with self.ctrl_c.allowed():
                    results = self.objective([attempt.trial for attempt in batch.values()])
                for (future, attempt), result in zip(batch.items(), results, strict=True):
                    del books.running[future]
                    self.finish(attempt, result)
        finally:
            interrupted = [attempt.trial for attempt in books.running.values()]
            books.pending, books.running = interrupted + books.pending, {}

    def next_batch(self) -> dict[Future, Attempt]:
        """Begin the trials of the next batch; none if the search is over."""
        batch: dict[Future, Attempt] = {}
        while len(batch) < self.n_workers and not self.budget_spent():
            if (trial := self.next_trial()) is None:
                break
            key: Future = Future()  # the books know running attempts by their futures
            batch[key] = self.books.running[key] = self.begin(trial, worker=len(batch))
            del self.books.pending[0]
        return batch
