"""What SGD is set to, parameter by parameter, and which settings a stack of networks can follow."""
from typing import Any

from d2l_hpo.training import compat  # noqa: F401  (before torch: it mends torchvision)

import torch
from torch import nn

ELEMENTWISE = ("lr", "momentum", "weight_decay")
"""Settings that may differ between the networks of a stack."""


REFUSED = {"dampening": 0, "maximize": False}
"""Settings that only one network at a time can have, with the value that they must have."""


ALONE = "train it without run_batch, by HPOTuner without batch_size"


def settings_by_name(module: nn.Module,
                     optimizer: torch.optim.Optimizer) -> dict[str, dict[str, Any]]:
    """Return the settings of each parameter that is trained, by its name in the module.

    ValueError for another optimizer than `torch.optim.SGD`, and for settings in `REFUSED`.
    """
    if type(optimizer) is not torch.optim.SGD:
        raise ValueError(f"the optimizer is {type(optimizer).__name__}, but networks are trained "
                         f"together by torch.optim.SGD only; {ALONE}")
    names = {parameter: name for name, parameter in module.named_parameters()}
    found: dict[str, dict[str, Any]] = {}
    for group in optimizer.param_groups:
        for name, value in REFUSED.items():
            if group[name] != value:
                raise ValueError(f"SGD has {name}={group[name]!r}, but networks that are trained "
                                 f"together need {name}={value!r}; {ALONE}")
        settings = {name: float(group[name]) for name in ELEMENTWISE}
        settings["nesterov"] = bool(group["nesterov"])
        found |= {names[parameter]: settings for parameter in group["params"]
                  if parameter.requires_grad}
    return found
