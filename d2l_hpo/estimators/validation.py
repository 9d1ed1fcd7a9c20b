"""Validation of candidates by scikit-learn's `evaluate_candidates`: what each fit gave, and errors.

`evaluate_candidates` is what scikit-learn hands to `_run_search`: it fits and scores candidates on
all folds. It appends to a table of its own, and raises ValueError where all fits of a call fail.
Here a failed candidate is a result, and the table is made once, at the end, from all candidates,
those of a journal included.
"""
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from d2l_hpo.estimators.folds import Folds
from d2l_hpo.estimators.resources import Resource
from d2l_hpo.measures.records import Job
from d2l_hpo.schedulers.scheduler import Trial

FIT_KEYS = ("fit_time", "score_time", "test_scores", "train_scores", "n_test_samples", "fit_error")
"""What is kept of each fit: times in seconds, scores, examples, and why it failed (None)."""


class CandidateResult(dict[str, Any]):
    """What the validation of a candidate gave; messages show why it has no error, not its rows."""

    def __repr__(self) -> str:
        reasons = [row["fit_error"] for row in self["fits"] if row["fit_error"] is not None]
        scores = [row["test_scores"] for row in self["fits"]]
        return f"nan, since {reasons[0].strip()}" if reasons else f"the scores {scores}"


class Validation:
    """Validates trials on folds, with a resource as far as their `max_epochs` say.

    - `evaluate_candidates`: scikit-learn's function, which calls `take` with its rows.
    - `folds`: with training parts in a random order, if the resource is the number of examples.
    - `resource`: None if every trial gets everything.
    - `n_samples`: of all data; `resource.largest` of them is a fraction of each training part.
    - `metric`: the name of the score that counts; None: that of a single metric, or the first.
    - `error_score`: what stands for the scores of a fit that failed.
    """

    def __init__(self, evaluate_candidates: Callable[..., Any], folds: Folds,
                 resource: Resource | None, n_samples: int, metric: str | None,
                 error_score: float | str, has_train_scores: bool) -> None:
        self.evaluate_candidates, self.folds = evaluate_candidates, folds
        self.resource, self.n_samples = resource, n_samples
        self.metric, self.error_score = metric, error_score
        self.has_train_scores = has_train_scores
        self.taken: list[dict[str, Any]] = []
        """Rows of the call that has just ended, one a fit."""
        self.calls = 0
        """How many calls gave rows: without one, scikit-learn has no table."""

    def take(self, rows: list[dict[str, Any]]) -> None:
        """Take the rows of all fits so far; the last ones are of the call that has just ended."""
        self.taken = rows

    def level(self, trial_or_job: Trial | Job) -> int | None:
        """Return how much of the resource a trial gets; None without a resource."""
        if self.resource is None:
            return None
        return trial_or_job.max_epochs or self.resource.largest

    def parameters(self, config: dict[str, Any], level: int | None) -> dict[str, Any]:
        """Return a candidate: a configuration, and the resource if that is a parameter."""
        if self.resource is None or self.resource.is_samples:
            return dict(config)
        return {**config, self.resource.name: level}

    def run(self, trials: list[Trial]) -> list[CandidateResult]:
        """Validate trials, those of equal resources together; return a result for each."""
        results: dict[int, CandidateResult] = {}
        levels = [self.level(trial) for trial in trials]
        for level in dict.fromkeys(levels):
            group = [trial for trial, own in zip(trials, levels, strict=True) if own == level]
            rows = self.fit_and_score([self.parameters(trial.config, level) for trial in group],
                                      level)
            for trial, own_rows in zip(group, np.array_split(np.array(rows, object), len(group)),
                                       strict=True):
                results[trial.trial_id] = self.result(list(own_rows))
        return [results[trial.trial_id] for trial in trials]

    def fit_and_score(self, candidates: list[dict[str, Any]],
                      level: int | None) -> list[dict[str, Any]]:
        """Return the rows of candidates, those of a candidate's folds one after another."""
        folds, start = self.at_level(level), time.perf_counter()
        try:
            self.evaluate_candidates(candidates, cv=folds)
        except ValueError as error:
            if not str(error).lstrip().startswith("All the"):  # fits failed
                raise
            seconds = (time.perf_counter() - start) / (len(candidates) * len(folds.splits))
            return [self.failed_row(test, seconds, str(error))
                    for _ in candidates for _, test in folds.splits]
        self.calls += 1
        new = self.taken[-len(candidates) * len(folds.splits):]
        return [{key: row[key] for key in FIT_KEYS if key in row} for row in new]

    def run_again(self, jobs: list[Job]) -> None:
        """Validate the cheapest of the candidates that succeeded again, for its rows.

        scikit-learn looks at rows of its own to see which metrics there are; it has none where all
        candidates come from a journal.
        """
        sound = [job for job in jobs if any(row["fit_error"] is None for row in job.info["fits"])]
        job = min(sound, key=lambda job: job.info["mean_fit_time"] + job.info["mean_score_time"])
        level = self.level(job)
        self.fit_and_score([self.parameters(job.config, level)], level)

    def at_level(self, level: int | None) -> Folds:
        """Return the folds with training parts as large as a level of the resource says."""
        if level is None or self.resource is None or not self.resource.is_samples:
            return self.folds
        return self.folds.beginning(level / self.n_samples)

    def failed_row(self, test: np.ndarray, seconds: float, reason: str) -> dict[str, Any]:
        """Return the row of a fit that failed as all others of its call, of which none is left."""
        row = {"fit_time": seconds, "score_time": 0.0, "test_scores": self.error_score,
               "n_test_samples": len(test), "fit_error": reason}
        return row | ({"train_scores": self.error_score} if self.has_train_scores else {})

    def result(self, rows: list[dict[str, Any]]) -> CandidateResult:
        """Return a trial's result: its error, means over the folds, and the rows themselves.

        The error is minus the mean score; nan if a fit failed.
        """
        scores = {name: float(np.mean([row[name] for row in map(named_scores, rows)]))
                  for name in score_names(rows)}
        counting = self.metric if self.metric in scores else next(iter(scores))
        failed = any(row["fit_error"] is not None for row in rows)
        info: dict[str, Any] = {"error": math.nan if failed else -scores[counting]}
        for name, score in scores.items():
            info |= {f"mean_test_{name}": score, f"error_{name}": -score}
        for name in ("fit_time", "score_time"):
            info[f"mean_{name}"] = float(np.mean([row[name] for row in rows]))
        return CandidateResult(info, fits=rows)


def named_scores(row: dict[str, Any]) -> dict[str, float]:
    """Return the test scores of a row by the names of their metrics, a single one as "score"."""
    scores = row["test_scores"]
    return scores if isinstance(scores, dict) else {"score": scores}


def score_names(rows: list[dict[str, Any]]) -> list[str]:
    """Return the metrics that all rows have."""
    first, *others = map(named_scores, rows)
    return [name for name in first if all(name in other for other in others)] or ["score"]


def complete_rows(jobs: list[Job], error_score: float | str) -> list[dict[str, Any]]:
    """Return the rows of all jobs, such that all have the same metrics.

    A fit that failed before the names of several metrics were known gets `error_score` for each.
    """
    rows = [dict(row) for job in jobs for row in job.info["fits"]]
    for key in ("test_scores", "train_scores"):
        names = next((list(row[key]) for row in rows if isinstance(row.get(key), dict)), None)
        for row in rows:
            if names is not None and key in row and not isinstance(row[key], dict):
                row[key] = dict.fromkeys(names, error_score)
    return rows
