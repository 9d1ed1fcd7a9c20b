"""The recorded searches with models: their shape, and that they can be repeated.

A model's choice may turn on the last digit of a sum, which differs between processors. So whole
searches are repeated without a model, and of the others the design, which no model chooses.
"""
import json

import numpy as np
import pytest

from d2l_hpo import read_study

from d2l_hpo import check_configuration
from d2l_hpo.simulation.studies import STUDIES

from studies import bayesian
from studies import composition
from studies import dimensions
from studies import lenet_search
from studies import rivals
from benchmarks import search_quality
from studies import workers


@pytest.fixture(scope="module")
def recorded():
    return read_study("bayesian")


@pytest.fixture(scope="module")
def composed():
    return read_study("composition")


def test_all_tasks_have_our_methods_with_50_seeds_and_50_evaluations(recorded):
    for task in bayesian.TASKS:
        for method in bayesian.OURS:
            errors = recorded[f"methods/{task}/{method}"]
            assert errors.shape == (50, bayesian.EVALUATIONS)
            assert (np.diff(errors) <= 0).all() and (errors >= recorded[f"best/{task}"]).all()
        for kind in ("softened", "plain", "ranks"):
            assert recorded[f"targets/{task}/{kind}"].shape == (50,)
    for task in bayesian.RECORDED:
        for way in ("one", "ignoring", "fantasies"):
            assert recorded[f"workers/{task}/{way}"].shape == (50,)
    assert (STUDIES / "bayesian.npz").stat().st_size < 100_000


@pytest.mark.parametrize("task", bayesian.TASKS)
@pytest.mark.parametrize("method, evaluations", [
    ("RandomSearcher", 50), ("SobolSearcher", 50), ("BayesianSearcher", 8), ("TPESearcher", 8)])
def test_searches_repeated_now_are_as_recorded(recorded, task, method, evaluations):
    for seed in (0, 49):
        errors = search_quality.search(task, method, seed, evaluations)["errors"]
        found = np.minimum.accumulate(errors)
        np.testing.assert_allclose(found, recorded[f"methods/{task}/{method}"][seed, :evaluations],
                                   atol=1e-5, rtol=1e-5)


def test_compositions_have_all_tasks_methods_and_50_seeds(composed):
    assert composed["tasks"].tolist() == list(composition.TASKS)
    assert composed["methods"].tolist() == list(composition.METHODS)
    assert np.array_equal(composed["trainings"], composition.TRAININGS)
    shape = (len(composition.TASKS), len(composition.METHODS), 50)
    assert composed["trials"].shape == shape and (composed["trials"] >= composition.WORKERS).all()
    assert composed["regret"].shape == (*shape, len(composition.TRAININGS))
    assert np.isfinite(composed["regret"][..., -1]).all() and np.nanmin(composed["regret"]) >= 0
    assert not (np.diff(composed["regret"], axis=-1) > 0).any()


@pytest.mark.parametrize("method", ["random search", "ASHA", "Hyperband", "ASHA, all",
                                    "Hyperband, one"])
def test_compositions_repeated_now_are_as_recorded(composed, method):
    _, full, _ = workers.random_pool(workers.TASKS["digits"](measured=False))
    errors, trials = composition.search("digits", method, full, seed=3)
    row = list(composition.TASKS).index("digits"), list(composition.METHODS).index(method), 3
    found = 100 * errors - composed["regret"][row]  # the smallest error known, everywhere
    if "," not in method:
        assert np.nanmax(found) - np.nanmin(found) < 1e-3 and trials == composed["trials"][row]
    else:
        ended = np.flatnonzero(np.isfinite(found))[:2]
        assert len(ended) == 2 and np.ptp(found[ended]) < 1e-3


def test_mixed_reports_are_the_last_ones_as_they_are():
    space = search_quality.load_task("branin").space
    searcher = composition.MixedBayesian(space, seed=0)
    for x, epoch, error in [(1.0, 1, 0.9), (1.0, 3, 0.4), (2.0, 1, 0.8), (3.0, 1, np.nan)]:
        searcher.update({"x": x, "y": 1.0}, error, epoch)
    points, errors, failed = searcher.training_set()
    assert errors.tolist() == [0.4, 0.8] and points.shape == (2, 2) and failed.shape == (1, 2)


@pytest.fixture(scope="module")
def live():
    """The rows of live searches, by seed and method."""
    rows = json.loads(lenet_search.OUTPUT.read_text(encoding="utf-8"))
    return {(row["seed"], row["method"]): row for row in rows}


def test_live_searches_have_both_methods_and_all_trials(live):
    seeds = {seed for seed, _ in live}
    assert seeds == {*range(len(seeds))} and len(seeds) >= 10 and len(live) == 2 * len(seeds)
    assert lenet_search.OUTPUT.stat().st_size < 30_000
    for row in live.values():
        for name in ("learning_rate", "batch_size", "error", "test_error"):
            assert len(row[name]) == lenet_search.TRIALS
        for rate, size in zip(row["learning_rate"], row["batch_size"], strict=True):
            config = {"learning_rate": rate, "batch_size": int(size)}
            check_configuration(lenet_search.SPACE, config)
    for seed in seeds:
        random, model = (live[seed, method] for method in lenet_search.searchers(seed))
        assert (random["error"][0], random["test_error"][0]) == (
            model["error"][0], model["test_error"][0])


@pytest.mark.parametrize("method, trials", [
    ("random search", lenet_search.TRIALS), ("Bayesian optimization", lenet_search.DESIGN)])
def test_configurations_that_no_model_chose_are_as_recorded(live, method, trials):
    for seed in {seed for seed, _ in live}:
        searcher = lenet_search.searchers(seed)[method]
        configs = [searcher.sample_configuration() for _ in range(trials)]
        for name in lenet_search.SPACE:
            np.testing.assert_allclose([config[name] for config in configs],
                                       live[seed, method][name][:trials], rtol=1e-5)


def test_rivals_have_all_tasks_methods_and_50_seeds():
    recorded = read_study("rivals")
    assert recorded["tasks"].tolist() == list(workers.TASKS)
    assert recorded["methods"].tolist() == list(rivals.METHODS)
    shape = (len(workers.TASKS), len(rivals.METHODS), 50, len(rivals.TRAININGS))
    errors = recorded["error"]
    assert errors.shape == shape and np.isfinite(errors[..., -1]).all()
    assert not (np.diff(errors, axis=-1) > 0).any()
    assert np.nanmin(errors) > 0 and np.nanmax(errors) <= 100


@pytest.mark.parametrize("method", rivals.METHODS)
def test_rivals_repeated_now_begin_as_recorded(monkeypatch, method):
    monkeypatch.setattr(rivals, "TRAININGS", rivals.TRAININGS[:21])  # two trainings: no model yet
    recorded, (_, full, _) = read_study("rivals"), workers.random_pool(
        workers.TASKS["digits"](measured=False))
    found = rivals.search("digits", method, full, seed=7)
    place = list(workers.TASKS).index("digits"), list(rivals.METHODS).index(method), 7
    np.testing.assert_allclose(found, recorded["error"][place][:21], rtol=1e-5)


def test_hyperband_beside_the_models_repeated_now_is_as_recorded_to_the_end():
    recorded, (_, full, _) = read_study("rivals"), workers.random_pool(
        workers.TASKS["digits"](measured=False))
    place = list(workers.TASKS).index("digits"), list(rivals.METHODS).index("Hyperband"), 0
    found = rivals.search("digits", "Hyperband", full, seed=0)
    np.testing.assert_allclose(found, recorded["error"][place], rtol=1e-5)


def test_one_rival_recorded_anew_leaves_the_others_as_they_are(monkeypatch, tmp_path):
    monkeypatch.setattr(rivals, "OUTPUT", tmp_path / "rivals.npz")
    monkeypatch.setattr(rivals, "random_pool", lambda benchmark: (None, 1.0, 0.0))
    for arguments, number in ([], 1.0), (["--methods", "Hyperband"], 2.0):
        monkeypatch.setattr(rivals, "run_all", lambda function, jobs, processes, number=number: [
            np.full(len(rivals.TRAININGS), number) for _ in jobs])
        rivals.main(["--seeds", "3", *arguments])
    with np.load(rivals.OUTPUT) as file:
        assert file["methods"].tolist() == list(rivals.METHODS)
        means = dict(zip(rivals.METHODS, file["error"].mean(axis=(0, 2, 3)), strict=True))
    assert means == {name: 2.0 if name == "Hyperband" else 1.0 for name in rivals.METHODS}
    with pytest.raises(SystemExit, match="3 seeds"):
        rivals.main(["--seeds", "4", "--methods", "TPE"])


def test_dimensions_have_all_functions_methods_and_20_seeds():
    recorded = read_study("dimensions")
    shape = (len(dimensions.FUNCTIONS), len(dimensions.METHODS), len(dimensions.DIMENSIONS), 20)
    assert recorded["error"].shape == shape and np.isfinite(recorded["error"]).all()
    assert recorded["functions"].tolist() == list(dimensions.FUNCTIONS)
    assert recorded["methods"].tolist() == list(dimensions.METHODS)
    assert recorded["dimensions"].tolist() == dimensions.DIMENSIONS
    assert recorded["trials"] == dimensions.TRIALS


@pytest.mark.parametrize("function", dimensions.FUNCTIONS)
def test_random_searches_of_many_dimensions_repeated_now_are_as_recorded(function):
    recorded = read_study("dimensions")
    for column, size in enumerate(dimensions.DIMENSIONS):
        place = list(dimensions.FUNCTIONS).index(function), 0, column, 19
        found = dimensions.search(function, "random search", size, seed=19)
        assert found == pytest.approx(float(recorded["error"][place]), rel=1e-5)


def test_the_functions_of_many_dimensions_ignore_what_they_should():
    minimum = [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]  # Hartmann's, published
    config = {f"x{i}": x for i, x in enumerate([*minimum, 0.9, 0.1])}
    assert dimensions.first_six(config) == pytest.approx(
        dimensions.first_six({**config, "x7": 0.8}))
    changed = {f"x{i}": 0.3 for i in range(8)}
    assert dimensions.bowl(changed) == 0 and dimensions.bowl({**changed, "x7": 0.8}) == (
        pytest.approx(0.25))
