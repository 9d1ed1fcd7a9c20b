"""Cross-validation as an objective, and dropping configurations after a few folds."""

import json
import math
from collections import deque
from dataclasses import replace
from pathlib import Path

import numpy as np

from d2l_hpo.schedulers.scheduler import HPOScheduler, Trial
from d2l_hpo.searchers.base import check_searcher
from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.tools.arguments import check_int, finite_or_nan
from d2l_hpo.tools.copies import copied
from d2l_hpo.tools.files import write_file


def cannot_win(errors: np.ndarray, best: np.ndarray) -> bool:
    """Say whether the folds so far add up to all of the best's; ValueError if one is negative."""
    if min(errors.min(), best.min()) < -1e-9:  # a fold's error is a difference of sums
        raise ValueError(f"errors are {errors} and {best}; the rule needs errors of at least 0, "
                         "give FoldScheduler another one, for instance is_behind")
    return errors.sum() >= best.sum()


def is_behind(errors: np.ndarray, best: np.ndarray) -> bool:
    """Say whether the mean over the folds so far is larger than that of the best on the same."""
    return errors.mean() > best[:len(errors)].mean()


class FoldScheduler(HPOScheduler):
    """Validates each configuration fold by fold, and drops it where `rule(errors, best)` says so.

    `max_epochs` counts folds, and a trial's error is the mean over its folds so far. `errors` are
    those of its folds, `best` those of all folds of the best complete configuration, the incumbent.

    Arguments:

    - `searcher`: what chooses configurations, an `HPOSearcher`; TypeError for anything else. It
      learns the error of a complete configuration. For a dropped one it learns an estimate: the
      incumbent's error plus the mean difference to it over the folds so far.
    - `folds`: how many folds there are, at least 2, else ValueError.
    - `rule`: a named function, else TypeError. `errors` has shape (folds so far,) and `best`
      (folds,). The default, `cannot_win`, is equation `eq_cannot_win` of the section on
      objectives, constraints and cost. It never drops a configuration that would have become the
      incumbent, and raises ValueError for negative errors. `is_behind` drops more. Both are in
      `d2l_hpo.schedulers`.

    The objective is a `CrossValidation`, or takes the number of folds as `max_epochs`. `incumbent`
    is the best complete configuration, None before there is one.

    >>> from d2l_hpo.schedulers import is_behind
    >>> searcher = PoolSearcher({"x": stats.uniform(0, 1)}, [{"x": 0.1}, {"x": 0.9}, {"x": 0.2}])
    >>> scheduler = FoldScheduler(searcher, folds=3, rule=is_behind)
    >>> while trial := scheduler.suggest():
    ...     print(trial.config, "after", trial.max_epochs)
    ...     scheduler.update(trial, trial.config["x"])
    {'x': 0.9} after 1
    {'x': 0.9} after 2
    {'x': 0.9} after 3
    {'x': 0.1} after 1
    {'x': 0.1} after 2
    {'x': 0.1} after 3
    {'x': 0.2} after 1
    >>> scheduler.incumbent
    {'x': 0.1}
    """
    setting_names = ("folds", "rule")

    def __init__(self, searcher: HPOSearcher, folds: int, rule=cannot_win):
        self.searcher, self.rule = check_searcher(searcher), rule
        self.folds = check_int("folds", folds, 2)
        if not callable(rule) or not hasattr(rule, "__name__"):
            raise TypeError(f"rule is {rule!r}, expected a named function such as cannot_win")
        self.errors: dict[int, list[float]] = {}  # of the folds so far, by trial
        self.waiting: deque[Trial] = deque()  # those that go on
        self.over = []  # ids of those that never will
        self.incumbent: dict | None = None
        self.best = np.full(folds, np.inf)

    def score(self, trial: Trial, error: float, info: dict) -> float:
        """Return what is smallest for the best trial: its error; inf as long as folds are left."""
        return super().score(trial, error, info) if trial.max_epochs == self.folds else math.inf

    def suggest(self) -> Trial | None:
        """Return a trial that goes on by one fold, else a new one, or None if there is none."""
        if self.waiting:
            trial = self.waiting.popleft()
            done = len(self.errors[trial.trial_id])
            return replace(trial, config=copied(trial.config), epoch=done, max_epochs=done + 1)
        config = self.searcher.sample_configuration()
        if config is None:
            return None
        self.errors[trial_id := len(self.errors)] = []
        return Trial(trial_id, copied(config), max_epochs=1)

    def update(self, trial: Trial, error: float, info: dict | None = None) -> None:
        """Let a trial go on, or end it, as incumbent perhaps, and tell the searcher."""
        if trial.trial_id not in self.errors:
            raise ValueError(f"trial {trial.trial_id} was never suggested by this scheduler")
        errors = self.errors[trial.trial_id]
        if trial.max_epochs != len(errors) + 1:
            return  # reported before
        error = finite_or_nan(error)
        errors.append(error * trial.max_epochs - sum(errors))
        table, complete = np.array(errors), len(errors) == self.folds
        if math.isfinite(error) and not complete:
            if self.incumbent is None or not self.rule(table, self.best):
                return self.waiting.append(trial)
            error = self.best.mean() + (table - self.best[:len(table)]).mean()
        elif self.score(trial, error, info or {}) < self.best.mean():
            self.incumbent, self.best = copied(trial.config), table
        self.over.append(trial.trial_id)
        self.searcher.update(trial.config, error, self.folds, info)


class CrossValidation:
    """An objective: the mean of `fold_error(config, fold)` over the first `max_epochs` folds.

    None: over all `folds`. With `checkpoint`, a path, a fold is never trained twice: the errors of
    earlier folds are in that file.

    Arguments:

    - `fold_error`: a function of a configuration and a fold, 0, 1, ..., which trains on the other
      folds and returns the error on this one, a number.
    - `folds`: how many there are, at least 2, else ValueError.

    The objective is called with `config`, `max_epochs` and `checkpoint`; ValueError for
    `max_epochs` that are no integer from 1 to `folds`. With `FoldScheduler` bad configurations are
    dropped after a few folds.

    >>> objective = CrossValidation(lambda config, fold: config["x"] + fold, folds=3)
    >>> objective({"x": 0.5}), objective({"x": 0.5}, max_epochs=2)
    (1.5, 1.0)
    """
    def __init__(self, fold_error, folds: int):
        self.fold_error, self.folds = fold_error, check_int("folds", folds, 2)

    def __call__(self, config: dict, max_epochs: int | None = None, checkpoint=None) -> float:
        folds = self.folds if max_epochs is None else check_int("max_epochs", max_epochs)
        if folds > self.folds:
            raise ValueError(f"max_epochs is {folds}, but there are only {self.folds} folds")
        errors = []
        if checkpoint is not None and Path(checkpoint).exists():
            errors = json.loads(Path(checkpoint).read_bytes())
        for fold in range(len(errors), folds):
            errors.append(float(self.fold_error(config, fold)))
            if checkpoint is not None:
                write_file(checkpoint, json.dumps(errors).encode())
        return sum(errors[:folds]) / folds
