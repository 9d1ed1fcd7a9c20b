"""A search of this package as an estimator of scikit-learn, beside GridSearchCV and its relatives.
"""
import math
import numbers
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from d2l_hpo.tools.installation import needs

with needs("sklearn", "HPOSearchCV"):
    import joblib
    from sklearn.base import clone, is_classifier
    from sklearn.model_selection import check_cv
    from sklearn.model_selection._search import BaseSearchCV  # documented, but exported nowhere
    from sklearn.utils import check_random_state, indexable
    from sklearn.utils.validation import _num_samples

from d2l_hpo.estimators.batch_tuner import BatchTuner
from d2l_hpo.estimators.callbacks import CallbackTasks
from d2l_hpo.estimators.folds import Folds
from d2l_hpo.estimators.identity import (
    IdentifiedScheduler,
    describe_data,
    describe_estimator,
    digest,
    spell_value,
)
from d2l_hpo.estimators.parts import (
    copy_scheduler,
    ends_at_once,
    make_scheduler,
    make_searcher,
)
from d2l_hpo.estimators.resources import Resource, make_resource
from d2l_hpo.estimators.validation import Validation, complete_rows
from d2l_hpo.measures.records import Job
from d2l_hpo.schedulers.base import SchedulerBase
from d2l_hpo.schedulers.scheduler import HPOScheduler, Trial
from d2l_hpo.spaces.space import CheckedSpace, check_space
from d2l_hpo.tools.arguments import check_int, check_positive


@dataclass
class OngoingFit:
    """What one call of `fit` works on; it is gone when the call ends."""

    X: Any
    y: Any
    params: dict[str, Any]
    split_params: dict[str, Any] = field(default_factory=dict)
    take: Callable[[list[dict[str, Any]]], None] | None = None
    """What the rows of fits go to while candidates are validated."""
    table: dict[str, Any] = field(default_factory=dict)
    """What becomes `cv_results_`; empty until the search has ended."""
    values: list[float] = field(default_factory=list)
    """Of each row of the table what is smallest for the best; not finite: it cannot be best."""
    levels: list[int] = field(default_factory=list)
    """Of each row of the table how much of the resource it had; 0 without a resource."""


class HPOSearchCV(BaseSearchCV):
    """A search for hyperparameters of an estimator of scikit-learn, which is an estimator, too.

    It stands where `GridSearchCV`, `RandomizedSearchCV` or `HalvingRandomSearchCV` stand, and takes
    a configuration space, a searcher and a scheduler of this package. What comes out is theirs:
    `cv_results_`, `best_params_`, `best_score_`, `best_estimator_`, `predict`, `score`, and so on.

    Arguments:

    - `estimator`: what is tuned; it has `fit`, and `score` unless `scoring` is given.
    - `config_space`: a configuration space, as in `check_space`. Its names are parameters of the
      estimator, those of a pipeline's step with the step's name before them, `svc__C`.
    - `searcher`: what chooses candidates. None: `BayesianSearcher`. A name: "random", "grid",
      "sobol", "bayesian", "tpe" or "evolution". A class or function is called with the space and
      `seed`; `functools.partial` binds what else it needs. Of an instance a copy is used.
    - `scheduler`: which candidate gets how much of the `resource`. None: all of it at once, or,
      where a resource is given, successive halving. A name: "successive_halving", "hyperband" or
      "asha". A class or function is called with the searcher, `eta`, `r_min` and `r_max`. Of an
      instance, which has its own searcher, a copy is used; leave `searcher` at None then.
    - `n_trials`: how many candidates begin, at least 1; fewer where the searcher ends. With
      successive halving they are one bracket. None: no limit, for a searcher or scheduler that
      ends by itself, or with `max_wallclock_time`.
    - `max_wallclock_time`: seconds after which no candidate begins; None: any time.
    - `resource`: None, "n_samples", or a parameter of the estimator that is an integer and makes
      its fit better and longer, such as "n_estimators".
    - `min_resources`, `max_resources`: the first and the last rung, integers of at least 1. The
      largest is by default the number of examples; a parameter has no default. The smallest is by
      default such that a candidate is promoted as often as `n_trials` allows, at most three times,
      and of examples at least two for each class and fold.
    - `eta`: how many times more the next rung has, an integer of at least 2.
    - `scoring`, `cv`, `refit`, `error_score`, `return_train_score`, `verbose`: as in
      `RandomizedSearchCV`. With several metrics the searcher learns that of `refit`, or, where
      that is no name, the first one.
    - `n_workers`: how many candidates are chosen at a time, at least 1. They are validated
      together, and the searcher learns of them when all have ended.
    - `n_jobs`: how many fits run at a time, each of one candidate on one fold. It is joblib's
      number and changes no result. None: `n_workers`, or with one worker what
      `joblib.parallel_config` says. With `n_workers` 1 and `n_jobs` 5 the folds run in parallel.
    - `journal`: a file in which every result is written down; a search that was killed goes on
      with it. None: there is none.
    - `random_state`: an integer, a `RandomState` or None; with a journal an integer. An integer is
      the seed of searcher and scheduler, and two fits give the same result.

    Wrong arguments are found in `fit`: ValueError or TypeError names the value and what to give.

    Everything is minimised here, so the searcher learns -score, the mean over the folds. If a fit
    fails, the candidate has failed: its scores on these folds are `error_score` in the table, the
    searcher learns nan, and it is never the best, whatever `error_score` is. So has one whose score
    is not finite; a score that cannot be computed is `error_score`, too, so leave that at nan where
    this may happen. If all fits fail, that is a ValueError.

    A searcher with limits or several objectives finds these numbers: "mean_test_NAME" and, to
    minimise, "error_NAME" of each metric ("score" if there is only one), and in seconds
    "mean_fit_time" and "mean_score_time". Limits decide what is the best, too.

    With a resource the columns `iter` and `n_resources` say on which rung a candidate was
    validated, and only candidates with the largest resource can be the best. Of "n_samples" a
    candidate gets the same fraction of each training part; smaller parts are contained in larger
    ones and hold the classes in their proportions. Test parts stay whole, so that scores of all
    rungs can be compared. `n_resources_`, `n_candidates_`, `n_iterations_`, `min_resources_` and
    `max_resources_` are as in scikit-learn's halving searches.

    The folds are drawn once a fit. A journal holds digests of data and folds, and the estimator's
    parameters: ValueError names what differs from those of the journal. So folds that are random
    need a seed there, and what is nested in another validation needs a journal for each call.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.svm import SVC
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"svc__kernel": categorical(["linear", "rbf"]),
    ...          "svc__C": stats.loguniform(1e-2, 1e3),
    ...          "svc__gamma": when(lambda config: config["svc__kernel"] == "rbf",
    ...                             stats.loguniform(1e-4, 1e1))}
    >>> search = HPOSearchCV(make_pipeline(StandardScaler(), SVC()), space, n_trials=15,
    ...                      random_state=0).fit(X, y)
    >>> bool(search.best_score_ > 0.96), search.predict(X[:3])
    (True, array([0, 0, 0]))

    Half of the candidates of this search see only a part of the data:

    >>> search = HPOSearchCV(SVC(), {"C": stats.loguniform(1e-2, 1e3)}, searcher="random",
    ...                      resource="n_samples", n_trials=9, min_resources=50, random_state=0)
    >>> search.fit(X, y).n_resources_, search.n_candidates_
    ([50, 150], [9, 3])
    """

    _parameter_constraints: dict[str, Any] = {
        **{name: constraint for name, constraint in BaseSearchCV._parameter_constraints.items()
           if name != "pre_dispatch"},
        "random_state": ["random_state"],
        # The package itself checks these, and says what to give.
        **dict.fromkeys(("config_space", "searcher", "scheduler", "n_trials", "max_wallclock_time",
                         "resource", "min_resources", "max_resources", "eta", "n_workers",
                         "journal"), "no_validation"),
    }

    def __init__(self, estimator: Any, config_space: Any, *, searcher: Any = None,
                 scheduler: Any = None, n_trials: int | None = 20,
                 max_wallclock_time: float | None = None, resource: str | None = None,
                 min_resources: int | None = None, max_resources: int | None = None, eta: int = 3,
                 scoring: Any = None, cv: Any = None, n_workers: int = 1, n_jobs: int | None = None,
                 journal: Any = None, refit: Any = True, error_score: float | str = np.nan,
                 random_state: Any = None, return_train_score: bool = False,
                 verbose: int = 0) -> None:
        super().__init__(estimator, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv,
                         verbose=verbose, error_score=error_score,
                         return_train_score=return_train_score)
        self.config_space, self.searcher, self.scheduler = config_space, searcher, scheduler
        self.n_trials, self.max_wallclock_time = n_trials, max_wallclock_time
        self.resource, self.eta = resource, eta
        self.min_resources, self.max_resources = min_resources, max_resources
        self.n_workers, self.journal, self.random_state = n_workers, journal, random_state

    def fit(self, X: Any, y: Any = None, **params: Any) -> "HPOSearchCV":
        """Search, and fit the best candidate to all data; return the estimator itself.

        Arguments:

        - `X`, `y`: as `fit` of the estimator takes them.
        - `params`: further arguments of the estimator's `fit`, the scorer and the splitter, such as
          `sample_weight` and `groups`, as in scikit-learn's own searches.

        ValueError or TypeError for an argument that cannot work, also one of the constructor, and
        ValueError if no candidate could be fitted. Ctrl-C ends the search; with a `journal`, the
        same call goes on.
        """
        check_int("n_workers", self.n_workers)
        if not isinstance(self.journal, str | os.PathLike | None):
            raise TypeError(f"journal is {self.journal!r}, expected the path of a file, or None")
        self._ongoing = OngoingFit(X, y, params)
        try:
            with self._joblib_workers():
                super().fit(X, y, **params)
        finally:
            del self._ongoing
        return self

    def _joblib_workers(self) -> AbstractContextManager:
        """Let joblib use `n_workers` workers where `n_jobs` says nothing."""
        if self.n_jobs is not None or self.n_workers == 1:
            return nullcontext()
        return joblib.parallel_config(n_jobs=int(self.n_workers))

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled, also for workers in the middle of `fit`."""
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_ongoing"}

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags, with the estimator's for `y` (from release 1.6 on)."""
        with needs("sklearn", "HPOSearchCV"):
            from sklearn.utils import get_tags  # newer than the oldest scikit-learn that will do
        tags = super().__sklearn_tags__()
        tags.target_tags = replace(get_tags(self.estimator).target_tags,
                                   required=tags.target_tags.required)
        return tags

    # -- what scikit-learn calls in the course of `fit` -------------------------------------------

    def _get_routed_params_for_fit(self, params: dict[str, Any]) -> Any:
        """Return which argument goes where; note those of the splitter."""
        routed = super()._get_routed_params_for_fit(params)
        self._ongoing.split_params = dict(routed.splitter.split)
        return routed

    def _run_search(self, evaluate_candidates: Callable[..., Any], callback_ctx: Any = None,
                    ) -> None:
        """Search, and fill the table of results; `callback_ctx` is there from release 1.9 on."""
        ongoing = self._ongoing
        X, y = indexable(ongoing.X, ongoing.y)
        space = self._checked_space()
        folds = Folds(self._splitter(y).split(X, y, **ongoing.split_params))
        resource = self._make_resource(X, y, len(folds.splits), space)
        seed = self._seed()
        scheduler = self._make_scheduler(space, resource, seed)
        order = folds
        if resource is not None and resource.is_samples:
            classes = np.asarray(y) if is_classifier(self.estimator) and np.ndim(y) == 1 else None
            order = folds.shuffled(classes, seed)
        metric = self.refit if isinstance(self.refit, str) else None
        with CallbackTasks(self, callback_ctx) as tasks:
            validation = Validation(tasks.batch(evaluate_candidates), order, resource,
                                    _num_samples(X), metric, self.error_score,
                                    self.return_train_score)
            ongoing.take = validation.take
            if self.journal is not None:
                scheduler = IdentifiedScheduler(scheduler, self._task(folds, resource))
            tuner = BatchTuner(scheduler, validation.run, int(self.n_workers), self.journal)
            tuner.run(self.n_trials if ends_at_once(scheduler) else None, self.max_wallclock_time)
            self._fill_table(tuner, validation)

    def _format_results(self, candidate_params: list[dict[str, Any]], n_splits: int,
                        out: list[dict[str, Any]], more_results: Any = None) -> dict[str, Any]:
        """Take the rows of fits; the table that is returned is filled when the search ends."""
        if self._ongoing.take is not None:
            self._ongoing.take(out)
        return self._ongoing.table

    def _select_best_index(self, refit: Any, refit_metric: Any,
                           results: dict[str, Any]) -> int:
        """Return the row of the best candidate among those with the largest resource.

        It is scikit-learn's choice where `refit` is a function, or no candidate can be the best.
        """
        values, levels = np.array(self._ongoing.values), np.array(self._ongoing.levels)
        sound = np.isfinite(values)
        if callable(refit) or not sound.any():
            return BaseSearchCV._select_best_index(refit, refit_metric, results)
        eligible = sound & (levels == levels[sound].max())
        return int(np.where(eligible, values, math.inf).argmin())

    def _splitter(self, y: Any) -> Any:
        """Return the splitter that `cv` stands for: scikit-learn's, where the base class keeps it.

        Older releases, as 1.4, do not, and a generator is used up by then.
        """
        if hasattr(self, "_checked_cv_orig"):
            return self._checked_cv_orig
        if isinstance(self.cv, Iterator):
            raise ValueError(f"cv is {self.cv!r}, which gives its splits only once; give "
                             "list(cv), or install a newer scikit-learn")
        return check_cv(self.cv, y, classifier=is_classifier(self.estimator))

    # -- the parts of a search --------------------------------------------------------------------

    def _checked_space(self) -> CheckedSpace:
        """Return the space; ValueError where it has what is no parameter of the estimator."""
        space = check_space(self.config_space)
        known = self.estimator.get_params(deep=True)
        for name in space:
            try:
                if name not in known:  # an estimator may set more than it lists
                    clone(self.estimator).set_params(**{name: None})
            except (ValueError, TypeError, AttributeError) as error:
                raise ValueError(f"config_space has {name!r}, which is no parameter of the "
                                 f"estimator, a {type(self.estimator).__name__}; it has "
                                 f"{sorted(known)}") from error
        return space

    def _make_resource(self, X: Any, y: Any, n_splits: int, space: CheckedSpace) -> Resource | None:
        """Return the resource and its range, None if candidates get everything at once."""
        if self.resource is None:
            return None
        known = self.estimator.get_params()
        if self.resource != "n_samples" and self.resource not in known:
            raise ValueError(f"resource is {self.resource!r}, expected 'n_samples' or one of the "
                             f"estimator's parameters, {sorted(known)}")
        if self.resource in space:
            raise ValueError(f"resource is {self.resource!r}, which is in config_space, too; take "
                             "it out there")
        n_samples, n_classes = None, 1
        if self.resource == "n_samples":
            n_samples = _num_samples(X)
            n_classes = len(np.unique(y)) if is_classifier(self.estimator) else 1
        least = 1 if n_samples is None else 2 * n_splits * n_classes
        return make_resource(self.resource, self.scheduler, self.min_resources, self.max_resources,
                             self.eta, self.n_trials, least, n_samples)

    def _make_scheduler(self, space: CheckedSpace, resource: Resource | None,
                        seed: int) -> HPOScheduler:
        """Return a fresh scheduler with its searcher."""
        n_trials = None if self.n_trials is None else check_int("n_trials", self.n_trials)
        if self.max_wallclock_time is not None:
            check_positive("max_wallclock_time", self.max_wallclock_time)
        is_timed = self.max_wallclock_time is not None
        if not isinstance(self.scheduler, SchedulerBase):
            searcher = make_searcher(self.searcher, space, seed)
            return make_scheduler(self.scheduler, searcher, resource, n_trials, is_timed)
        if self.searcher is not None:
            raise ValueError(f"scheduler is an instance of {type(self.scheduler).__name__}, which "
                             f"has its own searcher, but searcher is {self.searcher!r}; give None")
        return copy_scheduler(self.scheduler, space, resource, n_trials, is_timed)

    def _seed(self) -> int:
        """Return the seed of searcher, scheduler and the order of examples."""
        if isinstance(self.random_state, numbers.Integral):
            return int(self.random_state)
        if self.journal is not None:
            raise ValueError(f"random_state is {self.random_state!r}, but a search with a journal "
                             "has to be the same when it goes on; give an integer")
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _task(self, folds: Folds, resource: Resource | None) -> dict[str, Any]:
        """Describe what the search is applied to, for its journal."""
        ongoing = self._ongoing
        data = {"X": ongoing.X, "y": ongoing.y, **ongoing.params}
        return {"estimator": describe_estimator(self.estimator),
                "data": {name: describe_data(values) for name, values in data.items()},
                "validation": {"scoring": spell_value(self.scoring), "folds": digest(folds.splits),
                               "refit": self.refit if isinstance(self.refit, str) else None,
                               "error_score": spell_value(self.error_score),
                               "return_train_score": bool(self.return_train_score),
                               "resource": None if resource is None else asdict(resource)}}

    def _fill_table(self, tuner: BatchTuner, validation: Validation) -> None:
        """Make the table of all candidates, also those of the journal; set what follows from it.

        ValueError if no fit succeeded.
        """
        ongoing, jobs = self._ongoing, tuner.books.jobs
        if not jobs:
            raise ValueError("no candidate was validated within max_wallclock_time="
                             f"{self.max_wallclock_time}; give more seconds")
        rows = complete_rows(jobs, self.error_score)
        if all(row["fit_error"] is not None for row in rows):
            raise ValueError(f"All the {len(rows)} fits failed, of {len(jobs)} candidates. The "
                             f"last one:\n{rows[-1]['fit_error']}")
        if validation.calls == 0:
            validation.run_again(jobs)
        levels = [validation.level(job) for job in jobs]
        more = self._note_resources(validation.resource, levels)
        ongoing.levels = [level or 0 for level in levels]
        ongoing.values = [candidate_value(tuner.scheduler, job) for job in jobs]
        n_splits = len(validation.folds.splits)
        candidates = [validation.parameters(job.config, level)
                      for job, level in zip(jobs, levels, strict=True)]
        ongoing.table.update(super()._format_results(candidates, n_splits, rows, more))

    def _note_resources(self, resource: Resource | None,
                        levels: list[Any]) -> dict[str, list[int]] | None:
        """Set the attributes that scikit-learn's halving searches have; return their columns."""
        if resource is None:
            return None
        rungs = sorted({*resource.levels(), *levels})
        self.min_resources_, self.max_resources_ = rungs[0], rungs[-1]
        self.n_resources_ = rungs
        self.n_candidates_ = [levels.count(rung) for rung in rungs]
        self.n_iterations_ = len(rungs)
        return {"iter": [rungs.index(level) for level in levels], "n_resources": levels}


def candidate_value(scheduler: HPOScheduler, job: Job) -> float:
    """Return what is smallest for the best candidate; inf where it cannot be the best."""
    trial = Trial(job.trial_id, job.config, job.max_epochs, job.epoch)
    return scheduler.score(trial, job.error, job.info) if math.isfinite(job.error) else math.inf
