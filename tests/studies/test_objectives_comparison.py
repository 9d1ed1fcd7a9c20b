"""The recorded comparison under several objectives, limits and costs: that it can be repeated."""
import numpy as np
import pytest

from d2l_hpo import read_study

from d2l_hpo import hypervolume

from studies import objectives


@pytest.fixture(scope="module")
def recorded():
    return read_study("objectives")


def test_it_holds_all_tasks_methods_and_50_seeds(recorded):
    times = len(objectives.TIMES)
    shapes = {"fronts": (len(objectives.FRONT_TASKS), len(objectives.FRONT_METHODS), 50, times),
              "limits": (len(objectives.LIMIT_METHODS), 50, objectives.LIMIT_TRIALS),
              "cost_times": (len(objectives.COST_TASKS), len(objectives.COST_METHODS), 50, times),
              "cost_trials": (len(objectives.COST_TASKS), len(objectives.COST_METHODS), 50,
                              objectives.COST_TRIALS)}
    assert {name: recorded[name].shape for name in shapes} == shapes
    for kind in ("front", "limit", "cost"):
        methods = getattr(objectives, f"{kind.upper()}_METHODS")
        assert recorded[f"{kind}_methods"].tolist() == list(methods)
    assert np.array_equal(recorded["times"], objectives.TIMES)


def test_fronts_grow_and_errors_fall(recorded):
    assert recorded["fronts"].min() == 0 and recorded["fronts"].max() <= 1
    assert (np.diff(recorded["fronts"], axis=-1) >= -1e-6).all()
    for name in ("limits", "cost_times", "cost_trials"):
        falls = np.diff(recorded[name], axis=-1)  # nan before the first success
        assert np.isfinite(falls).any() and not (falls > 0).any()
        assert np.nanmin(recorded[name]) >= 0


@pytest.mark.parametrize("method", objectives.FRONT_METHODS)
@pytest.mark.parametrize("task", objectives.FRONT_TASKS)
def test_a_search_of_a_front_repeated_now_ends_as_recorded(recorded, task, method):
    place = [*objectives.FRONT_TASKS].index(task), objectives.FRONT_METHODS.index(method), 0
    [(table, ends)] = objectives.front_runs(task, method, seeds=1)
    reference = objectives.FRONT_TASKS[task][2]
    volumes = np.array([hypervolume(table[ends <= time], reference) for time in objectives.TIMES])
    parts = recorded["fronts"][place]  # of the largest volume of all searches
    assert np.allclose(volumes / volumes[-1], parts / parts[-1], atol=1e-4)


@pytest.mark.parametrize("method", objectives.LIMIT_METHODS)
def test_a_search_under_limits_repeated_now_ends_as_recorded(recorded, method):
    errors = objectives.limit_runs("LeNet", method, seeds=1)[0]
    again = recorded["limits"][objectives.LIMIT_METHODS.index(method), 0]
    assert np.allclose(errors, again, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("method", objectives.COST_METHODS)
@pytest.mark.parametrize("task", objectives.COST_TASKS)
def test_a_search_that_pays_repeated_now_ends_as_recorded(recorded, task, method):
    place = [*objectives.COST_TASKS].index(task), objectives.COST_METHODS.index(method), 0
    for name, errors in zip(("cost_times", "cost_trials"),
                            objectives.cost_runs(task, method, seeds=1), strict=True):
        steps, again = 100 * np.diff(errors[0]), np.diff(recorded[name][place])
        assert np.allclose(steps, again, atol=1e-4, equal_nan=True)
