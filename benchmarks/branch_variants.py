"""Variants of `BayesianSearcher` that were tried against staying in one branch of a space.

A branch is a set of active hyperparameters. Three kinds: what the model believes of two branches
(`Arc`, `Learned`, `Unrelated`, `Balanced`, `Averaged`), how many trials each branch gets
(`JointShare`, `OwnShare`, `SqrtShare`, `Front`; "every fourth" is the searcher as it is now), and
who chooses the branch (`Thompson`, `Promising`, `EveryFifthSobol`).
"""
import math
from typing import Any

import numpy as np
import scipy
from scipy.special import logsumexp

from d2l_hpo import BayesianSearcher
from d2l_hpo.searchers.acquisition import log_improvement
from d2l_hpo.searchers.bayesian import soften_errors
from d2l_hpo.searchers.gaussian_process import GaussianProcess
from d2l_hpo.searchers.model_searcher import encode_choices
from d2l_hpo.searchers.process_fit import fit_gaussian_process, theta_prior
from d2l_hpo.searchers.process_refit import ProcessKeeper
from d2l_hpo.spaces.space import snap_unit_cube


class Former(BayesianSearcher):
    """The searcher as it was: no branch has a turn."""

    turns = 0


class OneBranch(Former):
    """Proposes in one branch where `only` says which."""

    only: np.ndarray | None = None

    def counts(self) -> np.ndarray:
        """Return how many configurations of each branch were proposed or reported."""
        known = np.array(list(self.points.values()))
        return np.array([self.are_in(known, branch).sum() for branch in self.active])

    @property
    def active(self) -> np.ndarray:
        """Return the branches."""
        return self.branches.active

    def are_in(self, points: np.ndarray, branch: np.ndarray | None) -> np.ndarray:
        """Say of each snapped point whether it is in a branch."""
        return self.branches.contains(points, branch)

    def best_point(self, worth, points, errors) -> np.ndarray:
        """Return the best new point, of the branch `only` where there is one."""
        branch = self.only
        if branch is None:
            return super().best_point(worth, points, errors)

        def score(candidates: np.ndarray) -> np.ndarray:
            snapped = snap_unit_cube(self.config_space, candidates)
            allowed = self.is_new(snapped) & self.are_in(snapped, branch)
            return np.where(allowed, worth(self.encode(snapped)), -np.inf)

        order = np.argsort(errors, kind="stable")
        best = order[self.are_in(points, branch)[order]][:self.survivors]
        return self.maximise(score, np.nan_to_num(points[best], nan=0.5))

    def propose_by(self, model: GaussianProcess) -> np.ndarray:
        """Return the point with the largest expected improvement under this model."""
        points, errors, _ = self.training_set()
        best = (model.signal @ model.weights).min()
        return self.best_point(lambda x: log_improvement(model, x, best), points, errors)

    def propose_by_own_model(self) -> np.ndarray:
        """Return a point of the branch `only`, by a model of its trials alone."""
        points, errors, _ = self.training_set()
        own = self.are_in(points, self.only)
        if not own.any():
            return BayesianSearcher.propose_point(self)
        return self.propose_by(fit_gaussian_process(
            self.encode(points[own]), soften_errors(errors[own]), self.groups))


# -- How many trials each branch gets -------------------------------------------------------------

class JointShare(OneBranch):
    """Proposes in the branch with the fewest trials while that has not its share of them."""

    share = 0.5
    """In parts of the trials that each would have if all had equally many."""

    def fewest(self) -> int:
        """Return how many trials every branch should have."""
        return int(self.share * len(self.points) / len(self.active))

    def propose_point(self) -> np.ndarray:
        """Return a point of the branch that has too few trials, if there is one."""
        counts = self.counts()
        self.only = self.active[counts.argmin()] if counts.min() < self.fewest() else None
        return self.propose_in_branch() if self.only is not None else super().propose_point()

    def propose_in_branch(self) -> np.ndarray:
        """Return a point of the branch `only`."""
        return BayesianSearcher.propose_point(self)


class OwnShare(JointShare):
    """The same, where such a branch has a model of its own trials."""

    def propose_in_branch(self) -> np.ndarray:
        """Return a point of the branch `only`."""
        return self.propose_by_own_model()


class SqrtShare(OwnShare):
    """The same, where each branch should have a number that grows with the root of the trials."""

    def fewest(self) -> int:
        """Return how many trials every branch should have."""
        return int(1.8 * math.sqrt(len(self.points) / len(self.active)))


class Front(JointShare):
    """Each branch gets five trials first."""

    def fewest(self) -> int:
        """Return how many trials every branch should have."""
        return 5


class EveryFifthSobol(Former):
    """Every fifth proposal is the next point of the Sobol sequence."""

    def propose_point(self) -> np.ndarray:
        """Return the point that the model chooses, or the sequence's next one."""
        return self.explore() if len(self.points) % 5 == 0 else super().propose_point()


# -- Who chooses the branch -----------------------------------------------------------------------

class Promising(OneBranch):
    """Every third proposal is in the branch whose own model promises the largest improvement."""

    def propose_point(self) -> np.ndarray:
        """Return the point that the model of all trials, or that of one branch, chooses."""
        self.only = None
        if len(self.active) < 2 or len(self.points) % 3:
            return super().propose_point()
        points, errors, _ = self.training_set()
        draws = self.draws()
        soft = soften_errors(errors)
        found = []
        for branch in self.active:
            own, near = self.are_in(points, branch), draws[self.are_in(draws, branch)]
            n = own.sum()
            if n < 2 or len(near) == 0:
                continue
            mean = soft[own].sum() / (n + 0.5)
            deviation = math.sqrt((((soft[own] - mean) ** 2).sum() + 1) / n)
            model = fit_gaussian_process(self.encode(points[own]), (soft[own] - mean) / deviation,
                                         self.groups)
            gains = log_improvement(model, self.encode(near), (soft.min() - mean) / deviation)
            found.append((gains.max() + math.log(deviation), branch, model))
        if not found:
            return super().propose_point()
        _, self.only, model = max(found, key=lambda each: each[0])
        return self.propose_by(model)

    def draws(self) -> np.ndarray:
        """Return points of all branches."""
        sequence = scipy.stats.qmc.Sobol(len(self.choices), rng=self.rng)
        return snap_unit_cube(self.config_space, sequence.random(256))


class Thompson(Promising):
    """The branch is that with the smallest draw from its own model (Nguyen et al., 2020)."""

    def propose_point(self) -> np.ndarray:
        """Return the point of the drawn branch that the model of all trials chooses."""
        if len(self.active) < 2:
            return BayesianSearcher.propose_point(self)
        points, errors, _ = self.training_set()
        draws, soft = self.draws(), soften_errors(errors)
        smallest = [self.draw(points[own], soft[own], draws[self.are_in(draws, branch)][:96])
                    for branch in self.active for own in [self.are_in(points, branch)]]
        self.only = self.active[np.argmin(smallest)]
        return BayesianSearcher.propose_point(self)

    def draw(self, points: np.ndarray, errors: np.ndarray, draws: np.ndarray) -> float:
        """Return the smallest value, at draws and points, of a function from a branch's model."""
        n = len(points)
        if len(draws) == 0:
            return math.inf
        if n == 0:
            return self.rng.standard_normal(len(draws)).min()
        mean = errors.sum() / (n + 0.5)
        deviation = math.sqrt((((errors - mean) ** 2).sum() + 2) / (n + 1))
        model = fit_gaussian_process(self.encode(points), (errors - mean) / deviation, self.groups)
        places = np.vstack([self.encode(draws), model.points])
        between = model.kernel(places, model.points)
        half = scipy.linalg.solve_triangular(model.factor, between.T, lower=True)
        covariance = model.kernel(places, places) - half.T @ half + 1e-6 * np.eye(len(places))
        values = between @ model.weights + np.linalg.cholesky(covariance) @ (
            self.rng.standard_normal(len(places)))
        self.rng.standard_normal()
        return mean + deviation * values.min()


# -- What the model believes of two branches ------------------------------------------------------

class Arc(Former):
    """Values lie on an arc, and inactive ones in its centre (Swersky et al., 2014)."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        columns = [k or 2 for k in self.choices]
        self.groups = np.repeat(np.arange(len(columns)), columns)
        self.keeper = ProcessKeeper(self.groups)

    def encode(self, points: np.ndarray) -> np.ndarray:
        """Return snapped points as inputs of the model."""
        parts = []
        for values, k in zip(points.T, self.choices, strict=True):
            if k:
                parts.append(encode_choices(values[:, np.newaxis], [k]))
            else:
                active, angles = ~np.isnan(values), np.nan_to_num(values)
                parts.append(np.column_stack([np.where(active, np.sin(angles), 0),
                                              np.where(active, np.cos(angles), 0)]))
        return np.column_stack(parts)


class Learned(Former):
    """Which hyperparameters are active has a length scale of its own."""

    distance = math.sqrt(0.5)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.groups = np.append(self.groups, np.full(len(self.choices), self.groups.max() + 1))
        self.keeper = ProcessKeeper(self.groups)

    def encode(self, points: np.ndarray) -> np.ndarray:
        """Return snapped points as inputs of the model."""
        return np.column_stack([super().encode(points), self.distance * np.isnan(points)])

    def fresh_starts(self, n: int) -> list[np.ndarray]:
        """Return starts of a fit that has one length scale more."""
        if n < self.next_restart:
            return []
        self.next_restart = math.ceil(1.5 * n)
        mean, deviation = theta_prior(len(self.choices) + 1)
        return [mean, *(mean + deviation * self.rng.standard_normal((2, len(mean))))]


class Unrelated(Learned):
    """Errors of two branches are not correlated (Lévesque et al., 2017)."""

    distance = 1e3


class Balanced(OneBranch):
    """Errors are softened with weights under which all branches count alike."""

    def fit_model(self, points: np.ndarray, errors: np.ndarray) -> GaussianProcess:
        """Fit the process to errors whose median, mean and deviation are weighted."""
        tried, _, _ = self.training_set()
        inside = np.array([self.are_in(tried, branch) for branch in self.active])
        weights = 1 / (inside * inside.sum(axis=1, keepdims=True)).sum(axis=0)
        errors = np.asarray(errors, float) / max(1.0, np.abs(errors).max())
        if errors.min() == errors.max():
            return super().fit_model(points, errors)
        order = np.argsort(errors)
        levels = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
        median = np.interp(0.5, levels, errors[order])
        unit = max(median - errors.min(), 1e-9 * (errors.max() - errors.min()))
        distances = (errors - median) / unit
        soft = np.where(distances > 0, np.log1p(np.maximum(distances, 0)), distances)
        mean = np.average(soft, weights=weights)
        deviation = math.sqrt(np.average((soft - mean) ** 2, weights=weights))
        return self.keeper.fit(points, (soft - mean) / deviation, self.fresh_starts)


class Averaged(Former):
    """The improvement is averaged over eight values of theta instead of the most probable one."""

    def fit_model(self, points: np.ndarray, errors: np.ndarray) -> GaussianProcess:
        """Fit the process, and draw others by importance sampling around it."""
        fitted = super().fit_model(points, errors)
        mean, deviation = theta_prior(len(fitted.theta) - 2)
        spread = 0.7 * deviation
        thetas = fitted.theta + spread * self.rng.standard_normal((40, len(mean)))
        thetas = np.clip(thetas, mean - 3 * deviation, mean + 3 * deviation)
        models = [GaussianProcess(fitted.points, fitted.targets, theta, fitted.groups)
                  for theta in thetas]
        logs = [model.evidence() - 0.5 * (((model.theta - mean) / deviation) ** 2).sum()
                + 0.5 * (((model.theta - fitted.theta) / spread) ** 2).sum() for model in models]
        cumulated = np.cumsum(scipy.special.softmax(logs))
        places = (np.arange(8) + self.rng.random()) / 8
        drawn, times = np.unique(np.searchsorted(cumulated, places).clip(0, 39), return_counts=True)
        self.drawn = [(models[i], math.log(n / 8)) for i, n in zip(drawn, times, strict=True)]
        return fitted

    def acquisition(self, model: GaussianProcess, points: np.ndarray) -> np.ndarray:
        """Return the logarithm of the mean improvement; pending trials are ignored."""
        return logsumexp([super(Averaged, self).acquisition(each, points) + weight
                          for each, weight in self.drawn], axis=0)


def with_share(kind: type[JointShare], share: float) -> type[JointShare]:
    """Return the class with another share."""
    return type(kind.__name__, (kind,), {"share": share})


VARIANTS: dict[str, type[BayesianSearcher]] = {
    "as it was": Former,
    "half share, joint model": JointShare,
    "full share, joint model": with_share(JointShare, 1.0),
    "half share": OwnShare,
    "0.7 share": with_share(OwnShare, 0.7),
    "full share": with_share(OwnShare, 1.0),
    "root share": SqrtShare,
    "every fourth": BayesianSearcher,
    "five trials first": Front,
    "every fifth Sobol": EveryFifthSobol,
    "most promising branch": Promising,
    "Thompson": Thompson,
    "arc kernel": Arc,
    "learned length": Learned,
    "unrelated branches": Unrelated,
    "balanced errors": Balanced,
    "averaged theta": Averaged,
}
