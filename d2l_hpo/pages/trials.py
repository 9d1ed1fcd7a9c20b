"""A search as its pictures need it: a row a trial, in one order, of many the most telling."""
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from d2l_hpo.measures.records import Job
from d2l_hpo.pages.axes import Axis, NumberAxis, as_number, axis_of, number_axis
from d2l_hpo.tools.words import count
from d2l_hpo.tuning.reading import keeps, level_noun
from d2l_hpo.tuning.sources import SearchView

MOST_SHOWN = 1000
"""Trials in the table and in pictures; of more, the best and some of the others."""
LEAST_SHOWN = 50
"""At least so many of them, however large a page becomes."""
CLASSES = 6
"""Shades of colour."""


@dataclass
class TrialRow:
    """What became of a trial: its last error, and each report of epochs and error.

    Of a trial with many jobs, all are looked through once; they do not change any more then.
    """

    trial_id: int
    config: dict[str, Any]
    jobs: list[Job] = field(default_factory=list)

    @property
    def last(self) -> Job:
        """The job that ended last."""
        return self.jobs[-1]

    @cached_property
    def reporting(self) -> Job | None:
        """The last job that succeeded."""
        return next((job for job in reversed(self.jobs) if math.isfinite(job.error)), None)

    @cached_property
    def reports(self) -> list[tuple[int | None, float]]:
        """Epochs and error of the jobs that succeeded."""
        return [(job.max_epochs, job.error) for job in self.jobs if math.isfinite(job.error)]

    @property
    def error(self) -> float:
        """The last finite error; nan if there is none."""
        return self.reports[-1][1] if self.reports else math.nan

    @property
    def epochs(self) -> int | None:
        """After how many epochs it had this error; None where they do not count, or it has none."""
        return self.reports[-1][0] if self.reports else None

    @property
    def failed(self) -> bool:
        """Whether its last job failed."""
        return not math.isfinite(self.last.error) or self.last.status == "failed"

    @property
    def numbers(self) -> dict[str, float]:
        """The further numbers of its last job."""
        found = {str(name): as_number(value) for name, value in self.last.info.items()}
        return {name: value for name, value in found.items() if value is not None}


class SearchPicture:
    """The trials of a search, the axes of its hyperparameters, and the shades of its dots."""

    def __init__(self, view: SearchView) -> None:
        self.view = view
        limits = view.setting("limits")
        self.limits: dict[str, float] = limits if isinstance(limits, dict) else {}
        self.trials = _trials(view.jobs)
        self.show(MOST_SHOWN)
        self.names = _varying(view, self.trials)
        self.axes = {name: self._axis(name) for name in self.names}
        finite = [trial.error for trial in self.trials if math.isfinite(trial.error)]
        self.errors: np.ndarray = np.array(finite, float)
        self.error_axis, self.above = error_axis(self.errors)
        levels = {trial.epochs for trial in self.trials if trial.epochs is not None}
        self.levels = sorted(levels)
        self.is_multi_fidelity = any(len({epochs for epochs, _ in trial.reports}) > 1
                                     for trial in self.trials) or len(levels) > 1

    def show(self, most: int) -> None:
        """Choose trials for the table and the pictures: all, or so many.

        Of too many they are the best half, from the incumbent on, and evenly spaced others.
        """
        self.shown, best = self.trials, self.view.results.incumbent_trial
        if len(self.trials) <= most:
            return
        order = sorted(range(len(self.trials)), key=lambda i: (
            self.trials[i].trial_id != best, not self.may_be_best(self.trials[i]),
            not math.isfinite(self.trials[i].error), self.trials[i].error))
        chosen, others = set(order[:most // 2]), order[most // 2:]
        places = np.linspace(0, len(others) - 1, most - len(chosen)).round().astype(int)
        chosen |= {others[i] for i in places.tolist()}
        self.shown = [trial for i, trial in enumerate(self.trials) if i in chosen]

    @property
    def has_reports(self) -> bool:
        """Whether a trial has more than one row."""
        return len(self.view.jobs) > len(self.trials)

    def exceeds(self, job: Job) -> bool:
        """Say whether a job succeeded with a number that exceeds a limit."""
        return math.isfinite(job.error) and not keeps(self.limits, job.error, job.info)

    def may_be_best(self, trial: TrialRow) -> bool:
        """Say whether a trial has an error, and what it reported with it keeps the limits."""
        job = trial.reporting
        return job is not None and not self.exceeds(job)

    def level_words(self, level: int) -> str:
        """Write an amount of what trials get more and more of: 9 epochs, 3 folds, 450 examples."""
        return count(level, *self.level_noun)

    @property
    def level_noun(self) -> tuple[str, str]:
        """One, and several, of what trials get more and more of."""
        return level_noun(self.view.description or {})

    def _axis(self, name: str) -> Axis:
        domain = next((d for d in self.view.space if d["name"] == name), None)
        return axis_of([t.config[name] for t in self.trials if name in t.config], domain)

    def error_classes(self) -> list[list[int]]:
        """Return, from the worst sixth to the best, the places of shown trials of that shade.

        Trials that exceed a limit have none.
        """
        finite = [i for i, trial in enumerate(self.shown) if self.may_be_best(trial)]
        ordered = sorted(finite, key=lambda i: self.shown[i].error)
        parts = np.array_split(np.array(ordered, int), CLASSES)
        return [sorted(part.tolist()) for part in reversed(parts)]

    def level_classes(self) -> list[list[int]]:
        """Return the places of shown trials by their epochs, from the fewest to the most."""
        parts = np.array_split(np.array(self.levels or [0]), min(CLASSES, len(self.levels) or 1))
        class_of = {level: i for i, part in enumerate(parts) for level in part.tolist()}
        classes: list[list[int]] = [[] for _ in parts]
        for i, trial in enumerate(self.shown):
            if self.may_be_best(trial):
                classes[0 if trial.epochs is None else class_of[trial.epochs]].append(i)
        return classes

    def exceeding(self) -> list[int]:
        """Return the places of shown trials whose last report exceeds a limit."""
        return [i for i, trial in enumerate(self.shown)
                if math.isfinite(trial.error) and not self.may_be_best(trial)]

    def failures(self) -> list[int]:
        """Return the places of shown trials that have no error at all."""
        return [i for i, trial in enumerate(self.shown) if not math.isfinite(trial.error)]


def _trials(jobs: Sequence[Job]) -> list[TrialRow]:
    """Return the trials in the order of their first ends."""
    rows: dict[int, TrialRow] = {}
    for job in jobs:
        rows.setdefault(job.trial_id, TrialRow(job.trial_id, job.config)).jobs.append(job)
    return list(rows.values())


def _varying(view: SearchView, trials: list[TrialRow]) -> list[str]:
    """Return the names of hyperparameters that are no constants, in the order of the space."""
    described = {domain["name"]: domain["kind"] for domain in view.space}
    found = dict.fromkeys([*described, *(name for trial in trials for name in trial.config)])
    return [name for name in found if described.get(name) != "constant"]


def error_axis(errors: np.ndarray) -> tuple[NumberAxis, int]:
    """Return the axis of errors, and how many lie above its upper end, which outliers do not set.

    It is logarithmic where errors are positive and the largest is 100 times the smallest.
    """
    if len(errors) == 0:
        return number_axis([0.0, 1.0]), 0
    axis = number_axis(errors.tolist(), ratio=100.0)
    if axis.is_log or len(errors) < 8:
        return axis, 0
    low, middle, high = np.quantile(errors / 4, [0.0, 0.5, 0.9])  # a sum may be no float
    top = 0.75 * high - 0.5 * min(low, middle)
    kept = errors[errors / 16 <= top]
    if len(kept) < 2 or kept.max() == errors.max():
        return axis, 0
    return number_axis(kept.tolist(), ratio=100.0), int((errors > kept.max()).sum())
