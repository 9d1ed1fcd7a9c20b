"""A search among given configurations."""
from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.spaces.space import check_configuration


class PoolSearcher(HPOSearcher):
    """Proposes given configurations of a space in random order, each once, then None.

    Arguments:

    - `config_space`, `seed`: as in `HPOSearcher`.
    - `configs`: a list of configurations of the space. ValueError or TypeError, when its turn
      comes, for one that is not.

    >>> configs = [{"x": 0.1}, {"x": 0.2}, {"x": 0.3}]
    >>> searcher = PoolSearcher({"x": stats.uniform(0, 1)}, configs)
    >>> [searcher.sample_configuration() for _ in range(4)]
    [{'x': 0.2}, {'x': 0.1}, {'x': 0.3}, None]
    """
    setting_names = ("configurations",)

    def __init__(self, config_space: dict, configs: list[dict], seed: int = 0):
        super().__init__(config_space, seed=seed)
        self.configurations = len(configs)
        self.left = [configs[i] for i in self.rng.permutation(len(configs))]

    def propose(self) -> dict | None:
        """Return the next configuration, or None if there is none left."""
        return check_configuration(self.config_space, self.left.pop()) if self.left else None
