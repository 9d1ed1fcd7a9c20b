"""Small data and models that train in a moment, for the tests of trainer and checkpoints."""
import pytest
import torch
from torch import nn

from d2l_hpo import LeNet, Network, TensorData
from d2l_hpo.training.datasets import d2l


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    """Train on the CPU, also where there is a GPU, and leave the number of threads as it was."""
    monkeypatch.setattr(d2l, "num_gpus", lambda: 0)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def examples(n, seed=0):
    """Random images and labels."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(n, 1, 28, 28, generator=generator),
            torch.randint(10, (n,), generator=generator))


def small_data(batch_size=16, n_val=13):
    return TensorData(examples(50), examples(n_val, seed=1), batch_size=batch_size)


def softmax():
    return d2l.SoftmaxRegression(10, lr=0.1)


def lenet():
    return LeNet(0.05, momentum=0.9, weight_decay=1e-3)


def with_dropout():
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(16), nn.ReLU(), nn.Dropout(0.5),
                        nn.LazyLinear(10))
    return Network(net, 0.1, momentum=0.5)


def state(trainer):
    """The parameters as bytes."""
    return {key: value.numpy().tobytes() for key, value in trainer.model.state_dict().items()}


def learned(trainer):
    """All that training leaves behind: parameters, the optimizer's buffers, loss and error."""
    buffers = [value["momentum_buffer"] for value in trainer.optim.state.values()]
    return (state(trainer), [None if buffer is None else buffer.numpy().tobytes()
                             for buffer in buffers],
            trainer.epoch, trainer.training_loss, trainer.validation_error())


class Failing(Network):
    """A network that raises when it is trained."""

    def training_step(self, batch):
        raise RuntimeError("no training step")


def failing():
    return Failing(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), 0.1)
