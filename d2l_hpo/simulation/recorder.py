"""Record real training: learning curves and final measurements of many configurations of a task.

A job is one configuration with one repetition. Its epochs are lines of a JSON-lines file beside its
checkpoint, so that a recorder that was killed goes on where it stopped. Finished jobs are collected
in one compressed file without pickles, which `d2l_hpo.simulation.recorded_tasks` reads.
"""
import multiprocessing
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import qmc
from tqdm import tqdm

from d2l_hpo.training import compat  # noqa: F401  # isort: split

import torch

from d2l_hpo.simulation.task_training import TASKS
from d2l_hpo.tools.arguments import check_int
from d2l_hpo.tools.json_lines import append_line, read_lines
from d2l_hpo.simulation.recordings import Recording, fit_surrogate, read_recording, write_recording
from d2l_hpo.training.trainer import HPOTrainer
from d2l_hpo.spaces.space import configurations_from_unit_cube, describe_space, varying_names

EPOCHS = 27
REPETITIONS = 5  # of the first REPEATED configurations; all others are trained once
REPEATED = 24
SEEDS_APART = 10_000  # training seed = configuration's index + SEEDS_APART * repetition


@dataclass(frozen=True)
class TrainingJob:
    """Train configuration number `index` for the `repetition`-th time; files in `folder`."""

    task: str
    index: int
    repetition: int
    config: dict[str, Any]
    folder: Path

    @property
    def lines(self) -> Path:
        """The file with a line an epoch, and a last line with the final measurements."""
        return self.folder / f"{self.index:04d}-{self.repetition}.jsonl"

    @property
    def checkpoint(self) -> Path:
        """The checkpoint of the last epoch that was finished."""
        return self.lines.with_suffix(".pt")


def design(task: str, configurations: int) -> list[dict[str, Any]]:
    """Return the first points of a scrambled Sobol sequence as configurations of the task.

    `configurations` is a power of two, where such a sequence is balanced.
    """
    check_int("configurations", configurations)
    if configurations & (configurations - 1):
        raise ValueError(f"configurations is {configurations}, expected a power of two")
    space = TASKS[task].space
    sobol = qmc.Sobol(len(varying_names(space)), scramble=True, rng=np.random.default_rng(0))
    return configurations_from_unit_cube(space, sobol.random(configurations))


def make_jobs(task: str, configurations: int, folder: Path) -> list[TrainingJob]:
    """List all jobs: each configuration once, then the repetitions of the first ones."""
    configs = design(task, configurations)
    return [TrainingJob(task, index, repetition, config, folder)
            for repetition in range(REPETITIONS)
            for index, config in enumerate(configs if repetition == 0 else configs[:REPEATED])]


def run(job: TrainingJob) -> TrainingJob:
    """Do what is left of a job, epoch by epoch."""
    done = read_lines(job.lines)
    if done and "test_error" in done[-1]:
        return job
    task = TASKS[job.task]
    seed = job.index + SEEDS_APART * job.repetition
    epoch = len(done)
    diverged = bool(done) and done[-1]["error"] is None
    while epoch < EPOCHS and not diverged:
        epoch += 1
        trainer = task.train(job.config, epoch, job.checkpoint, seed)
        error = _finite(trainer.validation_error())
        diverged = error is None
        append_line(job.lines, {"epoch": epoch, "error": error,
                                "loss": _finite(trainer.training_loss),
                                "seconds": trainer.training_seconds})
    trainer = task.train(job.config, EPOCHS, job.checkpoint, seed)
    append_line(job.lines, measure(trainer, task.data()))
    job.checkpoint.unlink(missing_ok=True)
    return job


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def count_processor_time() -> None:
    """Let trainers of this process count processor time, which other programs do not lengthen."""
    fit_epoch = HPOTrainer.fit_epoch

    def timed(trainer: HPOTrainer) -> None:
        before, start = trainer.training_seconds, time.process_time()
        fit_epoch(trainer)
        trainer.training_seconds = before + time.process_time() - start

    HPOTrainer.fit_epoch = timed  # type: ignore[method-assign]  # in a recorder's process only


def measure(trainer: HPOTrainer, data: Any) -> dict[str, Any]:
    """Measure a trained model: test error, errors by class, size, memory (bytes), latency (s)."""
    X, y = data.val
    model = trainer.model.eval()
    device = next(model.parameters()).device
    with torch.no_grad():
        wrong = model(X.to(device)).argmax(1).cpu() != y
    test_error = _finite(trainer.error(data.test_dataloader()))
    by_class = [None if test_error is None else float(wrong[y == label].double().mean())
                for label in range(int(y.max()) + 1)]
    return {"test_error": test_error, "class_errors": by_class,
            "parameters": sum(part.numel() for part in model.parameters()),
            "memory": training_memory(trainer), "latency": latency(model, X[:1].to(device))}


def training_memory(trainer: HPOTrainer) -> int:
    """Count the bytes of a training step: parameters, gradients, buffers, what backward keeps."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    model = trainer.model.train()
    batch = trainer.prepare_batch(next(iter(trainer.train_dataloader)))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model.loss(model(*batch[:-1]), batch[-1])
    del loss
    parameters = [part.nbytes for part in model.parameters()]
    momentum = any(group.get("momentum", 0) > 0 for group in trainer.optim.param_groups)
    for part in model.parameters():
        kept.pop(part.untyped_storage().data_ptr(), None)
    return sum(kept.values()) + sum(parameters) * (3 if momentum else 2)


def latency(model: torch.nn.Module, X: torch.Tensor, repetitions: int = 50) -> float:
    """Return the median seconds of a prediction for one example; processor time on a CPU."""
    clock = time.process_time if X.device.type == "cpu" else time.perf_counter
    seconds = []
    with torch.no_grad():
        for _ in range(repetitions):
            start = clock()
            model(X).cpu()
            seconds.append(clock() - start)
    return float(np.median(seconds))


def record(task: str, configurations: int, processes: int, device: str, folder: Path,
           output: Path) -> Recording:
    """Run all jobs that `output` and `folder` do not hold yet, and collect what is finished."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', but PyTorch sees no GPU here; use --device cpu")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # for the processes that train
    folder.mkdir(parents=True, exist_ok=True)
    jobs = make_jobs(task, configurations, folder)
    card = make_card(task, device)
    stored = read_recording(output) if output.exists() else None
    check_same_space(stored, card, output)
    left = [job for job in jobs if stored is None or (job.index, job.repetition) not in stored.rows]
    if stored is not None and not left:  # the card goes on to say when and where the rows were made
        return stored if "kernels" in stored.card else fit_surrogate(output)
    try:
        clock = count_processor_time if device == "cpu" else None
        spawn = multiprocessing.get_context("spawn")
        with spawn.Pool(processes, clock, maxtasksperchild=32) as pool:  # memory grows with shapes
            for _ in tqdm(pool.imap_unordered(run, left), total=len(left), unit="job"):
                pass
    finally:
        write_recording(output, card, [*_rows(stored), *finished(left)])
    return fit_surrogate(output)


def make_card(task: str, device: str) -> dict[str, Any]:
    """Say what is recorded and how: task, space, epochs, device, processor, versions, licence."""
    return {"task": task, "space": describe_space(TASKS[task].space), "epochs": EPOCHS,
            "device": device, "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(), "threads_a_process": 1,
            "python": platform.python_version(), "torch": torch.__version__,
            "seconds": "training alone, without validation; on a CPU: processor time of one thread",
            "recorded": time.strftime("%Y-%m-%d"),
            "made_by": f"python -m d2l_hpo.simulation record {task}", "licence": "MIT"}


def check_same_space(stored: Recording | None, card: dict[str, Any], path: Path) -> None:
    """ValueError if a file holds another task, space or number of epochs than the card."""
    for name in ("task", "space", "epochs", "device"):
        if stored is not None and stored.card[name] != card[name]:
            raise ValueError(f"{path} was recorded with {name} {stored.card[name]!r}, not "
                             f"{card[name]!r}; give another --output")


def _rows(stored: Recording | None) -> list[dict[str, Any]]:
    return [] if stored is None else list(stored.rows.values())


def finished(jobs: list[TrainingJob]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the jobs that have all their epochs and final measurements."""
    for job in jobs:
        *epochs, final = read_lines(job.lines) or [{}]
        if "test_error" not in final:
            continue
        curve = {name: [line[name] for line in epochs] for name in ("error", "loss", "seconds")}
        yield {"index": job.index, "repetition": job.repetition, "config": job.config,
               **curve, **final}
