"""Images in memory: Fashion-MNIST, embedded or full, and CIFAR-10, with disjoint splits.

The data sets are `d2l.DataModule`s that hold tensors. Their loaders decode nothing, start no
processes, and give the same batches in the same order on every machine.
"""
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np

from d2l_hpo.training import compat  # noqa: F401 - comes before torchvision
import torch
from d2l import torch as d2l

from d2l_hpo.training import images
from d2l_hpo.tools.arguments import check_int

Pair = tuple[torch.Tensor, torch.Tensor]

EVALUATION_BATCH_SIZE = 1000


class ShuffledLoader:
    """Batches of a pair of tensors in an order that depends on a seed and an epoch alone."""

    def __init__(self, pair: Pair, batch_size: int):
        self.X, self.y = pair
        self.batch_size = batch_size
        self.set_epoch(seed=0, epoch=0)

    def set_epoch(self, seed: int, epoch: int) -> None:
        """Choose the order of the next pass; each pass moves on to the next epoch."""
        self.seed = check_int("seed", seed, minimum=0)
        self.epoch = check_int("epoch", epoch, minimum=0)

    def __len__(self) -> int:
        return -(-len(self.y) // self.batch_size)

    def __iter__(self) -> Iterator[Pair]:
        order = self._order().to(self.y.device)
        self.epoch += 1
        for indices in order.split(self.batch_size):
            yield self.X.index_select(0, indices), self.y.index_select(0, indices)

    def _order(self) -> torch.Tensor:
        state = np.random.SeedSequence([self.seed, self.epoch]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(state[0]))
        return torch.randperm(len(self.y), generator=generator)


class OrderedLoader:
    """Batches of a pair of tensors in their own order, as views of them."""

    def __init__(self, pair: Pair, batch_size: int):
        self.X, self.y = pair
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.y) // self.batch_size)

    def __iter__(self) -> Iterator[Pair]:
        yield from zip(self.X.split(self.batch_size), self.y.split(self.batch_size), strict=True)


class TensorData(d2l.DataModule):
    """Training, validation and test examples, each a pair (X, y) of tensors of equal length.

    Arguments:

    - `train`, `val`, `test`: pairs of inputs, shape (n, ...), and labels, shape (n,); None: there
      are no such examples. They are attributes, too.
    - `batch_size`: how many training examples a step takes, an integer of at least 1. The last
      batch of an epoch may be smaller.

    ValueError for parts of unequal length or without examples, and for another batch size.
    `to(device)` moves all tensors; `HPOTrainer` does that where there is a GPU.

    >>> import torch
    >>> X, y = torch.rand(10, 3), torch.zeros(10, dtype=torch.long)
    >>> data = TensorData((X[:8], y[:8]), val=(X[8:], y[8:]), batch_size=3)
    >>> [len(labels) for inputs, labels in data.train_dataloader()]
    [3, 3, 2]
    """

    def __init__(self, train: Pair, val: Pair | None = None, test: Pair | None = None,
                 batch_size: int = 64):
        super().__init__(num_workers=0)
        self.train = _check_pair("train", train)
        self.val = None if val is None else _check_pair("val", val)
        self.test = None if test is None else _check_pair("test", test)
        self.batch_size = check_int("batch_size", batch_size)

    def train_dataloader(self) -> ShuffledLoader:
        """Batches of `batch_size`, shuffled anew in each epoch."""
        return ShuffledLoader(self.train, self.batch_size)

    def val_dataloader(self) -> OrderedLoader | None:
        """Large batches in order; None where there are no validation examples."""
        return None if self.val is None else OrderedLoader(self.val, EVALUATION_BATCH_SIZE)

    def test_dataloader(self) -> OrderedLoader:
        """Large batches in order, for the single look at the test set."""
        if self.test is None:
            raise ValueError("this data has no test examples; give test=(X, y)")
        return OrderedLoader(self.test, EVALUATION_BATCH_SIZE)

    def to(self, device: torch.device | str) -> Self:
        """Move all tensors to a device, once, and return the data itself."""
        for name in ("train", "val", "test"):
            if (pair := getattr(self, name)) is not None:
                setattr(self, name, tuple(tensor.to(device) for tensor in pair))
        return self


class ImageData(TensorData):
    """Images split into training, validation and test examples; subclasses name `classes`.

    Images are float32 in [0, 1], shape (n, channels, height, width); labels are int64.

    Arguments:

    - `pool`, `test`: pairs of NumPy's arrays, uint8 images of that shape, and labels, shape (n,).
    - `batch_size`: as in `TensorData`.
    - `val_fraction`: how much of the pool is for validation, a number in [0, 1).
    - `seed`: of the choice of these, an integer of at least 0.

    ValueError for a fraction that leaves no image for training, or none for validation though it
    is above 0.

    >>> class Signs(ImageData):
    ...     classes = ("minus", "plus")
    >>> images, labels = np.zeros((10, 1, 4, 4), np.uint8), np.arange(10) % 2
    >>> data = Signs((images, labels), (images, labels), batch_size=4, val_fraction=0.2, seed=0)
    >>> len(data.train[1]), len(data.val[1]), data.text_labels([0, 1])
    (8, 2, ['minus', 'plus'])
    """

    classes: tuple[str, ...]

    def __init__(self, pool: images.Arrays, test: images.Arrays, batch_size: int,
                 val_fraction: float, seed: int):
        val_indices, train_indices = _split(len(pool[1]), val_fraction, seed)
        val = _as_floats(pool, val_indices) if len(val_indices) else None
        super().__init__(_as_floats(pool, train_indices), val, _as_floats(test), batch_size)

    def text_labels(self, indices: Sequence[int]) -> list[str]:
        """Name the classes of integer labels."""
        return [self.classes[int(i)] for i in indices]


class FashionMNIST(ImageData):
    """Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 28 by 28 grey images of ten classes.

    `size="small"` is embedded in the package: a pool of 8,000 images and 2,000 test images;
    `size="full"` is torchvision's, 60,000 and 10,000, downloaded if missing. `val_fraction` of
    the pool, chosen by `seed`, is for validation; with 0 the whole pool is for training.

    Arguments:

    - `batch_size`: as in `TensorData`.
    - `size`: "small" or "full".
    - `val_fraction`, `seed`: as in `ImageData`.

    ValueError for other values; RuntimeError where a full data set is damaged or cannot be
    downloaded. It is in the folder `d2l_hpo` of the user's cache, or in that which the variable
    `D2L_HPO_DATA` of the environment names.

    >>> data = FashionMNIST(batch_size=256)
    >>> data.train[0].shape, len(data.val[1]), len(data.test[1])
    (torch.Size([6000, 1, 28, 28]), 2000, 2000)
    """

    classes = ("t-shirt", "trouser", "pullover", "dress", "coat",
               "sandal", "shirt", "sneaker", "bag", "ankle boot")

    def __init__(self, batch_size: int = 64, size: str = "small", val_fraction: float = 0.25,
                 seed: int = 0):
        if size not in ("small", "full"):
            raise ValueError(f"size is {size!r}, expected 'small' or 'full'")
        _check_settings(batch_size, val_fraction, seed)
        arrays = (images.read_embedded(images.EMBEDDED) if size == "small"
                  else images.read_full("FashionMNIST"))
        super().__init__(*arrays, batch_size, val_fraction, seed)


class CIFAR10(ImageData):
    """CIFAR-10 (Krizhevsky, 2009): 50,000 and 10,000 colour images, 32 by 32, of ten classes.

    It is downloaded if missing. `val_fraction` of the 50,000, chosen by `seed`, is for validation.

    Arguments: `batch_size`, `val_fraction` and `seed` as in `ImageData`, also their errors. The
    folder, and RuntimeError, are as with `FashionMNIST`. Images have shape (n, 3, 32, 32)::

        data = CIFAR10(batch_size=128, val_fraction=0.1)
        data.text_labels(data.test[1][:3])
    """

    classes = ("airplane", "automobile", "bird", "cat", "deer",
               "dog", "frog", "horse", "ship", "truck")

    def __init__(self, batch_size: int = 64, val_fraction: float = 0.2, seed: int = 0):
        _check_settings(batch_size, val_fraction, seed)
        super().__init__(*images.read_full("CIFAR10"), batch_size, val_fraction, seed)

    @staticmethod
    def is_on_disk() -> bool:
        """Say whether it need not be downloaded."""
        return (images.data_folder() / images.FOLDERS["CIFAR10"]).exists()


def _check_pair(name: str, pair: Pair) -> Pair:
    X, y = pair
    if len(X) != len(y) or not len(y):
        raise ValueError(f"{name} has {len(X)} inputs and {len(y)} labels, expected as many of "
                         "one as of the other, and at least one")
    return X, y


def _check_settings(batch_size: int, val_fraction: float, seed: int) -> None:
    """Check what can be checked before a data set is read or downloaded."""
    check_int("batch_size", batch_size)
    check_int("seed", seed, minimum=0)
    if not 0 <= val_fraction < 1:
        raise ValueError(f"val_fraction is {val_fraction!r}, expected a number in [0, 1)")


def _split(n: int, val_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split a permutation of 0..n-1 into validation and training indices."""
    n_val = round(val_fraction * n)
    if n_val == n or (n_val == 0 and val_fraction > 0):
        raise ValueError(f"val_fraction={val_fraction!r} of {n} images leaves no image for "
                         f"{'training' if n_val else 'validation'}")
    order = np.random.default_rng(seed).permutation(n)
    return order[:n_val], order[n_val:]


def _as_floats(arrays: images.Arrays, indices: np.ndarray | slice = slice(None)) -> Pair:
    """Turn uint8 images, shape (n, channels, height, width), and their labels into tensors."""
    X, y = arrays
    return (torch.from_numpy(X[indices].astype(np.float32)).div_(255),
            torch.from_numpy(y[indices].astype(np.int64)))
