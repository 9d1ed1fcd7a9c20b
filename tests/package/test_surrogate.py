"""The surrogate: its inputs, predictions and kernels, and an honest measure of its quality."""
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit
from sklearn.model_selection import GroupKFold, cross_val_predict

from d2l_hpo import (
    DigitsBenchmark, LeNetBenchmark, MLPBenchmark, categorical, check_space, lograndint,
    sample_configurations,
)
from d2l_hpo.spaces import configurations_from_unit_cube
from d2l_hpo.simulation.surrogate import GUESSING, Surrogate, regressor

BENCHMARKS = [LeNetBenchmark, MLPBenchmark, DigitsBenchmark]
SPACE = check_space({"learning_rate": stats.loguniform(1e-3, 1), "batch_size": lograndint(16, 256),
                     "momentum": stats.uniform(0.5, 0.4), "width": stats.randint(1, 4),
                     "activation": categorical(["relu", "tanh", "sigmoid"])})


def random_configs(n: int) -> list[dict]:
    return sample_configurations(SPACE, n, np.random.default_rng(0))


def smooth_curves(configs: list[dict], epochs: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Errors and elapsed seconds without noise, each of shape (configurations, epochs)."""
    rates = np.log10([config["learning_rate"] for config in configs])
    widths = np.array([config["width"] for config in configs])
    epoch = np.arange(1, epochs + 1)
    return expit(np.add.outer((rates + 1.5) ** 2, -0.3 * epoch)), np.outer(0.1 * widths, epoch)


# -- inputs and predictions -----------------------------------------------------------------------

def test_inputs_span_the_unit_interval_and_choices_have_a_column_each():
    low, high = configurations_from_unit_cube(SPACE, [[0] * 5, [1] * 5])
    middle = {"learning_rate": 10 ** -1.5, "batch_size": 64, "momentum": 0.7, "width": 2,
              "activation": "tanh"}
    surrogate = Surrogate(SPACE, [low, high], *smooth_curves([low, high]))
    features = surrogate.features([low, middle, high])
    np.testing.assert_allclose(features[:, :-1], [
        [0, 0, 0, 0, 1, 0, 0], [0.5, 0.5, 0.5, 0.5, 0, 1, 0], [1, 1, 1, 1, 0, 0, 1]], atol=1e-12)
    assert features[1, -1] == pytest.approx(np.log(10 ** -1.5 / 64 / 0.3) / 10)


def test_a_smooth_function_is_predicted_where_it_was_not_seen():
    configs = random_configs(120)
    errors, seconds = smooth_curves(configs)
    surrogate = Surrogate(SPACE, configs[:80], errors[:80], seconds[:80])
    predicted_errors, predicted_seconds = surrogate.predict(configs[80:])
    assert np.abs(predicted_errors - errors[80:]).max() < 0.05
    np.testing.assert_allclose(predicted_seconds, seconds[80:], rtol=0.05)


def test_a_stored_kernel_predicts_what_the_fitted_one_does():
    configs = random_configs(60)
    errors, seconds = smooth_curves(configs)
    fitted = Surrogate(SPACE, configs[:40], errors[:40], seconds[:40])
    stored = Surrogate(SPACE, configs[:40], errors[:40], seconds[:40], fitted.kernels)
    assert stored.kernels == fitted.kernels
    for one, other in zip(fitted.predict(configs), stored.predict(configs), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    other_kernels = {name: [value + 0.1 * (i + 1) for i, value in enumerate(theta)]
                     for name, theta in fitted.kernels.items()}
    different = Surrogate(SPACE, configs[:40], errors[:40], seconds[:40], other_kernels)
    assert different.kernels == other_kernels  # to the last bit, although log(exp(x)) may not be x
    assert np.abs(different.predict(configs[40:])[0] - fitted.predict(configs[40:])[0]).max() > 1e-5


def test_divergence_counts_as_guessing_and_its_seconds_as_those_of_the_epochs_it_took():
    configs = random_configs(30)
    errors, seconds = np.full((30, 4), np.nan), np.full((30, 4), np.nan)
    seconds[:, :2] = [0.5, 1.0]  # diverged in the second epoch
    predicted = Surrogate(SPACE, configs, errors, seconds).predict(configs[:1])
    np.testing.assert_allclose(predicted[0], np.full((1, 4), GUESSING), atol=1e-6)
    np.testing.assert_allclose(predicted[1], [[0.5, 1.0, 1.5, 2.0]], rtol=1e-3)


def test_predicted_errors_are_between_the_smallest_and_the_largest_of_their_epoch():
    configs = random_configs(60)
    errors, seconds = smooth_curves(configs)
    predicted, _ = Surrogate(SPACE, configs[:10], errors[:10], seconds[:10]).predict(configs)
    assert (predicted > errors[:10].min(0) - 1e-6).all()
    assert (predicted < errors[:10].max(0) + 1e-6).all()
    assert predicted.std(0).min() > 0.05


@pytest.mark.parametrize(("n", "epochs"), [(1, 4), (2, 1), (12, 1)])
def test_few_rows_and_a_single_epoch_are_enough(n, epochs):
    configs = random_configs(n)
    surrogate = Surrogate(SPACE, configs, *smooth_curves(configs, epochs))
    errors, seconds = surrogate.predict(random_configs(20))
    assert errors.shape == seconds.shape == (20, epochs)
    assert ((errors > 0) & (errors < 1)).all() and (seconds > 0).all()
    if n > 2:
        assert surrogate.quality(range(n), folds=3)["error_tau"].shape == (epochs,)


# -- quality --------------------------------------------------------------------------------------

def test_repetitions_of_a_configuration_do_not_leak_between_folds():
    configs = [config for config in random_configs(40) for _ in range(5)]
    rng = np.random.default_rng(1)  # nothing but the repetitions tells the error
    errors = np.repeat(rng.uniform(0.1, 0.9, (40, 3)), 5, axis=0)
    seconds = np.repeat(np.cumsum(rng.uniform(0.5, 2, (40, 3)), 1), 5, axis=0)
    theta = np.log([1, *[0.2] * 8, 1e-3])  # a kernel that would remember what it has seen
    surrogate = Surrogate(SPACE, configs, errors, seconds, {"error": theta, "seconds": theta})
    together = surrogate.quality(np.repeat(np.arange(40), 5))
    leaking = surrogate.quality(np.arange(200))
    assert (leaking["error_r2"] > 0.9).all() and leaking["seconds_r2"] > 0.9
    assert (together["error_r2"] < 0.1).all() and together["seconds_r2"] < 0.1
    assert (np.abs(together["error_tau"]) < 0.4).all()


def kendall(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau-b by its definition: concordant less discordant pairs, corrected for ties."""
    x, y = np.sign(np.subtract.outer(x, x)), np.sign(np.subtract.outer(y, y))
    return (x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum())


def r2(truth: np.ndarray, predicted: np.ndarray) -> float:
    """The fraction of the variance that is explained, by its definition."""
    return 1 - ((truth - predicted) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()


def test_quality_is_that_of_predictions_by_an_independent_cross_validation():
    benchmark, epoch = DigitsBenchmark(), 8
    surrogate, groups = benchmark.surrogate, [index for index, _ in benchmark.recording.rows]
    quality = benchmark.surrogate_quality()

    rows = benchmark.recording.rows.values()
    errors = np.nan_to_num([row["error"][epoch] for row in rows], nan=GUESSING)
    scores = stats.norm.ppf((stats.rankdata(errors) - 0.5) / len(errors))
    model = regressor(surrogate.error_model.kernel_, optimizer=None)
    predicted_scores = cross_val_predict(model, surrogate.points, scores, groups=groups,
                                         cv=GroupKFold(8))
    predicted = np.quantile(errors, stats.norm.cdf(predicted_scores), method="hazen")
    assert quality["error_tau"][epoch] == pytest.approx(kendall(errors, predicted), abs=1e-6)
    assert quality["error_r2"][epoch] == pytest.approx(r2(errors, predicted), abs=1e-6)

    seconds = np.array([np.nanmax(row["seconds"]) / np.isfinite(row["seconds"]).sum()
                        for row in rows])
    model = regressor(surrogate.seconds_model.kernel_, optimizer=None)
    predicted = cross_val_predict(model, surrogate.points, np.log(seconds), groups=groups,
                                  cv=GroupKFold(8))
    assert quality["seconds_tau"] == pytest.approx(kendall(seconds, predicted), abs=1e-6)
    assert quality["seconds_r2"] == pytest.approx(r2(np.log(seconds), predicted), abs=1e-6)


@pytest.mark.parametrize("folds", [0, 1, 2.5, True, None])
def test_folds_are_a_whole_number_of_at_least_two(folds):
    configs = random_configs(6)
    surrogate = Surrogate(SPACE, configs, *smooth_curves(configs))
    with pytest.raises(ValueError, match=f"folds is {folds!r}, expected an integer of at least 2"):
        surrogate.quality(range(6), folds)


# -- the surrogates of the package ----------------------------------------------------------------

@pytest.mark.parametrize("benchmark_class", BENCHMARKS)
def test_a_shipped_surrogate_ranks_unseen_configurations(benchmark_class):
    quality = benchmark_class().surrogate_quality()
    assert quality["error_tau"][-1] > 0.5 and quality["error_r2"][-1] > 0.5
    assert quality["seconds_tau"] > 0.7


@pytest.mark.parametrize("benchmark_class", BENCHMARKS)
@pytest.mark.parametrize("name", ["error", "seconds"])
def test_shipped_kernels_are_of_greatest_likelihood_on_the_shipped_rows(benchmark_class, name):
    benchmark = benchmark_class()
    model = getattr(benchmark.surrogate, f"{name}_model")
    theta, (low, high) = np.array(benchmark.card["kernels"][name]), model.kernel_.bounds.T
    likelihood, gradient = model.log_marginal_likelihood(theta, eval_gradient=True)
    outwards = (theta <= low + 1e-6) & (gradient < 0) | (theta >= high - 1e-6) & (gradient > 0)
    assert np.abs(gradient[~outwards]).max() < 0.5  # of thousands; 1 is an e-fold of a parameter
    default = np.log([1.0, *[1.0] * benchmark.surrogate.points.shape[1], 0.05])
    assert likelihood > 10 + model.log_marginal_likelihood(default)


UNRECORDED = {"learning_rate": 1.0, "batch_size": 64, "momentum": 0.0, "weight_decay": 1e-3,
              "units": 32}


@pytest.mark.parametrize("benchmark_class", BENCHMARKS)
def test_predicted_curves_are_possible_all_over_the_space(benchmark_class):
    benchmark = benchmark_class()
    space = benchmark.config_space
    corners = list(product([0, 1], repeat=len(space)))
    configs = configurations_from_unit_cube(space, corners)
    configs += sample_configurations(space, 100, np.random.default_rng(0))
    for errors, seconds in benchmark.curves(configs):
        assert errors.shape == seconds.shape == (27,)
        assert ((errors > 0) & (errors < 1)).all()
        assert seconds[0] > 0 and (np.diff(seconds) > 0).all() and np.isfinite(seconds).all()


def test_many_curves_are_those_of_one_after_another():
    configs = sample_configurations(DigitsBenchmark().config_space, 50, np.random.default_rng(1))
    one, many = DigitsBenchmark(), DigitsBenchmark()
    configs += [configs[3], one.configs[0]]
    together = many.curves(configs)
    assert together[50] is together[3]
    for config, pair in zip(configs, together, strict=True):
        assert np.array_equal(one.curve(config), pair, equal_nan=True)
    assert many.curves([]) == []


PREDICT_ANEW = """
from d2l_hpo import DigitsBenchmark
print([curve.tolist() for curve in DigitsBenchmark().curve({config})])
"""


def test_another_process_predicts_the_same():
    printed = subprocess.run([sys.executable, "-c", PREDICT_ANEW.format(config=UNRECORDED)],
                             check=True, capture_output=True, text=True).stdout
    assert printed.strip() == str([curve.tolist() for curve in DigitsBenchmark().curve(UNRECORDED)])
