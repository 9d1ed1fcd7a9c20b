"""Checks of what `hypergradient` is given."""
from d2l_hpo.tools.installation import needs

with needs("torch", "hypergradient"):
    import torch


def check_hyperparameters(hyperparameters: dict, params: dict, batches: list) -> dict:
    """Return the hyperparameters as tensors like the parameters; ValueError if they do not fit."""
    if set(hyperparameters) != {"learning_rate", "weight_decay"}:
        raise ValueError(f"hyperparameters are {[*hyperparameters]}, expected learning_rate and "
                         "weight_decay")
    if not params or not batches:
        raise ValueError(f"there are {len(params)} params and {len(batches)} batches; give at "
                         "least one of each")
    like = next(iter(params.values()))
    values = {name: torch.as_tensor(value, dtype=like.dtype, device=like.device)
              for name, value in hyperparameters.items()}
    for name, value in values.items():
        fits = value.ndim == 0 or name == "learning_rate" and value.shape == (len(batches),)
        if not fits or not value.isfinite().all() or (value < 0).any():
            raise ValueError(f"{name} is {hyperparameters[name]!r}, expected a finite number of at "
                             "least 0 (learning_rate: or one for each batch)")
    return values
