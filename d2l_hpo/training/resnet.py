"""ResNet-18 on small images, with augmentation and a schedule."""

from d2l_hpo.training import compat  # noqa: F401  (before torch: it mends torchvision)

import numpy as np
import torch
from torch import nn
from torchvision import transforms
from torchvision.models import resnet18

from d2l_hpo.tools.arguments import check_int
from d2l_hpo.training.base import read_config, reproducible
from d2l_hpo.training.datasets import CIFAR10, FashionMNIST, ShuffledLoader, TensorData
from d2l_hpo.training.models import Network
from d2l_hpo.training.trainer import HPOTrainer


class ResNet18(Network):
    """torchvision's ResNet-18 for small images of ten classes: 3 by 3 stem, no max-pooling.

    `channels` is 3 for CIFAR-10's images and 1 for Fashion-MNIST's; its moments normalise them.

    Arguments:

    - `channels`: 3 or 1, else ValueError.
    - `learning_rate`, `momentum`, `weight_decay`: as in `Network`.

    Inputs have shape (n, channels, height, width), with values in [0, 1]; scores have shape (n,
    10). The network is that of He et al. (2016). It has about 11 million parameters::

        model = ResNet18(channels=3, learning_rate=0.1, momentum=0.9, weight_decay=5e-4)
        model(torch.rand(2, 3, 32, 32)).shape  # (2, 10)
    """
    moments = {3: ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)), 1: ((0.286,), (0.353,))}

    def __init__(self, channels, learning_rate, momentum, weight_decay):
        if channels not in self.moments:
            raise ValueError(f"images have {channels} channels, expected 3 (CIFAR-10) or 1 "
                             "(Fashion-MNIST)")
        net = resnet18(num_classes=10)
        net.conv1 = nn.Conv2d(channels, 64, kernel_size=3, padding=1, bias=False)
        net.maxpool = nn.Identity()
        normalise = transforms.Normalize(*self.moments[channels])
        super().__init__(nn.Sequential(normalise, net), learning_rate, momentum, weight_decay)


def crop_and_flip(images: torch.Tensor, padding: int, generator: torch.Generator) -> torch.Tensor:
    """Shift images (n, channels, height, width) by up to `padding` pixels and mirror half of them.

    Zeros come in at the borders; the shape stays.
    """
    n, _, height, width = images.shape
    shifts = torch.randint(2 * check_int("padding", padding) + 1, (n, 2), generator=generator)
    mirrored = torch.rand(n, generator=generator) < 0.5
    rows = shifts[:, :1] + torch.arange(height)
    columns = shifts[:, 1:] + torch.arange(width)
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    padded = nn.functional.pad(images, [padding] * 4)
    picked = padded[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return picked.movedim(-1, 1).contiguous()


class AugmentingLoader(ShuffledLoader):
    """Shuffled batches of images, cropped and flipped at random by seed and epoch."""
    padding = 4

    def __iter__(self):
        state = np.random.SeedSequence([self.seed, self.epoch, 1]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(state[0]))
        for X, y in super().__iter__():
            yield crop_and_flip(X, self.padding, generator), y


class AugmentedData(TensorData):
    """Examples of which those for training, and only those, are cropped and flipped.

    Arguments: `train`, `val`, `test` and `batch_size` as in `TensorData`, where inputs are images,
    shape (n, channels, height, width). They move by up to 4 pixels to each side, with zeros at the
    border, and half of them are mirrored. Which do, depends on the trainer's seed and the epoch
    alone.

    >>> import torch
    >>> images, labels = torch.rand(6, 1, 8, 8), torch.arange(6)
    >>> data = AugmentedData((images, labels), val=(images, labels), batch_size=3)
    >>> [tuple(X.shape) for X, y in data.train_dataloader()]
    [(3, 1, 8, 8), (3, 1, 8, 8)]
    """
    def train_dataloader(self) -> AugmentingLoader:
        """Batches of `batch_size`, shuffled, cropped and flipped anew in each epoch."""
        return AugmentingLoader(self.train, self.batch_size)


def small_images() -> TensorData:
    """Return CIFAR-10 where it is on disk, else the embedded Fashion-MNIST.

    Both are split into training, validation and test examples, with the defaults of their classes.
    Nothing is downloaded. For example::

        data = small_images()
        n, channels, height, width = data.train[0].shape
    """
    return CIFAR10() if CIFAR10.is_on_disk() else FashionMNIST()


class StepTrainer(HPOTrainer):
    """Divides the learning rate by 10 when 25 epochs are done, and again after 40."""
    milestones = (25, 40)

    def fit_epoch(self):
        """Set the epoch's learning rate and train."""
        drops = sum(self.epoch >= milestone for milestone in self.milestones)
        for group in self.optim.param_groups:
            group["lr"] = self.model.sgd["lr"] / 10 ** drops
        super().fit_epoch()


def train_resnet18(config: dict, max_epochs: int, checkpoint=None, seed: int = 0,
                   data: TensorData | None = None) -> HPOTrainer:
    """Train ResNet-18 with a configuration on `data` (None: `small_images`); return its trainer.

    Arguments:

    - `config`: as in `hpo_objective_resnet18`, also its errors.
    - `max_epochs`, `checkpoint`, `seed`: as in `HPOTrainer`; the initial weights depend on the
      seed, too.
    - `data`: images with validation examples, a `TensorData`, else ValueError. Its training images
      are augmented as in `AugmentedData`; its own batch size does not count.

    The learning rate falls to a tenth after 25 epochs and again after 40. A GPU is needed for more
    than a look::

        data = CIFAR10()
        trainer = train_resnet18({"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 5e-4,
                                  "batch_size": 128}, max_epochs=50, data=data)
        print(trainer.error(data.test_dataloader()))
    """
    settings = read_config(config, ["learning_rate", "momentum", "weight_decay", "batch_size"])
    given = small_images() if data is None else data
    if not isinstance(given, TensorData) or given.val is None or given.train[0].ndim != 4:
        raise ValueError(f"data is {data!r}, expected TensorData of images, shape (n, channels, "
                         "height, width), with validation examples")
    augmented = AugmentedData(given.train, given.val, given.test, settings.pop("batch_size"))
    trainer = StepTrainer(max_epochs, checkpoint, seed)
    with reproducible(seed):
        model = ResNet18(given.train[0].shape[1], **settings)
    trainer.fit(model, augmented)
    return trainer


def hpo_objective_resnet18(config: dict, max_epochs: int = 3, checkpoint=None, seed: int = 0,
                           data: TensorData | None = None) -> dict:
    """Return ResNet-18's validation error, a fraction in [0, 1], and its mean training loss.

    `config` has a `learning_rate`, a `momentum`, a `weight_decay` and a `batch_size`.

    Arguments:

    - `config`: ValueError for a name that is missing or unknown.
    - `max_epochs`, `checkpoint`, `seed`, `data`: as in `train_resnet18`, also its errors.

    The result is a dictionary with "error" and "training_loss". For example::

        from functools import partial
        objective = partial(hpo_objective_resnet18, data=FashionMNIST())
        result = objective({"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 5e-4,
                            "batch_size": 128}, max_epochs=1)
    """
    trainer = train_resnet18(config, max_epochs, checkpoint, seed, data)
    return {"error": trainer.validation_error(), "training_loss": trainer.training_loss}
