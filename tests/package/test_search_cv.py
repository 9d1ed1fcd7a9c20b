"""HPOSearchCV: what it finds and reports, failures, metrics, parallel candidates, callbacks."""
import math
import os
import pickle
import warnings
from functools import partial

import joblib
import numpy as np
import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, ShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from d2l_hpo import (
    BasicScheduler,
    ConstrainedSearcher,
    GridSearcher,
    HPOSearchCV,
    HPOSearcher,
    PoolSearcher,
    RandomSearcher,
    TPESearcher,
    categorical,
    lograndint,
    when,
)

X, Y = make_classification(n_samples=80, n_features=5, flip_y=0.2, random_state=0)
SPACE = {"max_depth": lograndint(1, 16), "criterion": categorical(["gini", "entropy"])}
LEVELS = {"level": categorical([0, 1, 2, 3])}


def tree_search(**arguments):
    """Return a small search for a tree."""
    return HPOSearchCV(DecisionTreeClassifier(random_state=0),
                       **{"config_space": SPACE, "searcher": "random", "n_trials": 5, "cv": 3,
                          "random_state": 0, **arguments})


class Moody(ClassifierMixin, BaseEstimator):
    """A classifier whose score is its level, and whose fit fails at some levels."""

    def __init__(self, level=0, fails_at=(), fails_on_fold_at=None):
        self.level, self.fails_at, self.fails_on_fold_at = level, fails_at, fails_on_fold_at

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        on_fold = self.level == self.fails_on_fold_at and X[0, 0] == 0
        if self.level in self.fails_at or on_fold:
            raise RuntimeError("no mood")
        return self

    def predict(self, X):
        return np.zeros(len(X), int)

    def score(self, X, y):
        return float(self.level) - 10


class Recorder(HPOSearcher):
    """Proposes given configurations, and keeps what it is told."""

    def __init__(self, config_space, configs, told, seed=0):
        super().__init__(config_space, initial_configs=configs, seed=seed)
        self.told = told

    def propose(self):
        return None

    def update(self, config, error, epoch=None, info=None):
        self.told.append((config["level"], error, epoch, info))


def moody_search(levels, told=None, fails_at=(), fails_on_fold_at=None, **arguments):
    """Return a search that tries levels of `Moody` in their order."""
    searcher = partial(Recorder, configs=[{"level": level} for level in levels],
                       told=[] if told is None else told)
    return HPOSearchCV(Moody(fails_at=fails_at, fails_on_fold_at=fails_on_fold_at), LEVELS,
                       searcher=searcher, **{"cv": 2, "n_trials": len(levels), **arguments})


ROWS = np.arange(20.0).reshape(-1, 1)
LABELS = np.arange(20) % 2


def same(first, second, without=("time",)):
    """Say whether two tables of results are equal, up to times."""
    names = [name for name in first if not any(word in name for word in without)]
    for name in names:
        np.testing.assert_array_equal(first[name], second[name])
    return set(first) == set(second)


# -- the search -----------------------------------------------------------------------------------

def test_candidates_and_scores_are_those_of_our_searcher_and_their_validation():
    search = tree_search().fit(X, Y)
    searcher = RandomSearcher(SPACE, seed=0)
    configs = [searcher.sample_configuration() for _ in range(5)]
    assert search.cv_results_["params"] == configs
    means = [cross_val_score(clone(search.estimator).set_params(**config), X, Y, cv=3).mean()
             for config in configs]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], means)
    assert search.best_index_ == int(np.argmax(means))
    assert search.best_params_ == configs[search.best_index_]
    assert search.predict(X).shape == Y.shape and search.n_features_in_ == 5
    assert search.score(X, Y) == search.best_estimator_.score(X, Y)


def test_the_searcher_learns_minus_the_mean_score():
    told = []
    search = moody_search([1, 3], told).fit(ROWS, LABELS)
    assert [(level, error) for level, error, *_ in told] == [(1, 9.0), (3, 7.0)]
    info = told[0][-1]
    assert info["mean_test_score"] == -9.0 and info["error_score"] == 9.0
    assert info["mean_fit_time"] >= 0 and len(info["fits"]) == 2
    assert search.best_params_ == {"level": 3} and search.best_score_ == -7


@pytest.mark.parametrize("searcher", [
    None, "random", "grid", "sobol", "bayesian", "tpe", "evolution", TPESearcher,
    partial(GridSearcher, points=2), partial(RandomSearcher, initial_config={"max_depth": 2}),
    RandomSearcher({"max_depth": lograndint(1, 16)}, seed=3),
    PoolSearcher({"max_depth": lograndint(1, 16)}, [{"max_depth": 3}, {"max_depth": 7}]),
])
def test_every_kind_of_searcher_runs_twice_with_the_same_result(searcher):
    search = HPOSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": lograndint(1, 16)},
                         searcher=searcher, n_trials=4, cv=2, random_state=1)
    first = search.fit(X, Y).cv_results_
    assert same(first, search.fit(X, Y).cv_results_)
    assert same(first, clone(search).fit(X, Y).cv_results_)
    assert 2 <= len(first["params"]) <= 4


def test_an_instance_of_a_scheduler_brings_its_own_searcher():
    scheduler = BasicScheduler(RandomSearcher(SPACE, seed=9))
    search = tree_search(searcher=None, scheduler=scheduler, n_trials=3).fit(X, Y)
    searcher = RandomSearcher(SPACE, seed=9)
    assert search.cv_results_["params"] == [searcher.sample_configuration() for _ in range(3)]
    assert scheduler.number_of_trials == 0


def test_conditions_and_parts_of_pipelines():
    space = {"svc__kernel": categorical(["linear", "rbf"]), "svc__C": stats.loguniform(0.1, 10),
             "svc__gamma": when(lambda config: config["svc__kernel"] == "rbf",
                                stats.loguniform(0.01, 1)),
             "standardscaler": categorical(["passthrough", None])}
    search = HPOSearchCV(make_pipeline(StandardScaler(), SVC()), space, searcher="random",
                         n_trials=8, cv=2, random_state=0).fit(X, Y)
    gamma, kernel = (search.cv_results_[f"param_svc__{name}"] for name in ("gamma", "kernel"))
    assert gamma.mask.tolist() == (kernel == "linear").tolist() and 0 < gamma.mask.sum() < 8


def test_splits_that_are_random_are_the_same_for_all_candidates():
    search = HPOSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": 3}, n_trials=3,
                         searcher="random", cv=ShuffleSplit(4, test_size=0.3)).fit(X, Y)
    scores = [search.cv_results_[f"split{fold}_test_score"] for fold in range(4)]
    assert all(len(set(of_fold)) == 1 for of_fold in scores) and len(np.unique(scores)) > 1


def test_a_finite_search_ends_early():
    search = moody_search([2, 1], n_trials=50).fit(ROWS, LABELS)
    assert len(search.cv_results_["params"]) == 2


def test_a_time_limit_ends_the_search_after_the_candidate_that_reaches_it():
    search = tree_search(n_trials=None, max_wallclock_time=1e-9)
    with pytest.raises(ValueError, match="no candidate was validated within max_wallclock_time"), \
            pytest.warns(UserWarning, match="time was over"):
        search.fit(X, Y)
    search.set_params(max_wallclock_time=0.2).fit(X, Y)
    assert len(search.cv_results_["params"]) >= 1


def test_random_state_none_and_generators_differ_from_fit_to_fit():
    generator = np.random.RandomState(0)
    search = HPOSearchCV(LogisticRegression(), {"C": stats.loguniform(1e-3, 1)}, n_trials=1, cv=2,
                         searcher="random", random_state=generator)
    first, second = search.fit(X, Y).best_params_, search.fit(X, Y).best_params_
    assert first != second
    search.set_params(random_state=np.random.RandomState(0))
    assert search.fit(X, Y).best_params_ == first


# -- as an estimator ------------------------------------------------------------------------------

def test_it_can_be_cloned_set_pickled_and_nested():
    search = tree_search(searcher=RandomSearcher(SPACE, seed=1))
    other = clone(search).set_params(n_trials=2, estimator__max_leaf_nodes=3)
    assert other.get_params()["n_trials"] == 2 and search.get_params()["n_trials"] == 5
    assert other.searcher is not search.searcher
    other.fit(X, Y)
    again = pickle.loads(pickle.dumps(other))
    np.testing.assert_array_equal(again.predict(X), other.predict(X))
    assert same(again.fit(X, Y).cv_results_, other.cv_results_)
    assert not [name for name in vars(other) if name.startswith("_ongoing")]
    assert cross_val_score(other, X, Y, cv=2).shape == (2,)


def test_without_refit_there_is_no_predict():
    search = tree_search(refit=False).fit(X, Y)
    assert search.best_params_ and not hasattr(search, "predict")
    with pytest.raises(NotFittedError):
        tree_search().predict(X)


def test_predict_proba_is_there_only_where_the_estimator_has_it():
    space = {"C": stats.loguniform(0.1, 1)}
    assert not hasattr(HPOSearchCV(SVC(probability=False), space), "predict_proba")
    assert hasattr(HPOSearchCV(LogisticRegression(), space), "predict_proba")


def test_groups_and_weights_reach_splitter_estimator_and_scorer():
    groups, weights = np.arange(80) % 4, np.arange(80) % 2
    search = tree_search(cv=GroupKFold(4)).fit(X, Y, groups=groups)
    assert "split3_test_score" in search.cv_results_
    heavy = tree_search().fit(X, Y, sample_weight=weights)
    assert heavy.score(X[1::2], Y[1::2]) > heavy.score(X[::2], Y[::2])


def test_several_metrics_and_functions_for_refit():
    scoring = {"accuracy": "accuracy", "brier": "neg_brier_score"}
    told = tree_search(scoring=scoring, refit="brier").fit(X, Y)
    scores = told.cv_results_["mean_test_brier"]
    assert told.best_index_ == scores.argmax() and told.best_score_ == scores.max()
    last = tree_search(scoring=scoring, refit=lambda results: 4).fit(X, Y)
    assert last.best_index_ == 4 and not hasattr(last, "best_score_")
    neither = tree_search(scoring=scoring, refit=False).fit(X, Y)
    assert not hasattr(neither, "best_index_") and "mean_test_accuracy" in neither.cv_results_


def test_limits_on_other_numbers_count():
    searcher = partial(ConstrainedSearcher, limits={"mean_score_time": 1e9})
    search = tree_search(searcher=searcher, scoring=["accuracy", "recall"], refit="accuracy")
    assert search.fit(X, Y).best_index_ == search.cv_results_["mean_test_accuracy"].argmax()
    search.set_params(searcher=partial(ConstrainedSearcher, limits={"mean_score_time": 1e-12}))
    with pytest.warns(UserWarning, match="limits were not kept"):
        search.fit(X, Y)


def test_training_scores_are_there_if_asked_for():
    assert "mean_train_score" in tree_search(return_train_score=True).fit(X, Y).cv_results_
    assert "mean_train_score" not in tree_search().fit(X, Y).cv_results_


# -- failures -------------------------------------------------------------------------------------

@pytest.mark.parametrize("error_score", [math.nan, 5.0])
@pytest.mark.parametrize("n_workers", [1, 4])
def test_a_candidate_that_fails_is_nan_for_the_searcher_and_never_the_best(error_score, n_workers):
    told = []
    search = moody_search([1, 2, 0, 3], told, fails_at=(2,), fails_on_fold_at=3, refit=False,
                          error_score=error_score, n_workers=n_workers, n_jobs=1, verbose=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(ROWS, LABELS)
    assert any(issubclass(warning.category, FitFailedWarning) for warning in caught)
    errors = {level: error for level, error, *_ in told}
    assert math.isnan(errors[2]) and math.isnan(errors[3]) and errors[0] == 10
    assert search.best_params_ == {"level": 1}
    row = search.cv_results_["split0_test_score"][1]
    assert row == error_score or math.isnan(row) and math.isnan(error_score)


def test_a_search_in_which_everything_fails_says_why():
    with pytest.raises(ValueError, match="(?s)4 fits.*no mood") as e, \
            pytest.warns(UserWarning, match="(?s)last one failed:.*returned nan, since All the"):
        moody_search([1, 2], fails_at=(1, 2)).fit(ROWS, LABELS)
    assert "of 2 candidates" in str(e.value)


def test_errors_are_raised_if_asked_for():
    with pytest.raises(RuntimeError, match="no mood"):
        moody_search([1, 2], fails_at=(2,), error_score="raise").fit(ROWS, LABELS)


def test_a_metric_that_fails_is_a_failure():
    def score(estimator, X, y):
        return math.nan if estimator.level == 3 else estimator.level
    told = []
    search = moody_search([3, 1], told, scoring=score)
    with pytest.warns(UserWarning, match="non-finite"):
        search.fit(ROWS, LABELS)
    assert math.isnan(told[0][1]) and search.best_params_ == {"level": 1}


def test_several_metrics_of_one_function_where_the_first_candidate_fails():
    def score(estimator, X, y):
        return {"level": estimator.level, "zero": 0}
    search = moody_search([2, 1, 0], fails_at=(2,), scoring=score, refit="level").fit(ROWS, LABELS)
    assert search.best_params_ == {"level": 1}
    assert math.isnan(search.cv_results_["mean_test_zero"][0])


@pytest.mark.parametrize(("arguments", "message"), [
    ({"estimator": 3}, "'estimator' parameter of HPOSearchCV must be an object implementing 'fit'"),
    ({"config_space": {}}, "space is empty; give it at least one"),
    ({"config_space": [1]}, r"a configuration space is a dict.*\[1\]"),
    ({"config_space": {"depth": 1}}, "'depth', which is no parameter of.*'max_depth'"),
    ({"config_space": {"x__y": 1}}, "'x__y', which is no parameter of"),
    ({"n_trials": 0}, "n_trials is 0, expected a positive integer"),
    ({"n_trials": 2.5}, "n_trials is 2.5, expected a positive integer"),
    ({"n_trials": None}, "BasicScheduler with RandomSearcher never ends; give one"),
    ({"n_workers": 0}, "n_workers is 0, expected a positive integer"),
    ({"n_workers": "two"}, "n_workers is 'two', expected a positive integer"),
    ({"max_wallclock_time": -1}, "max_wallclock_time is -1, expected a positive number"),
    ({"searcher": "bayes"}, "searcher is 'bayes', expected one of.*'bayesian'"),
    ({"searcher": 7}, "searcher is 7, expected one of"),
    ({"searcher": lambda space, seed: 1}, "returned 1, expected a searcher"),
    ({"searcher": RandomSearcher({"max_depth": 1})}, "searcher.* has another space than"),
    ({"scheduler": "asha"}, "scheduler is 'asha'.*resource is None; give resource='n_samples'"),
    ({"scheduler": "halving"}, "scheduler is 'halving', expected one of.*'asha'"),
    ({"scheduler": BasicScheduler(RandomSearcher(SPACE))}, "has its own searcher, but searcher is"),
    ({"searcher": None, "scheduler": BasicScheduler(RandomSearcher({"max_depth": 1}))},
     "scheduler's searcher.* has another space than config_space"),
    ({"journal": "here.jsonl", "random_state": None}, "random_state is None, but .*an integer"),
    ({"journal": 3.5}, "journal is 3.5, expected the path of a file, or None"),
    ({"cv": 1}, "'cv' parameter of HPOSearchCV must be an int in the range"),
    ({"error_score": "ignore"}, "'error_score' parameter of HPOSearchCV must be"),
    ({"scoring": ["accuracy", "recall"]}, "refit must be set to a scorer key"),
])
def test_what_cannot_work_is_said_when_it_is_fitted(arguments, message):
    search = tree_search().set_params(**arguments)
    with pytest.raises((ValueError, TypeError), match=message):
        search.fit(X, Y)
    assert not hasattr(search, "_ongoing")


# -- parallel candidates --------------------------------------------------------------------------

def test_n_workers_decides_what_is_known_and_n_jobs_does_not():
    told, seen = [], []

    class Watching(Recorder):
        def sample_configuration(self):
            seen.append(len(told))
            return super().sample_configuration()

    levels = [0, 1, 2, 3]
    searcher = partial(Watching, configs=[{"level": level} for level in levels], told=told)
    HPOSearchCV(Moody(), LEVELS, searcher=searcher, n_trials=4, n_workers=3, n_jobs=1,
                cv=2).fit(ROWS, LABELS)
    assert seen == [0, 0, 0, 3]


@pytest.mark.parametrize("arguments", [{"n_workers": 2}, {"n_workers": 1, "n_jobs": 2}])
def test_processes_give_the_same_result(arguments):
    space = {**SPACE, "max_leaf_nodes": when(lambda config: config["max_depth"] > 4, 8)}
    alone, together = (tree_search(config_space=space, searcher="tpe", **(arguments | extra))
                       for extra in ({"n_jobs": 1}, {}))
    alone.fit(X, Y)
    together.fit(X, Y)
    assert same(alone.cv_results_, together.cv_results_)


@pytest.mark.parametrize(("arguments", "is_here"), [
    ({}, True), ({"n_workers": 2}, False), ({"n_jobs": 2}, False),
    ({"n_workers": 2, "n_jobs": 1}, True),
])
def test_fits_run_in_other_processes_where_there_are_several_workers(arguments, is_here):
    search = tree_search(scoring=process_of, n_trials=2, **arguments).fit(X, Y)
    scores = np.array([search.cv_results_[f"split{fold}_test_score"] for fold in range(3)])
    assert ((scores == os.getpid()) == is_here).all()


def test_a_worker_that_dies_ends_the_search_and_the_journal_goes_on(tmp_path):
    search = tree_search(n_trials=4, n_workers=2, journal=tmp_path / "search.jsonl")
    search.set_params(estimator=Homely(os.getpid(), True))
    with pytest.raises(TerminatedWorkerError):
        search.fit(X, Y)
    search.set_params(n_jobs=1).fit(X, Y)
    assert len(search.cv_results_["params"]) == 4


def process_of(estimator, X, y):
    """A score by which one can tell where it was computed."""
    return os.getpid()


class Homely(DecisionTreeClassifier):
    """Cannot be fitted in another process than its own, which may even end."""

    def __init__(self, here, is_mortal, *, criterion="gini", max_depth=None):
        super().__init__(criterion=criterion, max_depth=max_depth)
        self.here, self.is_mortal = here, is_mortal

    def fit(self, X, y):
        if os.getpid() != self.here:
            if self.is_mortal:
                os._exit(3)
            raise RuntimeError("in another process")
        return super().fit(X, y)


def test_the_backend_is_that_of_joblib():
    search = tree_search(n_workers=2).set_params(estimator=Homely(os.getpid(), False))
    with joblib.parallel_config("threading"):
        search.fit(X, Y)
    with pytest.raises(ValueError, match="in another process"), pytest.warns(UserWarning):
        search.fit(X, Y)


# -- callbacks ------------------------------------------------------------------------------------

def test_callbacks_see_batches_as_tasks():
    utils = pytest.importorskip("sklearn.callback.tests._utils", reason="releases before 1.9")
    callback = utils.RecordingCallback()
    search = HPOSearchCV(utils.MaxIterEstimator(), {"max_iter": categorical([1, 2, 3])}, cv=2,
                         searcher="grid", scoring="r2", n_workers=2, n_jobs=1)
    search.set_callbacks(callback).fit(X, Y)
    tasks = 1 + 1 + 1 + 2 + 6  # fit, search, refit; batches of 2 and 1 candidates; 2 fits of each
    assert callback.count_hooks("on_fit_task_begin") == tasks
    assert callback.count_hooks("on_fit_task_end") == tasks
    assert {entry["estimator"] for entry in callback.record} == {search}
