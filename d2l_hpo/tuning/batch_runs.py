"""Trials in batches: those of a batch begin, are run by one call, and end in their order."""
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from d2l_hpo.tuning.calls import call_batch
from d2l_hpo.tuning.records import Attempt

if TYPE_CHECKING:
    from d2l_hpo.tuning.tuner import HPOTuner

RunBatch = Callable[["HPOTuner", list[Attempt]], list[tuple[Any, str | None]]]
"""Runs the trials of a tuner; gives for each what it returned, or why it failed."""


def run_in_batches(tuner: "HPOTuner", size: int, run: RunBatch) -> None:
    """Run batches of up to `size` trials until the budget is spent or the scheduler has no trial.

    An exception in `run` ends the search; the trials of its batch are the first of the next run.
    """
    books = tuner.books
    try:
        while batch := begin_batch(tuner, size):
            tuner.sync()
            with tuner.ctrl_c.allowed():
                results = run(tuner, list(batch.values()))
            for (future, attempt), (result, reason) in zip(batch.items(), results, strict=True):
                del books.running[future]
                tuner.finish(attempt, result, reason)
    finally:
        interrupted = [attempt.trial for attempt in books.running.values()]
        books.pending, books.running = interrupted + books.pending, {}


def begin_batch(tuner: "HPOTuner", size: int) -> dict[Future, Attempt]:
    """Begin the trials of the next batch; none if the search is over."""
    batch: dict[Future, Attempt] = {}
    while len(batch) < size and not tuner.budget_spent():
        if (trial := tuner.next_trial()) is None:
            break
        key: Future = Future()  # the books know running attempts by their futures
        batch[key] = tuner.books.running[key] = tuner.begin(trial, worker=len(batch))
        del tuner.books.pending[0]
    return batch


def run_at_once(tuner: "HPOTuner", attempts: list[Attempt]) -> list[tuple[Any, str | None]]:
    """Hand a batch to the objective's `run_batch`."""
    return call_batch(tuner.objective, [(tuner.books.config(attempt.trial),
                                         tuner.keywords(attempt.trial)) for attempt in attempts])
