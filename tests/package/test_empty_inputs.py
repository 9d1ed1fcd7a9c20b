"""Lists, tables and dictionaries without an entry: a sensible result, or an error with a remedy."""
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import d2l_hpo
from d2l_hpo import (
    BasicScheduler, ConstrainedSearcher, GridSearcher, HPOTuner, NondominatedSortingSearcher,
    PoolSearcher, RandomSearcher, categorical, check_space, crowding_distances, describe_space,
    dominance, expected_improvement, feasible, feasible_errors, hyperband_brackets, hypervolume,
    incumbent_errors, log_expected_improvement, lower_confidence_bound, mean_interval,
    nondominated_ranks, paired_bootstrap, pareto_front, sample_configurations, to_syne_tune,
    utilization,
)
from d2l_hpo.measures import (
    hyperparameter_importance, job_table, objective_table, order_by_front, quick_front,
)
from d2l_hpo.spaces import configurations_from_unit_cube, configurations_to_unit_cube

SPACE = {"x": stats.uniform(0, 1)}
NO_ROWS = job_table([])
ROWS = pd.DataFrame({"error": [0.3, math.nan, 0.1, math.nan],
                     "info": [{"memory": 3.0}, {"memory": 1.0}, {"memory": 1.0}, {}]})


# -- limits ---------------------------------------------------------------------------------------

def test_without_limits_each_trial_that_succeeded_keeps_them():
    assert feasible(ROWS, {}).tolist() == [True, False, True, False]
    assert feasible_errors(ROWS, {}).tolist() == [0.3, 0.3, 0.1, 0.1]
    assert feasible_errors(ROWS.iloc[1:2], {}).tolist() == [math.inf]


@pytest.mark.parametrize("limits", [{}, {"memory": 2.0}, {"memory": 2.0, "error": 1}])
def test_without_rows_there_is_nothing_to_say(limits):
    for records in (NO_ROWS, ROWS.iloc[:0]):
        for measure, kind in ((feasible, bool), (feasible_errors, float)):
            values = measure(records, limits)
            assert values.shape == (0,) and values.dtype == kind
        assert objective_table(records, list(limits)).shape == (0, len(limits))


def test_where_all_have_failed_nothing_is_feasible():
    failed = ROWS[ROWS["error"].isna()]
    assert feasible(failed, {"memory": 2.0, "unknown": 1}).tolist() == [False, False]


@pytest.mark.parametrize(("records", "limits", "kind", "message"), [
    (ROWS, {"size": 1}, ValueError, "'size' is missing from .*'memory'.*; return it beside"),
    (ROWS[["error"]], {"memory": 1}, ValueError, "lack info; give a table such as HPOTuner.rec"),
    (ROWS[["info"]], {}, ValueError, "the records lack error; give a table"),
    (pd.DataFrame(), {}, ValueError, "the records lack error and info; give a table"),
    (ROWS.assign(info="{'memory': 1}"), {"memory": 1}, ValueError, "row 0 .* info .*expected a di"),
    (ROWS, ["memory"], TypeError, r"limits are \['memory'\], expected a dict such as"),
    (ROWS, [], TypeError, r"limits are \[\], expected a dict such as"),
    (ROWS, {"memory": None}, TypeError, "the limit of 'memory' is None, expected a number; leave"),
    (ROWS, {"memory": "2"}, TypeError, "the limit of 'memory' is '2', expected a number"),
    (ROWS, {"memory": math.nan}, TypeError, "the limit of 'memory' is nan, expected a number"),
])
def test_what_cannot_be_compared_with_a_limit_is_named(records, limits, kind, message):
    for measure in (feasible, feasible_errors):
        with pytest.raises(kind, match=message):
            measure(records, limits)


# -- other containers -----------------------------------------------------------------------------

@pytest.mark.parametrize(("call", "expected"), [
    (lambda: dominance([]), np.zeros((0, 0), bool)),
    (lambda: pareto_front([]), np.zeros(0, int)),
    (lambda: quick_front([]), np.zeros(0, int)),
    (lambda: nondominated_ranks([]), np.zeros(0, int)),
    (lambda: order_by_front([]), np.zeros(0, int)),
    (lambda: crowding_distances([]), np.zeros(0)),
    (lambda: hypervolume([], [1, 1]), np.float64(0)),
    (lambda: hypervolume([], [1, 1, 1]), np.float64(0)),
    (lambda: expected_improvement([], [], 0.1), np.zeros(0)),
    (lambda: log_expected_improvement([], [], 0.1), np.zeros(0)),
    (lambda: lower_confidence_bound(np.zeros(0), np.zeros(0)), np.zeros(0)),
    (lambda: incumbent_errors(NO_ROWS, [1, 2]), np.full(2, np.nan)),
    (lambda: incumbent_errors(ROWS.assign(end=1.0), []), np.zeros(0)),
    (lambda: np.array(configurations_from_unit_cube(SPACE, [])), np.zeros(0)),
    (lambda: configurations_to_unit_cube(SPACE, []), np.zeros((0, 1))),
    (lambda: np.array(sample_configurations(SPACE, 0, np.random.default_rng(0))), np.zeros(0)),
    (lambda: np.array(hyperband_brackets([], 3)), np.zeros(0)),
    (lambda: np.array(utilization(NO_ROWS, 2)), np.array(np.nan)),
], ids=lambda value: "" if isinstance(value, np.ndarray | np.generic) else None)
def test_nothing_in_is_nothing_out(call, expected):
    found = np.asarray(call())
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


def test_importance_of_nothing_is_none():
    assert hyperparameter_importance([], []) is None


@pytest.mark.parametrize(("call", "message"), [
    (lambda: check_space({}), "space is empty; give it at least one"),
    (lambda: describe_space({}), "space is empty; give it at least one"),
    (lambda: RandomSearcher({}), "space is empty; give it at least one"),
    (lambda: GridSearcher({}), "space is empty; give it at least one"),
    (lambda: to_syne_tune({}), "space is empty; give it at least one"),
    (lambda: check_space({"kind": categorical([])}), r"'kind': .* has no choices; give it at le"),
    (lambda: ConstrainedSearcher(SPACE, limits={}), "limits is empty; give at least one"),
    (lambda: NondominatedSortingSearcher(SPACE, objectives=()), r"objectives are \(\), expected"),
    (lambda: mean_interval([]), r"errors are \[\], expected at least two"),
    (lambda: paired_bootstrap([], []), r"shape \(0,\).*at least two seeds"),
    (lambda: pareto_front([[]]), r"points have shape \(1, 0\)"),
    (lambda: d2l_hpo.plot_any_time({"a": np.zeros((2, 0))}, []), "times are empty, expected sec"),
])
def test_what_needs_an_entry_says_so(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_search_takes_empty_lists():
    search = HPOTuner(BasicScheduler(RandomSearcher(SPACE, initial_configs=[])),
                      lambda config: config["x"], stop=[], callbacks=[], warm_start=[])
    search.run(number_of_trials=2)
    assert len(search.rows) == 2
    with pytest.raises(RuntimeError, match="never suggested a trial; does its searcher have any"):
        HPOTuner(BasicScheduler(PoolSearcher(SPACE, [])), lambda config: 0).run()
