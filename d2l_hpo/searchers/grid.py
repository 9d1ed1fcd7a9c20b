"""A search on a grid."""
import math
from functools import partial
from itertools import product

import numpy as np

from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.spaces.space import (
    configuration_key,
    configurations_from_unit_cube,
    describe_space,
)
from d2l_hpo.tools.arguments import check_int


def grid_axes(config_space: dict, points: int) -> list[np.ndarray]:
    """Return a grid's positions on each side of the unit cube; at most a million combinations."""
    check_int("points", points)
    domains = [domain for domain in describe_space(config_space) if domain["kind"] != "constant"]
    sides = [len(domain["choices"]) if domain["kind"] == "categorical" else points
             for domain in domains]
    if (size := math.prod(sides)) > 1_000_000:
        raise ValueError(f"points is {points}, so a grid of {len(sides)} hyperparameters has "
                         f"{size} combinations; give fewer points or choices, or search at random")
    return [(np.arange(k) + 0.5) / k for k in sides]


class GridSearcher(HPOSearcher):
    """Proposes all points of a grid once, in random order; `points` values a hyperparameter.

    Arguments:

    - `config_space`, `initial_config`, `seed`, `initial_configs`: as in `HPOSearcher`. A point of
      the grid that is an initial configuration is not proposed again.
    - `points`: how many values of each numeric hyperparameter are on the grid, an integer of at
      least 1. With k values these are the quantiles 1 / (2 k), 3 / (2 k), ... of the domain. Of a
      categorical hyperparameter all choices are on the grid.

    ValueError if the grid has more than a million points. A grid has fewer than the product of its
    sides where an integer has fewer values than `points`, or where a condition makes
    configurations equal.

    >>> space = {"x": stats.uniform(0, 1), "kind": categorical(["a", "b"])}
    >>> searcher = GridSearcher(space, points=2)
    >>> for _ in range(5):
    ...     print(searcher.sample_configuration())
    {'x': 0.75, 'kind': 'b'}
    {'x': 0.25, 'kind': 'b'}
    {'x': 0.25, 'kind': 'a'}
    {'x': 0.75, 'kind': 'a'}
    None
    """
    setting_names = ("points",)

    def __init__(self, config_space: dict, initial_config: dict | None = None, seed: int = 0,
                 points: int = 3, initial_configs=()):
        super().__init__(config_space, initial_config, seed, initial_configs)
        self.points = check_int("points", points)
        corners = list(product(*grid_axes(self.config_space, self.points)))
        configs = configurations_from_unit_cube(self.config_space, corners)
        name = partial(configuration_key, self.config_space)
        tried = {name(config) for config in self.initial_configs}
        unique = list({name(config): config for config in configs}.values())
        self.left = [unique[i] for i in self.rng.permutation(len(unique))
                     if name(unique[i]) not in tried]

    def propose(self) -> dict | None:
        """Return the next point of the grid, or None after the last one."""
        return self.left.pop() if self.left else None
