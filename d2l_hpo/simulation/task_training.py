"""The tasks of the recorded benchmarks: how their configurations are trained.

The objectives of the chapter train LeNet; the two cheap tasks are here.
"""
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from d2l_hpo.training import compat  # noqa: F401  # isort: split

import torch
from torch import nn

from d2l_hpo.tools.installation import needs
from d2l_hpo.training.datasets import FashionMNIST, TensorData
from d2l_hpo.training.models import Network
from d2l_hpo.training.objectives import read_config, train_lenet
from d2l_hpo.training.trainer import HPOTrainer, train_model
from d2l_hpo.simulation.task_spaces import SPACES

with needs("sklearn", "training a recorded task"):
    from sklearn.datasets import load_digits


@dataclass(frozen=True)
class Task:
    """A configuration space and `train(config, max_epochs, checkpoint, seed) -> HPOTrainer`."""

    space: dict[str, Any]
    train: Callable[..., HPOTrainer]
    data: Callable[[], TensorData]
    """The data on which trainers of this task are validated and tested."""


def train_mlp(config: dict, max_epochs: int, checkpoint=None, seed: int = 0) -> HPOTrainer:
    """Train a perceptron of two hidden layers with dropout on the small Fashion-MNIST."""
    names = ["learning_rate", "batch_size", "units_1", "units_2", "dropout_1", "dropout_2"]
    config = read_config(config, names)

    def build() -> Network:
        inputs, layers = 784, list[nn.Module]([nn.Flatten()])
        for units, dropout in (("units_1", "dropout_1"), ("units_2", "dropout_2")):
            layers += [nn.Linear(inputs, config[units]), nn.ReLU(), nn.Dropout(config[dropout])]
            inputs = config[units]
        return Network(nn.Sequential(*layers, nn.Linear(inputs, 10)), config["learning_rate"])

    return train_model(build, FashionMNIST(config["batch_size"]), max_epochs, checkpoint, seed)


def train_digits(config: dict, max_epochs: int, checkpoint=None, seed: int = 0) -> HPOTrainer:
    """Train a perceptron of one hidden layer on scikit-learn's digits."""
    names = ["learning_rate", "batch_size", "momentum", "weight_decay", "units"]
    config = read_config(config, names)

    def build() -> Network:
        net = nn.Sequential(nn.Linear(64, config["units"]), nn.ReLU(),
                            nn.Linear(config["units"], 10))
        return Network(net, config["learning_rate"], config["momentum"], config["weight_decay"])

    return train_model(build, digits(config["batch_size"]), max_epochs, checkpoint, seed)


def digits(batch_size: int = 64) -> TensorData:
    """Return the 1,797 digits: 797 for training, 500 for validation, 500 for the test."""
    X, y = _digits()
    train, val, test = ((X[rows], y[rows])
                        for rows in (slice(1000, None), slice(500), slice(500, 1000)))
    return TensorData(train, val, test, batch_size)


@cache
def _digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Images in [0, 1], shape (1797, 64), and labels, shuffled once and for all."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return (torch.from_numpy(images[order].astype(np.float32) / 16),
            torch.from_numpy(labels[order].astype(np.int64)))


TASKS = {
    "lenet": Task(SPACES["lenet"], train_lenet, FashionMNIST),
    "mlp": Task(SPACES["mlp"], train_mlp, FashionMNIST),
    "digits": Task(SPACES["digits"], train_digits, digits),
}
