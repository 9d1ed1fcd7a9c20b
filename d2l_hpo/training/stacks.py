"""Networks of one shape, trained in one program: their weights are stacked, one slice a network.

| symbol | meaning | shape |
|---|---|---|
| n | networks of the stack | |
| `weights[name]` | a parameter of all networks | (n, shape of the parameter) |
| `velocity[name]` | its momentum buffers | (n, shape of the parameter) |
| `rates[name]` and the like | a setting of SGD for it | (n, 1, ..., 1) |
"""
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from d2l_hpo.training import compat  # noqa: F401  (before torch: it mends torchvision)

import torch
from d2l import torch as d2l
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from d2l_hpo.training.sgd_settings import ELEMENTWISE, settings_by_name
from d2l_hpo.training.shapes import check_alike
from d2l_hpo.training.trainer import HPOTrainer


class TrainingStep(nn.Module):
    """A model whose call is its training step: it returns the loss of a batch."""

    def __init__(self, model: d2l.Module):
        super().__init__()
        self.model = model

    def forward(self, *batch: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of a batch."""
        return self.model.training_step(batch)


class OutOfReach:
    """What a training step in a stack has as its trainer: of n trainers it could ask but one."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"the training step asks its trainer for {name}, which differs from one "
                           "network to another")


class Stack:
    """The networks of prepared trainers, which must be of one shape, while they are trained.

    Each takes its own batches, and has its own learning rate, momentum and weight decay. What a
    network computes does not depend on the others, also where one of them has diverged.
    """

    def __init__(self, trainers: Sequence[HPOTrainer]) -> None:
        self.trainers = trainers
        self.steps = [TrainingStep(trainer.model) for trainer in trainers]
        check_alike(self.steps)
        self.settings = [settings_by_name(step, trainer.optim)
                         for step, trainer in zip(self.steps, trainers, strict=True)]
        parameters, buffers = stack_module_state(self.steps)
        stacked = {name: weights.detach() for name, weights in parameters.items()}
        self.weights = {name: stacked[name] for name in self.settings[0]}
        self.fixed = {**buffers, **{name: value for name, value in stacked.items()
                                    if name not in self.weights}}
        self.rates, self.momenta, self.decays = map(self.columns, ELEMENTWISE)
        self.velocity = {name: self.read_velocity(name) for name in self.weights}
        self.gradients = vmap(grad_and_value(self.loss), randomness="error")

    def loss(self, weights: dict, fixed: dict, batch: tuple) -> torch.Tensor:
        """Return the loss of one network, as a function of its weights."""
        return functional_call(self.steps[0], {**weights, **fixed}, batch)

    def fit_epoch(self) -> None:
        """Train all networks for one epoch; each sees the batches that it would see alone."""
        start = time.perf_counter()
        for trainer in self.trainers:
            trainer.begin_epoch()
        total, examples = torch.zeros(()), 0
        for batches in zip(*(trainer.train_dataloader for trainer in self.trainers), strict=True):
            batch = tuple(torch.stack(parts) for parts in zip(*batches, strict=True))
            with without_trainer(self.steps[0].model):
                gradients, losses = self.gradients(self.weights, self.fixed, batch)
            self.descend(gradients)
            total = total.to(losses) + losses * batch[-1].shape[1]
            examples += batch[-1].shape[1]
        means = (total / examples).tolist()
        seconds = (time.perf_counter() - start) / len(self.trainers)
        self.write_back()
        for trainer, mean in zip(self.trainers, means, strict=True):
            trainer.train_batch_idx += trainer.num_train_batches
            trainer.end_epoch(mean, seconds)

    def descend(self, gradients: dict[str, torch.Tensor]) -> None:
        """Take a step of SGD in place, by the operations of `torch.optim.SGD` in their order."""
        for name, weights in self.weights.items():
            step = gradients[name]
            if name in self.decays:
                step = torch.addcmul(step, weights, self.decays[name])
            if name in self.momenta:
                velocity = self.velocity[name].mul_(self.momenta[name]).add_(step)
                is_nesterov = self.settings[0][name]["nesterov"]
                step = (torch.addcmul(step, velocity, self.momenta[name]) if is_nesterov
                        else velocity)
            weights.addcmul_(step, self.rates[name], value=-1)

    def columns(self, setting: str) -> dict[str, torch.Tensor]:
        """Return a setting of SGD for the parameters; those where it is 0 for all are left out."""
        values = {name: [settings[name][setting] for settings in self.settings]
                  for name in self.weights}
        return {name: column(values[name], weights) for name, weights in self.weights.items()
                if setting == "lr" or any(values[name])}

    def read_velocity(self, name: str) -> torch.Tensor:
        """Return the momentum buffers that the optimizers have for a parameter, or zeros."""
        velocity = torch.zeros_like(self.weights[name])
        for i, (step, trainer) in enumerate(zip(self.steps, self.trainers, strict=True)):
            known = trainer.optim.state.get(step.get_parameter(name), {}).get("momentum_buffer")
            if known is not None:
                velocity[i] = known
        return velocity

    def write_back(self) -> None:
        """Give models and optimizers what they would have after training alone."""
        for i, (step, trainer) in enumerate(zip(self.steps, self.trainers, strict=True)):
            for name, weights in self.weights.items():
                parameter = step.get_parameter(name)
                parameter.data.copy_(weights[i])
                if self.settings[i][name]["momentum"]:
                    state = trainer.optim.state[parameter]
                    state["momentum_buffer"] = self.velocity[name][i].clone()


@contextmanager
def without_trainer(model: d2l.Module) -> Iterator[None]:
    """Let a model do without its trainer inside `with`."""
    trainer, model.trainer = model.trainer, OutOfReach()
    try:
        yield
    finally:
        model.trainer = trainer


def column(values: Sequence[float], like: torch.Tensor) -> torch.Tensor:
    """Return a number for each network, in the shape in which it meets the stacked tensor."""
    shape = (len(values), *[1] * (like.ndim - 1))
    return torch.tensor(values, dtype=like.dtype, device=like.device).reshape(shape)
