"""What the book's objectives train, in parts: a function that builds the network, and the data."""
from collections.abc import Callable

from d2l_hpo.training import compat  # noqa: F401  (before torch: it mends torchvision)

from d2l import torch as d2l
from torch import nn

from d2l_hpo.tools.arguments import check_int
from d2l_hpo.training.base import read_config
from d2l_hpo.training.datasets import TensorData
from d2l_hpo.training.models import LeNet, Network
from d2l_hpo.training.objectives import shared_images

Parts = tuple[Callable[[], d2l.Module], TensorData]
"""The first two arguments of `train_model`."""


def lenet_parts(config: dict) -> Parts:
    """Return what `train_lenet` trains: a function that builds LeNet, and the small Fashion-MNIST.

    Arguments:

    - `config`: as in `hpo_objective_lenet`, also its errors.

    >>> build, data = lenet_parts({"learning_rate": 0.1, "batch_size": 64})
    >>> type(build()).__name__, data.batch_size, len(data.train[1])
    ('LeNet', 64, 6000)
    """
    settings = read_config(config, ["learning_rate", "batch_size"], {
        "momentum": 0.0, "weight_decay": 0.0, "width": 1, "activation": "relu"})
    data = with_batches_of(settings.pop("batch_size"))
    return lambda: LeNet(**settings), data


def perceptron_parts(config: dict) -> Parts:
    """Return what `train_perceptron` trains: a function that builds it, and Fashion-MNIST.

    Arguments:

    - `config`: as in `train_perceptron`, also its errors. `VectorizedObjective` refuses a
      `dropout` above 0.

    Batches have 64 images.

    >>> build, data = perceptron_parts({"learning_rate": 0.05, "units": 32})
    >>> build()(data.val[0]).shape
    torch.Size([2000, 10])
    """
    settings = read_config(config, ["learning_rate"], {
        "momentum": 0.9, "weight_decay": 0.0, "dropout": 0.0, "units": 128})
    dropout, units = settings.pop("dropout"), check_int("units", settings.pop("units"))
    return lambda: Network(nn.Sequential(
        nn.Flatten(), nn.Linear(784, units), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(units, 10)), **settings), with_batches_of(64)


def with_batches_of(batch_size: int) -> TensorData:
    """Return the small Fashion-MNIST; data of any batch size share its images."""
    images = shared_images(64)
    return TensorData(images.train, images.val, images.test, batch_size)
