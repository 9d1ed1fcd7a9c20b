"""Seconds of training an epoch: `HPOTrainer`, a bare PyTorch loop, and `d2l.Trainer`.

All train the same models from the same weights on the same 6,000 images, on the CPU with one
thread, one after another in each repetition. Only training is timed: no one measures the
validation error meanwhile. Prints Markdown tables; run it on an otherwise idle machine.
"""
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch is imported: all rows use the CPU
os.environ["MPLBACKEND"] = "agg"

import numpy as np

from d2l_hpo import FashionMNIST, HPOTrainer, LeNet, TensorData
from d2l import torch as d2l  # after d2l_hpo, which mends torchvision where it does not fit torch
import torch
from torch.nn import functional as F

from benchmarks.machine import describe

REPETITIONS = 7
LEARNING_RATE = 0.1
LOAD = """
import time
from d2l_hpo import FashionMNIST
start = time.perf_counter()
FashionMNIST()
print(time.perf_counter() - start)
"""


@dataclass(frozen=True)
class Case:
    """A model and the batch size that it is trained with."""

    name: str
    batch_size: int
    build: Callable[[], d2l.Classifier]


CASES = [
    Case("LeNet", 64, lambda: LeNet(LEARNING_RATE)),
    Case("softmax regression", 16, lambda: d2l.SoftmaxRegression(10, lr=LEARNING_RATE)),
]


def bare_loop(model: d2l.Classifier, data: TensorData) -> None:
    """Train for one epoch with nothing but what PyTorch needs."""
    X, y = data.train
    net = model.net.train()
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE)
    for indices in torch.randperm(len(y)).split(data.batch_size):
        loss = F.cross_entropy(net(X.index_select(0, indices)), y.index_select(0, indices))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def hpo_trainer(model: d2l.Classifier, data: TensorData) -> None:
    """Train for one epoch as the chapter does."""
    HPOTrainer(max_epochs=1).fit(model, data)


def d2l_trainer(data: d2l.FashionMNIST, workers: int, board: bool) -> Callable[..., None]:
    """Return a function that trains for one epoch with d2l's trainer and loader."""
    def train(model: d2l.Classifier, tensors: TensorData) -> None:
        data.batch_size, data.num_workers = tensors.batch_size, workers
        model.board.display = board
        with contextlib.redirect_stdout(io.StringIO()):  # the board, where no notebook shows it
            d2l.Trainer(max_epochs=1).fit(model, data)
        d2l.plt.close("all")
    return train


@contextlib.contextmanager
def d2l_data(images: TensorData) -> Iterator[d2l.FashionMNIST]:
    """Write the images as d2l expects to find them in ../data, and let its own class read them."""
    with tempfile.TemporaryDirectory() as folder:
        raw, work = Path(folder, "data", "FashionMNIST", "raw"), Path(folder, "work")
        raw.mkdir(parents=True)
        work.mkdir()
        for prefix, (X, y) in {"train": images.train, "t10k": images.val}.items():
            pixels = (X * 255).round().to(torch.uint8).squeeze(1).numpy()
            write_idx(raw / f"{prefix}-images-idx3-ubyte", pixels)
            write_idx(raw / f"{prefix}-labels-idx1-ubyte", y.to(torch.uint8).numpy())
        with contextlib.chdir(work):
            data = d2l.FashionMNIST()
            data.val_dataloader = lambda: None  # only training is compared
            yield data


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write an array of uint8 in the format of the original MNIST files."""
    header = [0x0800 + array.ndim, *array.shape]
    path.write_bytes(np.array(header, dtype=">i4").tobytes() + array.tobytes())


def measure(case: Case, train: Callable, data: TensorData, seed: int) -> tuple[float, float]:
    """Return the seconds that one epoch takes, and the validation error after it."""
    torch.manual_seed(seed)
    model = case.build()
    model(data.train[0][:1])  # creates lazy parameters
    start = time.perf_counter()
    train(model, data)
    seconds = time.perf_counter() - start
    model.eval()
    with torch.no_grad():
        wrong = model(data.val[0]).argmax(1) != data.val[1]
    return seconds, float(wrong.float().mean())


def compare(case: Case, ways: dict[str, Callable]) -> np.ndarray:
    """Return seconds and errors, shape (repetitions, ways, 2), after one unmeasured repetition."""
    data = FashionMNIST(case.batch_size)
    results = [[measure(case, train, data, seed) for train in ways.values()]
               for seed in range(REPETITIONS + 1)]
    return np.array(results[1:])


def rows(case: Case, ways: dict[str, Callable]) -> Iterator[str]:
    """Give one row of the table for each way; ratios are paired within a repetition."""
    seconds, errors = np.moveaxis(compare(case, ways), 2, 0)
    ratios = np.median(seconds / seconds[:, :1], axis=0)
    for i, name in enumerate(ways):
        low, middle, high = np.quantile(seconds[:, i], [0, 0.5, 1])
        yield (f"| {case.name}, batch {case.batch_size} | {name} | {middle:.3f} "
               f"({low:.3f}-{high:.3f}) | {ratios[i]:.2f} | {np.median(errors[:, i]):.3f} |")


def loading_seconds() -> np.ndarray:
    """Return how long the first `FashionMNIST()` takes, in processes of their own."""
    runs = [subprocess.run([sys.executable, "-c", LOAD], check=True, text=True,
                           stdout=subprocess.PIPE).stdout for _ in range(REPETITIONS)]
    return np.array(runs, dtype=float)


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", "This DataLoader will create")  # more workers than cores
    print(describe("torch", "torchvision", "d2l"), end="\n\n")
    print("| model | trained by | seconds an epoch, median (range) | times bare loop | error |")
    print("|---|---|---|---|---|")
    with d2l_data(FashionMNIST()) as images:
        ways = {
            "bare PyTorch loop": bare_loop,
            "`HPOTrainer`": hpo_trainer,
            "`d2l.Trainer`, no board, no workers": d2l_trainer(images, workers=0, board=False),
            "`d2l.Trainer`, no workers": d2l_trainer(images, workers=0, board=True),
            "`d2l.Trainer` as it is (4 workers)": d2l_trainer(images, workers=4, board=True),
        }
        for case in CASES:
            print(*rows(case, ways), sep="\n", flush=True)
    seconds = loading_seconds()
    print(f"\nFirst `FashionMNIST()` of a process: {np.median(seconds):.3f} s "
          f"({seconds.min():.3f}-{seconds.max():.3f}).")


if __name__ == "__main__":
    main()
