"""Bayesian optimization under constraints and per second, and the benchmarks with more numbers."""
import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from d2l_hpo import (
    BasicScheduler,
    BayesianSearcher,
    ConstrainedSearcher,
    CostAwareSearcher,
    HPOTuner,
    LimitedLeNet,
    SizedPerceptron,
    TimedLeNet,
    expected_improvement,
    feasible,
    feasible_errors,
    simulate,
)

SPACE = {"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}


class Valley:
    """The error is smallest at (0.2, 0.2); training takes 10 ** (2 x) seconds."""

    config_space = SPACE

    def curve(self, config):
        error = (config["x"] - 0.2) ** 2 + (config["y"] - 0.2) ** 2
        return [0.1 + error], [10 ** (2 * config["x"])]

    def measure(self, config):
        return {"memory": 2 - config["x"] - config["y"], "size": 1.0}


def run(searcher, n=30, benchmark=None):
    return simulate(BasicScheduler(searcher), benchmark or Valley(), number_of_trials=n)


# -- constraints ----------------------------------------------------------------------------------

def table(*rows):
    return pd.DataFrame(rows, columns=["error", "info"])


def test_feasible_trials_succeeded_and_keep_all_limits():
    records = table((0.3, {"a": 1, "b": 1}), (0.2, {"a": 2, "b": 1}), (math.nan, {}),
                    (0.25, {"a": 1, "b": math.nan}), (0.4, {"a": 0, "b": 0}),
                    (0.1, {"a": 1, "b": 0}))
    assert feasible(records, {"a": 2, "b": 2}).tolist() == [True, False, False, False, True, True]
    assert feasible_errors(records, {"a": 2, "b": 2}).tolist() == [0.3] * 5 + [0.1]
    assert feasible_errors(records, {"a": 0.5, "b": 2}).tolist() == [math.inf] * 4 + [0.4, 0.4]
    with pytest.raises(ValueError, match="'c' is missing"):
        feasible(records, {"c": 1})


def test_the_limits_move_the_search_away_from_the_unconstrained_optimum():
    limits = {"memory": 1.2}  # (0.4, 0.4) is the best feasible point
    found = [feasible_errors(run(ConstrainedSearcher(SPACE, seed=seed, limits=limits)), limits)[-1]
             for seed in range(5)]
    ignoring = [feasible_errors(run(BayesianSearcher(SPACE, seed=seed)), limits)[-1]
                for seed in range(5)]
    assert np.median(found) < 0.1 + 2 * 0.2 ** 2 + 0.003
    assert np.mean(found) < np.mean(ignoring)


def searcher_with(records, cls=ConstrainedSearcher, **settings):
    """A searcher that was told of configurations (x, y), errors and numbers."""
    searcher = cls(SPACE, initial_points=1, **settings)
    for (x, y), error, info in records:
        searcher.update({"x": x, "y": y}, error, None, info)
    return searcher


POINTS = [(x, y) for x in (0.1, 0.5, 0.9) for y in (0.15, 0.55, 0.95)]


def acquisition_at(searcher, points):
    """What the searcher maximises, and the model's mean and deviation, at points."""
    searcher.propose_point()
    encoded, errors, _ = searcher.training_set()
    model = searcher.fit_model(encoded, errors)
    return searcher.acquisition(model, points), model, points


def test_the_acquisition_is_improvement_over_the_feasible_incumbent_times_probability():
    records = [(point, 0.1 + point[0], {"memory": 2 - 2 * point[0]}) for point in POINTS]
    searcher = searcher_with(records, limits={"memory": 1.5})
    found, model, points = acquisition_at(searcher, np.random.default_rng(0).random((50, 2)))
    mean, deviation = model.predict(points)
    best = min(model.predict(np.array([point]))[0][0] for point in POINTS if point[0] > 0.3)
    slack_mean, slack_deviation = searcher.slacks[0](points)
    expected = (expected_improvement(mean, deviation, best)
                * stats.norm.cdf(slack_mean / slack_deviation))
    np.testing.assert_allclose(np.exp(found), expected, rtol=1e-6, atol=1e-12)


def test_before_the_first_feasible_trial_only_the_probability_counts():
    records = [(point, 0.1 + point[0], {"memory": 3 - point[0]}) for point in POINTS]
    searcher = searcher_with(records, limits={"memory": 1.5})
    found, _, points = acquisition_at(searcher, np.random.default_rng(0).random((50, 2)))
    slack_mean, slack_deviation = searcher.slacks[0](points)
    np.testing.assert_allclose(found, stats.norm.logcdf(slack_mean / slack_deviation), rtol=1e-6)
    assert slack_mean[points[:, 0].argmax()] > slack_mean[points[:, 0].argmin()]


def test_infeasible_everywhere_the_search_goes_on_and_has_no_incumbent():
    limits = {"memory": 1e-6, "size": 0.5}
    records = run(ConstrainedSearcher(SPACE, limits=limits), 15)
    assert len(records) == 15 and np.isinf(feasible_errors(records, limits)).all()
    assert len({repr(config) for config in records["config"]}) == 15


def test_numbers_that_are_never_measured_stop_nothing():
    records = [(point, 0.1, {"memory": math.nan}) for point in POINTS]
    searcher = searcher_with(records, limits={"memory": 1.0})
    assert {*searcher.sample_configuration()} == {"x", "y"}


def test_failed_trials_enter_no_model():
    records = [(point, 0.1 + point[0], {"memory": 1.0}) for point in POINTS]
    searcher = searcher_with([*records, ((0.3, 0.3), math.nan, {})], limits={"memory": 2.0})
    searcher.propose_point()
    mean, deviation = searcher.slacks[0](np.array([[0.3, 0.3]]))
    assert mean[0] == pytest.approx(0.5) and np.isfinite(deviation).all()


def test_the_tuner_stops_where_a_limited_number_is_missing():
    tuner = HPOTuner(BasicScheduler(ConstrainedSearcher(SPACE, limits={"memory": 1})),
                     lambda config: {"error": config["x"], "Memory": 1.0})
    with pytest.raises(ValueError, match="'memory' is missing"):
        tuner.run(number_of_trials=3)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_mended_objective_goes_on_where_a_number_was_missing(tmp_path, n_workers):
    def search(returned):
        scheduler = BasicScheduler(ConstrainedSearcher(SPACE, limits={"memory": 1}))
        return HPOTuner(scheduler, lambda config: {"error": config["x"], **returned},
                        journal=tmp_path / "journal.jsonl", n_workers=n_workers)
    broken = search({})
    for _ in range(2):  # it can be told again, and a new tuner finds the trial pending
        with pytest.raises(ValueError, match="'memory' is missing"):
            broken.run(number_of_trials=3)
        assert broken.records.empty
    journal = tmp_path / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    assert {line["event"] for line in lines} == {"search", "suggested", "started"}
    mended = search({"memory": 0.5})
    mended.run(number_of_trials=3)
    assert sorted(mended.records["trial_id"]) == [0, 1, 2]
    assert (mended.records["status"] == "completed").all()
    assert not mended.scheduler.searcher.pending


@pytest.mark.parametrize(("limits", "message"), [
    ({}, "limits is empty"), ({"memory": 0}, "limit of 'memory' is 0"),
    ({"memory": "2 MiB"}, "'2 MiB'"), ({"memory": math.nan}, "is nan")])
def test_bad_limits(limits, message):
    with pytest.raises(TypeError, match="limits are .*, expected a dict"):
        ConstrainedSearcher(SPACE, limits=list(limits))
    with pytest.raises(ValueError, match=message):
        ConstrainedSearcher(SPACE, limits=limits)


# -- cost -----------------------------------------------------------------------------------------

def test_the_acquisition_is_improvement_divided_by_the_predicted_cost():
    records = [(point, 0.1 + point[0], {"elapsed_time": 10 ** point[0]}) for point in POINTS]
    searcher = searcher_with(records, CostAwareSearcher)
    found, model, points = acquisition_at(searcher, np.random.default_rng(0).random((50, 2)))
    best = model.predict(np.array(POINTS))[0].min()
    expected = expected_improvement(*model.predict(points), best)
    log_cost = searcher.log_cost(points)[0]
    np.testing.assert_allclose(np.exp(found), expected / np.exp(log_cost), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(log_cost, points[:, 0] * math.log(10), atol=0.3)


def test_it_spends_less_on_a_trial_than_improvement_alone():
    def mean_seconds(searcher):
        return run(searcher, 25)["end"].max()

    aware = [mean_seconds(CostAwareSearcher(SPACE, seed=seed)) for seed in range(4)]
    unaware = [mean_seconds(BayesianSearcher(SPACE, seed=seed)) for seed in range(4)]
    assert np.mean(aware) < np.mean(unaware)


@pytest.mark.parametrize("cost", [0, -1.0])
def test_a_cost_that_is_not_positive(cost):
    with pytest.raises(ValueError, match="'seconds' is not positive"):
        searcher_with([((0.1, 0.1), 0.5, {"seconds": cost})], CostAwareSearcher, cost="seconds")


def test_another_number_can_be_the_cost():
    records = run(CostAwareSearcher(SPACE, cost="size"), 12)
    assert len(records) == 12


def test_a_seed_decides_everything():
    for make in (lambda seed: ConstrainedSearcher(SPACE, seed=seed, limits={"memory": 1.2}),
                 lambda seed: CostAwareSearcher(SPACE, seed=seed)):
        first, second, other = (run(make(seed), 14)["error"].to_numpy() for seed in (0, 0, 1))
        np.testing.assert_array_equal(first, second)
        assert (first != other).any()


def test_settings_are_plain():
    for searcher, own in ((ConstrainedSearcher(SPACE, limits={"memory": 2}), ("limits", "memory")),
                          (CostAwareSearcher(SPACE), ("names", "elapsed_time"))):
        settings = json.loads(json.dumps(BasicScheduler(searcher).describe()))["settings"]
        assert settings["searcher"] == type(searcher).__name__ and own[1] in settings[own[0]]


# -- benchmarks with more numbers -----------------------------------------------------------------

def test_the_size_of_recorded_perceptrons_is_what_was_counted():
    benchmark = SizedPerceptron()
    sizes = [benchmark.measure(config)["size"] for config in benchmark.configs]
    np.testing.assert_allclose(np.power(10, sizes), benchmark.table("parameters"))


def test_the_latency_of_an_architecture_is_the_median_of_its_recordings():
    benchmark = TimedLeNet()
    alike = [config["width"] == 2 and config["activation"] == "tanh"
             for config in benchmark.configs]
    expected = 1000 * np.median(benchmark.table("latency")[alike])
    config = {**benchmark.configs[0], "width": 2, "activation": "tanh"}
    assert benchmark.measure(config)["latency"] == pytest.approx(expected)
    assert len(benchmark.latencies) == 6


def test_memory_and_the_worst_class_are_predicted_near_what_was_recorded():
    benchmark = LimitedLeNet()
    found = pd.DataFrame([benchmark.measure(config) for config in benchmark.configs])
    memory, worst = benchmark.table("memory") / 2**20, benchmark.table("class_errors").max(axis=1)
    np.testing.assert_allclose(found["memory"], memory, rtol=0.25)
    trained = np.isfinite(worst)  # one training diverged
    assert trained.sum() == len(worst) - 1 and found["worst_class"][~trained].item() > 0.8
    assert stats.kendalltau(found["worst_class"][trained], worst[trained]).statistic > 0.8
    errors, _ = benchmark.curve(benchmark.configs[0])
    records = simulate(BasicScheduler(BayesianSearcher(benchmark.config_space)), benchmark,
                       number_of_trials=2)
    assert {*records["info"][0]} == {"elapsed_time", "worst_class", "memory"}
    assert len(errors) == 27
