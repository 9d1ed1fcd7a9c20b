"""Regularized evolution: configurations that descend from good ones."""

import math
from collections import Counter
from operator import itemgetter

from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.spaces.moves import mutate
from d2l_hpo.spaces.space import configuration_key, sample_configuration, varying_names
from d2l_hpo.tools.arguments import check_int


class RegularizedEvolutionSearcher(HPOSearcher):
    """Proposes mutations of good configurations among the last `population_size` that succeeded.

    A parent is the best of `sample_size` of them; random draws come first (Real et al., 2019).

    Arguments:

    - `config_space`, `initial_config`, `seed`, `initial_configs`: as in `HPOSearcher`. The space
      needs a hyperparameter that varies, else ValueError.
    - `population_size`: how many trials live; at least 2. The oldest dies when a new one succeeds.
    - `sample_size`: how many of them take part in a tournament, from 1 to `population_size`.

    ValueError for other numbers. A mutation draws one active hyperparameter anew and keeps all
    others. With many workers children are made from those that have reported so far.

    >>> space = {"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}
    >>> searcher = RegularizedEvolutionSearcher(space, population_size=3, sample_size=3, seed=0)
    >>> for x in (0.2, 0.4, 0.6):
    ...     searcher.update({"x": x, "y": 0.5}, error=x)
    >>> searcher.sample_configuration()  # the best one with another x
    {'x': 0.0165..., 'y': 0.5}
    """
    setting_names = ("population_size", "sample_size")

    def __init__(self, config_space: dict, initial_config: dict | None = None, seed: int = 0,
                 population_size: int = 20, sample_size: int = 10, initial_configs=()):
        super().__init__(config_space, initial_config, seed, initial_configs)
        self.population_size = check_int("population_size", population_size, 2)
        self.sample_size = check_int("sample_size", sample_size)
        if self.sample_size > self.population_size:
            raise ValueError(f"sample_size is {sample_size}, more than population_size, "
                             f"{population_size}; give at most that")
        if not varying_names(self.config_space):
            raise ValueError("config_space has only constants; give a hyperparameter that varies")
        self.population: list[tuple[dict, float]] = []  # configurations, errors, the oldest first
        self.members: dict[tuple, int] = {}  # numbers of all that ever were in it
        self.reports: Counter = Counter()  # by name and epoch

    def propose(self) -> dict:
        """Return a mutation of a tournament's winner, or a random draw until there are enough."""
        if len(self.population) < self.population_size:
            return sample_configuration(self.config_space, self.rng)
        sample = self.rng.choice(self.population_size, self.sample_size, replace=False)
        parent, _ = min((self.population[i] for i in sample), key=itemgetter(1))
        return mutate(self.config_space, parent, self.rng)

    def update(self, config: dict, error: float, epoch: int | None = None,
               info: dict | None = None) -> None:
        """Add a trial to the population, or note its new error; the oldest leaves."""
        key = configuration_key(self.config_space, config)
        self.reports[key, epoch] += 1
        member = key, self.reports[key, epoch]
        oldest = len(self.members) - len(self.population)
        if (i := self.members.get(member, -1) - oldest) >= 0:
            self.population[i] = dict(config), error if math.isfinite(error) else math.inf
        elif math.isfinite(error) and member not in self.members:
            self.members[member] = len(self.members)
            self.population = [*self.population, (dict(config), error)][-self.population_size:]
