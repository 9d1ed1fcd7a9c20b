"""The recorded comparison on disturbed workers: mean work is kept, and it can be repeated."""
import numpy as np
import pytest
from scipy import stats

from d2l_hpo import Trial, read_study

from studies import disturbances, workers

KINDS = disturbances.DISTURBANCES


@pytest.fixture(scope="module")
def recorded():
    return read_study("disturbances")


def durations(kind, seeds=20):
    """Return the seconds of 1,000 jobs of one second on each of two workers, for many seeds."""
    found = []
    for seed in range(seeds):
        job_time = KINDS[kind](seed)
        trials = [Trial(trial_id=i, config={}, max_epochs=1) for i in range(1000)]
        found.append([[job_time(trial, worker, 1.0) for worker in (0, 1)] for trial in trials])
    return np.array(found)


def test_it_holds_all_disturbances_and_100_seeds(recorded):
    shape = (len(KINDS), len(workers.TASKS), len(workers.METHODS), len(disturbances.WORKERS), 100,
             len(disturbances.TIMES))
    assert recorded["regret"].shape == shape and np.nanmin(recorded["regret"]) >= 0
    assert recorded["disturbances"].tolist() == list(KINDS)
    assert recorded["workers"].tolist() == disturbances.WORKERS
    assert recorded["times"].tolist() == disturbances.TIMES


@pytest.mark.parametrize("kind", ["stragglers", "lost workers"])
def test_the_mean_work_of_a_job_is_kept(kind):
    seconds = durations(kind).ravel()
    assert abs(seconds.mean() - 1) < 5 * seconds.std() / np.sqrt(seconds.size / 2)


def test_heavy_tails_have_their_distribution_and_so_its_mean():
    # the variance is infinite, so a mean of draws says little: compare the whole distribution
    seconds = durations("heavy tails", seeds=5)[..., 0].ravel()
    pareto = stats.pareto(1.5, scale=1 / 3)
    assert pareto.mean() == pytest.approx(1)
    assert stats.kstest(seconds, pareto.cdf).pvalue > 1e-3


def test_unequal_workers_do_as_much_work_together_as_equal_ones():
    seconds = durations("unequal workers", seeds=1)[0]
    assert (seconds == seconds[0]).all() and seconds[0, 1] == pytest.approx(5 * seconds[0, 0])
    assert (1 / seconds[0]).mean() == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_takes_as_long_whoever_asks_and_when(kind):
    first, second = KINDS[kind](3), KINDS[kind](3)
    trials = [Trial(trial_id=i, config={}, max_epochs=r) for i in range(20) for r in (1, 3)]
    forward = [first(trial, 1, 2.0) for trial in trials]
    backward = [second(trial, 1, 2.0) for trial in reversed(trials)]
    assert forward == backward[::-1]


@pytest.mark.parametrize("kind, task", [("stragglers", "LeNet"), ("lost workers", "digits")])
def test_searches_repeated_now_end_as_recorded(recorded, kind, task):
    place = list(KINDS).index(kind), list(workers.TASKS).index(task)
    found = disturbances.regrets(kind, task, seeds=1)
    np.testing.assert_allclose(found, recorded["regret"][place][:, :, :1], atol=1e-3)
