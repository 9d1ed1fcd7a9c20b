"""What Bayesian optimization has beside its idea: starts of the fit, search for the best point."""
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import scipy

from d2l_hpo.searchers.branches import Branches
from d2l_hpo.searchers.model_searcher import ModelSearcher, encode_choices
from d2l_hpo.searchers.process_fit import theta_prior
from d2l_hpo.searchers.process_refit import ProcessKeeper
from d2l_hpo.spaces.space import snap_unit_cube
from d2l_hpo.tools.arguments import check_int


class BayesianBase(ModelSearcher):
    """Knows where the fit of a Gaussian process starts, and finds the point of largest worth.

    A subclass defines `propose_point` by `training_set`, `keeper`, `fresh_starts`, `encode`,
    `pending_points` and `best_point`. Where a space has branches, every fourth configuration is
    chosen in the one with the fewest, and all these know only that branch (`choose_point`).
    """

    setting_names: tuple[str, ...] = ("fantasies",)
    turns = 4  # a branch in turn is given every so many configurations, with 0 none
    candidates, survivors, copies, rounds = 512, 4, 16, 8  # of the search for the best point

    def __init__(self, config_space: Mapping[str, Any],
                 initial_config: Mapping[str, Any] | None = None, seed: int = 0,
                 initial_points: int = 8, epochs: str = "all", fantasies: int = 16,
                 initial_configs: Iterable[Mapping[str, Any]] = ()) -> None:
        super().__init__(config_space, initial_config, seed, initial_points, epochs,
                         initial_configs)
        self.fantasies = check_int("fantasies", fantasies, 0)
        columns = [max(k, 1) for k in self.choices]
        self.groups = np.repeat(np.arange(len(columns)), columns)
        """Which length scale each column of encoded points has: one a hyperparameter."""
        self.keeper = ProcessKeeper(self.groups)
        self.next_restart = 0
        self.branches = Branches(self.config_space)
        self.branch: np.ndarray | None = None
        """The branch in turn, while a point is chosen there."""

    def choose_point(self) -> np.ndarray:
        """Return what `propose_point` chooses, every fourth time in the branch with the fewest.

        A good trial in one branch draws those that follow to itself, and the model of all may take
        a branch for bad after the two or four trials that the design made there. So each gets some
        more: where its own trials, with a model of their own, say that it is best.
        """
        is_turn = self.turns > 0 and len(self.points) % self.turns == 0
        self.branch = self.branches.in_turn(self.points, self.is_new) if is_turn else None
        if self.branch is None:
            return self.propose_point()
        keeper, self.keeper = self.keeper, ProcessKeeper(self.groups)
        try:
            return self.propose_point()
        finally:
            self.branch, self.keeper = None, keeper

    def training_set(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what the class above does, in a turn only the trials of that branch.

        If none of these has an error, all trials are returned.
        """
        points, errors, failed = super().training_set()
        own = self.branches.contains(points, self.branch)
        if self.branch is None or not own.any():
            return points, errors, failed
        return points[own], errors[own], failed[self.branches.contains(failed, self.branch)]

    def fresh_starts(self, n: int) -> list[np.ndarray]:
        """Return from where theta of a process of n trials is fitted beside the last one.

        One more trial changes theta little. When their number has grown by half, it starts afresh,
        too: from the prior's mean and two draws from the prior.
        """
        if n < self.next_restart or self.branch is not None:
            return []
        self.next_restart = math.ceil(1.5 * n)
        mean, deviation = theta_prior(len(self.choices))
        return [mean, *(mean + deviation * self.rng.standard_normal((2, len(mean))))]

    def encode(self, points: np.ndarray) -> np.ndarray:
        """Return snapped points of the unit cube as inputs of the model."""
        return encode_choices(points, self.choices)

    def pending_points(self) -> np.ndarray:
        """Return the trials that are running, as inputs of the model."""
        return self.encode(np.array([self.points[name] for name in sorted(self.pending)]))

    def best_point(self, worth: Callable[[np.ndarray], np.ndarray], points: np.ndarray,
                   errors: np.ndarray) -> np.ndarray:
        """Return the new point of the unit cube whose `worth` is the largest found.

        `worth` takes inputs of the model, shape (q, p). The search begins, among others, at the
        best of the tried `points`.
        """
        def score(candidates: np.ndarray) -> np.ndarray:
            snapped = snap_unit_cube(self.config_space, candidates)
            allowed = self.is_new(snapped) & self.branches.contains(snapped, self.branch)
            return np.where(allowed, worth(self.encode(snapped)), -np.inf)

        best = np.argsort(errors, kind="stable")[:self.survivors]
        return self.maximise(score, np.nan_to_num(points[best], nan=0.5))

    def maximise(self, score: Callable[[np.ndarray], np.ndarray],
                 starts: np.ndarray) -> np.ndarray:
        """Return the point of the unit cube with the largest `score(points)` found."""
        if self.all_points is not None:
            return self.all_points[score(np.nan_to_num(self.all_points, nan=0.5)).argmax()]
        sequence = scipy.stats.qmc.Sobol(len(self.choices), rng=self.rng)
        draws = sequence.random(self.candidates)
        scores = score(draws)
        points = np.vstack([draws[np.argsort(-scores)[:self.survivors]], starts])
        scores = score(points)
        for radius in 0.3 * 0.5 ** np.arange(self.rounds):
            steps = self.perturb(np.repeat(points, self.copies, axis=0), radius)
            found = score(steps).reshape(len(points), self.copies)
            steps = steps.reshape(len(points), self.copies, -1)
            best = found.argmax(axis=1)
            better = found.max(axis=1) > scores
            points[better] = steps[better, best[better]]
            scores = np.maximum(scores, found.max(axis=1))
        return points[scores.argmax()] if scores.max() > -np.inf else self.explore()

    def perturb(self, points: np.ndarray, radius: float) -> np.ndarray:
        """Move some coordinates of each point by normal steps; redraw those of choices."""
        moved = self.rng.random(points.shape) < max(0.4, 1 / points.shape[1])
        steps = points + radius * self.rng.standard_normal(points.shape)
        steps = np.clip(np.where(steps > 1, 2 - steps, np.abs(steps)), 0, 1)  # reflect at borders
        fresh = self.rng.random(points.shape)
        return np.where(moved, np.where(np.array(self.choices) > 0, fresh, steps), points)
