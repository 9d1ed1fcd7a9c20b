"""An objective that trains many configurations at once: those of one shape in one program."""
import copy
from collections.abc import Callable, Sequence
from typing import Any

from d2l_hpo.training import compat  # noqa: F401  (before torch: it mends torchvision)

import torch
from d2l import torch as d2l

from d2l_hpo.training.base import reproducible
from d2l_hpo.training.datasets import Pair, TensorData
from d2l_hpo.training.members import Member, train_together
from d2l_hpo.training.parts import Parts
from d2l_hpo.training.shapes import check_network, shape_of
from d2l_hpo.training.trainer import HPOTrainer

Call = tuple[dict[str, Any], dict[str, Any]]
"""A configuration and the keywords of a call of an objective."""


EPOCHS = 10
"""Up to which epoch a network is trained where a call does not say it."""


class VectorizedObjective:
    """Trains whole batches of configurations; networks of one shape are trained in one program.

    It is an objective for `HPOTuner(..., batch_size=n)`, which hands it up to n trials in one call:
    with `SuccessiveHalvingScheduler` and `open_brackets=1` the trials of a rung.

    Arguments:

    - `parts`: a function of a configuration that returns the first two arguments of `train_model`:
      a function that builds the network, a `d2l.Module` such as `Network`, and the data, a
      `TensorData`. `lenet_parts` and `perceptron_parts` of `d2l_hpo.training` are such functions,
      of `hpo_objective_lenet` and of the perceptron. TypeError for what is no function.
    - `device`: where networks are trained, as torch names it. ValueError for one that torch cannot
      use here.

    Methods:

    - `objective(config, max_epochs, checkpoint, seed)`: train one configuration. It returns the
      validation error, a fraction in [0, 1] or nan after divergence, as "error", and the mean loss
      of the last epoch as "training_loss".
    - `run_batch(calls)`: train many. A call is a pair of a configuration and a dictionary of those
      keywords. It returns a list with the result of each call, or the exception with which that
      one, and no other, has failed.

    Networks go into one program if they have the same layers and shapes, batch size and number of
    training examples; learning rate, momentum and weight decay may differ. So configurations of
    other widths or batch sizes are trained one group after another. In a program the weights of n
    networks are stacked, shape (n, ...), and `torch.func` takes the gradients of all of them at
    once by `vmap` and `grad`.

    Each network has the initial weights, batches and seeds that `train_model` gives it, and the
    same file as its checkpoint, from which either goes on. Results differ by the rounding of sums
    only. A network that diverges stops, and the others do not notice. A group of one is trained by
    `HPOTrainer` itself. `training_seconds` of a checkpoint are a network's share of its group's.

    These are a failed trial each, whose error names the reason: an optimizer other than
    `torch.optim.SGD`, dropout, and layers with running statistics such as batch normalisation,
    which alone would draw other random numbers or keep other statistics. A network with buffers in
    a class of your own is trained alone, and so is one whose training step asks its trainer for
    something; a layer that changes plain attributes must not be in a group. Where a program fails
    for another reason, one warning says which, and the halves of its group are trained one after
    the other, so that a lack of memory ends no search.

    Whether it is faster depends on the machine: a GPU that one small network does not fill has room
    for many, while on one thread of a processor a loop may be as fast (`benchmarks/README.md`).

    >>> import torch
    >>> X = torch.arange(8.0)[:, None] - 3.5
    >>> data = TensorData((X, (X[:, 0] > 0).long()), (X, (X[:, 0] > 0).long()), batch_size=4)
    >>> def parts(config):
    ...     return lambda: Network(torch.nn.Linear(1, 2), config["learning_rate"]), data
    >>> objective = VectorizedObjective(parts)
    >>> results = objective.run_batch([({"learning_rate": rate}, {"max_epochs": 5, "seed": 0})
    ...                                for rate in (1.0, 0.1)])
    >>> [result["error"] for result in results]
    [0.0, 0.0]
    """

    def __init__(self, parts: Callable[[dict], Parts], device: str | torch.device = "cpu"):
        if not callable(parts):
            raise TypeError(f"parts is {parts!r}, expected a function of a configuration that "
                            "returns what train_model takes: a function that builds the network, "
                            "and the data")
        self.parts = parts
        self.device = check_device(device)
        inner = getattr(parts, "func", parts)  # functools.partial
        name = getattr(inner, "__qualname__", type(inner).__qualname__)
        self.__qualname__ = f"{type(self).__name__}({name})"

    def __call__(self, config: dict, max_epochs: int = EPOCHS, checkpoint: Any = None,
                 seed: int = 0) -> dict[str, float]:
        """Train one configuration, as a batch of one."""
        keywords = {"max_epochs": max_epochs, "checkpoint": checkpoint, "seed": seed}
        [result] = self.run_batch([(config, keywords)])
        if isinstance(result, Exception | SystemExit):
            raise result
        return result

    def run_batch(self, calls: Sequence[Call]) -> list[dict[str, float] | Exception | SystemExit]:
        """Return for each call, a configuration and keywords, its result or its exception."""
        members = [Member() for _ in calls]
        known: dict[int, Pair] = {}
        groups: dict[tuple, list[Member]] = {}
        for member, (config, keywords) in zip(members, calls, strict=True):
            shape = member.attempt(self.prepare, member, known, config, keywords)
            if shape is not None:
                groups.setdefault(shape, []).append(member)
        for group in groups.values():
            train_together(group)
        return [self.result(member) for member in members]

    def prepare(self, member: Member, known: dict[int, Pair], config: dict,
                keywords: dict) -> tuple:
        """Give a member its trainer, ready for its next epoch; return the shape of its group."""
        build, data = self.parts(config)
        member.trainer, shape = prepared(build, data, self.device, known, **keywords)
        return shape

    @staticmethod
    def result(member: Member) -> dict[str, float] | Exception | SystemExit:
        """Return what the objective returns for a member, or its exception."""
        if member.failure is None:
            member.trainer.release()
            error = member.attempt(member.trainer.validation_error)
        if member.failure is not None:
            return member.failure
        return {"error": error, "training_loss": member.trainer.training_loss}


def prepared(build: Callable[[], d2l.Module], data: TensorData, device: torch.device,
             known: dict[int, Pair], max_epochs: int = EPOCHS, checkpoint: Any = None,
             seed: int = 0) -> tuple[HPOTrainer, tuple]:
    """Return a trainer with the model and the data of `train_model`, and the shape of both."""
    if not isinstance(data, TensorData):
        raise TypeError(f"data is {data!r}, expected TensorData: its loaders give the same batches "
                        "at any time")
    trainer = HPOTrainer(max_epochs, checkpoint, seed)
    trainer.gpus = [] if device.type == "cpu" else [device]
    with reproducible(seed):
        model = build()
    check_network(model)
    data = moved(data, device, known)
    trainer.prepare(model, data)
    return trainer, shape_of(trainer, data)


def moved(data: TensorData, device: torch.device, known: dict[int, Pair]) -> TensorData:
    """Return the data on a device; a tensor that several data sets share is moved once.

    `known` keeps by its id what was moved, and where it is now.
    """
    data = copy.copy(data)
    for name in ("train", "val", "test"):
        if (pair := getattr(data, name)) is not None:
            setattr(data, name, tuple(known.setdefault(id(part), (part, part.to(device)))[1]
                                      for part in pair))
    return data


def check_device(device: str | torch.device) -> torch.device:
    """Return a device that torch can use; ValueError for any other."""
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except Exception as error:  # torch raises errors of many kinds
        raise ValueError(f"device is {device!r}, which torch cannot use here ({error}); give "
                         "'cpu', or 'cuda' where torch sees a GPU") from error
    return found
