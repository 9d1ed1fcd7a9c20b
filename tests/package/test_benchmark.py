"""Recorded benchmarks: what they replay, what they refuse, and searching on them."""
import json
import math
import subprocess
import sys
from types import MappingProxyType

import numpy as np
import pytest

from d2l_hpo import (
    BasicScheduler,
    DigitsBenchmark,
    HPOTuner,
    LeNetBenchmark,
    MLPBenchmark,
    RandomSearcher,
    RecordedBenchmark,
    RecordedSearcher,
)
from d2l_hpo.simulation.recordings import DATA

BENCHMARKS = [LeNetBenchmark, MLPBenchmark, DigitsBenchmark]
UNRECORDED = {"learning_rate": 1.0, "batch_size": 64, "momentum": 0.0, "weight_decay": 1e-3,
              "units": 32}


@pytest.fixture(scope="module")
def digits() -> DigitsBenchmark:
    return DigitsBenchmark()


def raw(benchmark: RecordedBenchmark, name: str) -> np.ndarray:
    """A column of the file, first repetitions only, in the order of the configurations."""
    with np.load(DATA / f"recording_{benchmark.task}.npz") as file:
        first = np.flatnonzero(file["repetition"] == 0)
        return file[name][first[np.argsort(file["index"][first])]]


# -- recorded configurations ----------------------------------------------------------------------

@pytest.mark.parametrize("benchmark_class", BENCHMARKS)
def test_the_curve_of_a_recorded_configuration_is_the_recorded_row(benchmark_class):
    benchmark = benchmark_class()
    rows = list(zip(raw(benchmark, "config"), raw(benchmark, "error"), raw(benchmark, "seconds"),
                    strict=True))
    assert [json.loads(config) for config, *_ in rows] == benchmark.configs
    for config, errors, seconds in rows:
        replayed_errors, replayed_seconds = benchmark.curve(json.loads(config))
        assert np.array_equal(replayed_errors.astype(np.float32), errors, equal_nan=True)
        trained = np.isfinite(seconds).sum()
        assert np.array_equal(replayed_seconds[:trained].astype(np.float32), seconds[:trained])
        assert (replayed_seconds[trained:] == replayed_seconds[trained - 1]).all()


def test_a_diverged_curve_ends_in_nan_while_the_seconds_stand_still(digits):
    diverged = [config for config in digits.configs if np.isnan(digits.curve(config)[0][-1])]
    assert len(diverged) >= 10
    for config in diverged:
        errors, seconds = digits.curve(config)
        epochs = np.isfinite(errors).sum()  # the next epoch was trained, too, but diverged
        assert np.isnan(errors[epochs:]).all()
        assert (np.diff(seconds[: epochs + 1]) > 0).all() and (np.diff(seconds[epochs:]) == 0).all()
        assert math.isnan(digits(config)["error"]) and digits(config)["elapsed_time"] == seconds[-1]


def test_a_measured_curve_is_found_whatever_the_order_and_kind_of_mapping(digits):
    config = digits.configs[7]
    assert digits.curve(dict(reversed(config.items()))) is digits.curve(config)
    assert digits.curve(MappingProxyType(config)) is digits.curve(config)


def test_the_objective_gives_error_and_seconds_after_the_epochs(digits):
    for config in (digits.configs[0], UNRECORDED):
        errors, seconds = digits.curve(config)
        for epochs in (1, 9, np.int64(27)):
            assert digits(config, max_epochs=epochs) == {"error": errors[epochs - 1],
                                                         "elapsed_time": seconds[epochs - 1]}
        assert digits(config) == digits(config, max_epochs=27)


def test_curves_cannot_be_changed(digits):
    for config in (digits.configs[0], UNRECORDED):
        for curve in digits.curve(config):
            with pytest.raises(ValueError, match="read-only"):
                curve[0] = 0.0


def test_a_curve_is_predicted_once(digits, monkeypatch):
    first = digits.curve(UNRECORDED)
    monkeypatch.setattr(digits.surrogate, "predict", None)
    assert digits.curve(dict(UNRECORDED)) is first
    assert digits.curves([UNRECORDED, dict(UNRECORDED)]) == [first, first]


@pytest.mark.parametrize(("epochs", "message"), [
    (28, "max_epochs is 28, but 27 epochs are recorded"),
    *((value, f"max_epochs is {value!r}, expected a positive integer")
      for value in (0, -1, 2.5, 9.0, True, "3", math.nan)),
])
def test_a_number_of_epochs_that_is_not_recorded_is_an_error(digits, epochs, message):
    with pytest.raises(ValueError, match=message):
        digits(digits.configs[0], max_epochs=epochs)


# -- configurations that are refused --------------------------------------------------------------

BAD_VALUES = [
    ("units", 2, ValueError, "units.*2 is outside lograndint"),
    ("units", 500, ValueError, "units.*500 is outside lograndint"),
    ("learning_rate", math.nan, ValueError, "learning_rate.*nan is outside"),
    ("learning_rate", math.inf, ValueError, "learning_rate.*inf is outside"),
    ("momentum", "0.5", TypeError, "momentum.*'0.5' is str, expected a float"),
    ("momentum", None, TypeError, "momentum.*None is NoneType, expected a float"),
    ("momentum", [0.5], TypeError, r"momentum.*\[0.5\] is list, expected a float"),
    ("momentum", np.array(0.5), TypeError, "momentum.* is ndarray, expected a float"),
    ("dropout", 0.5, ValueError, "unknown hyperparameter 'dropout'"),
]


def refuse(benchmark, config, error, message):
    before = dict(config)
    for call in (benchmark, benchmark.curve, lambda config: benchmark.curves([config])):
        with pytest.raises(error, match=message):
            call(config)
    assert config == before


@pytest.mark.parametrize(("name", "value", "error", "message"), BAD_VALUES)
def test_a_configuration_outside_the_space_is_an_error(digits, name, value, error, message):
    refuse(digits, {**digits.configs[0], name: value}, error, message)
    refuse(digits, {**UNRECORDED, name: value}, error, message)


def test_a_configuration_without_a_hyperparameter_is_an_error(digits):
    for name in digits.config_space:
        config = {key: value for key, value in digits.configs[0].items() if key != name}
        refuse(digits, config, ValueError, f"hyperparameter '{name}' is missing")


@pytest.mark.parametrize("config", [None, 3, "learning_rate", [0.1, 64]])
def test_what_is_no_configuration_is_an_error(digits, config):
    with pytest.raises(TypeError, match="a configuration is a dict"):
        digits.curve(config)


@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_an_integer_written_as_a_float_does_not_find_a_known_curve(digits, kind):
    digits.curve(UNRECORDED)
    for config in (digits.configs[0], UNRECORDED):
        value = kind(config["batch_size"])
        assert value == config["batch_size"] and hash(value) == hash(config["batch_size"])
        refuse(digits, {**config, "batch_size": value}, TypeError, "batch_size.*expected an int")


@pytest.mark.parametrize(("name", "value"), [("learning_rate", True), ("learning_rate", np.True_),
                                             ("momentum", False), ("momentum", np.False_)])
def test_a_truth_value_does_not_find_a_known_curve(digits, name, value):
    digits.curve(UNRECORDED)
    assert UNRECORDED[name] == value
    refuse(digits, {**UNRECORDED, name: value}, TypeError, f"{name}.*is bool, expected a float")


def test_numpy_numbers_and_integers_for_floats_are_the_numbers_they_hold(digits):
    numpys = {int: np.int64, float: np.float64}
    for config in (digits.configs[3], UNRECORDED):
        as_numpy = {name: numpys[type(value)](value) for name, value in config.items()}
        before = dict(as_numpy)
        assert digits.curve(as_numpy) is digits.curve(config)
        assert [type(value) for value in as_numpy.values()] == [type(v) for v in before.values()]
    assert digits.curve({**UNRECORDED, "learning_rate": 1}) is digits.curve(UNRECORDED)


# -- columns --------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["error", "loss", "seconds", "class_errors", "test_error",
                                  "parameters", "memory", "latency"])
def test_tables_hold_the_recorded_columns(digits, name):
    table, repeated = digits.table(name), digits.repetitions(name)
    np.testing.assert_allclose(table, raw(digits, name), rtol=1e-6, atol=1e-7)
    assert repeated.shape == (24, 5, *table.shape[1:])
    assert np.array_equal(repeated[:, 0], table[:24], equal_nan=True)
    table[:] = 0
    assert digits.table(name).any()


def test_repetitions_differ_but_not_much(digits):
    errors = digits.repetitions("error")[..., -1]
    learned = np.nan_to_num(errors, nan=1).max(1) < 0.5
    spread = errors[learned].std(1)
    assert (errors.std(1)[learned] > 0).any() and spread.mean() < 0.1


@pytest.mark.parametrize("name", ["accuracy", "config", "index", "repetition", "", None])
def test_an_unknown_column_is_an_error_that_lists_the_columns(digits, name):
    for lookup in (digits.table, digits.repetitions):
        with pytest.raises(ValueError, match=f"unknown column {name!r}; .*'error'.*'test_error'"):
            lookup(name)


# -- searching on a benchmark ---------------------------------------------------------------------

def test_a_benchmark_is_an_objective(digits):
    tuner = HPOTuner(BasicScheduler(RandomSearcher(digits.config_space, seed=0)), digits)
    tuner.run(number_of_trials=20)
    records = tuner.records
    assert list(records["status"]) == ["completed"] * 20
    assert [digits(config)["error"] for config in records["config"]] == list(records["error"])
    assert records["info"][3] == {"elapsed_time": digits.curve(records["config"][3])[1][-1]}
    assert tuner.incumbent_error == records["error"].min() < 0.2


def test_a_diverged_configuration_fails_in_a_search(digits):
    tuner = HPOTuner(BasicScheduler(RecordedSearcher(digits), max_epochs=9), digits)
    tuner.run()
    failed = np.isnan(digits.table("error")[:, 8])
    assert (tuner.records["status"] == "failed").sum() == failed.sum() > 5
    assert tuner.incumbent_error == np.nanmin(digits.table("error")[:, 8])
    assert tuner.records["traceback"].dropna().str.contains("no finite error").all()


def draw(searcher: RecordedSearcher, n: int) -> list:
    return [searcher.sample_configuration() for _ in range(n)]


def test_a_recorded_searcher_draws_each_configuration_once_in_random_order(digits):
    n = len(digits.configs)
    *drawn, end, again = draw(RecordedSearcher(digits, seed=3), n + 2)
    assert end is None and again is None
    assert drawn != digits.configs
    by_rate = sorted(drawn, key=lambda config: config["learning_rate"])
    assert by_rate == sorted(digits.configs, key=lambda config: config["learning_rate"])
    assert draw(RecordedSearcher(digits, seed=3), n) == drawn
    assert draw(RecordedSearcher(digits, seed=4), n) != drawn


def test_what_a_recorded_searcher_gave_may_be_changed(digits):
    before = digits.configs
    searcher = RecordedSearcher(digits, initial_config=UNRECORDED)
    for config in draw(searcher, 20):
        config.clear()
    assert digits.configs == before and searcher.initial_config == UNRECORDED
    assert draw(RecordedSearcher(digits), 20) == draw(RecordedSearcher(digits), 20)


def test_a_recorded_searcher_begins_with_the_initial_configuration(digits):
    n, recorded = len(digits.configs), digits.configs[9]
    drawn = draw(RecordedSearcher(digits, initial_config=recorded), n + 1)
    assert drawn[0] == recorded and drawn.count(recorded) == 1 and drawn[-1] is None
    drawn = draw(RecordedSearcher(digits, initial_config=UNRECORDED), n + 2)
    assert drawn[0] == UNRECORDED and drawn.index(None) == n + 1
    with pytest.raises(ValueError, match="units.*2 is outside"):
        RecordedSearcher(digits, initial_config={**UNRECORDED, "units": 2})


def test_a_search_of_recorded_configurations_describes_itself(digits):
    scheduler = BasicScheduler(RecordedSearcher(digits, UNRECORDED, seed=np.int64(5)), max_epochs=9)
    description = json.loads(json.dumps(scheduler.describe()))
    assert description["space"] == digits.card["space"] and description["seed"] == 5
    assert description["settings"] == {
        "searcher": "RecordedSearcher", "initial_config": UNRECORDED, "task": "digits",
        "configurations": len(digits.configs), "max_epochs": 9}


REPLAY = """
import sys
from d2l_hpo import BasicScheduler, DigitsBenchmark, HPOTuner, RecordedSearcher
benchmark = DigitsBenchmark()
tuner = HPOTuner(BasicScheduler(RecordedSearcher(benchmark)), benchmark)
tuner.run(number_of_trials=30)
benchmark.repetitions("error")
print(len(tuner.records), {"torch", "torchvision", "d2l", "sklearn"} & set(sys.modules))
benchmark.curve({**benchmark.configs[0], "momentum": 0.5})
print({"torch", "torchvision", "d2l", "sklearn"} & set(sys.modules))
"""


def test_replaying_imports_neither_torch_nor_scikit_learn():
    printed = subprocess.run([sys.executable, "-c", REPLAY], check=True, capture_output=True,
                             text=True).stdout
    assert printed.splitlines() == ["30 set()", "{'sklearn'}"]


def test_without_measured_curves_recorded_configurations_are_predicted_too():
    benchmark = DigitsBenchmark(measured=False)
    config = benchmark.configs[3]
    errors, seconds = benchmark.curve(config)
    predicted = benchmark.surrogate.predict([config])
    np.testing.assert_array_equal(errors, predicted[0][0])
    np.testing.assert_array_equal(seconds, predicted[1][0])
    assert not np.array_equal(errors, DigitsBenchmark().curve(config)[0], equal_nan=True)
    with pytest.raises(ValueError, match="batch_size"):
        benchmark.curve({**config, "batch_size": 10_000})


def test_the_class_of_all_recorded_tasks_names_those_that_can_be_used():
    with pytest.raises(TypeError, match="names no task; use LeNetBenchmark"):
        RecordedBenchmark()
