"""Configuration spaces of `d2l_hpo` in the words of Optuna, ConfigSpace (SMAC3) and Ax.

Other libraries round a log-uniform integer where `lograndint` takes the floor: a small difference
in the probabilities of the smallest integers. Only ConfigSpace is told conditions, and only those
that `real_tasks.only` has made. To the others a conditional hyperparameter is its domain; who asks
them for it when (methods.py) decides what they know.
"""
from collections.abc import Mapping
from functools import partial
from typing import Any

from d2l_hpo.spaces.space import check_space, describe_space

NUMBERS = ("uniform", "loguniform", "randint", "lograndint")


def to_optuna(space: Mapping[str, Any]) -> dict[str, Any]:
    """Return Optuna's distributions of all hyperparameters; of conditional ones their domain."""
    return {name: _to_optuna(name, *domain) for name, domain in _domains(space).items()}


def _to_optuna(name: str, kind: str, values: Any) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
    makers = {"uniform": FloatDistribution, "loguniform": partial(FloatDistribution, log=True),
              "randint": IntDistribution, "lograndint": partial(IntDistribution, log=True)}
    return makers[kind](*values) if kind in NUMBERS else CategoricalDistribution(values)


def ask_optuna(trial: Any, name: str, distribution: Any) -> Any:
    """Return the value of a trial for a hyperparameter with this distribution."""
    if hasattr(distribution, "choices"):
        return trial.suggest_categorical(name, distribution.choices)
    suggest = (trial.suggest_int if type(distribution).__name__ == "IntDistribution"
               else trial.suggest_float)
    return suggest(name, distribution.low, distribution.high, log=distribution.log)


def to_configspace(space: Mapping[str, Any], seed: int) -> Any:
    """Return the space of ConfigSpace, with its conditions."""
    from ConfigSpace import Categorical, ConfigurationSpace, Float, InCondition, Integer
    makers = {"uniform": Float, "loguniform": partial(Float, log=True),
              "randint": Integer, "lograndint": partial(Integer, log=True)}
    result = ConfigurationSpace(seed=seed)
    for name, (kind, values) in _domains(space).items():
        result.add(makers[kind](name, values) if kind in NUMBERS else Categorical(name, values))
    for hyperparameter in check_space(space).hyperparameters:
        for test in hyperparameter.tests:
            parent, values = test.condition
            result.add(InCondition(result[hyperparameter.name], result[parent], list(values)))
    return result


def to_ax(space: Mapping[str, Any]) -> list[Any]:
    """Return Ax's parameters, without conditions: inactive values are to be ignored."""
    from ax import ChoiceParameterConfig, RangeParameterConfig
    parameters = []
    for name, (kind, values) in _domains(space).items():
        if kind in NUMBERS:
            parameters.append(RangeParameterConfig(
                name=name, bounds=values, scaling="log" if kind.startswith("log") else "linear",
                parameter_type="int" if kind.endswith("randint") else "float"))
        else:
            kind_of = "bool" if isinstance(values[0], bool) else "str"
            parameters.append(ChoiceParameterConfig(name=name, values=values, is_ordered=False,
                                                    parameter_type=kind_of))
    return parameters


def _domains(space: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """Return kind and bounds or choices of each; ValueError for what others cannot express."""
    checked, found = check_space(space), {}
    for entry, hyperparameter in zip(describe_space(checked), checked.hyperparameters, strict=True):
        kind = entry.get("distribution", entry["kind"])
        shifted = kind.startswith("log") and entry["parameters"]["loc"] != 0
        if shifted or kind not in {*NUMBERS, "categorical", "constant"}:
            raise ValueError(f"hyperparameter {entry['name']!r}: other libraries have nothing like "
                             f"this {kind}; use uniform, loguniform, randint, lograndint or "
                             "categorical")
        if kind in NUMBERS:
            low, high = (number.item() for number in hyperparameter.domain.frozen.support())
            found[entry["name"]] = kind, (low, high)
        else:
            found[entry["name"]] = kind, entry["choices"] if kind == "categorical" else [
                checked[entry["name"]]]
    return found
