"""The report of a search: what it says, and what it refuses."""
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from d2l_hpo import (
    BasicScheduler, HPOTuner, RandomSearcher, categorical, describe_space, lograndint,
    mean_interval, search_report, when,
)
from d2l_hpo.tuning import describe_effort, spell_domain

SPACE = {"x": stats.uniform(0, 1), "kind": categorical(["a", "b"])}


def objective(config):
    if config["kind"] == "b":
        raise ValueError("no b")
    return config["x"]


@pytest.fixture
def search():
    tuner = HPOTuner(BasicScheduler(RandomSearcher(SPACE, seed=3)), objective)
    tuner.run(number_of_trials=12)
    return tuner


def cells(report):
    """The report's rows as a dict."""
    head, rule, *rows = [line.strip("|").split("|", 1) for line in report.splitlines()]
    assert (head, rule) == ([" Item ", " Value "], ["---", "---"])
    return {name.strip(): text.strip() for name, text in rows}


def test_a_report_says_what_was_searched_and_found(search):
    rows = cells(search_report(search, [0.1, 0.2, 0.3], 0.25, 300))
    failed = (search.records["status"] == "failed").sum()
    assert list(rows) == ["space", "method", "effort", "incumbent", "trained anew", "test, once"]
    assert rows["space"] == "`x`: uniform(loc=0, scale=1); `kind`: 'a' or 'b'"
    assert rows["method"].startswith("BasicScheduler, seed 3, {'searcher': 'RandomSearcher'")
    assert rows["effort"].startswith("12 trials in 12 jobs on 1 worker, ")
    assert 0 < failed < 12 and rows["effort"].endswith(f"; {failed} trials failed")
    assert rows["incumbent"] == (f"{search.incumbent}, error {search.incumbent_error:.4f} "
                                 "in the search")
    low, high = stats.t.interval(0.95, 2, 0.2, 0.1 / math.sqrt(3))
    assert rows["trained anew"] == (f"mean error 0.2000, 95 % interval {low:.4f} to {high:.4f}, "
                                    "3 new seeds")
    assert rows["test, once"] == "error 0.2500, standard error 0.0250"


def test_a_bar_in_a_name_does_not_end_a_column():
    tuner = HPOTuner(BasicScheduler(RandomSearcher({"kind": categorical(["a|b", "c|d"])})),
                     lambda config: 0.5)
    tuner.run(number_of_trials=1)
    report = search_report(tuner, [0.1, 0.2], 0.25, 300)
    assert r"'a\|b' or 'c\|d'" in report
    assert [line.replace(r"\|", "").count("|") for line in report.splitlines()] == [3] * 8


def test_a_trial_that_failed_and_its_retries_count_once():
    records = pd.DataFrame({
        "trial_id": [0, 1, 0, 2, 2], "status": ["completed", "failed", "completed", "completed",
                                                "failed"],
        "start": [0, 0, 1, 1, 2.0], "end": [1, 1, 2, 2, 9.6], "worker": [0, 1, 0, 1, 1]})
    assert describe_effort(records) == ("3 trials in 5 jobs on 2 workers, 10 s (12 s of jobs); "
                                        "2 trials failed")


@pytest.mark.parametrize(("domain", "text"), [
    (stats.loguniform(1e-3, 1), "loguniform(a=0.001, b=1)"),
    (stats.uniform(0.5, 0.49), "uniform(loc=0.5, scale=0.49)"),
    (lograndint(16, 256), "lograndint(low=16, high=256)"),
    (stats.uniform(), "uniform(loc=0, scale=1)"),
    (stats.randint(0, 1_234_567), "randint(low=0, high=1234567)"),
    (categorical(["a", 2, None]), "'a' or 2 or None"),
    ("sgd", "'sgd'"),
    (when(lambda config: True, stats.randint(1, 4)), "randint(low=1, high=4), under a condition"),
])
def test_domains_are_spelled_for_readers(domain, text):
    [described] = describe_space({"name": domain})
    assert spell_domain(described) == f"`name`: {text}"


def test_the_interval_is_students():
    errors = np.random.default_rng(0).normal(0.3, 0.1, 8)
    expected = stats.ttest_1samp(errors, 0).confidence_interval()
    assert mean_interval(errors) == pytest.approx((errors.mean(), *expected))
    assert mean_interval([0.5, 0.5]) == (0.5, 0.5, 0.5)
    expected = stats.ttest_1samp(errors, 0).confidence_interval(1 - 0.05 / 7)
    assert mean_interval(errors, comparisons=7) == pytest.approx((errors.mean(), *expected))
    with pytest.raises(ValueError, match="comparisons is 0, expected a positive integer"):
        mean_interval(errors, comparisons=0)


@pytest.mark.parametrize("errors", [[], [0.1], [0.1, math.nan], [0.1, math.inf], [[0.1, 0.2]], 0.1])
def test_an_interval_needs_two_finite_errors(search, errors):
    with pytest.raises(ValueError, match="expected at least two finite numbers, one a seed"):
        mean_interval(errors)
    with pytest.raises(ValueError, match="errors are"):
        search_report(search, errors, 0.1, 100)


@pytest.mark.parametrize("test_error", [-0.1, 1.5, math.nan, 25])
def test_a_test_error_is_a_fraction(search, test_error):
    with pytest.raises(ValueError, match=f"test_error is {test_error}, expected a fraction"):
        search_report(search, [0.1, 0.2], test_error, 100)


@pytest.mark.parametrize("test_examples", [0, 2.5])
def test_there_are_test_examples(search, test_examples):
    with pytest.raises(ValueError, match="test_examples is"):
        search_report(search, [0.1, 0.2], 0.1, test_examples)


def test_a_search_without_a_result_has_no_report():
    tuner = HPOTuner(BasicScheduler(RandomSearcher(SPACE, seed=0)), objective)
    with pytest.raises(ValueError, match="no trial has succeeded; run the search first"):
        search_report(tuner, [0.1, 0.2], 0.1, 100)
