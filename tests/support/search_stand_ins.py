"""HPOSearchCV with the arguments of GridSearchCV and RandomizedSearchCV, for scikit-learn's tests.

A grid becomes a space of choices whose points are tried in the grid's order; a list of grids one
with conditions. All candidates run as one batch, as there.
"""
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

import numpy as np
import sklearn.model_selection
from sklearn.model_selection import ParameterGrid

from d2l_hpo import GridSearcher, HPOSearchCV, categorical, when


def grids_of(given):
    """Return grids with a list of plain values for each name."""
    return [{name: [value.item() if isinstance(value, np.generic) else value for value in values]
             for name, values in grid.items()}
            for grid in ([given] if isinstance(given, dict) else list(given))]


def space_of(given):
    """Return a configuration space whose configurations are the points of some grids."""
    grids = grids_of(given)
    names = dict.fromkeys(name for grid in grids for name in grid)
    common = [name for name in names if all(name in grid for grid in grids)]
    space = {}
    for name in [*common, *(name for name in names if name not in common)]:
        values = [value for grid in grids for value in grid.get(name, [])]
        unique = {(type(value), value): value for value in values}
        domain = categorical(list(unique.values()))
        space[name] = domain if name in common else when(belongs(grids, name), domain)
    return space


def belongs(grids, name):
    """Return the test under which a name that not all grids have is active."""
    def test(config):
        return any(name in grid and all(key in grid and value in grid[key]
                                        for key, value in config.items()) for grid in grids)
    return test


class InOrder:
    """Makes a searcher that tries the points of some grids in their order."""

    def __init__(self, grids):
        self.grids = grids

    def __call__(self, space, seed):
        points = [dict(point) for point in ParameterGrid(grids_of(self.grids))]
        return GridSearcher(space, initial_configs=points, seed=seed)


class GridStandIn(HPOSearchCV):
    """Takes the arguments of GridSearchCV."""

    def __init__(self, estimator, param_grid, *, scoring=None, n_jobs=None, refit=True, cv=None,
                 verbose=0, pre_dispatch="2*n_jobs", error_score=np.nan, return_train_score=False):
        size = len(ParameterGrid(param_grid))
        super().__init__(estimator, space_of(param_grid), searcher=InOrder(param_grid),
                         n_trials=size, n_workers=size, n_jobs=1 if n_jobs is None else n_jobs,
                         scoring=scoring, refit=refit, cv=cv, verbose=verbose,
                         error_score=error_score, return_train_score=return_train_score)
        self.param_grid, self.pre_dispatch = param_grid, pre_dispatch


class RandomStandIn(HPOSearchCV):
    """Takes the arguments of RandomizedSearchCV."""

    def __init__(self, estimator, param_distributions, *, n_iter=10, scoring=None, n_jobs=None,
                 refit=True, cv=None, verbose=0, pre_dispatch="2*n_jobs", random_state=None,
                 error_score=np.nan, return_train_score=False):
        finite = all(not hasattr(domain, "rvs") for domain in param_distributions.values())
        space = {name: domain if hasattr(domain, "rvs") else space_of({name: domain})[name]
                 for name, domain in param_distributions.items()}
        searcher = InOrder(param_distributions) if finite else "random"
        super().__init__(estimator, space, searcher=searcher,
                         n_trials=n_iter, n_workers=n_iter, n_jobs=1 if n_jobs is None else n_jobs,
                         scoring=scoring, refit=refit, cv=cv, verbose=verbose,
                         error_score=error_score, return_train_score=return_train_score,
                         random_state=random_state)
        self.param_distributions, self.n_iter = param_distributions, n_iter
        self.pre_dispatch = pre_dispatch


def load_tests_of_searches() -> ModuleType:
    """Return scikit-learn's tests of searches, in which the stand-ins take the searches' places."""
    folder = Path(sklearn.model_selection.__file__).parent
    name = "test_search_with_stand_ins"
    spec = importlib.util.spec_from_file_location(name, folder / "tests" / "test_search.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    with mock.patch.multiple(sklearn.model_selection, GridSearchCV=GridStandIn,
                             RandomizedSearchCV=RandomStandIn):
        spec.loader.exec_module(module)
    return module
