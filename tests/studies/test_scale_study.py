"""The recorded searches on up to 10,000 workers: their shape, and that they can be repeated."""
import numpy as np
import pytest

from d2l_hpo import read_study

from d2l_hpo.simulation.studies import STUDIES

from studies import scale


@pytest.fixture(scope="module")
def recorded():
    return read_study("scale")


@pytest.fixture(scope="module")
def task():
    return scale.load()


def test_it_holds_all_methods_workers_and_20_seeds(recorded):
    shape = (len(scale.METHODS), len(scale.WORKERS), 20)
    assert recorded["methods"].tolist() == list(scale.METHODS)
    assert recorded["workers"].tolist() == scale.WORKERS
    assert np.array_equal(recorded["times"], scale.TIMES)
    assert recorded["jobs"].shape == shape
    assert recorded["regret"].shape == (*shape, len(scale.TIMES))
    assert (STUDIES / "scale.npz").stat().st_size < 300_000


def test_regrets_fall_and_more_workers_run_more_jobs(recorded):
    regret, jobs = recorded["regret"], recorded["jobs"]
    assert np.nanmin(regret) == 0
    falls = np.diff(regret, axis=-1)
    assert np.isfinite(falls).any() and not (falls > 0).any()  # nan where nothing is known
    for (_, most), found in zip(scale.METHODS.values(), jobs, strict=True):
        used = np.array(scale.WORKERS) <= most
        assert (found[used] > 0).all() and (found[~used] == 0).all()
        assert (np.diff(found[used].mean(axis=1)) > 0).all()
    for i, workers in enumerate(scale.WORKERS):
        end = max(4, 80 / workers)
        assert np.isnan(regret[:, i][..., scale.TIMES > end]).all()
        assert np.isfinite(regret[:2, i][..., np.searchsorted(scale.TIMES, end, "right") - 1]).all()


@pytest.mark.parametrize(("method", "workers", "seed"), [
    ("random search", 1, 0), ("random search", 300, 19), ("ASHA", 1, 3), ("ASHA", 100, 1),
    ("Bayesian optimization", 10, 2), ("Bayesian optimization", 30, 4)])
def test_searches_repeated_now_find_what_was_recorded(recorded, task, method, workers, seed):
    benchmark, pool, full = task
    errors, jobs = scale.search(scale.METHODS[method][0], benchmark, pool, full, workers, seed)
    place = list(scale.METHODS).index(method), scale.WORKERS.index(workers), seed
    assert full == pytest.approx(float(recorded["full"]), rel=1e-9)
    assert np.allclose(100 * (errors - recorded["best"]), recorded["regret"][place], atol=1e-3,
                       equal_nan=True)
    assert jobs == recorded["jobs"][place]
