"""The functions that searchers are compared on: recorded tasks, and independent ones.

Ours: the surrogates of the recorded tasks, which predict the validation error after the last epoch
for any configuration, without noise, and two functions of the literature with known minima.

Independent, made by others and for other purposes: functions of BBOB (Hansen et al., 2009) from the
package ioh, functions of bbob-mixint (Tušar et al., 2019), whose variables are integers but for a
fifth, from coco-experiment, each in two instances, which are random shifts and rotations and which
seeds take in turn, and the tuning of scikit-learn's models on the data that it brings
(real_tasks.py). Half of them, DEVELOPMENT, may be looked at when a searcher is changed; HELD_OUT is
for the report.

A new task is one line in TASKS.
"""
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from functools import cache, partial
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.real_tasks import REAL_TASKS
from d2l_hpo import DigitsBenchmark, LeNetBenchmark, MLPBenchmark, RecordedBenchmark
from d2l_hpo.spaces.space import check_configuration, configurations_from_unit_cube, varying_names


@dataclass(frozen=True)
class Task:
    """A space and the function to minimise, `errors(configurations)`, shape (configurations,).

    `best_known` is its smallest value, where that is known; a smaller one that is found counts.
    Of a task that is not `cheap`, no design is evaluated to know a small error.
    """

    space: Mapping[str, Any]
    errors: Callable[[Sequence[Mapping[str, Any]]], np.ndarray]
    best_known: float = math.inf
    cheap: bool = True


def recorded_task(kind: type[RecordedBenchmark]) -> Task:
    """Return the surrogate's error after the last epoch, for recorded configurations too."""
    benchmark = kind()

    def errors(configs: Sequence[Mapping[str, Any]]) -> np.ndarray:
        checked = [check_configuration(benchmark.config_space, config) for config in configs]
        return benchmark.surrogate.predict(checked)[0][:, -1]

    return Task(benchmark.config_space, errors)


def coordinates(configs: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return the values of configurations, shape (configurations, hyperparameters)."""
    return np.array([list(config.values()) for config in configs])


def branin(configs: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return Branin's function, which has three global minima."""
    x, y = coordinates(configs).T
    valley = y - 5.1 * x**2 / (4 * np.pi**2) + 5 * x / np.pi - 6
    return valley**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


def hartmann6(configs: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return Hartmann's function of six variables: four wells, and one global minimum."""
    depths = np.array([1.0, 1.2, 3.0, 3.2])
    widths = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14],
                       [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
    centres = np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
                        [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])
    offsets = coordinates(configs)[:, np.newaxis] - centres / 1e4
    return -np.exp(-(widths * offsets**2).sum(axis=2)) @ depths


def branin_task() -> Task:
    """Return Branin's function on its usual rectangle."""
    return Task({"x": stats.uniform(-5, 15), "y": stats.uniform(0, 15)}, branin, 0.39788735773)


def hartmann_task() -> Task:
    """Return Hartmann's function on the unit cube."""
    return Task({f"x_{i}": stats.uniform(0, 1) for i in range(1, 7)}, hartmann6, -3.322368011415515)


def bbob_task(function: int, dimensions: int, instance: int = 1) -> Task:
    """Return a function of BBOB on its cube, less its smallest value."""
    import ioh
    problem = ioh.get_problem(function, instance, dimensions, ioh.ProblemClass.BBOB)
    space = {f"x{i}": stats.uniform(-5, 10) for i in range(dimensions)}

    def errors(configs: Sequence[Mapping[str, Any]]) -> np.ndarray:
        return np.array([problem(row) for row in coordinates(configs).tolist()]) - problem.optimum.y

    return Task(space, errors, 0.0)


def mixint_task(function: int, dimensions: int, instance: int = 1) -> Task:
    """Return a function of bbob-mixint on its grid and cube, less its smallest value."""
    import cocoex
    problem = cocoex.Suite("bbob-mixint", "", "").get_problem_by_function_dimension_instance(
        function, dimensions, instance)
    integers = problem.number_of_integer_variables
    bounds = list(zip(problem.lower_bounds.tolist(), problem.upper_bounds.tolist(), strict=True))
    space = {f"x{i}": stats.randint(int(low), int(high) + 1) if i < integers
             else stats.uniform(low, high - low) for i, (low, high) in enumerate(bounds)}
    with TemporaryDirectory() as folder, chdir(folder):
        problem._best_parameter("print")  # the only way to learn it is this file
        smallest = problem(np.loadtxt("._bbob_problem_best_parameter.txt"))

    def errors(configs: Sequence[Mapping[str, Any]]) -> np.ndarray:
        return np.array([problem(row) for row in coordinates(configs).astype(float)]) - smallest

    return Task(space, errors, 0.0)


def real_task(name: str) -> Task:
    """Return the error of cross-validation of a model of scikit-learn."""
    space, error = REAL_TASKS[name]()
    return Task(space, lambda configs: np.array([error(config) for config in configs]), cheap=False)


OURS: dict[str, Callable[[], Task]] = {
    "lenet": partial(recorded_task, LeNetBenchmark),
    "mlp": partial(recorded_task, MLPBenchmark),
    "digits": partial(recorded_task, DigitsBenchmark),
    "branin": branin_task,
    "hartmann6": hartmann_task,
}
# Two or more of each group of BBOB, with as many dimensions as hyperparameters may be: separable,
# moderately and badly conditioned, multimodal with and without a global structure.
BBOB = {3: 4, 4: 2, 6: 5, 8: 4, 10: 3, 11: 6, 13: 5, 15: 4, 17: 8, 18: 10, 20: 4, 21: 2, 22: 6,
        23: 3}
MIXINT = {8: 5, 12: 10, 15: 10, 24: 5}
INSTANCES = 2
INDEPENDENT: dict[str, Callable[..., Task]] = {
    **{f"bbob-f{function}-d{dimensions}": partial(bbob_task, function, dimensions)
       for function, dimensions in BBOB.items()},
    **{f"bbob-mixint-f{function}-d{dimensions}": partial(mixint_task, function, dimensions)
       for function, dimensions in MIXINT.items()},
    **{name: partial(real_task, name) for name in REAL_TASKS},
}
FIRST_HALVES = (*(f"bbob-f{function}-" for function in list(BBOB)[::2]),
                *(f"bbob-mixint-f{function}-" for function in list(MIXINT)[::2]),
                *list(REAL_TASKS)[::2])
DEVELOPMENT = [name for name in INDEPENDENT if name.startswith(FIRST_HALVES)]
HELD_OUT = [name for name in INDEPENDENT if name not in DEVELOPMENT]
TASKS = {**OURS, **INDEPENDENT}
SUITES = {"ours": list(OURS), "independent": list(INDEPENDENT), "development": DEVELOPMENT,
          "held-out": HELD_OUT}


def load_task(name: str, seed: int = 0) -> Task:
    """Return the task that searches with this seed get, loaded once in this process."""
    return _load(name, *([1 + seed % INSTANCES] if name.startswith("bbob") else []))


@cache
def _load(name: str, *instance: int) -> Task:
    return TASKS[name](*instance)


def design(space: Mapping[str, Any], size: int) -> list[dict[str, Any]]:
    """Return the first `size` configurations of the Sobol sequence without scrambling."""
    points = stats.qmc.Sobol(len(varying_names(space)), scramble=False).random(size)
    return configurations_from_unit_cube(space, points)


def smallest_error(task: Task, size: int) -> float:
    """Return the smallest error known before any search: of the task itself or of its design."""
    if not task.cheap:
        return task.best_known
    parts = np.array_split(design(task.space, size), math.ceil(size / 2048))
    return min(task.best_known, *(float(task.errors(part).min()) for part in parts))
