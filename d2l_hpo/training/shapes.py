"""Which networks can be trained in one program, and which in none: their shapes, and a check."""
from collections.abc import Sequence
from numbers import Number
from typing import Any

from d2l_hpo.training import compat  # noqa: F401  (before torch: it mends torchvision)

import torch
from torch import nn

from d2l_hpo.training.datasets import TensorData
from d2l_hpo.training.sgd_settings import ALONE, settings_by_name
from d2l_hpo.training.trainer import HPOTrainer

NORMS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)
RANDOM = (nn.modules.dropout._DropoutNd, nn.RReLU)
SETTINGS = {"sgd", "lr", "hparams", "board", "trainer", "plot"}
"""Attributes of a model that say nothing about what it computes; d2l's models have them."""


ITS_OWN = {*vars(nn.Module())} - {"_forward_hooks", "_forward_pre_hooks"}
"""Attributes that every module has."""


def check_network(model: nn.Module) -> None:
    """Raise ValueError, which names the module, for one that would not do the same as alone."""
    for name, module in model.named_modules():
        if isinstance(module, NORMS) and module.track_running_stats:
            raise ValueError(f"{name} is {module}, whose running statistics networks that are "
                             "trained together cannot keep; use nn.GroupNorm or nn.LayerNorm, or "
                             f"{ALONE}")
        if isinstance(module, RANDOM) and getattr(module, "p", 1) > 0:
            raise ValueError(f"{name} is {module}, whose random numbers would be others than those "
                             f"of a training alone; leave it out, or {ALONE}")


def check_alike(models: Sequence[nn.Module]) -> None:
    """Raise ValueError, which names a parameter, where two networks have another shape."""
    first = {name: value.shape for name, value in models[0].named_parameters()}
    for model in models[1:]:
        other = {name: value.shape for name, value in model.named_parameters()}
        for name in {**first, **other}:
            if first.get(name) != other.get(name):
                raise ValueError(f"{name} has shape {first.get(name)} in one network and "
                                 f"{other.get(name)} in another; train networks of equal width "
                                 "and depth together")


def shape_of(trainer: HPOTrainer, data: TensorData) -> tuple:
    """Return what has to be equal for prepared trainers whose networks are trained together.

    It is what the network computes, module by module, the shapes of its tensors and of the
    batches, and which parameters are trained. Numbers of SGD may differ. A module of a user's own
    class that has buffers may change them, so its network is like no other.
    """
    model = trainer.model
    trained = settings_by_name(model, trainer.optim)
    tensors = [(name, name in trained, value.shape, value.dtype)
               for name, value in [*model.named_parameters(), *model.named_buffers()]]
    nesterov = [(name, settings["nesterov"]) for name, settings in trained.items()]
    modules = [(name, type(module), *attributes(module)) for name, module in model.named_modules()]
    batches = [(part.shape, part.dtype) for part in data.train]
    keeping = [id(module) for module in model.modules()
               if module._buffers and not type(module).__module__.startswith("torch.nn.")]
    return (*tensors, *nesterov, *modules, *batches, data.batch_size, *keeping)


def attributes(module: nn.Module) -> list[tuple[str, Any]]:
    """Return a module's further attributes: plain values as text, of others which object it is."""
    return [(name, repr(value) if is_plain(value) else id(value))
            for name, value in sorted(vars(module).items())
            if name not in ITS_OWN and name not in SETTINGS]


def is_plain(value: Any) -> bool:
    """Say whether a value is a number, a text, or made of such, so that its own text tells all."""
    if isinstance(value, dict):
        return all(is_plain(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple | set):
        return all(map(is_plain, value))
    return value is None or isinstance(value, Number | str | torch.dtype | torch.device)
