"""The searchers that are compared, behind `ask() -> configuration` and `tell(config, error)`.

`ask` returns None where a method has no configuration left. A new method is one line in METHODS.
"""
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np

import d2l_hpo
from d2l_hpo.clusters.syne_tune import to_syne_tune
from d2l_hpo.spaces.space import check_space, describe_space


class OurSearcher:
    """Drives a searcher of `d2l_hpo`."""

    packages = ()

    def __init__(self, name: str, space: Mapping[str, Any], seed: int, **settings: Any):
        self.searcher = getattr(d2l_hpo, name)(space, seed=seed, **settings)
        self.ask, self.tell = self.searcher.sample_configuration, self.searcher.update


class OptunaSampler:
    """Drives a sampler of Optuna through a study's ask and tell."""

    packages = ("optuna",)

    def __init__(self, name: str, space: Mapping[str, Any], seed: int, **settings: Any):
        import optuna
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        self.distributions = to_optuna(space)
        sampler = getattr(optuna.samplers, name)(seed=seed, **settings)
        self.study = optuna.create_study(sampler=sampler)

    def ask(self) -> dict[str, Any]:
        """Return the parameters of a new trial."""
        self.trial = self.study.ask(self.distributions)
        return self.trial.params

    def tell(self, config: Mapping[str, Any], error: float) -> None:
        """Finish the trial."""
        self.study.tell(self.trial, error)


class SyneTuneScheduler:
    """Drives a single-fidelity scheduler of Syne Tune as its tuner does, one trial at a time.

    With its own settings TPE draws at random until 15 % of the trials outnumber the
    hyperparameters: 46 trials for six of them.
    """

    packages = ("syne-tune", "statsmodels")

    def __init__(self, name: str, space: Mapping[str, Any], seed: int, **settings: Any):
        from syne_tune.optimizer import baselines
        # TPE's density estimates: a changing default, and a choice that all good trials share
        warnings.filterwarnings("ignore", "After 0.17", FutureWarning)
        warnings.filterwarnings("ignore", "divide by zero", RuntimeWarning, "statsmodels")
        self.space, self.trials = space, 0
        self.scheduler = getattr(baselines, name)(to_syne_tune(space), random_seed=seed, **settings)

    def ask(self) -> dict[str, Any]:
        """Return the suggestion; Syne Tune's TPE may round beyond a border, so move it back."""
        return clip(self.space, self.scheduler.suggest().config)

    def tell(self, config: Mapping[str, Any], error: float) -> None:
        """Report the result of a new trial and its end."""
        from syne_tune.backend.trial_status import Trial
        trial = Trial(self.trials, dict(config), datetime.now())
        self.trials += 1
        self.scheduler.on_trial_add(trial)
        self.scheduler.on_trial_result(trial, {"error": error})
        self.scheduler.on_trial_complete(trial, {"error": error})


class SyneTuneBORE(SyneTuneScheduler):
    """Drives Syne Tune's BORE, whose classifier is of XGBoost."""

    packages = ("syne-tune", "xgboost-cpu")


class SyneTuneCQR(SyneTuneScheduler):
    """Drives Syne Tune's conformal quantile regression, whose models are of scikit-learn."""

    packages = ("syne-tune", "huggingface_hub")


class SyneTuneBOTorch(SyneTuneScheduler):
    """Drives Syne Tune's Gaussian process, which is BoTorch's, with its random numbers."""

    packages = ("syne-tune", "botorch", "gpytorch", "torch")

    def __init__(self, name: str, space: Mapping[str, Any], seed: int, **settings: Any):
        import torch
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        super().__init__(name, space, seed, **settings)
        warnings.simplefilter("ignore")  # a fit that stops early, a jitter, a matrix in float32


@dataclass(frozen=True)
class Method:
    """`make(space, seed)`: an adapter with its other arguments; slow ones are run less often."""

    make: partial
    max_seeds: int | None = None
    max_evaluations: int | None = None

    def seeds(self, seeds: int) -> int:
        """Return how many of `seeds` seeds are run."""
        return seeds if self.max_seeds is None else min(seeds, self.max_seeds)

    def evaluations(self, evaluations: int) -> int:
        """Return how many of `evaluations` evaluations a search gets."""
        limit = self.max_evaluations
        return evaluations if limit is None else min(evaluations, limit)


METHODS = {
    "RandomSearcher": Method(partial(OurSearcher, "RandomSearcher")),
    "SobolSearcher": Method(partial(OurSearcher, "SobolSearcher")),
    "GridSearcher": Method(partial(OurSearcher, "GridSearcher")),
    "BayesianSearcher": Method(partial(OurSearcher, "BayesianSearcher")),
    "TPESearcher": Method(partial(OurSearcher, "TPESearcher")),
    "optuna.RandomSampler": Method(partial(OptunaSampler, "RandomSampler")),
    "optuna.QMCSampler": Method(partial(OptunaSampler, "QMCSampler", scramble=True,
                                        warn_independent_sampling=False)),
    "optuna.TPESampler": Method(partial(OptunaSampler, "TPESampler")),
    "optuna.GPSampler": Method(partial(OptunaSampler, "GPSampler"), 30, 50),
    "syne_tune.RandomSearch": Method(partial(SyneTuneScheduler, "RandomSearch",
                                             metrics=["error"])),
    "syne_tune.TPE": Method(partial(SyneTuneScheduler, "TPE", metric="error")),
    "syne_tune.BORE": Method(partial(SyneTuneBORE, "BORE", metric="error"), 30, 50),
    "syne_tune.CQR": Method(partial(SyneTuneCQR, "CQR", metric="error"), 30, 50),
    "syne_tune.BOTorch": Method(partial(SyneTuneBOTorch, "BOTorch", metric="error"), 30, 50),
}


def to_optuna(space: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a space into Optuna's distributions; ValueError for what Optuna cannot express.

    Optuna rounds a log-uniform integer where `lograndint` takes the floor: a small difference in
    the probabilities of the smallest integers.
    """
    checked = check_space(space)
    return {entry["name"]: _to_optuna(entry, checked[entry["name"]])
            for entry in describe_space(checked)}


def _to_optuna(entry: Mapping[str, Any], domain: Any) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
    makers = {"uniform": FloatDistribution, "loguniform": partial(FloatDistribution, log=True),
              "randint": IntDistribution, "lograndint": partial(IntDistribution, log=True)}
    name = entry.get("distribution", entry["kind"])
    shifted = name.startswith("log") and entry["parameters"]["loc"] != 0
    if "tests" in entry or shifted or name not in {*makers, "categorical", "constant"}:
        raise ValueError(f"hyperparameter {entry['name']!r}: Optuna has nothing like this {name}; "
                         "use uniform, loguniform, randint, lograndint or categorical, without "
                         "when(...)")
    if name in makers:
        low, high = (number.item() for number in domain.support())
        return makers[name](low, high)
    return CategoricalDistribution(entry["choices"] if name == "categorical" else [domain])


def clip(space: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Move numbers that lie outside their range to its nearest end."""
    ranges = {name: domain.support() for name, domain in space.items()
              if hasattr(domain, "support")}
    return {name: type(value)(np.clip(value, *ranges[name])) if name in ranges else value
            for name, value in config.items()}
