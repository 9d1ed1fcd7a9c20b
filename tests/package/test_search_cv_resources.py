"""HPOSearchCV with schedulers: parts of the data, a parameter as resource, columns and the best."""
from functools import partial

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from d2l_hpo import (
    ASHAScheduler,
    BasicScheduler,
    BatchScheduler,
    HPOSearchCV,
    HyperbandScheduler,
    PBTScheduler,
    RandomSearcher,
    SuccessiveHalvingScheduler,
    categorical,
    lograndint,
)
from d2l_hpo.estimators import Folds, nested_order

N = 120
X = np.arange(float(N)).reshape(-1, 1)
Y = (np.arange(N) % 3 == 0).astype(int)
SPACE = {"quality": stats.uniform(0, 1)}
FITS: list = []


class Growing(ClassifierMixin, BaseEstimator):
    """A classifier whose score is its quality, less with fewer examples or rounds.

    `hasty` lets it be best with few examples, so that its promotion would be a mistake.
    """

    def __init__(self, quality=0.5, rounds=1, fails_with=None):
        self.quality, self.rounds, self.fails_with = quality, rounds, fails_with

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        FITS.append((self.quality, self.rounds, X[:, 0], y))
        if self.rounds == self.fails_with:
            raise RuntimeError("too many")
        return self

    def predict(self, X):
        return np.zeros(len(X), int)

    def score(self, X, y):
        return self.quality - self.rounds  # the smallest resource has the largest score


def growing(**arguments):
    """Return a search with two parts of the data, or one of rounds, and forget earlier fits."""
    FITS.clear()
    return HPOSearchCV(Growing(), SPACE, **{"searcher": "random", "n_trials": 9, "cv": 2,
                                            "random_state": 0, **arguments})


def test_successive_halving_promotes_the_best_and_the_best_has_the_largest_resource():
    search = growing(resource="rounds", max_resources=9).fit(X, Y)
    results = search.cv_results_
    assert search.n_resources_ == [1, 3, 9] and search.n_candidates_ == [9, 3, 1]
    assert (search.n_iterations_, search.min_resources_, search.max_resources_) == (3, 1, 9)
    assert results["iter"].tolist() == [0] * 9 + [1] * 3 + [2]
    assert results["n_resources"].tolist() == [1] * 9 + [3] * 3 + [9]
    first = [params["quality"] for params in results["params"][:9]]
    assert [params["quality"] for params in results["params"][9:12]] == sorted(first)[:-4:-1]
    assert search.best_params_ == {"quality": max(first), "rounds": 9}
    assert search.best_score_ == max(first) - 9 == search.best_estimator_.score(X, Y)
    assert search.best_index_ == 12 and results["rank_test_score"][12] > 1


@pytest.mark.parametrize(("scheduler", "candidates"), [
    (None, [9, 3, 1]), ("successive_halving", [9, 3, 1]), (SuccessiveHalvingScheduler, [9, 3, 1]),
    ("hyperband", [9, 3, 1]), (partial(HyperbandScheduler, rounds=1), [9, 3, 1]),
    ("asha", None), (partial(ASHAScheduler, mode="stopping"), None),
    (BasicScheduler, [0, 0, 9]),
])
@pytest.mark.parametrize("n_workers", [1, 4])
def test_every_scheduler_begins_n_trials_and_finishes_them(scheduler, candidates, n_workers):
    search = growing(resource="rounds", max_resources=9, scheduler=scheduler, n_workers=n_workers,
                     n_jobs=1).fit(X, Y)
    configs = {params["quality"] for params in search.cv_results_["params"]}
    assert len(configs) == 9 and search.n_candidates_[2] >= 1
    if candidates is not None and n_workers == 1:
        assert search.n_candidates_ == candidates
    assert search.best_params_["rounds"] == 9


def test_hyperband_without_n_trials_is_one_round():
    search = growing(resource="rounds", max_resources=9, scheduler="hyperband", n_trials=None,
                     min_resources=1).fit(X, Y)
    assert search.n_candidates_ == [9, 3 + 5, 1 + 1 + 3]


@pytest.mark.parametrize("make", [
    lambda searcher: ASHAScheduler(searcher, 3, 1, 9),
    lambda searcher: SuccessiveHalvingScheduler(searcher, 3, 1, 9),
    lambda searcher: BatchScheduler(HyperbandScheduler(searcher, 3, 1, 9), 3),
])
def test_an_instance_of_a_scheduler_has_the_range(make):
    search = growing(searcher=None, resource="rounds", scheduler=make(RandomSearcher(SPACE)))
    first = search.fit(X, Y)
    assert first.n_resources_ == [1, 3, 9]
    params = first.cv_results_["params"]
    assert len({p["quality"] for p in params}) == 9
    assert search.fit(X, Y).cv_results_["params"] == params


def test_parts_of_the_data_are_nested_and_have_the_shares_of_the_classes():
    search = growing(resource="n_samples", n_trials=9, cv=KFold(2)).fit(X, Y)
    assert search.n_resources_ == [14, 42, 120] and search.n_candidates_ == [9, 3, 1]
    assert len(FITS) == 13 * 2 + 1
    sizes = [len(examples) for *_, examples, _ in FITS]
    assert sizes == [7] * 18 + [21] * 6 + [60] * 2 + [N]
    for *_, classes in FITS:
        assert abs(classes.sum() - len(classes) / 3) <= 1
    small, large = FITS[0][2], FITS[18][2]
    assert set(small) < set(large) < set(FITS[24][2])
    assert {tuple(FITS[i][2]) for i in range(0, 18, 2)} == {tuple(small)}


@pytest.mark.parametrize("resource", [None, "n_samples"])
def test_folds_may_be_masks_as_scikit_learn_takes_them(resource):
    splits = [*KFold(2).split(X)]
    masks = [tuple(np.isin(np.arange(N), part) for part in split) for split in splits]
    found = [growing(resource=resource, scheduler=None, n_trials=9, cv=cv).fit(X, Y).cv_results_
             for cv in (splits, masks, [tuple(map(list, split)) for split in masks])]
    for results in found[1:]:
        assert results["params"] == found[0]["params"]
        assert results["mean_test_score"].tolist() == found[0]["mean_test_score"].tolist()


@pytest.mark.parametrize("n", range(1, 31))
def test_each_beginning_of_a_nested_order_is_a_fair_sample(n):
    classes = np.repeat([0, 1, 2], [18, 9, 3])
    order = nested_order(np.arange(30), classes, np.random.default_rng(n))
    counts = np.bincount(classes[order[:n]], minlength=3)
    assert sorted(order) == list(range(30))
    assert np.abs(counts - n * np.array([0.6, 0.3, 0.1])).max() <= 1.6
    assert (counts > 0).sum() == min(n, 3)
    assert sorted(nested_order(np.arange(5), None, np.random.default_rng(n))) == list(range(5))


def test_a_fraction_that_is_all_is_all():
    folds = Folds([(np.arange(49), np.arange(49, 50))])
    assert [len(folds.beginning(level / 50).splits[0][0]) for level in (50, 25, 1)] == [49, 24, 1]


def test_regression_and_outputs_in_two_columns_have_parts_too():
    for targets in (X[:, 0], np.column_stack([X[:, 0], X[:, 0]])):
        search = HPOSearchCV(Ridge(), {"alpha": stats.loguniform(0.1, 10)}, resource="n_samples",
                             n_trials=3, searcher="random", cv=2, random_state=0)
        assert search.fit(X, targets).n_candidates_ == [3, 1]


def test_candidates_that_fail_on_the_last_rung_leave_the_choice_to_the_rung_below():
    search = growing(resource="rounds", max_resources=9)
    with pytest.warns(UserWarning, match="non-finite"):
        search.set_params(estimator__fails_with=9).fit(X, Y)
    assert search.best_params_["rounds"] == 3


def test_real_trees_with_n_estimators():
    data, labels = make_classification(n_samples=80, random_state=0)
    search = HPOSearchCV(RandomForestClassifier(random_state=0), {"max_depth": lograndint(1, 8)},
                         resource="n_estimators", max_resources=4, eta=2, n_trials=4, cv=2,
                         searcher="random", random_state=0).fit(data, labels)
    assert search.n_resources_ == [1, 2, 4] and len(search.best_estimator_.estimators_) == 4


@pytest.mark.parametrize(("arguments", "message"), [
    ({"resource": "epochs", "max_resources": 3}, "resource is 'epochs', expected 'n_samples' or"),
    ({"resource": "quality", "max_resources": 3}, "'quality', which is in config_space, too"),
    ({"resource": "rounds"}, "max_resources is None; give the largest value of 'rounds'"),
    ({"resource": "rounds", "max_resources": 0}, "max_resources is 0, expected a positive integer"),
    ({"resource": "rounds", "max_resources": 2, "min_resources": 3}, "min_resources is 3, above"),
    ({"resource": "rounds", "max_resources": 2, "min_resources": 0.5}, "min_resources is 0.5, exp"),
    ({"resource": "rounds", "max_resources": 9, "eta": 1}, "eta is 1, expected an integer of at l"),
    ({"resource": "n_samples", "max_resources": 121}, "max_resources is 121, but there are 120"),
    ({"resource": "n_samples", "n_trials": 0}, "n_trials is 0, expected a positive integer"),
    ({"resource": "n_samples", "n_trials": None, "scheduler": "asha"}, "ASHAScheduler with Random"),
    ({"resource": "n_samples", "scheduler": lambda *_, **__: 3}, "returned 3, expected a schedule"),
    ({"scheduler": ASHAScheduler(RandomSearcher(SPACE), 3, 1, 9), "searcher": None},
     r"ASHAScheduler with the rungs \[1, 3, 9\], but resource is None"),
    ({"scheduler": ASHAScheduler(RandomSearcher(SPACE), 3, 1, 9), "searcher": None,
      "resource": "rounds", "max_resources": 9}, r"has the rungs \[1, 3, 9\]; give None for both"),
    ({"scheduler": PBTScheduler(RandomSearcher(SPACE), max_epochs=2),
      "searcher": None, "resource": "rounds", "max_resources": 2}, "begins anew in each fit"),
])
def test_resources_that_cannot_work_are_named(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        growing(**arguments).fit(X, Y)


def test_one_trial_and_one_rung():
    search = growing(resource="n_samples", n_trials=1).fit(X, Y)
    assert search.n_resources_ == [120] and search.n_candidates_ == [1]
    space = {"quality": categorical([0.5])}
    search = HPOSearchCV(Growing(), space, resource="rounds", max_resources=1, cv=2).fit(X, Y)
    assert search.n_candidates_ == [1]
