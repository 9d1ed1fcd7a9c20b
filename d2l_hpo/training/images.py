"""Images and labels as uint8 arrays from disk: the embedded file, and full-size data sets.

Arrays are kept for the life of the process and are read-only. Images have the shape
(n, channels, height, width).
"""
import functools
import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np

from d2l_hpo.training import compat  # noqa: F401 - comes before torchvision
import torchvision

Arrays = tuple[np.ndarray, np.ndarray]

EMBEDDED = Path(__file__).parents[1] / "data" / "fashion_mnist_10k.npz"
EMBEDDED_SHA256 = "7f837a2e53b6e73f5d59e2e1cf6794f3a29d70e68106ce37d8ef8a707a842b28"

FOLDERS = {"FashionMNIST": "FashionMNIST", "CIFAR10": "cifar-10-batches-py"}
FILES = {
    "FashionMNIST": "its four idx files, unpacked, into FashionMNIST/raw",
    "CIFAR10": "its Python version, unpacked, into cifar-10-batches-py",
}
SIZES = {"FashionMNIST": (60_000, 10_000), "CIFAR10": (50_000, 10_000)}

DAMAGE = (RuntimeError, ValueError, AssertionError, OSError, EOFError, UnpicklingError)


def data_folder() -> Path:
    """Where full-size data sets live: $D2L_HPO_DATA, or d2l_hpo in the user's cache folder."""
    if configured := os.environ.get("D2L_HPO_DATA"):
        return Path(configured).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "d2l_hpo"


@functools.cache
def read_embedded(path: Path) -> tuple[Arrays, Arrays]:
    """Read the embedded Fashion-MNIST: 8,000 images of the pool and 2,000 test images.

    Raises FileNotFoundError where the file is missing, ValueError where it is damaged.
    """
    remedy = "install d2l_hpo again, or in a clone run: git checkout -- d2l_hpo/data"
    if not path.exists():
        raise FileNotFoundError(f"the embedded data file {path} is missing; {remedy}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != EMBEDDED_SHA256:
        raise ValueError(f"the embedded data file {path} is damaged or truncated: its "
                         f"{len(content)} bytes do not match their checksum; {remedy}")
    with np.load(io.BytesIO(content)) as file:
        pool, test = (_freeze(file[f"{part}_images"][:, np.newaxis], file[f"{part}_labels"])
                      for part in ("train", "test"))
    return pool, test


def read_full(name: str) -> tuple[Arrays, Arrays]:
    """Read FashionMNIST or CIFAR10, its pool and its test images, downloading them if missing.

    Raises RuntimeError, naming the folder and what to put there, where that cannot be done.
    """
    return _read_full(name, data_folder())


@functools.cache
def _read_full(name: str, folder: Path) -> tuple[Arrays, Arrays]:
    dataset = getattr(torchvision.datasets, name)
    target = folder / FOLDERS[name]
    if not target.exists():
        _download(dataset, name, folder)
    try:
        parts = [dataset(folder, train=train) for train in (True, False)]
    except DAMAGE as error:
        raise RuntimeError(_damaged(name, folder, error)) from error
    sizes = tuple(len(part.targets) for part in parts)
    if sizes != SIZES[name]:
        raise RuntimeError(_damaged(name, folder, f"it has {sizes} images, not {SIZES[name]}"))
    pool, test = (_freeze(_channels_first(part.data), np.asarray(part.targets)) for part in parts)
    return pool, test


def _download(dataset: Callable[..., Any], name: str, folder: Path) -> None:
    """Download into a temporary folder and move that, so that no half download stays."""
    target = folder / FOLDERS[name]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
            dataset(temporary, train=True, download=True)
            _move(Path(temporary) / FOLDERS[name], target)
    except (RuntimeError, OSError) as error:  # URLError is an OSError
        reason = " ".join(str(error).split())
        raise RuntimeError(
            f"{name} is not in {folder} and could not be downloaded ({reason}); put {FILES[name]} "
            "there, or set D2L_HPO_DATA to a folder that holds it") from error


def _move(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError:
        if not target.exists():  # else another process was faster
            raise


def _damaged(name: str, folder: Path, reason: object) -> str:
    return (f"{folder / FOLDERS[name]} holds no complete {name} ({reason}); delete it to download "
            f"again, or put {FILES[name]} of {folder}")


def _channels_first(images: Any) -> np.ndarray:
    """Turn (n, height, width) or (n, height, width, 3) into (n, channels, height, width)."""
    images = np.asarray(images)
    return images[:, np.newaxis] if images.ndim == 3 else images.transpose(0, 3, 1, 2)


def _freeze(images: np.ndarray, labels: np.ndarray) -> Arrays:
    for array in (images, labels):
        array.flags.writeable = False
    return images, labels
