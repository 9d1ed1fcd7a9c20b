"""The searchers that are compared, behind `ask() -> configuration` and `tell(config, error)`.

`ask` returns None where a method has no configuration left. A new method is one line in METHODS.
"""
import logging
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import d2l_hpo
from benchmarks.conversions import ask_optuna, to_ax, to_configspace, to_optuna
from d2l_hpo.clusters.syne_tune import to_syne_tune
from d2l_hpo.spaces.space import check_configuration, check_space


class OurSearcher:
    """Drives a searcher of `d2l_hpo`."""

    packages = ()

    def __init__(self, name: str, space: Mapping[str, Any], seed: int, **settings: Any):
        self.searcher = getattr(d2l_hpo, name)(space, seed=seed, **settings)
        self.ask, self.tell = self.searcher.sample_configuration, self.searcher.update


class OptunaSampler:
    """Drives a sampler of Optuna through a study's ask and tell.

    It is asked for a conditional hyperparameter where that is active, as Optuna's users do. With
    `flat`, for samplers that model only what all trials have, it is asked for all of them.
    """

    packages = ("optuna",)

    def __init__(self, name: str, space: Mapping[str, Any], seed: int, flat: bool = False,
                 **settings: Any):
        import optuna
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        self.hyperparameters = check_space(space).hyperparameters
        self.distributions, self.flat = to_optuna(space), flat
        sampler = getattr(optuna.samplers, name)(seed=seed, **settings)
        self.study = optuna.create_study(sampler=sampler)

    def ask(self) -> dict[str, Any]:
        """Return the configuration of a new trial: what is active of its parameters."""
        conditional = any(hyperparameter.tests for hyperparameter in self.hyperparameters)
        asked = self.distributions if self.flat or not conditional else {}
        self.trial, config = self.study.ask(asked), {}
        for hyperparameter in self.hyperparameters:
            if hyperparameter.is_active(config):
                name = hyperparameter.name
                config[name] = ask_optuna(self.trial, name, self.distributions[name])
        return config

    def tell(self, config: Mapping[str, Any], error: float) -> None:
        """Finish the trial."""
        self.study.tell(self.trial, error)


class SMAC:
    """Drives a facade of SMAC3 through its ask and tell, without noise and without intensifying.

    It is told how many trials there will be: its Sobol design has a quarter of them, at most.
    """

    packages = ("smac", "ConfigSpace")

    def __init__(self, name: str, space: Mapping[str, Any], seed: int, trials: int):
        import smac
        self.folder = tempfile.TemporaryDirectory()
        scenario = smac.Scenario(to_configspace(space, seed), n_trials=trials, seed=seed,
                                 deterministic=True, output_directory=Path(self.folder.name))
        self.space = space
        self.facade = getattr(smac, name)(scenario, lambda config, seed=0: 0.0, overwrite=True,
                                          logging_level=False)

    def ask(self) -> dict[str, Any]:
        """Return the configuration of a new trial."""
        self.trial = self.facade.ask()
        return check_configuration(self.space, dict(self.trial.config))

    def tell(self, config: Mapping[str, Any], error: float) -> None:
        """Report the error as the trial's cost."""
        from smac.runhistory import TrialValue
        self.facade.tell(self.trial, TrialValue(cost=error))


class Ax:
    """Drives Ax's client, whose default is BoTorch's Gaussian process after a few Sobol points."""

    packages = ("ax-platform", "botorch", "gpytorch", "torch")

    def __init__(self, space: Mapping[str, Any], seed: int):
        import torch
        from ax import Client
        for handler in logging.getLogger("ax").handlers:  # a line for each trial
            handler.setLevel(logging.ERROR)
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        self.hyperparameters = check_space(space).hyperparameters
        self.client = Client(random_seed=seed)
        self.client.configure_experiment(parameters=to_ax(space))
        self.client.configure_optimization(objective="-error")

    def ask(self) -> dict[str, Any]:
        """Return the configuration of a new trial: what is active of its parameters."""
        [(self.index, values)] = self.client.get_next_trials(max_trials=1).items()
        config: dict[str, Any] = {}
        for hyperparameter in self.hyperparameters:
            if hyperparameter.is_active(config):
                config[hyperparameter.name] = values[hyperparameter.name]
        return config

    def tell(self, config: Mapping[str, Any], error: float) -> None:
        """Finish the trial."""
        self.client.complete_trial(self.index, raw_data={"error": error})


class AxWithConditions(Ax):
    """Ax that is told the conditions; its default then flattens the space itself."""

    def __init__(self, space: Mapping[str, Any], seed: int):
        super().__init__(space, seed)
        from ax import Client
        self.client = Client(random_seed=seed)
        self.client.configure_experiment(parameters=self.parameters(space))
        self.client.configure_optimization(objective="-error")

    def parameters(self, space: Mapping[str, Any]) -> list[Any]:
        """Return Ax's parameters; those that are conditional depend on a choice."""
        parameters = {parameter.name: parameter for parameter in to_ax(space)}
        for hyperparameter in self.hyperparameters:
            for test in hyperparameter.tests:
                parent, values = test.condition
                told = dict(parameters[parent].dependent_parameters or {})
                for value in values:
                    told[value] = [*told.get(value, ()), hyperparameter.name]
                parameters[parent] = replace(parameters[parent], dependent_parameters=told)
        return list(parameters.values())


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
    "optuna.GPSampler": Method(partial(OptunaSampler, "GPSampler", flat=True), 20, 50),
    "smac.HPO": Method(partial(SMAC, "HyperparameterOptimizationFacade", trials=50), 20, 50),
    "ax.Client": Method(partial(Ax), 20, 50),
    "ax.Client (conditions)": Method(partial(AxWithConditions), 20, 50),
    "syne_tune.RandomSearch": Method(partial(SyneTuneScheduler, "RandomSearch",
                                             metrics=["error"])),
    "syne_tune.TPE": Method(partial(SyneTuneScheduler, "TPE", metric="error")),
    "syne_tune.BORE": Method(partial(SyneTuneBORE, "BORE", metric="error"), 30, 50),
    "syne_tune.CQR": Method(partial(SyneTuneCQR, "CQR", metric="error"), 30, 50),
    "syne_tune.BOTorch": Method(partial(SyneTuneBOTorch, "BOTorch", metric="error"), 30, 50),
}


def clip(space: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Move numbers that lie outside their range to its nearest end."""
    ranges = {name: domain.support() for name, domain in space.items()
              if hasattr(domain, "support")}
    return {name: type(value)(np.clip(value, *ranges[name])) if name in ranges else value
            for name, value in config.items()}
