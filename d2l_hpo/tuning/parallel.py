"""Trials on several workers: each is kept busy, and what they return goes to the tuner's books."""
from concurrent.futures import Future
from typing import TYPE_CHECKING

from d2l_hpo.tuning.calls import WorkerLost
from d2l_hpo.tuning.failures import warn_of_broken_pool
from d2l_hpo.tuning.records import Attempt
from d2l_hpo.tuning.reports import receive
from d2l_hpo.tuning.workers import Workers, open_workers

if TYPE_CHECKING:
    from d2l_hpo.tuning.tuner import HPOTuner


def run_on_workers(tuner: "HPOTuner") -> None:
    """Keep all workers busy until the budget is spent and the last attempt has ended."""
    books, ctrl_c = tuner.books, tuner.ctrl_c
    if tuner.budget_spent() or tuner.next_trial() is None:
        return  # without waiting for processes to start
    with open_workers(tuner.executor, tuner.n_workers, tuner.objective,
                      tuner.trial_timeout, tuner.can_report, tuner.worker_env) as workers:
        try:
            with ctrl_c.allowed():
                workers.start()
            while fill_workers(tuner, workers):
                tuner.sync()
                with ctrl_c.allowed():
                    ended = workers.wait(books.running)
                take_reports(tuner, workers)
                take_results(tuner, workers, ended)
        except KeyboardInterrupt:
            take_reports(tuner, workers)
            take_results(tuner, workers, [future for future in books.running if future.done()])
            raise
        finally:
            interrupted = [attempt.trial for attempt in books.running.values()]
            books.pending, books.running = interrupted + books.pending, {}


def fill_workers(tuner: "HPOTuner", workers: Workers) -> bool:
    """Give every free worker a trial; say whether there is anything to wait for."""
    books = tuner.books
    if tuner.synchronous and books.running:
        return True
    for worker in workers.idle():
        if tuner.budget_spent() or (trial := tuner.next_trial()) is None:
            return bool(books.running)
        attempt = tuner.begin(trial, worker)
        future = workers.submit(worker, books.config(trial), tuner.keywords(trial),
                                attempt.last_epoch)
        notice_death(tuner, workers)
        books.running[future] = attempt
        del books.pending[0]
    # Without running attempts, all workers are still busy with attempts that were given up.
    return bool(books.running) or not (tuner.budget_spent() or tuner.next_trial() is None)


def take_reports(tuner: "HPOTuner", workers: Workers) -> None:
    """Record the reports that have come, and tell each trial whether it goes on."""
    for future, start, report in workers.reports():
        attempt = tuner.books.running[future]
        attempt.start = max(attempt.start, start - tuner.origin)
        workers.answer(future, receive(tuner, attempt, report))


def take_results(tuner: "HPOTuner", workers: Workers, ended: list[Future]) -> None:
    """Record and report attempts that have ended; try those again whose worker was lost."""
    for future in ended:
        attempt = tuner.books.running.pop(future)
        try:
            result = workers.read(future)
        except WorkerLost as lost:
            notice_death(tuner, workers, attempt)
            retry(tuner, attempt, str(lost))
        else:
            if attempt.trial.trial_id not in tuner.books.curves:  # after a report it has moved on
                attempt.start = result.started_after(attempt.start + tuner.origin) - tuner.origin
            tuner.finish(attempt, result.value, result.traceback)


def notice_death(tuner: "HPOTuner", workers: Workers, attempt: Attempt | None = None) -> None:
    """Warn, once, of a given pool that has died; it has lost this attempt and all without a result.
    """
    if not workers.pool_has_died or workers.is_told:
        return
    workers.is_told = True
    lost = [] if attempt is None else [attempt]
    lost += [other for future, other in tuner.books.running.items()
             if not future.done() or future.exception() is not None]
    warn_of_broken_pool(tuner, sorted(other.trial.trial_id for other in lost))


def retry(tuner: "HPOTuner", attempt: Attempt, reason: str) -> None:
    """Make a trial whose worker was lost pending again, or failed after `max_retries`."""
    if attempt.trial.trial_id in tuner.books.stopped:
        return tuner.finish(attempt, None)  # its reports are its result
    reasons = tuner.books.lose(attempt, f"attempt {attempt.number}: {reason}")
    if len(reasons) > tuner.max_retries:
        tuner.finish(attempt, None, "\n".join(reasons))
    else:
        tuner.log("failed", **attempt.entry(), end=tuner.now(), info={}, traceback=reasons[-1],
                  retry=True)
        tuner.books.pending.insert(0, attempt.trial)
