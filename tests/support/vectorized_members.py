"""Small networks in double precision for the tests of batches that are trained at once.

In double precision the rounding of sums, in which a batch may differ from single trainings, stays
far below what a wrong seed, batch or setting would change.
"""
import torch
from small_training import examples
from torch import nn

from d2l_hpo import LeNet, Network, TensorData
from d2l_hpo.training import train_model

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def double(pair):
    return pair[0].double(), pair[1]


TRAIN, VAL = double(examples(50)), double(examples(40, seed=1))


def data_of(config):
    return TensorData(TRAIN, VAL, batch_size=config.get("batch_size", 16))


def settings_of(config):
    return {name: value for name, value in config.items()
            if name in ("learning_rate", "momentum", "weight_decay")}


def small_lenet(config):
    more = {name: config[name] for name in ("width", "activation") if name in config}
    return lambda: LeNet(**settings_of(config), **more).double(), data_of(config)


def small_perceptron(config):
    units = config.get("units", 8)
    return lambda: Network(nn.Sequential(
        nn.Flatten(), nn.Linear(784, units), nn.ReLU(), nn.Dropout(config.get("dropout", 0.0)),
        nn.Linear(units, 10)), **settings_of(config)).double(), data_of(config)


def network(*layers, kind=Network, **more):
    """Parts of a network on flat inputs with these layers, each a function that makes it."""
    def parts(config):
        return lambda: kind(nn.Sequential(nn.Flatten(), *(layer() for layer in layers)),
                            **settings_of(config), **more).double(), data_of(config)
    return parts


def linear(inputs=784, outputs=10):
    return lambda: nn.Linear(inputs, outputs)


def alone(parts, config, max_epochs, seed, checkpoint=None):
    """What a single training gives: its trainer."""
    return train_model(*parts(config), max_epochs, checkpoint, seed)


def assert_same_checkpoints(path, other):
    """Two trainings have left the same: weights, momentum, epochs and loss."""
    one, two = (torch.load(file, weights_only=True) for file in (path, other))
    assert one.keys() == two.keys()
    assert one["epoch"] == two["epoch"]
    for name in ("model", "optimizer", "training_loss"):
        torch.testing.assert_close(one[name], two[name], equal_nan=True, **CLOSE)
    assert (one["training_seconds"] > 0) and (two["training_seconds"] > 0)


class Averaging(nn.Module):
    """Subtracts a moving average, which it keeps while it trains: in place, or as a new tensor."""

    def __init__(self, in_place):
        super().__init__()
        self.in_place = in_place
        self.register_buffer("mean", torch.zeros(784))

    def forward(self, X):
        if self.training:
            moved = 0.5 * self.mean + 0.5 * X.detach().mean(0)
            if self.in_place:
                self.mean.copy_(moved)
            else:
                self.mean = moved
        return X - self.mean


class Scheduled(Network):
    """Lowers its learning rate at each step."""

    def training_step(self, batch):
        for group in self.trainer.optim.param_groups:
            group["lr"] *= 0.9
        return super().training_step(batch)


class Weighted(Network):
    """Weights its loss by the number of the batch, or of the epoch."""

    def __init__(self, *arguments, by, **settings):
        super().__init__(*arguments, **settings)
        self.by = by

    def loss(self, *arguments, **options):
        return (1 + getattr(self.trainer, self.by)) * super().loss(*arguments, **options)
