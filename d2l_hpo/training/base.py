"""What a trainer does beside measuring the error: epochs, random numbers, checkpoints, seconds."""
import io
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from d2l_hpo.training import compat  # noqa: F401  (before torch: it mends torchvision)

import numpy as np
import torch
from d2l import torch as d2l

from d2l_hpo.tools.arguments import check_int
from d2l_hpo.tools.files import write_file
from d2l_hpo.training.datasets import TensorData


def read_config(config: dict, required: list[str], defaults: dict | None = None) -> dict:
    """Return `config` completed by `defaults`; ValueError for a missing or an unknown name."""
    values = {**(defaults or {}), **config}
    known = [*required, *(defaults or {})]
    for name in values:
        if name not in known:
            raise ValueError(f"unknown hyperparameter {name!r}; this objective knows {known}")
    for name in required:
        if name not in values:
            raise ValueError(f"hyperparameter {name!r} is missing from {config!r}")
    return values


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seed torch's random numbers and use one CPU thread inside; restore both afterwards.

    Arguments:

    - `seed`: an integer.

    It is a context manager, and one thread makes sums come out in one order. NumPy's and Python's
    random numbers are not seeded.

    >>> import torch
    >>> with reproducible(0):
    ...     first = torch.rand(3)
    >>> with reproducible(0):
    ...     bool((torch.rand(3) == first).all())
    True
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


class TrainerBase(d2l.Trainer):
    """Trains a d2l model up to `max_epochs`, from a seed, and from a checkpoint if there is one."""

    training_loss: float
    """The mean loss of the last epoch."""
    training_seconds: float
    """Seconds of all epochs, without validation."""

    def __init__(self, max_epochs: int, checkpoint=None, seed: int = 0, plot: bool = False):
        super().__init__(check_int("max_epochs", max_epochs), num_gpus=1)  # a GPU if there is one
        self.checkpoint = checkpoint
        self.seed = seed
        self.plot = plot

    def fit(self, model, data):
        """Train until `max_epochs` epochs are done or the training loss is no longer finite."""
        self.prepare(model, data)
        self.train()
        self.release()

    def prepare(self, model, data):
        """Get ready for the next epoch: that after the checkpoint, if there is one."""
        if self.gpus and isinstance(data, TensorData):
            data.to(self.gpus[0])
        self.prepare_data(data)
        self.prepare_model(model)
        if not self.plot:
            model.plot = lambda *args, **kwargs: None
        self.epoch, self.train_batch_idx = 0, 0
        self.training_loss, self.training_seconds = 0.0, 0.0
        with reproducible(self.seed):
            self.prepare_optimizer()
            if self.checkpoint is not None:
                self.load_checkpoint()

    def train(self):
        """Train the epochs that are left, and save a checkpoint after each, if there is one."""
        with reproducible(self.seed):
            while self.goes_on:
                self.fit_epoch()
                if self.checkpoint is not None:
                    self.save_checkpoint()

    @property
    def goes_on(self) -> bool:
        """Whether an epoch is left to train, and the loss of the last one was finite."""
        return self.epoch < self.max_epochs and math.isfinite(self.training_loss)

    def release(self) -> None:
        """Give the model the class's `plot` again, and break the cycle that keeps the data."""
        for name in ("plot", "trainer"):
            self.model.__dict__.pop(name, None)

    def prepare_optimizer(self):
        """Create the model's lazy parameters from one example, then its optimizer."""
        batch = self.prepare_batch(next(iter(self.train_dataloader)))
        self.model.eval()
        with torch.no_grad():
            self.model(*(part[:1] for part in batch[:-1]))
        self.optim = self.model.configure_optimizers()

    def fit_epoch(self):
        """Train for one epoch; keep its mean training loss and add up the seconds."""
        start = time.perf_counter()
        self.begin_epoch()
        total, examples = 0.0, 0
        for batch in self.train_dataloader:
            batch = self.prepare_batch(batch)
            loss = self.model.training_step(batch)
            self.optim.zero_grad()
            loss.backward()
            self.optim.step()
            self.train_batch_idx += 1
            total += loss.detach() * len(batch[-1])
            examples += len(batch[-1])
        self.end_epoch(float(total) / examples, time.perf_counter() - start)

    def begin_epoch(self):
        """Draw the epoch's random numbers from the seed and the number of the epoch alone.

        So a run that goes on after epoch 3 sees in epoch 4 what it would have seen without the
        stop.
        """
        state = np.random.SeedSequence([self.seed, self.epoch]).generate_state(1)
        torch.manual_seed(int(state[0]))
        if hasattr(self.train_dataloader, "set_epoch"):
            self.train_dataloader.set_epoch(self.seed, self.epoch)
        self.model.train()

    def end_epoch(self, training_loss: float, seconds: float):
        """Note that an epoch is done, its mean training loss, and the seconds that it took."""
        self.training_loss = training_loss
        self.training_seconds += seconds
        self.epoch += 1

    def error(self, dataloader: Any) -> float:
        """Return the error on the examples of `dataloader`, or nan after divergence."""
        raise NotImplementedError(f"{type(self).__name__} must define error")

    def validation_error(self) -> float:
        """Return the fraction of misclassified validation examples."""
        if self.val_dataloader is None:
            raise ValueError("the data has no validation examples: make it with val_fraction > 0")
        return self.error(self.val_dataloader)

    def save_checkpoint(self):
        """Write the checkpoint; after a crash or on a full disk the previous one is still there."""
        state = {"epoch": self.epoch, "training_loss": self.training_loss,
                 "training_seconds": self.training_seconds,
                 "model": self.model.state_dict(), "optimizer": self.optim.state_dict()["state"]}
        content = io.BytesIO()
        torch.save(state, content)  # in memory, since torch.save hides why a write failed
        write_file(self.checkpoint, content.getbuffer())

    def load_checkpoint(self):
        """Continue from the checkpoint, if there is one, with this run's optimizer settings."""
        if not Path(self.checkpoint).exists():
            return
        device = self.gpus[0] if self.gpus else "cpu"
        try:
            state = torch.load(self.checkpoint, weights_only=True, map_location=device)
            self.model.load_state_dict(state["model"])
            groups = self.optim.state_dict()["param_groups"]
            self.optim.load_state_dict({"state": state["optimizer"], "param_groups": groups})
            for name in ("epoch", "training_loss", "training_seconds"):
                setattr(self, name, state[name])
        except Exception as error:  # torch raises errors of many kinds, and names no file
            raise ValueError(f"{self.checkpoint} is damaged or of another model; delete it to "
                             "train from the start") from error
        if self.epoch > self.max_epochs:
            raise ValueError(f"{self.checkpoint} is already at epoch {self.epoch}, beyond "
                             f"max_epochs={self.max_epochs}; delete it to train from the start")
