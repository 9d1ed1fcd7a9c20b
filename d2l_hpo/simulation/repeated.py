"""The same simulated search with many seeds."""

import numpy as np

from d2l_hpo.measures.statistics import incumbent_errors
from d2l_hpo.simulation.simulator import simulate
from d2l_hpo.tools.arguments import check_int


def repeat_search(make_scheduler, benchmark, times, seeds: int = 50, **settings) -> np.ndarray:
    """Simulate `make_scheduler(seed)` for each seed; return incumbents' errors (seeds, times).

    `times` are seconds in increasing order, the last one the end of the search; `settings` go to
    `simulate`. The errors are those of `incumbent_errors`.

    Arguments:

    - `make_scheduler`: a function of a seed, which returns a new scheduler each time.
    - `benchmark`: as in `simulate`.
    - `times`: shape (times,); the last one is the `max_time` of each search.
    - `seeds`: how many seeds, 0, 1, ..., at least 1.
    - `**settings`: `n_workers`, `number_of_trials` and `decision_time` of `simulate`.

    Before its first trial has ended, a search has nan. ValueError for times that do not increase,
    or if `make_scheduler` returns one scheduler twice; else the errors of `simulate`.

    >>> benchmark = DigitsBenchmark()
    >>> def random_search(seed):
    ...     return BasicScheduler(RecordedSearcher(benchmark, seed=seed))
    >>> errors = repeat_search(random_search, benchmark, times=[1, 2, 4], seeds=5)
    >>> errors.shape
    (5, 3)
    """
    times = np.asarray(times, float)
    if times.ndim != 1 or len(times) == 0 or not (np.diff(times) > 0).all():
        raise ValueError(f"times are {times}, expected seconds in increasing order")
    schedulers = [make_scheduler(seed) for seed in range(check_int("seeds", seeds))]
    if len({id(scheduler) for scheduler in schedulers}) < seeds:
        raise ValueError("make_scheduler gave the same scheduler twice; make a new one each time")
    runs = [simulate(each, benchmark, max_time=times[-1], **settings) for each in schedulers]
    return np.array([incumbent_errors(records, times) for records in runs])
