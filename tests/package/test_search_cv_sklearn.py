"""What scikit-learn asks of estimators and of its own searches, asked of HPOSearchCV."""
import warnings

import pytest
from scipy import stats
from search_stand_ins import load_tests_of_searches
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import check_estimator

from d2l_hpo import HPOSearchCV, categorical

pytest.importorskip("sklearn.model_selection.tests.test_search")

PLAIN = "a choice of ours is a plain value, no estimator, array, dictionary or tuple"
OTHERS = "it runs no search that could be ours"
BATCHES = "each batch of candidates is a task of its own here; test_search_cv.py counts them"
NOT_APPLICABLE = {
    "test_array_api_search_cv_classifier": "it needs libraries of arrays that are not installed",
    "test_cv_results_dtype_issue_29074": PLAIN,
    "test_cv_results_multi_size_array": PLAIN,
    "test_grid_search_bad_param_grid": "it is about the messages for a wrong grid",
    "test_grid_search_pipeline_steps": PLAIN,
    "test_search_estimator_param": PLAIN,
    "test_search_html_repr": PLAIN,
    "test_search_with_2d_array": PLAIN,
    "test_search_with_estimators_issue_29157": PLAIN,
    "test_predict_proba_disabled": "its grid is empty; an empty space of ours is an error",
    "test_random_search_cv_results": "its distributions are unbounded; ours have bounds",
    "test_custom_run_search": "no value tells its grids apart, so no condition can",
    "test_search_callbacks_no_propagation": BATCHES,
    "test_search_callbacks_propagation": BATCHES,
    "test_search_callbacks_with_partial_fit_failures": BATCHES,
    **dict.fromkeys(["test_parameter_grid", "test_param_sampler", "test_validate_parameter_input",
                     "test_parameters_sampler_replacement", "test__custom_fit_no_run_search",
                     "test_yield_masked_array_for_each_param",
                     "test_yield_masked_array_no_runtime_warning"], OTHERS),
}
THEIRS = {name: test for name, test in vars(load_tests_of_searches()).items()
          if name.startswith("test_")}
OURS = {name: test for name, test in THEIRS.items() if name not in NOT_APPLICABLE}
globals().update(OURS)


def test_most_of_their_tests_apply():
    assert len(OURS) >= 3 * len(set(THEIRS) - set(OURS))


CHECKED = {
    "random": HPOSearchCV(LogisticRegression(), {"C": stats.loguniform(1e-2, 1)}, cv=2,
                          searcher="random", n_trials=2, random_state=0),
    "grid": HPOSearchCV(Ridge(), {"alpha": categorical([0.1, 1.0])}, cv=2, searcher="grid",
                        random_state=0),
    "halving": HPOSearchCV(LogisticRegression(), {"C": stats.loguniform(1e-2, 1)}, cv=2,
                           searcher="random", resource="n_samples", n_trials=3, random_state=0),
}


@pytest.mark.parametrize("search", CHECKED.values(), ids=CHECKED)
def test_it_passes_all_checks_of_an_estimator(search):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(search, on_skip=None, on_fail=None)
    failed = {result["check_name"]: result["exception"] for result in results
              if result["status"] != "passed"}
    assert not [name for name in failed if "array_api" not in name], failed
    assert len(results) >= 50
