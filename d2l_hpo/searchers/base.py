"""What every searcher has beside its idea: a checked space, random numbers, a description."""
import inspect
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from d2l_hpo.spaces.space import CheckedSpace, check_configuration, check_space
from d2l_hpo.tools.arguments import check_int
from d2l_hpo.tools.copies import copied
from d2l_hpo.tools.former_calls import accept_former_update


class SearcherBase:
    """Checks the arguments that all searchers have, and hooks with defaults.

    `initial_config` and then `initial_configs` are tried first, in this order. ValueError or
    TypeError names what is wrong with them, with the space or the seed.
    """

    setting_names: tuple[str, ...] = ()
    """Attributes that a class adds to the settings of the classes above it."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if inspect.isfunction(update := vars(cls).get("update")):
            cls.update = accept_former_update(update)  # type: ignore[attr-defined]

    def __init__(self, config_space: Mapping[str, Any],
                 initial_config: Mapping[str, Any] | None = None, seed: int = 0,
                 initial_configs: Iterable[Mapping[str, Any]] = ()) -> None:
        self.config_space: CheckedSpace = check_space(config_space)
        if isinstance(initial_configs, Mapping) or not isinstance(initial_configs, Iterable):
            raise TypeError(f"initial_configs is {initial_configs!r}, expected a list of "
                            "configurations")
        given = [] if initial_config is None else [initial_config]
        configs = [check_configuration(self.config_space, config)
                   for config in [*given, *initial_configs]]
        self.initial_config = configs[0] if given else None
        self.initial_configs = configs
        """Configurations to be tried first, `initial_config` included."""
        self.waiting_configs = deque(configs)
        """Those of them that were not tried yet."""
        self.seed = check_int("seed", seed, 0)
        self.rng = np.random.default_rng(self.seed)

    def check_report(self, error: float, info: dict[str, Any]) -> None:
        """Raise ValueError or TypeError where `info` lacks a number that this searcher needs."""

    def score(self, config: dict[str, Any], error: float, info: dict[str, Any]) -> float:
        """Return what is smallest for the best trial: its error; inf where it cannot be the best.
        """
        return error

    def settings(self) -> dict[str, Any]:
        """Return what, beside space and seed, makes this search what it is: plain values."""
        own: dict[str, Any] = {"searcher": type(self).__name__,
                               "initial_config": self.initial_config}
        more = self.initial_configs[0 if self.initial_config is None else 1:]
        if more:
            own["initial_configs"] = more
        names = [name for kind in reversed(type(self).__mro__)
                 for name in vars(kind).get("setting_names", ())]
        values = {name: getattr(self, name) for name in names}
        return copied(own | {name: list(value) if isinstance(value, tuple) else value
                             for name, value in values.items()})


def check_searcher(searcher: Any) -> Any:
    """Return the searcher; TypeError if it is something else."""
    if not isinstance(searcher, SearcherBase):
        raise TypeError(f"searcher is {searcher!r}, expected a searcher such as "
                        "RandomSearcher(config_space)")
    return searcher
