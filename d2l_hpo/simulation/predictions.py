"""What a recorded task's surrogate predicts at points of the unit cube, and the smallest of it."""
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from d2l_hpo.spaces.space import configurations_from_unit_cube

if TYPE_CHECKING:
    from d2l_hpo.simulation.recorded_tasks import RecordedBenchmark


def predicted_errors(benchmark: "RecordedBenchmark", points: ArrayLike) -> np.ndarray:
    """Return the surrogate's errors after the last epoch at points of the unit cube.

    `points` have shape (n, hyperparameters), the result has shape (n,).
    """
    configs = configurations_from_unit_cube(benchmark.config_space, points)
    return benchmark.surrogate.predict(configs)[0][:, -1]


def smallest_prediction(benchmark: "RecordedBenchmark", points: np.ndarray,
                        errors: np.ndarray) -> float:
    """Return the smallest error that is found near the best of `points`, which have `errors`.

    The best 40 points take 30 random steps each, and the best 40 of all go on, eight times, with
    steps half as long each time. So much care is needed where a regret is to be a regret: nobody
    should find a smaller error later.
    """
    points, rng = points[np.argsort(errors)[:40]], np.random.default_rng(7)
    for step in 0.1 * 0.5 ** np.arange(8):
        around = np.repeat(points, 30, axis=0)
        around = np.vstack([points, np.clip(around + rng.normal(0, step, around.shape), 0, 1)])
        errors = predicted_errors(benchmark, around)
        points = around[np.argsort(errors)[:40]]
    return errors.min()
