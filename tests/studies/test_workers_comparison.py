"""The recorded comparison on 1 to 64 workers: its shape, and that it can be repeated."""
import numpy as np
import pytest

from d2l_hpo import read_study

from d2l_hpo.simulation.studies import STUDIES

from studies import workers


@pytest.fixture(scope="module")
def recorded():
    return read_study("workers")


def test_it_holds_all_tasks_methods_workers_and_100_seeds(recorded):
    shape = (len(workers.TASKS), len(workers.METHODS), len(workers.WORKERS), 100)
    assert recorded["tasks"].tolist() == list(workers.TASKS)
    assert recorded["methods"].tolist() == list(workers.METHODS)
    assert recorded["workers"].tolist() == workers.WORKERS
    assert np.array_equal(recorded["trainings"], workers.TRAININGS)
    assert recorded["busy"].shape == shape
    assert recorded["regret"].shape == (*shape, len(workers.TRAININGS))
    assert (STUDIES / "workers.npz").stat().st_size < 300_000


def test_regrets_fall_to_a_finite_end_and_nobody_works_more_than_all_the_time(recorded):
    regret, busy = recorded["regret"], recorded["busy"]
    assert np.isfinite(regret[..., -1]).all() and np.nanmin(regret) >= 0
    falls = np.diff(regret, axis=-1)
    assert np.isfinite(falls).any() and not (falls > 0).any()  # nan before the first end
    assert (busy > 0.02).all() and (busy < 1 + 1e-4).all()
    one = busy[:, :, workers.WORKERS.index(1)]
    assert (one > 0.999).all()  # a single worker never waits


@pytest.mark.parametrize("task, method, n", [
    ("LeNet", "ASHA", 16), ("perceptron", "one bracket at a time", 64), ("digits", "Hyperband", 4),
    ("digits", "ASHA, stopping", 1), ("digits", "random search", 64)])
def test_searches_repeated_now_end_as_recorded(recorded, task, method, n):
    benchmark = workers.TASKS[task](measured=False)
    pool, full, best = workers.random_pool(benchmark)
    found, busy = workers.study(benchmark, workers.METHODS[method], n, pool, full, seeds=2)
    place = (list(workers.TASKS).index(task), list(workers.METHODS).index(method),
             workers.WORKERS.index(n), slice(2))
    assert np.allclose(100 * (found - best), recorded["regret"][place], atol=1e-3,
                       equal_nan=True)
    assert np.allclose(busy, recorded["busy"][place], atol=1e-3)
