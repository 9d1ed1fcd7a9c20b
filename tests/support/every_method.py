"""All public searchers and schedulers, made alike: a new public name is tested automatically.

`make_searcher` and `make_scheduler` give what an argument that must be given is usually called. A
new class with an argument of another name fails there with a TypeError; add the argument here.
"""
import inspect

import numpy as np
from scipy import stats

import d2l_hpo.schedulers
import d2l_hpo.searchers
from d2l_hpo import (
    BasicScheduler, DigitsBenchmark, HPOScheduler, HPOSearcher, categorical, lograndint,
    sample_configurations,
)

UNFINISHED = {"HPOSearcher", "ModelSearcher", "MultiObjectiveSearcher", "HPOScheduler",
              "MultiFidelityScheduler"}
"""Classes that leave a method to their subclasses."""

SPACE = {"rate": stats.loguniform(1e-4, 1), "units": lograndint(8, 256),
         "kind": categorical(["a", "b", "c"]), "depth": stats.randint(1, 5),
         "drop": stats.uniform(0, 0.5), "epochs": 3}
EARLY = {"initial_points": 3, "population": 4, "population_size": 4, "sample_size": 2}
"""Settings with which a searcher learns after a few trials."""


def public_classes(base, names):
    """Return the public classes below `base` that can be used as they are, sorted by name."""
    found = [getattr(d2l_hpo, name) for name in sorted(names)]
    return [kind for kind in found if isinstance(kind, type) and issubclass(kind, base)
            and kind.__name__ not in UNFINISHED]


def named(ending, folder):
    """Return the public names of a folder, and those with an ending; none loads pytorch."""
    return [name for name in d2l_hpo.__all__ if name.endswith(ending) or name in folder.__all__]


SEARCHERS = public_classes(HPOSearcher, named("Searcher", d2l_hpo.searchers))
SCHEDULERS = public_classes(HPOScheduler, named("Scheduler", d2l_hpo.schedulers))


def takes(kind, name):
    """Whether a class, or one that it passes further arguments on to, has an argument."""
    for each in kind.__mro__:
        parameters = inspect.signature(each).parameters.values()
        if name in {parameter.name for parameter in parameters}:
            return True
        if all(parameter.kind != parameter.VAR_KEYWORD for parameter in parameters):
            return False
    return False


def fitting(kind, offered):
    """Return those of the offered arguments that a class takes."""
    return {name: value for name, value in offered.items() if takes(kind, name)}


def make_searcher(kind, space=SPACE, seed=0, early=True, **settings):
    """Make a searcher of any class; one that needs a recorded task has the space of that."""
    offered = {"config_space": space, "seed": seed, "objectives": ("error", "size"),
               "limits": {"size": 5.0}, **(EARLY if early else {})}
    if takes(kind, "configs"):
        offered["configs"] = sample_configurations(space, 40, np.random.default_rng(seed))
    if takes(kind, "benchmark"):
        offered["benchmark"] = DigitsBenchmark()
    return kind(**fitting(kind, offered), **settings)


FREE = [kind for kind in SEARCHERS if takes(kind, "config_space")]
"""Searchers of any space."""

OFFERED = {"eta": 2, "r_min": 1, "r_max": 8, "max_epochs": 8, "folds": 4, "step": 2,
           "population_size": 4, "min_trials": 2, "batch_size": 3}


def make_scheduler(kind, searcher, **settings):
    """Make a scheduler of any class; one that wraps another gets a `BasicScheduler`."""
    offered = {**OFFERED, "searcher": searcher}
    if takes(kind, "scheduler"):
        offered["scheduler"] = BasicScheduler(searcher, max_epochs=8)
    return kind(**{**fitting(kind, offered), **settings})


def measured(config, error):
    """Return numbers beside the error, for searchers that need some."""
    length = sum(len(repr(value)) for value in config.values())
    return {"size": 1.0 + length % 7, "elapsed_time": 2.0 + length % 5}


def badness(config):
    """Return an error from 0 up that depends on every hyperparameter."""
    numbers = [value if isinstance(value, (int, float)) else len(str(value))
               for value in config.values()]
    return float(np.abs(np.sin(numbers)).sum())


def search(searcher, n, error=badness):
    """Run up to n trials one after another; return their configurations."""
    configs = []
    while len(configs) < n and (config := searcher.sample_configuration()) is not None:
        configs.append(dict(config))
        value = error(config) if callable(error) else error
        searcher.update(config, value, info=measured(config, value))
    return configs
