"""One move for all kinds of hyperparameters: to other positions on their axes of the unit cube."""
import numpy as np

from d2l_hpo.spaces.space import from_unit_cube, to_unit_cube, varying_names


def reposition(config_space: dict, config: dict, positions: dict, rng: np.random.Generator) -> dict:
    """Return `config` with some hyperparameters at new positions on their axes of [0, 1].

    All others keep their values. Those that become active are drawn at random.
    """
    u = to_unit_cube(config_space, config)
    for axis, name in enumerate(varying_names(config_space)):
        if name in positions or name not in config:
            u[axis] = positions.get(name, rng.random())
    moved = from_unit_cube(config_space, u)
    return {name: value if name in positions or name not in config else config[name]
            for name, value in moved.items()}
